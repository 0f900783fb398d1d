"""The shell's training commands: `train-embedded` and `train-expert`.

`cli.py` tells their errors; what is trained stands in `rounds/`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from triad_ui.settings import REPOSITORY, Settings


def add_train_flags(parser: argparse.ArgumentParser, what: str) -> None:
    """Flags of both commands. what: "embedded" or "expert", the folder below runs/."""
    budgets = ("smoke", "20m", "1h", "3h", *(("gpu",) if what == "embedded" else ()))
    parser.add_argument("--budget", default="1h", choices=budgets)
    parser.add_argument("--out", default=f"runs/{what}/trained", help="folder of what is trained")
    parser.add_argument("--work", default=f"runs/{what}", help="folder of examples and states")
    parser.add_argument("--jobs", type=int, default=2, help="processor cores to use")
    if what == "embedded":
        parser.add_argument("--start", metavar="FOLDER", help="go on from this adapter")


def train_embedded(settings: Settings, flags: dict) -> int:
    """Train the embedded model's adapter from drawn pictures."""
    from triad_ui.dialogue.processes import load_library
    from triad_ui.rounds.budgets import BUDGETS
    from triad_ui.rounds.train_embedded import train_embedded as train
    from triad_ui.weights import EFFICIENTNET
    from triad_ui.wiring import base_folder, weight_cache

    say = _teller()
    cache = weight_cache(settings)
    weights = cache.fetch(EFFICIENTNET, lambda done, total: None)
    base = base_folder(cache, lambda status: say(status.message))
    card = train(
        base, weights, Path(flags["out"]), Path(flags["work"]), BUDGETS[flags["budget"]],
        seed=settings.seed, jobs=settings.threads or flags["jobs"], say=say,
        start=Path(flags["start"]) if flags["start"] else None,
        processes=tuple(load_library(REPOSITORY / "assets" / "processes").values()),
    )  # fmt: skip
    print(json.dumps(card["validation"], indent=1))
    return 0


def train_expert(settings: Settings, flags: dict) -> int:
    """Train the reference expert's head from drawn scenes."""
    from triad_ui.rounds.train_expert import EXPERT_BUDGETS
    from triad_ui.rounds.train_expert import train_expert as train
    from triad_ui.weights import EFFICIENTNET
    from triad_ui.wiring import weight_cache

    card = train(
        weight_cache(settings).fetch(EFFICIENTNET, lambda done, total: None),
        Path(flags["out"]), Path(flags["work"]), EXPERT_BUDGETS[flags["budget"]],
        seed=settings.seed, jobs=settings.threads or flags["jobs"], say=_teller(),
    )  # fmt: skip
    print(json.dumps(card["validation"], indent=1))
    return 0


def _teller() -> Callable[[str], None]:
    started = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - started:7.0f} s] {line}", file=sys.stderr, flush=True)

    return say
