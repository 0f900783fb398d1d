"""Answers as numbers, as JSON and as lines for a terminal.

Numbers that do not exist are null. It does not know files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from triad_ui.evaluation.answers import FAILED, Answered, AnswerRun
from triad_ui.evaluation.decisions import judgement_json, number
from triad_ui.evaluation.judgement import judge
from triad_ui.evaluation.metrics import auroc
from triad_ui.evaluation.results import CALLED

GOOD = ("good", "good by process")
COMPARED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "all": (("surface", "logical", "process only"), GOOD),
    "surface": (("surface",), ("good",)),
    "logical": (("logical", "process only"), GOOD),
    "against_reference": (("logical",), ("good",)),
    "process_only": (("process only",), ("good by process",)),
}
"""What is compared with what: faulty groups, good groups."""
TITLES = {
    "all": "all",
    "surface": "surface faults",
    "logical": "logical faults",
    "against_reference": "  the reference shows them",
    "process_only": "  only the process tells",
}
FAULTS = ("loop", "cut off", "contradiction", "empty", FAILED)


def summary(run: AnswerRun) -> dict[str, Any]:
    """All numbers of a run; docs/evaluation.md explains each."""
    answers = run.answers
    detected = [each for each in answers if each.defective and each.detected]
    good = [each for each in answers if not each.defective]
    steps = [each for each in detected if each.truth.step is not None]
    return {
        "compared": {name: _compared(answers, name) for name in COMPARED},
        "verdicts": judgement_json(judge((each.defective, CALLED[each.label]) for each in answers)),
        "answers": {
            "detected": len(detected),
            "location_right": _share(each.said.location == each.truth.location
                                     for each in detected if each.truth.location),
            "kind_right": _share(each.said.kind == each.truth.kind for each in detected),
            "step_right": _share(each.said.step == each.truth.step for each in steps),
            "defect_named_on_good": _share(each.claims for each in good),
            "unreadable": _share(bool(each.faults) for each in answers),
            "faults": {name: sum(name in each.faults for each in answers) for name in FAULTS},
        },
        "families": {
            name: _share((each.p >= 0.5) == each.defective for each in answers
                         if each.family == name)
            for name in sorted({each.family for each in answers})
        },
        "seconds_per_case": number(float(np.mean([each.seconds for each in answers])))
        if answers else None,
        "resumed": run.resumed,
        "stopped": run.stopped,
        "skipped": [{"seed": seed, "reason": reason} for seed, reason in run.skipped],
        "cases": [asdict(each) for each in answers],
    }  # fmt: skip


def lines(told: dict[str, Any]) -> str:
    """The numbers for a terminal."""
    rows = [f"{'at 0.5, with a reference':28}{'':17}{'AUROC':>8}{'acc.':>8}{'balanced':>10}  cases"]
    for name, title in TITLES.items():
        found = told["compared"][name]
        for how in ("with_process", "without_process"):
            values = found[how]
            cells = f"{_cell(values['auroc']):>8}{_cell(values['accuracy']):>8}"
            cells += f"{_cell(values['balanced_accuracy']):>10}"
            rows.append(
                f"{title:28}{how.replace('_', ' '):17}{cells}  "
                f"{found['faulty']} faulty, {found['good']} good"
            )
    answers = told["answers"]
    rows.append(f"undecided verdicts: {told['verdicts']['undecided']}")
    for name, title in (
        ("location_right", "location right, of the detected"),
        ("kind_right", "kind right, of the detected"),
        ("step_right", "step right, of the detected"),
        ("defect_named_on_good", "defect named on good parts"),
        ("unreadable", "answers that do not read well"),
    ):
        rows.append(f"{title:34}{_told(answers[name])}")
    rows.append("  " + ", ".join(f"{name} {count}" for name, count in answers["faults"].items()))
    rows.append(
        "right at 0.5 by family: "
        + ", ".join(f"{name} {_told(share)}" for name, share in told["families"].items())
    )
    return "\n".join(rows)


def _compared(answers: Sequence[Answered], name: str) -> dict[str, Any]:
    faulty, good = COMPARED[name]
    used = [each for each in answers if each.group in (*faulty, *good)]
    truth = np.array([each.group in faulty for each in used], dtype=bool)
    told: dict[str, Any] = {"faulty": int(truth.sum()), "good": int((~truth).sum())}
    for how, attribute in (("with_process", "p"), ("without_process", "p_without_process")):
        scores = np.array([getattr(each, attribute) for each in used], dtype=float)
        judged = judge(zip(truth.tolist(), (scores >= 0.5).tolist(), strict=True))
        told[how] = {
            "auroc": number(auroc(scores, truth)),
            "accuracy": number(judged.accuracy),
            "balanced_accuracy": number(judged.balanced_accuracy),
            "recall": number(judged.recall),
            "tnr": number(judged.tnr),
        }
    return told


def _share(flags: Iterable[bool]) -> dict[str, Any] | None:
    listed = list(flags)
    if not listed:
        return None
    return {"count": sum(listed), "of": len(listed), "share": number(sum(listed) / len(listed))}


def _told(share: dict[str, Any] | None) -> str:
    return "-" if share is None else f"{share['share']:.3f} ({share['count']} of {share['of']})"


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
