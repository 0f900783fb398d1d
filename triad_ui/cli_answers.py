"""The shell's `evaluate-answers`: what the model says in free words, held against drawn truth.

`cli.py` tells its errors; what is measured stands in `evaluation/`.
"""

from __future__ import annotations

import argparse
import json
import sys

from triad_ui.cli_evaluate import (
    add_record_flags,
    check_outputs,
    count_of,
    open_record,
    ready_engine,
    stopped_by_interrupt,
    told_progress,
    write,
)
from triad_ui.settings import Settings


def add_answers_flags(parser: argparse.ArgumentParser) -> None:
    """What `evaluate-answers` takes beside the settings, of which `--seed` matters here."""
    parser.add_argument("--samples", type=count_of(1), default=300, metavar="N",
                        help="drawn cases, half of them good; best a multiple of 8")  # fmt: skip
    parser.add_argument("--held-out", action="store_true", help="only product families that no "
                        "shipped model was trained on")  # fmt: skip
    parser.add_argument("--shots", type=count_of(0), default=1, metavar="K",
                        help="references a case")  # fmt: skip
    parser.add_argument("--ask", metavar="TEXT", help="the question; the usual one if not given")
    parser.add_argument("--json", metavar="OUT", help="write all numbers and answers")
    add_record_flags(parser)


def evaluate_answers(settings: Settings, flags: dict) -> int:
    """Judge the model's free answers on drawn parts whose defects are known."""
    from triad_ui.dialogue.prompt import DEFAULT_QUESTION
    from triad_ui.evaluation.answer_cases import draw_cases
    from triad_ui.evaluation.answer_summary import lines, summary
    from triad_ui.evaluation.answers import Asking
    from triad_ui.synthesis.families import FAMILIES, HELD_OUT
    from triad_ui.wiring import build_inspector

    check_outputs(flags, ("json", "record"))
    inspector, loader, _ = build_inspector(settings)
    engine = ready_engine(loader, "Answers cannot be judged without a language model.")
    families = sorted(HELD_OUT if flags["held_out"] else FAMILIES)
    question = flags["ask"] or DEFAULT_QUESTION
    command = [str(flags[name]) for name in ("samples", "held_out", "shots")]
    record = open_record(settings, flags, ["answers", *command, str(settings.seed), question])
    asking = Asking(
        inspector, engine, expert=settings.expert, policy=settings.policy, vote=settings.vote,
        question=question,
    )  # fmt: skip
    cases = draw_cases(
        flags["samples"], settings.seed, families=families, references=flags["shots"]
    )
    with told_progress() as say, stopped_by_interrupt() as stop:
        run = asking.run(cases, flags["samples"], record=record, report=say, stop=stop)
    numbers = summary(run)
    told = {
        "model": engine, "expert": settings.expert, "samples": flags["samples"],
        "seed": settings.seed, "held_out": flags["held_out"], "shots": flags["shots"],
        "policy": settings.policy, "vote": settings.vote, "question": question, **numbers,
    }  # fmt: skip
    if run.resumed:
        print(f"{run.resumed} answers were taken from {record.path}", file=sys.stderr)
    print(f"{engine}, {len(run.answers)} cases of {len(families)} families, seed {settings.seed}")
    print(lines(numbers))
    if flags["json"]:
        write(flags["json"], lambda: json.dumps(told, indent=1, allow_nan=False))
    for seed, reason in run.skipped:
        print(f"skipped case {seed}: {reason}", file=sys.stderr)
    if run.stopped:
        print("triad: stopped. The same command goes on.", file=sys.stderr)
        return 130
    if not flags["record"]:
        record.remove()
    return 0
