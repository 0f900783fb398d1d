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
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from triad_ui.errors import ModelNotReady, NotSaved
from triad_ui.settings import REPOSITORY, Settings

POOLS = ("auto", "tested", "none")
SAY_EVERY = 30.0
"""Seconds between two lines of progress where there is no terminal."""


def add_evaluate_flags(parser: argparse.ArgumentParser) -> None:
    """What `evaluate` takes beside the settings, of which `--expert` and `--seed` matter here."""
    parser.add_argument("root", metavar="ROOT", help="folder with manifest.csv, or as MVTec AD, or "
                        "the paper authors' question.jsonl")  # fmt: skip
    parser.add_argument(
        "--shots", type=count_of(0), default=4, metavar="K", help="references a product"
    )
    parser.add_argument("--no-model", action="store_true", help="the expert alone, no verdicts")
    parser.add_argument("--process", choices=("with", "without", "both"), default="both",
                        help="whether the model is told how a product is made")  # fmt: skip
    parser.add_argument("--processes", metavar="FILE|FOLDER", help="the products' processes; else "
                        "those of the data set, else the library's")  # fmt: skip
    parser.add_argument("--images", metavar="FOLDER", help="where the photographs of question.jsonl"
                        " are; by default beside it")  # fmt: skip
    parser.add_argument("--products", metavar="A,B", default="", help="only these products")
    parser.add_argument("--pool", default="auto", metavar="FOLDER|tested|none",
                        help="unlabelled pictures for experts that compare a batch; by default the "
                        "tested ones for musc and none for others")  # fmt: skip
    parser.add_argument("--json", metavar="OUT", help="write all numbers")
    parser.add_argument("--csv", metavar="OUT", help="write a table of products, and one of "
                        "photographs beside it")  # fmt: skip
    parser.add_argument("--html", metavar="OUT", help="write a report with plots and pictures")
    add_record_flags(parser)


def add_record_flags(parser: argparse.ArgumentParser) -> None:
    """How a run that was cut off goes on."""
    parser.add_argument("--record", metavar="FILE", help="keep what is measured there and take from"
                        " it what was; by default in the cache until the run is done")  # fmt: skip
    parser.add_argument("--fresh", action="store_true", help="measure all anew")


def evaluate(settings: Settings, flags: dict) -> int:
    """Measure an expert, and the model's verdicts, on photographs whose truth is known."""
    from triad_ui.evaluation.datasets import open_data_set
    from triad_ui.evaluation.decisions import decisions_table
    from triad_ui.evaluation.run import Options
    from triad_ui.evaluation.run import evaluate as run
    from triad_ui.evaluation.summary import as_json, table
    from triad_ui.wiring import build_inspector

    check_outputs(flags, ("json", "csv", "html", "record"))
    wanted = [name.strip() for name in flags["products"].split(",") if name.strip()]
    images = Path(flags["images"]) if flags["images"] else None
    data = open_data_set(Path(flags["root"]), wanted, images)
    processes = _processes(flags["processes"], data)
    pool = flags["pool"] if flags["pool"] in POOLS else Path(flags["pool"])
    options = Options(flags["shots"], settings.seed, pool, settings.max_pixels, flags["process"])
    inspector, loader, experts = build_inspector(settings)
    judge = None
    if not flags["no_model"]:
        engine = ready_engine(loader, "Or evaluate the expert alone with --no-model.")
        judge = _judge(settings, inspector, engine, processes, data)
    told = {name: str(flags[name]) for name in ("root", "shots", "no_model", "process", "products")}
    record = open_record(settings, flags, [*told.values(), str(Path.cwd()), settings.expert])
    expert = experts(settings.expert)
    with told_progress() as say, stopped_by_interrupt() as stop:
        result = run(
            data, expert, options, judge=judge, record=record, stop=stop,
            report=lambda p: say(p.done, p.total, p.message, p.finished is not None),
        )  # fmt: skip
    if result.resumed:
        print(f"{result.resumed} photographs were taken from {record.path}", file=sys.stderr)
    print(table(result))
    if judge:
        print(f"\n{decisions_table(result)}")
    if flags["json"]:
        write(flags["json"], lambda: json.dumps(as_json(result), indent=1, allow_nan=False))
    if flags["csv"]:
        from triad_ui.evaluation.tables import photographs_csv, products_csv

        path = Path(flags["csv"])
        write(str(path), lambda: products_csv(result))
        beside = path.with_name(f"{path.stem}_photographs{path.suffix}")
        write(str(beside), lambda: photographs_csv(result))
    if flags["html"]:
        from triad_ui.evaluation.report import html

        write(flags["html"], lambda: html(result))
    for product in result.products:
        for skipped in product.skipped:
            print(f"skipped {skipped.name}: {skipped.reason}", file=sys.stderr)
        for note in product.notes:
            print(f"{product.name}: {note}", file=sys.stderr)
    if result.stopped:
        print("triad: stopped; what is told is of the finished products. The same command goes on.",
              file=sys.stderr)  # fmt: skip
        return 130
    if not flags["record"]:
        record.remove()
    return 0


def check_outputs(flags: dict, names: tuple[str, ...]) -> None:
    """Raises NotSaved before anything is measured that could not be written."""
    for name in names:
        if flags[name] and not Path(flags[name]).absolute().parent.is_dir():
            raise NotSaved(f"There is no folder for --{name} {flags[name]}. Make it first.")


def ready_engine(loader, otherwise: str) -> str:
    """The name of the loaded model, once it is loaded. Raises ModelNotReady."""
    loader.start()
    status = loader.wait()
    if status.state != "ready":
        loader.join()
        raise ModelNotReady(f"{status.message} {otherwise}")
    return loader.current().engine


def open_record(settings: Settings, flags: dict, command: list[str]):
    """The named record, or one in the cache that the same command finds again."""
    from triad_ui.evaluation.record import Record, digest

    if flags["record"]:
        path = Path(flags["record"])
    else:
        path = settings.cache_dir / "evaluations" / f"{digest(*command)}.jsonl"
    if flags["fresh"]:
        if flags["record"]:
            Record(path)  # refuses a file that is something else
        path.unlink(missing_ok=True)
    return Record(path)


def _processes(named: str | None, data) -> dict:
    from triad_ui.dialogue.processes import load_library
    from triad_ui.evaluation.process_files import read_processes, resolved

    given = read_processes(Path(named)) if named else {}
    library = load_library(REPOSITORY / "assets" / "processes")
    return resolved([product.name for product in data.products], given, data.processes, library)


def _judge(settings: Settings, inspector, engine: str, processes: dict, data):
    from triad_ui.evaluation.judging import ModelJudge

    return ModelJudge(
        inspector,
        engine,
        processes,
        policy=settings.policy,  # type: ignore[arg-type]
        seed=settings.seed,
        vote=settings.vote,
        nouns=data.nouns,
    )


@contextlib.contextmanager
def told_progress() -> Iterator[Callable[[int, int, str, bool], None]]:
    """Tells how far a run is on standard error: in one line of a terminal, else now and then."""
    told, last = "", time.monotonic()

    def say(done: int, total: int, message: str, always: bool = False) -> None:
        nonlocal told, last
        line = f"[{done}/{total}] {message}"
        if sys.stderr.isatty():
            print(f"\r{line:<{len(told)}}", end="", file=sys.stderr, flush=True)
            told = line
        elif always or time.monotonic() - last > SAY_EVERY:
            print(line, file=sys.stderr, flush=True)
            last = time.monotonic()

    try:
        yield say
    finally:
        if told:
            print(file=sys.stderr)


@contextlib.contextmanager
def stopped_by_interrupt() -> Iterator[threading.Event]:
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


def write(path: str, make: Callable[[], str]) -> None:
    """Writes what `make` gives. Raises NotSaved."""
    try:
        Path(path).write_text(make(), encoding="utf-8")
    except OSError as error:
        raise NotSaved(
            f"{path} cannot be written ({error.strerror}). Name another file."
        ) from error


def count_of(least: int) -> Callable[[str], int]:
    """Reads a whole number of at least `least` from a flag."""

    def read(text: str) -> int:
        try:
            count = int(text)
        except ValueError:
            count = least - 1
        if count < least:
            raise argparse.ArgumentTypeError(
                f"{text!r} cannot be used. Give a whole number, {least} or more."
            )
        return count

    return read
