"""`CloseReader` learns what faults look like, and then what its finds are worth.

Knows no files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from triad_ui.errors import TrainingError
from triad_ui.model.embedded.close_reader import Close, CloseReader
from triad_ui.model.embedded.projector import Projector
from triad_ui.model.embedded.weighed import beside, found, strange
from triad_ui.rounds import logistic
from triad_ui.rounds.close_ups import CloseUp
from triad_ui.rounds.examples import Example
from triad_ui.rounds.region_training import region_losses, train_regions
from triad_ui.synthesis.surface import SURFACE_KINDS


def train_close(
    reader: CloseReader,
    frames: Sequence[CloseUp],
    *,
    steps: int,
    seed: int,
    on_step: Callable[[int, int, dict[str, float]], None],
    batch_size: int = 96,
    rate: float = 2e-3,
) -> None:
    """Train in place; the rate warms up and falls to nothing. on_step: (step, steps, losses).
    TrainingError without frames."""
    if not frames:
        raise TrainingError("There is nothing to look at closely; draw some parts first.")
    train_regions(
        reader, frames, close_losses, steps=steps, rng=np.random.default_rng([seed, 6]),
        batch_size=batch_size, rate=rate, on_step=on_step,
    )  # fmt: skip


def close_losses(reader: CloseReader, frames: Sequence[CloseUp]) -> dict[str, Tensor]:
    """As `region_losses`."""
    told = reader(
        torch.stack([frame.scene.near for frame in frames]).float(),
        torch.stack([frame.scene.far for frame in frames]).float(),
    )
    truth = [1 + SURFACE_KINDS.index(frame.fault) if frame.fault else 0 for frame in frames]
    return region_losses(told, truth, [frame.masked for frame in frames])


def close_of(projector: Projector, example: Example) -> Close:
    """What an example's regions show."""
    return projector.look(example.closer, example.frames, example.good)


def weigh_looks(projector: Projector, examples: Sequence[Example]) -> float:
    """Fit what a part is judged by without its process; returns the cross-entropy.

    examples: those whose fault the pictures show, or that have none, are taken; of families that
    nothing was trained on, so that a close look is weighed as it deserves on a new product.
    """
    seen = [example for example in examples if example.visible]
    if not seen:
        raise TrainingError("There is no example to weigh close looks by; make some more.")
    projector.eval()
    closer = [close_of(projector, each) for each in seen]
    scores = torch.stack([strange(e.evidence, c) for e, c in zip(seen, closer, strict=True)])
    looks = [beside(found(c), e.evidence) for e, c in zip(seen, closer, strict=True)]
    truth = torch.tensor([float(each.truth.defective) for each in seen])
    findings = projector.findings
    return logistic.fit([findings.judge, findings.find], [scores, torch.stack(looks)], truth)


@torch.inference_mode()
def image_scores(projector: Projector, examples: Sequence[Example]) -> np.ndarray:
    """float (len(examples),): log-odds that each query is faulty, as its findings judge it."""
    projector.eval()
    scores = []
    for example in examples:
        cells, close = example.cells[0], close_of(projector, example)
        seen = projector.findings.judgement(projector(cells), cells, example.evidence, close)
        scores.append(float(seen.faulty))
    return np.array(scores)
