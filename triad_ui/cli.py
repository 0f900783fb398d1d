"""`python -m triad_ui COMMAND`: inspect, models, evaluate, instruct, train-embedded and more.

The same use cases as the page, through the same workbench: what is inspected here stands in History
there. Every setting is a flag as well. Results go to standard output, everything else to standard
error; the exit status is 0, or 2 with one line that says what is wrong and what to do.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from triad_ui.cli_answers import add_answers_flags, evaluate_answers
from triad_ui.cli_evaluate import add_evaluate_flags, evaluate
from triad_ui.cli_instruct import add_instruct_flags, instruct
from triad_ui.cli_models import convert, models
from triad_ui.errors import ImageError, ModelNotReady, NotSaved, RegionError, TriadError
from triad_ui.records import Case, ImageRecord, ManufacturingProcess, Roi, Turn
from triad_ui.settings import SPECS, Settings, load


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    flags = vars(_parser().parse_args(arguments))
    command = flags.pop("run")
    try:
        settings = load({name: flags.get(name) for name in (*SPECS, "config")})
        logging.basicConfig(level=settings.log_level.upper(), format="%(levelname)s %(message)s")
        return command(settings, flags)
    except TriadError as error:
        print(f"triad: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("triad: stopped.", file=sys.stderr)
        return 130


def inspect(settings: Settings, flags: dict) -> int:
    """Inspect one photograph and ask about it."""
    from triad_ui.wiring import build_workbench

    regions = [_region(text) for text in flags["region"]]
    workbench = build_workbench(settings)
    try:
        process = _process(workbench, flags["process"])
        query = _add(workbench, flags["query"])
        references = [_add(workbench, path) for path in flags["reference"]]
        status = None
        if not flags["maps_only"]:
            workbench.load_model()
            status = workbench.wait_for_model()
        workbench.warm_up(settings.expert)
        case = workbench.inspect(
            query, references, process,
            product=flags["product"] or "", expert=settings.expert, policy=settings.policy,
            seed=settings.seed,
        )  # fmt: skip
        if flags["region"]:
            case = workbench.set_rois(case.id, regions)
        if flags["map"]:
            _save_map(Path(flags["map"]), case)
        turn, missing = None, ""
        if status is not None and status.state != "ready":
            missing = status.message
        elif status is not None:
            turn = _ask(workbench, case, flags["ask"], vote=settings.vote, show=not flags["json"])
        if flags["json"]:
            print(json.dumps(summary(case, turn, missing)))
        else:
            _print(case, turn, missing)
        return 0
    finally:
        workbench.close()


def train_embedded(settings: Settings, flags: dict) -> int:
    """Train the embedded model's adapter."""
    from triad_ui.rounds.train_embedded import BUDGETS
    from triad_ui.rounds.train_embedded import train_embedded as train
    from triad_ui.weights import EFFICIENTNET
    from triad_ui.wiring import base_folder, weight_cache

    started = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - started:7.0f} s] {line}", file=sys.stderr, flush=True)

    cache = weight_cache(settings)
    weights = cache.fetch(EFFICIENTNET, lambda done, total: None)
    base = base_folder(cache, lambda status: say(status.message))
    card = train(
        base, weights, Path(flags["out"]), Path(flags["work"]), BUDGETS[flags["budget"]],
        seed=settings.seed, jobs=settings.threads or flags["jobs"], say=say,
    )  # fmt: skip
    print(json.dumps(card["validation"], indent=1))
    return 0


def show_settings(settings: Settings, flags: dict) -> int:
    """Print every setting with its value and where it comes from."""
    print(settings.explain())
    return 0


def backup(settings: Settings, flags: dict) -> int:
    """Copy the database while it is in use."""
    from triad_ui.feedback.backup import backup as copy

    print(copy(settings.database_url, Path(flags["file"])))
    return 0


def restore(settings: Settings, flags: dict) -> int:
    """Put a backup in the database's place; the old one is renamed aside."""
    from triad_ui.feedback.backup import restore as bring_back

    aside = bring_back(settings.database_url, Path(flags["file"]))
    print("restored" + (f"; the database before it is now {aside}" if aside else ""))
    return 0


def doctor(settings: Settings, flags: dict) -> int:
    """Check the database and print what is in it; status 1 when it is damaged."""
    from triad_ui.feedback.backup import check

    report = check(settings.database_url)
    print(report)
    return 0 if report.sound else 1


def summary(case: Case, turn: Turn | None, missing: str = "") -> dict:
    """The case as one JSON object; see README for its fields."""
    timings = asdict(turn.timings if turn else case.timings)
    verdict = turn.verdict if turn else None
    return {
        "case": case.id,
        "score": round(case.anomaly_map.score, 6),
        "calibrated": case.anomaly_map.calibrated,
        "basis": case.anomaly_map.basis,
        "expert": case.anomaly_map.expert,
        "policy": case.policy,
        "rois": [[*roi.box, None if roi.score is None else round(roi.score, 6)]
                 for roi in case.rois],
        "verdict": asdict(verdict) if verdict else None,
        "question": turn.question if turn else "",
        "answer": turn.answer if turn else "",
        "state": turn.state if turn else "absent",
        "error": turn.error if turn else missing,
        "timings": {name: round(value, 4) for name, value in timings.items()},
        "engine": turn.engine if turn else "",
        "visual_tokens": turn.visual_tokens if turn else 0,
    }  # fmt: skip


def _region(text: str) -> Roi:
    try:
        x0, y0, x1, y1 = (int(edge) for edge in text.split(","))
    except ValueError:
        raise RegionError(
            f"--region {text} is not four numbers. Write left,top,right,bottom in pixels, such as "
            "--region 100,40,260,180."
        ) from None
    return Roi(x0, y0, x1, y1, source="user")


def _ask(workbench, case: Case, question: str | None, *, vote: bool, show: bool) -> Turn:
    from triad_ui.dialogue.prompt import DEFAULT_QUESTION

    shown, turn = "", None
    for turn in workbench.ask(case.id, question or DEFAULT_QUESTION, vote=vote):
        if show:
            print(turn.answer[len(shown) :], end="", flush=True)
            shown = turn.answer
    if show:
        print()
    if turn is None:
        raise ModelNotReady("The model gave no answer. Ask again.")
    return turn


def _print(case: Case, turn: Turn | None, missing: str) -> None:
    amap = case.anomaly_map
    print(f"expert score {amap.score:.2f} (0.5 is the threshold; {amap.basis})")
    for roi in case.rois:
        score = "" if roi.score is None else f"  score {roi.score:.2f}"
        print(f"  region {roi.x0},{roi.y0} to {roi.x1},{roi.y1}{score}")
    if turn and turn.verdict:
        print(f"verdict {turn.verdict.label}, p(defective) {turn.verdict.p_defective:.2f}")
    if (turn and turn.error) or missing:
        print((turn.error if turn else "") or missing)


def _save_map(path: Path, case: Case) -> None:
    import cv2
    import numpy as np

    values = cv2.resize(case.anomaly_map.values, case.query.size, interpolation=cv2.INTER_LINEAR)
    try:
        with path.open("wb") as file:
            np.save(file, values.astype(np.float32))
    except OSError as error:
        raise NotSaved(
            f"The map cannot be written to {path} ({error.strerror}). Name another file with --map."
        ) from error


def _process(workbench, wanted: str | None) -> ManufacturingProcess | None:
    if not wanted:
        return None
    if not wanted.startswith("@"):
        return workbench.process(wanted)
    from triad_ui.dialogue.processes import parse

    return parse(_read(wanted[1:]).decode("utf-8", errors="replace"))


def _add(workbench, path: str) -> ImageRecord:
    try:
        return workbench.add_image(_read(path), Path(path).name)
    except ImageError as error:
        told = str(error)
        raise ImageError(told if path in told else f"{path}: {told}") from error


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ImageError(
            f"{path} cannot be read ({error.strerror}). Check the path and its permissions."
        ) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m triad_ui", description="Triad Workbench from a shell."
    )
    settings = argparse.ArgumentParser(add_help=False)
    group = settings.add_argument_group("settings (flag > environment > file)")
    group.add_argument("--config", help="settings file (TOML); default ./triad.toml")
    for name, spec in SPECS.items():
        flag = f"--{name.replace('_', '-')}"
        told = f"{spec.help} ({spec.env})"
        if name == "vote":  # is switched, since a value would be taken from the file after it
            group.add_argument(flag, action=argparse.BooleanOptionalAction, help=told)
        else:
            group.add_argument(flag, dest=name, metavar="...", help=told)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=run.__doc__, parents=[settings])
        made.set_defaults(run=run)
        return made

    one = command("inspect", inspect)
    one.add_argument("query", metavar="QUERY", help="photograph of the part")
    one.add_argument("--reference", action="extend", nargs="+", default=[], metavar="R",
                     help="photographs of good parts")  # fmt: skip
    one.add_argument("--process", metavar="NAME|@FILE", help="from the library, or a text file")
    one.add_argument("--product", metavar="NAME", help="what the part is called in the question")
    one.add_argument("--region", action="append", metavar="L,T,R,B", default=[],
                     help="look here instead of where the map says; up to four times")  # fmt: skip
    one.add_argument("--ask", metavar="TEXT", help="the question; a usual one if not given")
    one.add_argument("--map", metavar="OUT.npy", help="write the map, float32 (height, width)")
    one.add_argument("--maps-only", action="store_true", help="do not load the language model")
    one.add_argument("--json", action="store_true", help="print one JSON object")
    listed = command("models", models)
    listed.add_argument("source", nargs="?", help="a folder or an endpoint's URL to look at")
    listed.add_argument("--json", action="store_true", help="print one JSON object")
    converted = command("convert", convert)
    converted.add_argument("source", metavar="SRC", help="folder with the authors' weights")
    converted.add_argument("target", metavar="DST", help="folder to write, not there yet")
    add_evaluate_flags(command("evaluate", evaluate))
    add_answers_flags(command("evaluate-answers", evaluate_answers))
    add_instruct_flags(command("instruct", instruct))
    train = command("train-embedded", train_embedded)
    train.add_argument("--budget", default="1h", choices=("smoke", "20m", "1h", "3h"))
    train.add_argument("--out", default="runs/embedded/adapter", help="folder of the adapter")
    train.add_argument("--work", default="runs/embedded", help="folder of examples and states")
    train.add_argument("--jobs", type=int, default=2, help="processor cores to use")
    command("settings", show_settings)
    command("backup", backup).add_argument("file", metavar="DEST")
    command("restore", restore).add_argument("file", metavar="SOURCE")
    command("doctor", doctor)
    return parser
