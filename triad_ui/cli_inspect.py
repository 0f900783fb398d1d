"""The shell's `inspect`: one photograph through expert and language model, and what is told of it.

`cli.py` tells its errors. The case stands in History of the page.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from triad_ui.errors import ImageError, ModelNotReady, NotSaved, RegionError
from triad_ui.expert.expert import known
from triad_ui.expert.offers import uses
from triad_ui.expert.threshold import NEUTRAL
from triad_ui.products.defects import described
from triad_ui.records import Case, ImageRecord, ManufacturingProcess, Picture, Roi, Turn
from triad_ui.settings import Settings


def add_inspect_flags(parser: argparse.ArgumentParser) -> None:
    """What `inspect` takes beside the settings."""
    parser.add_argument("query", metavar="QUERY", help="photograph of the part")
    parser.add_argument("--reference", action="extend", nargs="+", default=[], metavar="R",
                        help="photographs of good parts")  # fmt: skip
    parser.add_argument("--pool", action="append", metavar="FOLDER", default=[],
                        help="unlabelled photographs of such parts, for experts that compare with "
                        "others; beside those that are kept for the product")  # fmt: skip
    parser.add_argument("--defect", action="append", metavar="'KIND: HOW IT LOOKS'", default=[],
                        help="a defect in words, for experts that read; beside those that are kept "
                        "for the product")  # fmt: skip
    parser.add_argument("--process", metavar="NAME|@FILE", help="from the library, or a text file")
    parser.add_argument("--product", metavar="NAME", help="what the part is called in the question")
    parser.add_argument("--region", action="append", metavar="L,T,R,B", default=[],
                        help="look here, not where the map says; up to four times")  # fmt: skip
    parser.add_argument("--ask", metavar="TEXT", help="the question; a usual one if not given")
    parser.add_argument("--map", metavar="OUT.npy", help="write the map, float32 (height, width)")
    parser.add_argument("--maps-only", action="store_true", help="do not load the language model")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def inspect(settings: Settings, flags: dict) -> int:
    """Inspect one photograph and ask about it."""
    from triad_ui.wiring import build_workbench

    known(settings.expert)
    regions = [_region(text) for text in flags["region"]]
    defects = [described(text) for text in flags["defect"]]
    pool = _pool(flags["pool"], settings)
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
        with _progress() as report:
            case = workbench.inspect(
                query, references, process,
                product=flags["product"] or "", expert=settings.expert, policy=settings.policy,
                seed=settings.seed, pool=pool, defects=defects, report=report,
            )  # fmt: skip
        _tell_unused(settings.expert, flags)
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
        "threshold": case.anomaly_map.threshold,
        "kinds": [[kind, round(share, 6)] for kind, share in case.anomaly_map.kinds],
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
    if amap.threshold != NEUTRAL:
        print(f"threshold set for {case.product}: {amap.threshold:.3g} on the expert's own scale")
    for kind, share in amap.kinds:
        print(f"  like {kind}: {share:.0%}")
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


def _pool(folders: Sequence[str], settings: Settings) -> Sequence[Picture]:
    """The pictures of folders and of those below them, read when they are looked at."""
    if not folders:
        return ()
    from triad_ui.evaluation.picture_files import PictureFiles
    from triad_ui.imaging.folders import pictures_below

    found: list[Picture] = []
    for folder in folders:
        files = PictureFiles(
            pictures_below(Path(folder).expanduser()), max_pixels=settings.max_pixels
        )
        if not len(files):
            raise ImageError(
                f"There is no picture in --pool {folder}. Name a folder with PNG, JPEG, TIFF, BMP "
                "or WebP files."
            )
        for number, path in enumerate(files.paths):
            try:
                found.append(files[number])
            except ImageError as error:
                print(f"left out of the pool: {path}: {error}", file=sys.stderr)
    return found


def _tell_unused(expert: str, flags: dict) -> None:
    used = uses(expert)
    for flag, use in (("pool", "pool"), ("defect", "text")):
        if flags[flag] and use not in used:
            print(f"The expert {expert} does not use --{flag}.", file=sys.stderr)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[float, str], None] | None]:
    """A report for a person who sits at the shell; None for any other reader."""
    if not sys.stderr.isatty():
        yield None
        return
    wide = 0

    def report(share: float, line: str) -> None:
        nonlocal wide
        shown = f"{share:4.0%} {line}"
        print(f"\r{shown:<{wide}}", end="", file=sys.stderr, flush=True)
        wide = len(shown)

    try:
        yield report
    finally:
        if wide:
            print(f"\r{'':<{wide}}\r", end="", file=sys.stderr, flush=True)
