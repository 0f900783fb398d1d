"""Trains the reference expert's residual head: `python -m triad_ui train-expert`.

Drawn scenes (`residual_scenes`) are looked at once and their features are kept in the work folder,
so that a run that was cut off goes on; then the head learns where faults are, each time beside
other good parts of the scene, and is measured on scenes of product families that it never saw. No
photograph is used.
Knows nothing of the language model.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from triad_ui.errors import TrainingError
from triad_ui.evaluation.metrics import auroc
from triad_ui.expert.backbone import load_efficientnet_lite0
from triad_ui.expert.patch_bank import PatchBank
from triad_ui.expert.residual_head import (
    CARD,
    GRID_BLOCK,
    WEIGHTS,
    WIDTHS,
    ResidualHead,
    told,
)
from triad_ui.expert.residual_view import View
from triad_ui.rounds.examples import TRAINED
from triad_ui.rounds.residual_scenes import BAD, GOOD, SEEN, make_scene
from triad_ui.rounds.shards import one_core, shards, written_whole
from triad_ui.synthesis.families import HELD_OUT

SHARD = 20
HELD_OUT_SEED = 960_000_000
REFERENCE_COUNTS = (1, 1, 2, 4, 4)
"""How many references a judged picture is compared with: drawn from these."""
UNSURE = 0.25
"""A cell of which less than this share is under a fault is neither good nor faulty."""
FAULT_WEIGHT = 3.0
IMAGE_WEIGHT = 0.3
TOP_CELLS = 8
"""An image is as suspicious as the mean of its TOP_CELLS worst cells."""
RATE = 2e-3

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ExpertBudget:
    """scenes: drawn to learn from, 2 MB of features each in files; steps: of `batch` scenes."""

    scenes: int
    steps: int
    held_out: int = 60
    batch: int = 5


EXPERT_BUDGETS = {
    "smoke": ExpertBudget(scenes=6, steps=8, held_out=4, batch=2),
    "20m": ExpertBudget(scenes=2600, steps=1000, held_out=200),
    "1h": ExpertBudget(scenes=4200, steps=4500, held_out=200),
    "3h": ExpertBudget(scenes=12_000, steps=14_000, held_out=200),
}


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A scene's features, float16 (N, h, w, C) by block, good parts first, then BAD bad ones.
    under: float16 (BAD, h, w), share of each cell of the head's grid under the fault."""

    features: dict[int, Tensor]
    under: Tensor


def train_expert(
    weights: Path, out: Path, work: Path, budget: ExpertBudget, *, seed: int, jobs: int, say: Say
) -> dict:
    """Train and write head and card into `out`; returns the card.

    weights: EfficientNet-Lite0's file. Raises TrainingError when a loss is not finite.
    """
    started = time.time()
    torch.manual_seed(seed)
    say(f"looking at {budget.scenes} scenes of {len(TRAINED)} product families")
    first = seed * 10_000_000
    seen = looked_at(work / "scenes", weights, first, budget.scenes, jobs, say, TRAINED)
    new = looked_at(
        work / "held_out", weights, HELD_OUT_SEED, budget.held_out, jobs, say, tuple(HELD_OUT)
    )
    torch.set_num_threads(jobs)
    head = ResidualHead()
    _learn(head, seen, budget, seed, say)
    report = {
        f"new families, {count} reference{'s' * (count > 1)}": _measured(head, new, count)
        for count in sorted(set(REFERENCE_COUNTS))
    }
    say(f"AUROC of images: {report}")
    out.mkdir(parents=True, exist_ok=True)
    save_file({k: v.detach().contiguous() for k, v in head.state_dict().items()}, out / WEIGHTS)
    card = {
        "what": "residual head of the reference expert, on frozen EfficientNet-Lite0",
        "trained on": "drawn scenes only (triad_ui/rounds/residual_scenes.py)",
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "minutes": round((time.time() - started) / 60, 1),
        "seed": seed,
        "budget": asdict(budget),
        "families": list(TRAINED),
        "held_out": list(HELD_OUT),
        "validation": report,
        "files": {WEIGHTS: hashlib.sha256((out / WEIGHTS).read_bytes()).hexdigest()},
    }
    (out / CARD).write_text(json.dumps(card, indent=1) + "\n", "utf-8")
    return card


def _learn(
    head: ResidualHead, scenes: Sequence[Seen], budget: ExpertBudget, seed: int, say: Say
) -> None:
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=0.02)
    head.train()
    losses: list[float] = []
    for step in range(1, budget.steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = (
                RATE * min(1.0, step / 50) * (0.5 + 0.5 * np.cos(np.pi * step / budget.steps))
            )
        chosen = rng.integers(len(scenes), size=budget.batch)
        parts = [judged(scenes[i], int(rng.choice(REFERENCE_COUNTS)), rng) for i in chosen]
        shown = {block: torch.cat([seen[block] for seen, _ in parts]) for block in WIDTHS}
        under = torch.cat([mask for _, mask in parts])
        if rng.random() < 0.5:
            shown, under = {block: cells.flip(2) for block, cells in shown.items()}, under.flip(2)
        if rng.random() < 0.5:
            shown = {block: cells.transpose(1, 2) for block, cells in shown.items()}
            under = under.transpose(1, 2)
        loss = _loss(head(shown), under)
        if not torch.isfinite(loss):
            raise TrainingError(f"The loss is not finite at step {step} of the expert's head.")
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        if step % 250 == 0 or step == budget.steps:
            say(f"head {step}/{budget.steps} loss {np.mean(losses[-250:]):.3f}")
    head.eval()


def _loss(logits: Tensor, under: Tensor) -> Tensor:
    """Cross-entropy of the cells, and of the images by their worst cells."""
    faulty = (under > UNSURE).float()
    known = ((under == 0) | (under > UNSURE)).float()
    cells = functional.binary_cross_entropy_with_logits(
        logits, faulty, known * torch.where(faulty > 0, FAULT_WEIGHT, 1.0)
    )
    images = functional.binary_cross_entropy_with_logits(
        _worst(logits), (under.flatten(1).amax(1) > 0).float()
    )
    return cells + IMAGE_WEIGHT * images


def _worst(logits: Tensor) -> Tensor:
    return logits.flatten(1).topk(TOP_CELLS, 1).values.mean(1)


@torch.inference_mode()
def _measured(head: ResidualHead, scenes: Sequence[Seen], count: int) -> float | None:
    """AUROC of good and bad pictures beside `count` references, by their worst cells."""
    rng = np.random.default_rng(count)
    scores, bad = [], []
    for scene in scenes:
        shown, under = judged(scene, count, rng)
        scores.append(_worst(head(shown)))
        bad.append(under.flatten(1).amax(1) > 0)
    return round(auroc(torch.cat(scores).numpy(), torch.cat(bad).numpy()), 3) if scores else None


def judged(scene: Seen, count: int, rng: np.random.Generator) -> tuple[dict[int, Tensor], Tensor]:
    """Pictures of a scene beside `count` good ones drawn from it, as many as GOOD + BAD.

    What the head reads of each, float32 (N, h, w, C + 3) by block, and the cells' shares under a
    fault, float32 (N, h, w): other good parts first, then all bad ones.
    """
    parts = len(next(iter(scene.features.values()))) - BAD
    order = rng.permutation(parts)
    good, bad = order[count : count + GOOD], np.arange(parts, parts + BAD)
    bank = PatchBank([_of(scene, index) for index in order[:count]])
    read = []
    for index in (*good, *bad):
        features = _of(scene, index)
        read.append(told(features, bank.nearest(features)))
    shown = {block: torch.stack([cells[block] for cells in read]) for block in WIDTHS}
    clean = torch.zeros(len(good), *scene.under.shape[1:])
    return shown, torch.cat([clean, scene.under.float()])


def _of(scene: Seen, index: int) -> dict[int, np.ndarray]:
    return {block: cells[index].float().numpy() for block, cells in scene.features.items()}


def looked_at(
    folder: Path, weights: Path, first_seed: int, count: int, jobs: int, say: Say,
    families: tuple[str, ...],
) -> list[Seen]:  # fmt: skip
    """The features of `count` scenes, from files in `folder`, which are written where they miss.

    They stay in the files, mapped, and are read as they are needed.
    """

    def on_made(made: int, missing: int, _: int) -> None:
        if made:
            say(f"{folder.name}: {made} of {missing} parts")

    paths = shards(
        folder, ".pt", SHARD, first_seed, count, jobs,
        start=_start_worker, given=(weights, families), write=_write_shard, on_made=on_made,
    )  # fmt: skip
    # our own files, written on this machine
    return [
        Seen(*made) for path in paths for made in torch.load(path, weights_only=True, mmap=True)
    ]


class SceneReader:
    """Scenes -> their features; one a worker."""

    def __init__(self, weights: Path, families: Sequence[str]) -> None:
        self._view = View(load_efficientnet_lite0(weights), SEEN, fine=True)
        self._families = tuple(families)

    def read(self, seed: int) -> Seen | None:
        """The scene of a seed as the expert sees it; None if it has none."""
        scene = make_scene(seed, self._families)
        if scene is None:
            return None
        shown = (*scene.references, *scene.good, *scene.bad)
        looks = [self._view.look(one.rgb) for one in shown]
        features = {
            block: torch.from_numpy(np.stack([look[block] for look in looks])).half()
            for block in WIDTHS
        }
        cells = features[GRID_BLOCK].shape[1:3]
        under = [
            cv2.resize(one.mask, cells[::-1], interpolation=cv2.INTER_AREA) for one in scene.bad
        ]
        return Seen(features, torch.from_numpy(np.stack(under)).half())


_reader: SceneReader | None = None


def _start_worker(weights: Path, families: tuple[str, ...]) -> None:
    global _reader
    one_core()
    _reader = SceneReader(weights, families)


def _write_shard(path: Path, seed: int, count: int) -> None:
    assert _reader is not None
    read = [_reader.read(seed + offset) for offset in range(count)]
    with written_whole(path) as draft:
        torch.save([(one.features, one.under) for one in read if one], draft)
