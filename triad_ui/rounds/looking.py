"""Stage (a): the projector learns to look, without the language model.

Each visual token is drawn towards the embeddings of the words that are true of its cell: the name
of the fault under it (or "good"), and the colours in it. Cosine similarity with fixed word
embeddings is the classifier, so what is learned is already in the language model's own terms. What
a query's tokens say together (`Findings`) is learned beside it.
What a word is comes from outside; this file sees vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from triad_ui.model.embedded.findings import Findings, fault_odds
from triad_ui.model.embedded.projector import Projector
from triad_ui.model.embedded.views import Cells, join
from triad_ui.records import LOCATIONS
from triad_ui.rounds.examples import Example

FAULTY = 0.08
"""Share of a cell under the fault from which the cell is called faulty."""
LEAST = 1e-4
FOCUS_FASTER = 40.0
"""Rate of the one weight by which cells are chosen, over that of the others."""
SHARES = {
    "fault": 2.0, "kind": 0.5, "colour": 0.5, "named": 0.3, "placed": 0.3,
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """Unit vectors of words. kinds: float (1 + K, width), row 0 for "good", then the kinds.
    colours: (10, width). places: (9, width), the 3x3 names. verdicts: (2, width), good and faulty.
    numbers: (9, width), "1" first. kind_index: row of each kind."""

    kinds: Tensor
    colours: Tensor
    places: Tensor
    verdicts: Tensor
    numbers: Tensor
    kind_index: dict[str, int]


class Looking:
    """The losses on projected tokens and on what they say together."""

    def __init__(self, findings: Findings, kind_index: dict[str, int]) -> None:
        self.findings, self.kind_index = findings, kind_index

    def __call__(self, tokens: Tensor, batch: LookingBatch) -> dict[str, Tensor]:
        """Losses. Of cells: "fault" (is the cell faulty), "kind" (which, where it is), "colour". Of
        queries: "named" and "placed"."""
        logits = self.findings.kind_logits(tokens)
        known = batch.known
        fault = fault_odds(logits)
        weight = torch.where(batch.faulty > 0, 4.0, 1.0)
        losses = {
            "fault": functional.binary_cross_entropy_with_logits(
                fault[known], batch.faulty[known], weight[known]
            )
        }
        ill = batch.faulty > 0
        if ill.any():
            losses["kind"] = functional.cross_entropy(logits[ill][:, 1:], batch.kind[ill] - 1)
        colours = self.findings.colour_logits(tokens).log_softmax(1)
        has = batch.colours.sum(1) > 0
        losses["colour"] = -(batch.colours * colours).sum(1)[has].mean()
        return losses | self._of_queries(tokens, batch)

    def _of_queries(self, tokens: Tensor, batch: LookingBatch) -> dict[str, Tensor]:
        found: dict[str, list[Tensor]] = {"named": [], "placed": []}
        for query in batch.queries:
            own = tokens[query.start : query.start + len(query.cells)]
            seen = self.findings.judgement(own, query.cells, query.evidence)
            if query.kind:
                found["named"].append(-(seen.kinds[query.kind - 1] + LEAST).log())
            if query.place is not None:
                found["placed"].append(-(seen.places[query.place] + LEAST).log())
        return {name: torch.stack(each).mean() for name, each in found.items() if each}


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """A query of a batch. start: of its cells in the batch. kind: row of the fault's kind, 0
    without one or where it does not show. place: 0..8, None likewise."""

    start: int
    cells: Cells
    evidence: Tensor
    kind: int
    place: int | None


@dataclass(frozen=True, slots=True, eq=False)
class LookingBatch:
    """cells of all images in a row; for each cell: faulty 0/1, kind (0 when good), known (whether
    that can be judged from the picture), colours (N, 10), zeros for cells of references. queries:
    one for each example."""

    cells: Cells
    faulty: Tensor
    kind: Tensor
    known: Tensor
    colours: Tensor
    queries: tuple[Query, ...]


def batch_of(examples: Sequence[Example], kind_index: dict[str, int]) -> LookingBatch:
    """The examples' cells, query and reference of each in turn, and what is true of them."""
    groups, faulty, kind, known, colours, queries = [], [], [], [], [], []
    start = 0
    for example in examples:
        truth = example.truth
        row = kind_index.get(truth.kind, 0) if truth.defective and example.visible else 0
        place = LOCATIONS.index(truth.location) if row and truth.location else None
        query = Query(start, example.cells[0], example.evidence, row, place)
        queries.append(query)
        for number, cells in enumerate(example.cells):
            groups.append(cells)
            count = len(cells)
            start += count
            if number:
                faulty.append(torch.zeros(count))
                kind.append(torch.zeros(count, dtype=torch.long))
                known.append(torch.zeros(count, dtype=torch.bool))
                colours.append(torch.zeros(count, example.colours.shape[1]))
                continue
            ill = (example.masked > FAULTY).float()
            faulty.append(ill)
            kind.append((ill * kind_index.get(truth.kind, 0)).long())
            known.append(torch.full((count,), example.visible))
            colours.append(example.colours)
    return LookingBatch(
        join(groups), torch.cat(faulty), torch.cat(kind), torch.cat(known), torch.cat(colours),
        tuple(queries),
    )  # fmt: skip


def total(losses: dict[str, Tensor]) -> Tensor:
    """The losses as one, in the shares of stage (a)."""
    return sum((losses[name] * share for name, share in SHARES.items() if name in losses),
               torch.zeros(()))  # fmt: skip


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
    """Train the projector and its findings in place. on_step: (step, steps, losses)."""
    random = np.random.default_rng(seed)
    projector.train()
    found = projector.findings
    few = {id(found.focus)}
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in projector.parameters() if id(p) not in few]},
            {"params": [p for p in projector.parameters() if id(p) in few]},
        ],
        lr=rate,
        weight_decay=0.05,
    )
    per_epoch = max(1, len(examples) // batch_size)
    steps = epochs * per_epoch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [rate, rate * FOCUS_FASTER], total_steps=steps + 1
    )
    step = 0
    for _ in range(epochs):
        order = random.permutation(len(examples))
        for index in range(per_epoch):
            chosen = [examples[i] for i in order[index * batch_size : (index + 1) * batch_size]]
            batch = batch_of(chosen, looking.kind_index)
            losses = looking(projector(batch.cells), batch)
            optimizer.zero_grad()
            total(losses).backward()
            nn.utils.clip_grad_norm_(projector.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            step += 1
            on_step(step, steps, {name: value.item() for name, value in losses.items()})
    projector.eval()
