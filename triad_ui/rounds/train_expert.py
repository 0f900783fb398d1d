"""Trains the reference expert's residual head: `python -m triad_ui train-expert`.

Drawn scenes (`residual_scenes`) are looked at once and what the head reads of them is kept in the
work folder, so that a run that was cut off goes on; then the head learns where faults are, and is
measured on scenes of product families that it never saw. No photograph is used.
Knows nothing of the language model.
"""

from __future__ import annotations

import hashlib
import json
import os
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
from triad_ui.expert.residual_head import CARD, WEIGHTS, ResidualHead, residuals
from triad_ui.expert.residual_view import View
from triad_ui.rounds.examples import TRAINED
from triad_ui.rounds.residual_scenes import REFERENCES, SEEN, Scene, make_scene
from triad_ui.rounds.shards import shards
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
    """scenes: drawn to learn from, seven judged pictures each; steps: batches of `batch` scenes."""

    scenes: int
    steps: int
    held_out: int = 60
    batch: int = 5


EXPERT_BUDGETS = {
    "smoke": ExpertBudget(scenes=6, steps=8, held_out=4, batch=2),
    "20m": ExpertBudget(scenes=800, steps=2000),
    "1h": ExpertBudget(scenes=1200, steps=3500),
    "3h": ExpertBudget(scenes=4000, steps=12_000, held_out=200),
}


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The judged pictures of a scene. inputs: float16 (N, CHANNELS, h, w). under: float16
    (N, h, w), share of each cell under the fault. references: how many they were compared with."""

    inputs: Tensor
    under: Tensor
    references: int


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
    seen = judged(work / "scenes", weights, first, budget.scenes, jobs, say, TRAINED)
    new = judged(
        work / "held_out", weights, HELD_OUT_SEED, budget.held_out, jobs, say, tuple(HELD_OUT)
    )
    torch.set_num_threads(jobs)
    head = ResidualHead()
    _learn(head, seen, budget, seed, say)
    report = {
        f"new families, {count} reference{'s' * (count > 1)}": _measured(
            head, [scene for scene in new if scene.references == count]
        )
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
    head: ResidualHead, scenes: Sequence[Judged], budget: ExpertBudget, seed: int, say: Say
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
        chosen = [scenes[i] for i in rng.integers(len(scenes), size=budget.batch)]
        inputs = torch.cat([scene.inputs for scene in chosen]).float()
        under = torch.cat([scene.under for scene in chosen]).float()
        if rng.random() < 0.5:
            inputs, under = inputs.flip(-1), under.flip(-1)
        if rng.random() < 0.5:
            inputs, under = inputs.transpose(-1, -2), under.transpose(-1, -2)
        loss = _loss(head(inputs), under)
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
def _measured(head: ResidualHead, scenes: Sequence[Judged]) -> float | None:
    """AUROC of good and bad pictures by their worst cells; None with no scene."""
    if not scenes:
        return None
    scores = torch.cat([_worst(head(scene.inputs.float())) for scene in scenes]).numpy()
    bad = torch.cat([scene.under.flatten(1).amax(1) > 0 for scene in scenes]).numpy()
    return round(auroc(scores, bad), 3)


def judged(
    folder: Path, weights: Path, first_seed: int, count: int, jobs: int, say: Say,
    families: tuple[str, ...],
) -> list[Judged]:  # fmt: skip
    """The judged pictures of `count` scenes, read from `folder` or made and written there."""

    def told(made: int, missing: int, _: int) -> None:
        if made:
            say(f"{folder.name}: {made} of {missing} parts")

    paths = shards(
        folder, ".pt", SHARD, first_seed, count, jobs,
        start=_start_worker, given=(weights, families), write=_write_shard, on_made=told,
    )  # fmt: skip
    # our own files, written on this machine
    return [Judged(*made) for path in paths for made in torch.load(path, weights_only=True)]


class SceneReader:
    """Scenes -> what the head reads of them; one a worker."""

    def __init__(self, weights: Path, families: Sequence[str]) -> None:
        self._view = View(load_efficientnet_lite0(weights), SEEN, head=None)
        self._families = tuple(families)

    def read(self, seed: int) -> Judged | None:
        """The scene of a seed against one, two or four of its references; None if it has none."""
        scene = make_scene(seed, self._families)
        return None if scene is None else self.judge(scene)

    def judge(self, scene: Scene) -> Judged:
        """All good and bad pictures of a scene against some of its references."""
        rng = np.random.default_rng([scene.seed, 11])
        count = int(rng.choice(REFERENCE_COUNTS))
        chosen = rng.permutation(REFERENCES)[:count]
        bank = PatchBank([self._view.look(scene.references[i].rgb) for i in chosen])
        inputs, under = [], []
        for shown in (*scene.good, *scene.bad):
            features = self._view.look(shown.rgb)
            inputs.append(residuals(features, bank.nearest(features)))
            cells = inputs[-1].shape[1:]
            mask = cv2.resize(shown.mask, cells[::-1], interpolation=cv2.INTER_AREA)
            under.append(torch.from_numpy(mask))
        return Judged(torch.stack(inputs).half(), torch.stack(under).half(), count)


_reader: SceneReader | None = None


def _start_worker(weights: Path, families: tuple[str, ...]) -> None:
    global _reader
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _reader = SceneReader(weights, families)


def _write_shard(path: Path, seed: int, count: int) -> None:
    assert _reader is not None
    read = [_reader.read(seed + offset) for offset in range(count)]
    draft = path.with_suffix(f".{os.getpid()}.part")
    torch.save([(one.inputs, one.under, one.references) for one in read if one], draft)
    draft.rename(path)
