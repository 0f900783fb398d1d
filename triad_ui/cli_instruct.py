"""The shell's `instruct`: draws instruction data and writes it for LLaVA, ms-swift and TRL.

`cli.py` tells its errors; what is asked and answered stands in `instruct/`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from triad_ui.errors import NotSaved, TrainingError
from triad_ui.settings import Settings

FILES = {"llava": "llava.json", "swift": "swift.jsonl", "trl": "trl.jsonl"}
QUALITY = 92
SAY_EVERY = 10.0
"""Seconds between two lines of progress."""


def add_instruct_flags(parser: argparse.ArgumentParser) -> None:
    """What `instruct` takes beside the settings, of which `--seed` matters here."""
    parser.add_argument("out", metavar="FOLDER", help="written into; need not be there yet")
    parser.add_argument("--count", type=int, default=1000, metavar="N", help="conversations")
    parser.add_argument("--format", action="append", choices=sorted(FILES), default=None,
                        help="one or more trainers' formats; by default all")  # fmt: skip
    parser.add_argument("--families", metavar="A,B", default="", help="only these drawn products")
    parser.add_argument("--held-out", action="store_true", help="only the products that are kept "
                        "from training")  # fmt: skip
    parser.add_argument("--size", type=int, default=384, help="side of the pictures in pixels")
    parser.add_argument("--words", type=float, default=0.15, metavar="SHARE",
                        help="of parts told in words alone")  # fmt: skip
    parser.add_argument("--chat", type=float, default=0.03, metavar="SHARE", help="of small talk")


def instruct(settings: Settings, flags: dict) -> int:
    """Draw parts and conversations about them, as training data for other programs."""
    from triad_ui.instruct.formats import TrainingItem, write_items

    folder = Path(flags["out"])
    names = _families(flags)
    if flags["count"] < 1 or not 64 <= flags["size"] <= 2048:
        raise TrainingError("Give --count of 1 or more and --size from 64 to 2048.")
    try:
        (folder / "pictures").mkdir(parents=True, exist_ok=True)
        items: list[TrainingItem] = []
        tasks: Counter[str] = Counter()
        for task, item in _drawn(folder, names, settings.seed, flags):
            items.append(item)
            tasks[task] += 1
        for name in flags["format"] or FILES:
            write_items(folder / FILES[name], items, name)
    except OSError as error:
        raise NotSaved(
            f"{folder} cannot be written ({error.strerror}). Name another folder."
        ) from error
    told = {
        "conversations": len(items),
        "pictures": sum(len(item.images) for item in items),
        "tasks": dict(tasks.most_common()),
        "files": [str(folder / FILES[name]) for name in flags["format"] or FILES],
    }
    print(json.dumps(told, indent=1))
    return 0


def _families(flags: dict) -> list[str]:
    from triad_ui.synthesis.families import FAMILIES, HELD_OUT

    wanted = [name.strip() for name in flags["families"].split(",") if name.strip()]
    unknown = [name for name in wanted if name not in FAMILIES]
    if unknown:
        raise TrainingError(
            f"No product is called {unknown[0]!r}. There are: {', '.join(sorted(FAMILIES))}."
        )
    if wanted:
        return wanted
    return sorted(HELD_OUT if flags["held_out"] else set(FAMILIES) - set(HELD_OUT))


def _drawn(folder: Path, names: list[str], seed: int, flags: dict) -> Iterator:
    """(task, item) of each conversation, its pictures written; tells how far it is."""
    import cv2

    from triad_ui.instruct.formats import TrainingItem
    from triad_ui.synthesis.lesson import lessons

    started = said = time.monotonic()
    drawn = lessons(
        seed, flags["count"], size=flags["size"], families=names, words=flags["words"],
        chat=flags["chat"],
    )  # fmt: skip
    for number, lesson in enumerate(drawn, start=1):
        paths = []
        for index, rgb in enumerate(lesson.pictures):
            paths.append(f"pictures/{lesson.name}-{index}.jpg")
            bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
            if not cv2.imwrite(str(folder / paths[-1]), bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY]):
                raise OSError(None, "the picture was not written")
        yield lesson.task, TrainingItem(lesson.name, tuple(paths), lesson.messages)
        if time.monotonic() - said > SAY_EVERY:
            said = time.monotonic()
            print(f"{number} of {flags['count']}, {said - started:.0f} s", file=sys.stderr)
