"""`CloseReader` learns what faults look like, and then what its finds are worth.

Knows no files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from triad_ui.errors import TrainingError
from triad_ui.model.embedded.close_reader import Close, CloseReader
from triad_ui.model.embedded.findings import beside, found, strange
from triad_ui.model.embedded.projector import Projector
from triad_ui.rounds import logistic
from triad_ui.rounds.close_ups import CloseUp
from triad_ui.rounds.examples import Example
from triad_ui.rounds.falling_rate import falling_rate
from triad_ui.rounds.looking import FAULTY
from triad_ui.synthesis.surface import SURFACE_KINDS

SMOOTHED = 0.05
"""How much of the truth is spread over all kinds: some can hardly be told apart."""
ILL_WEIGHT = 2.0
"""Weight of a cell under a fault; they are fewer."""


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
    rng = np.random.default_rng([seed, 6])
    optimizer = torch.optim.AdamW(reader.parameters(), lr=rate, weight_decay=0.05)
    reader.train()
    for step in falling_rate(optimizer, rate, steps):
        chosen = [frames[int(k)] for k in rng.integers(len(frames), size=batch_size)]
        losses = close_losses(reader, chosen)
        optimizer.zero_grad()
        sum(losses.values(), torch.zeros(())).backward()
        nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimizer.step()
        on_step(step, steps, {name: value.item() for name, value in losses.items()})
    reader.eval()


def close_losses(reader: CloseReader, frames: Sequence[CloseUp]) -> dict[str, Tensor]:
    """ "close": which kind of fault each frame shows, or none. "cell": which cells lie under it."""
    cells, kinds = reader(
        torch.stack([frame.scene.near for frame in frames]).float(),
        torch.stack([frame.scene.far for frame in frames]).float(),
    )
    truth = [1 + SURFACE_KINDS.index(frame.fault) if frame.fault else 0 for frame in frames]
    ill = (torch.stack([frame.masked for frame in frames]).float() > FAULTY).float()
    weight = torch.where(ill > 0, ILL_WEIGHT, 1.0)
    return {
        "close": functional.cross_entropy(kinds, torch.tensor(truth), label_smoothing=SMOOTHED),
        "cell": functional.binary_cross_entropy_with_logits(cells, ill, weight),
    }


def close_of(reader: CloseReader, example: Example) -> Close:
    """What an example's regions show."""
    return reader.look(example.closer, example.frames, example.good)


def weigh_looks(projector: Projector, examples: Sequence[Example]) -> float:
    """Fit what a part is judged by without its process; returns the cross-entropy.

    examples: those whose fault the pictures show, or that have none, are taken; of families that
    nothing was trained on, so that a close look is weighed as it deserves on a new product.
    """
    seen = [example for example in examples if example.visible]
    if not seen:
        raise TrainingError("There is no example to weigh close looks by; make some more.")
    projector.eval()
    scores = torch.stack([strange(each.evidence) for each in seen])
    looks = [beside(found(close_of(projector.close, each)), each.evidence) for each in seen]
    truth = torch.tensor([float(each.truth.defective) for each in seen])
    findings = projector.findings
    return logistic.fit([findings.judge, findings.find], [scores, torch.stack(looks)], truth)


@torch.inference_mode()
def image_scores(projector: Projector, examples: Sequence[Example]) -> np.ndarray:
    """float (len(examples),): log-odds that each query is faulty, as its findings judge it."""
    projector.eval()
    scores = []
    for example in examples:
        cells, close = example.cells[0], close_of(projector.close, example)
        seen = projector.findings.judgement(projector(cells), cells, example.evidence, close)
        scores.append(float(seen.faulty))
    return np.array(scores)
