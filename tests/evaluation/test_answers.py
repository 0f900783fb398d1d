"""Free answers against drawn truth: cases, numbers counted by hand, the real path, going on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.fakes import FakeExpert, FakeModel
from triad_ui import wiring
from triad_ui.cli import main
from triad_ui.errors import ModelError
from triad_ui.evaluation.answer_cases import ROUND, draw_cases
from triad_ui.evaluation.answer_summary import lines, summary
from triad_ui.evaluation.answers import Answered, AnswerRun, Asking, Named
from triad_ui.evaluation.record import Record
from triad_ui.inspector import Inspector
from triad_ui.model.loader import ModelLoader
from triad_ui.synthesis.families import HELD_OUT

FAMILIES = ("tablet", "carpet")


class TellingModel(FakeModel):
    """Says "defective" when told the process, and what a test gives it. asked: (question, images)
    of each judgement and answer."""

    def __init__(
        self, answer: str = "There is a scratch at the top. It contradicts step 1."
    ) -> None:
        super().__init__(answer, delay=0.0)
        self.asked: list[tuple[str, int]] = []
        self.answers = 0

    def choice_logits(self, images, messages, choices, stop=None, *, urgent=False):
        self.asked.append((messages[-1].text, len(images)))
        return (2.0, 0.0) if "production process" in messages[-1].text else (0.0, 2.0)

    def stream(self, images, messages, options, stop):
        self.answers += 1
        return super().stream(images, messages, options, stop)


def asking(model: FakeModel, **more) -> Asking:
    return Asking(Inspector(lambda name: FakeExpert(), lambda: model), model.engine, **more)


def test_cases_are_half_good_and_the_pairs_have_the_same_pictures() -> None:
    cases = list(draw_cases(16, 3, families=FAMILIES, references=2))
    assert [case.group for case in cases] == [*ROUND, *ROUND]
    faulty = [case.sample.label == "defective" for case in cases]
    assert sum(faulty) == 8
    assert faulty == [group not in ("good", "good by process") for group in [*ROUND, *ROUND]]
    assert {case.sample.family for case in cases} <= set(FAMILIES)
    assert {len(case.references) for case in cases} == {2}
    pair, twin = cases[6], cases[7]
    np.testing.assert_array_equal(pair.sample.query, twin.sample.query)
    assert pair.query.key == twin.query.key
    assert pair.sample.process.text != twin.sample.process.text
    assert pair.sample.logical and pair.sample.step is not None
    assert cases[3].sample.logical and not cases[3].sample.flipped
    again = list(draw_cases(16, 3, families=FAMILIES, references=2))
    assert [c.query.key for c in again] == [c.query.key for c in cases]
    other = list(draw_cases(8, 4, families=FAMILIES, references=2))
    assert not {c.query.key for c in other} & {c.query.key for c in cases}


def test_every_case_is_judged_both_ways_and_asked() -> None:
    model = TellingModel()
    reported: list[tuple[int, int]] = []
    run = asking(model).run(
        draw_cases(8, 0, families=FAMILIES), 8, report=lambda d, t, m: reported.append((d, t))
    )
    assert reported == [(number, 8) for number in range(8)]
    assert model.answers == 8
    assert {images for _, images in model.asked} == {2}
    for each in run.answers:
        assert (each.label, each.detected) == ("defective", True)
        assert each.p > 0.85
        assert each.p_without_process < 0.15
        assert each.said == Named("scratch", "top", 1)
        assert each.claims and each.faults == ()
    truths = [case.sample for case in draw_cases(8, 0, families=FAMILIES)]
    assert [a.truth for a in run.answers] == [Named(s.kind, s.location, s.step) for s in truths]
    assert "the tablet" in model.asked[0][0] or "the carpet" in model.asked[0][0]


def case(group: str, p: float, alone: float, said: Named | None = None, **more) -> Answered:
    faulty = group not in ("good", "good by process")
    truth = Named("dent", "left", 2) if faulty else Named("", None, None)
    made = Answered(
        seed=0, family="tablet", group=group, defective=faulty, truth=truth, p=p,  # type: ignore[arg-type]
        p_without_process=alone,
        label="defective" if p > 0.6 else "normal" if p < 0.4 else "undecided",
        answer="A dent.", said=said or Named("", None, None), claims=said is not None, faults=(),
        seconds=2.0,
    )  # fmt: skip
    return replace(made, **more)


def test_numbers_counted_by_hand() -> None:
    answers = (
        case("good", 0.1, 0.1),
        case("good", 0.7, 0.2, Named("dent", "top", None)),  # a defect that is not there
        case("surface", 0.9, 0.3, Named("dent", "left", 2)),  # all right
        case("surface", 0.2, 0.9),  # missed
        case("logical", 0.8, 0.4, Named("stain", "left", 1)),  # place right, kind and step not
        case("process only", 0.9, 0.3, Named("dent", None, 2), faults=("loop", "cut off")),
        case("good by process", 0.55, 0.3, faults=("contradiction",)),  # undecided
    )
    told = summary(AnswerRun(answers, (("9", "broke"),)))  # type: ignore[arg-type]
    every = told["compared"]["all"]
    assert (every["faulty"], every["good"]) == (4, 3)
    assert every["with_process"]["accuracy"] == pytest.approx(4 / 7, abs=1e-6)
    assert every["with_process"]["recall"] == 0.75
    assert every["with_process"]["tnr"] == pytest.approx(1 / 3, abs=1e-6)
    # pairs in order: .9 over .1 .7 .55; .2 over .1; .8 over all; .9 over all = 10 of 12
    assert every["with_process"]["auroc"] == pytest.approx(10 / 12, abs=1e-6)
    only = told["compared"]["process_only"]
    assert (only["with_process"]["auroc"], only["with_process"]["accuracy"]) == (1.0, 0.5)
    assert (only["without_process"]["auroc"], only["without_process"]["accuracy"]) == (0.5, 0.5)
    assert told["compared"]["against_reference"]["with_process"]["accuracy"] == pytest.approx(
        2 / 3, abs=1e-6
    )
    assert told["verdicts"]["undecided"] == 1
    counted = {name: (share["count"], share["of"]) for name, share in told["answers"].items()
               if isinstance(share, dict) and "of" in share}  # fmt: skip
    assert counted == {
        "location_right": (2, 3),
        "kind_right": (2, 3),
        "step_right": (2, 3),
        "defect_named_on_good": (1, 3),
        "unreadable": (2, 7),
    }
    assert told["answers"]["faults"] == {
        "loop": 1, "cut off": 1, "contradiction": 1, "empty": 0, "failed": 0,
    }  # fmt: skip
    assert told["families"] == {"tablet": {"count": 4, "of": 7, "share": 0.571429}}
    json.dumps(told, allow_nan=False)
    assert "0.667 (2 of 3)" in lines(told)


def test_no_answer_at_all_has_no_numbers() -> None:
    told = summary(AnswerRun(()))
    assert told["compared"]["all"]["with_process"]["auroc"] is None
    assert told["answers"]["kind_right"] is None
    assert "location right" in lines(told)


def test_what_was_answered_is_not_asked_again(tmp_path: Path) -> None:
    model = TellingModel()
    first = asking(model).run(draw_cases(8, 0, families=FAMILIES), 8,
                              record=Record(tmp_path / "r.jsonl"))  # fmt: skip
    again = TellingModel("Nothing.")
    second = asking(again).run(draw_cases(8, 0, families=FAMILIES), 8,
                               record=Record(tmp_path / "r.jsonl"))  # fmt: skip
    assert (again.asked, again.answers, second.resumed) == ([], 0, 8)
    assert second.answers == first.answers
    other = asking(again, question="Where?").run(
        draw_cases(8, 0, families=FAMILIES), 8, record=Record(tmp_path / "r.jsonl")
    )
    assert other.resumed == 0


def test_a_case_that_fails_is_named_and_the_others_go_on() -> None:
    model = TellingModel()
    judge, count = model.choice_logits, [0]

    def fails_once(*args: object, **kwargs: object) -> Sequence[float]:
        count[0] += 1
        if count[0] == 4:
            raise ModelError("Out of memory.")
        return judge(*args, **kwargs)  # type: ignore[arg-type]

    model.choice_logits = fails_once  # type: ignore[method-assign]
    run = asking(model).run(draw_cases(4, 0, families=FAMILIES), 4)
    assert len(run.answers) == 3
    assert [reason for _, reason in run.skipped] == ["Out of memory."]


def test_an_answer_that_breaks_is_counted_as_unreadable() -> None:
    class Breaking(TellingModel):
        def stream(self, images, messages, options, stop):
            raise ModelError("Out of memory.")
            yield  # pragma: no cover - makes it a generator

    told = summary(asking(Breaking()).run(draw_cases(2, 0, families=FAMILIES), 2))
    assert told["answers"]["unreadable"]["share"] == 1.0
    assert told["answers"]["faults"]["failed"] == 2


def test_the_command_writes_all_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRIAD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("TRIAD_OFFLINE", "1")
    model = TellingModel()

    def build(settings, **more):
        loader = ModelLoader(lambda choice, report: model)
        return Inspector(lambda name: FakeExpert(), loader.current), loader, None

    monkeypatch.setattr(wiring, "build_inspector", build)
    command = [
        "evaluate-answers",
        "--samples",
        "8",
        "--seed",
        "5",
        "--held-out",
        "--json",
        "o.json",
    ]
    assert main([*command, "--record", "r.jsonl"]) == 0
    told = json.loads(Path("o.json").read_text())
    assert (told["samples"], told["seed"], told["held_out"], len(told["cases"])) == (8, 5, True, 8)
    assert {each["family"] for each in told["cases"]} <= set(HELD_OUT)
    assert told["cases"][0]["answer"] == model.answer
    shown = capsys.readouterr().out
    assert "only the process tells" in shown
    assert "location right" in shown
    assert main([*command, "--record", "r.jsonl"]) == 0
    assert model.answers == 8
    with pytest.raises(SystemExit):
        main(["evaluate-answers", "--samples", "0"])
