"""Stage (a): the projector learns to look, without the language model.

Each visual token is drawn towards the embeddings of the words that are true of its cell: the name
of the fault under it (or "good"), and the colours in it. Cosine similarity with fixed word
embeddings is the classifier, so what is learned is already in the language model's own terms.
What a word is comes from outside; this file sees vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from triad_ui.model.embedded.projector import Projector
from triad_ui.model.embedded.views import Cells, join
from triad_ui.rounds.examples import Example

FAULTY = 0.08
"""Share of a cell under the fault from which the cell is called faulty."""


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """kinds: float (1 + K, width), row 0 for "good", then the kinds in order. colours: (10, width).
    Rows have unit length."""

    kinds: Tensor
    colours: Tensor
    kind_index: dict[str, int]


class Looking(nn.Module):
    """The losses on projected tokens; their temperatures are learned."""

    def __init__(self, words: Words) -> None:
        super().__init__()
        self.words = words
        self.temperature = nn.Parameter(torch.tensor([10.0, 10.0]))
        self.bias = nn.Parameter(torch.zeros(len(words.kinds)))

    def kind_logits(self, tokens: Tensor) -> Tensor:
        """(N, width) -> (N, 1 + K)."""
        unit = functional.normalize(tokens, dim=1)
        return unit @ self.words.kinds.T * self.temperature[0] + self.bias

    def forward(self, tokens: Tensor, batch: LookingBatch) -> dict[str, Tensor]:
        """Losses: "fault" (is the cell faulty), "kind" (which, where it is), "colour"."""
        logits = self.kind_logits(tokens)
        known = batch.known
        fault = torch.logsumexp(logits[:, 1:], 1) - logits[:, 0]
        weight = torch.where(batch.faulty > 0, 4.0, 1.0)
        losses = {
            "fault": functional.binary_cross_entropy_with_logits(
                fault[known], batch.faulty[known], weight[known]
            )
        }
        ill = batch.faulty > 0
        if ill.any():
            losses["kind"] = functional.cross_entropy(logits[ill][:, 1:], batch.kind[ill] - 1)
        unit = functional.normalize(tokens, dim=1)
        colours = (unit @ self.words.colours.T * self.temperature[1]).log_softmax(1)
        has = batch.colours.sum(1) > 0
        losses["colour"] = -(batch.colours * colours).sum(1)[has].mean()
        return losses


@dataclass(frozen=True, slots=True, eq=False)
class LookingBatch:
    """cells of all images in a row; for each cell: faulty 0/1, kind (0 when good), known (whether
    that can be judged from the picture), colours (N, 10), zeros for cells of references."""

    cells: Cells
    faulty: Tensor
    kind: Tensor
    known: Tensor
    colours: Tensor


def batch_of(examples: Sequence[Example], words: Words) -> LookingBatch:
    """The examples' cells, query and reference of each in turn, and what is true of them."""
    groups, faulty, kind, known, colours = [], [], [], [], []
    for example in examples:
        for number, cells in enumerate(example.cells):
            groups.append(cells)
            count = len(cells)
            if number:
                faulty.append(torch.zeros(count))
                kind.append(torch.zeros(count, dtype=torch.long))
                known.append(torch.zeros(count, dtype=torch.bool))
                colours.append(torch.zeros(count, len(words.colours)))
                continue
            ill = (example.masked > FAULTY).float()
            faulty.append(ill)
            kind.append((ill * words.kind_index.get(example.truth.kind, 0)).long())
            known.append(torch.full((count,), example.visible))
            colours.append(example.colours)
    return LookingBatch(
        join(groups), torch.cat(faulty), torch.cat(kind), torch.cat(known), torch.cat(colours)
    )


def train_looking(
    projector: Projector,
    looking: Looking,
    examples: Sequence[Example],
    *,
    epochs: int,
    seed: int,
    on_step: Callable[[int, int, dict[str, float]], None],
    batch_size: int = 48,
    rate: float = 1e-3,
) -> None:
    """Train both in place. on_step: (step, steps, losses)."""
    random = np.random.default_rng(seed)
    projector.train()
    optimizer = torch.optim.AdamW(
        [*projector.parameters(), *looking.parameters()], lr=rate, weight_decay=0.05
    )
    per_epoch = max(1, len(examples) // batch_size)
    steps = epochs * per_epoch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps + 1)
    step = 0
    for _ in range(epochs):
        order = random.permutation(len(examples))
        for index in range(per_epoch):
            chosen = [examples[i] for i in order[index * batch_size : (index + 1) * batch_size]]
            batch = batch_of(chosen, looking.words)
            losses = looking(projector(batch.cells), batch)
            loss = losses["fault"] * 2.0 + losses.get("kind", 0.0) * 0.5 + losses["colour"] * 0.5
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(projector.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            step += 1
            on_step(step, steps, {name: value.item() for name, value in losses.items()})
    projector.eval()


@torch.inference_mode()
def image_scores(projector: Projector, looking: Looking, examples: Sequence[Example]) -> np.ndarray:
    """float (len(examples),): the highest fault logit among each query's cells."""
    projector.eval()
    scores = []
    for example in examples:
        logits = looking.kind_logits(projector(example.cells[0]))
        scores.append(float((torch.logsumexp(logits[:, 1:], 1) - logits[:, 0]).max()))
    return np.array(scores)
