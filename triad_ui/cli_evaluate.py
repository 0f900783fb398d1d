"""The shell's `evaluate`: how good an expert, and the model's verdict, is on a folder of products.

`cli.py` tells its errors; what is measured stands in `evaluation/`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from triad_ui.errors import EvaluationError, ModelNotReady, NotSaved
from triad_ui.settings import REPOSITORY, Settings

POOLS = ("auto", "tested", "none")


def add_evaluate_flags(parser: argparse.ArgumentParser) -> None:
    """What `evaluate` takes beside the settings, of which `--expert` and `--seed` matter here."""
    parser.add_argument("root", metavar="ROOT", help="folder with manifest.csv, or as MVTec AD")
    parser.add_argument("--shots", type=_count, default=4, metavar="K", help="references a product")
    parser.add_argument("--no-model", action="store_true", help="the expert alone, no verdicts")
    parser.add_argument("--products", metavar="A,B", default="", help="only these products")
    parser.add_argument("--pool", default="auto", metavar="FOLDER|tested|none",
                        help="unlabelled pictures for experts that compare a batch; by default the "
                        "tested ones for musc and none for others")  # fmt: skip
    parser.add_argument("--json", metavar="OUT", help="write all numbers")
    parser.add_argument("--html", metavar="OUT", help="write a report with plots and pictures")


def evaluate(settings: Settings, flags: dict) -> int:
    """Measure an expert, and the model's verdicts, on photographs whose truth is known."""
    from triad_ui.evaluation.datasets import open_data_set
    from triad_ui.evaluation.run import Options, Progress
    from triad_ui.evaluation.run import evaluate as run
    from triad_ui.evaluation.summary import as_json, table
    from triad_ui.wiring import build_inspector

    for name in ("json", "html"):
        if flags[name] and not Path(flags[name]).absolute().parent.is_dir():
            raise NotSaved(f"There is no folder for --{name} {flags[name]}. Make it first.")
    wanted = [name.strip() for name in flags["products"].split(",") if name.strip()]
    data = open_data_set(Path(flags["root"]), wanted)
    pool = flags["pool"] if flags["pool"] in POOLS else Path(flags["pool"])
    options = Options(flags["shots"], settings.seed, pool, settings.max_pixels)
    inspector, loader, experts = build_inspector(settings)
    judge = None
    if not flags["no_model"]:
        loader.start()
        status = loader.wait()
        if status.state != "ready":
            raise ModelNotReady(f"{status.message} Or evaluate the expert alone with --no-model.")
        judge = _judge(settings, inspector, loader.current().engine)
    told = ""

    def report(progress: Progress) -> None:
        nonlocal told
        line = f"[{progress.done}/{progress.total}] {progress.message}"
        if sys.stderr.isatty():
            print(f"\r{line:<{len(told)}}", end="", file=sys.stderr, flush=True)
            told = line
        elif progress.finished:
            print(line, file=sys.stderr, flush=True)

    with _stopped_by_interrupt() as stop:
        result = run(data, experts(settings.expert), options, judge=judge, report=report, stop=stop)
    if told:
        print(file=sys.stderr)
    print(table(result))
    if flags["json"]:
        _write(flags["json"], lambda: json.dumps(as_json(result), indent=1, allow_nan=False))
    if flags["html"]:
        from triad_ui.evaluation.report import html

        _write(flags["html"], lambda: html(result))
    for product in result.products:
        for skipped in product.skipped:
            print(f"skipped {skipped.name}: {skipped.reason}", file=sys.stderr)
    if result.stopped:
        print("triad: stopped; what is told is of the finished products.", file=sys.stderr)
    return 130 if result.stopped else 0


def _judge(settings: Settings, inspector, engine: str):
    from triad_ui.dialogue.processes import load_library
    from triad_ui.evaluation.judging import ModelJudge

    return ModelJudge(
        inspector,
        engine,
        load_library(REPOSITORY / "assets" / "processes"),
        policy=settings.policy,  # type: ignore[arg-type]
        seed=settings.seed,
        vote=settings.vote,
    )


@contextlib.contextmanager
def _stopped_by_interrupt() -> Iterator[threading.Event]:
    """Ctrl-C ends the run after the photograph at hand; pressed again, at once."""
    stop = threading.Event()

    def pressed(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    try:
        before = signal.signal(signal.SIGINT, pressed)
    except ValueError:  # not the main thread, which alone hears signals
        yield stop
        return
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _write(path: str, make: Callable[[], str]) -> None:
    try:
        Path(path).write_text(make(), encoding="utf-8")
    except OSError as error:
        raise NotSaved(
            f"{path} cannot be written ({error.strerror}). Name another file."
        ) from error


def _count(text: str) -> int:
    try:
        count = int(text)
    except ValueError:
        count = -1
    if count < 0:
        raise EvaluationError(f"--shots is {text!r}. Give a whole number, 0 or more.")
    return count
