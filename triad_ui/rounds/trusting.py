"""Stage (c): the language model learns to take its findings at their word.

The same conversations as in stage (b), but of what the pictures say only the findings are sure to
stand there, drawn beside the truth (`drawn_findings.py`): whether a part is faulty is told as
surely as it is so, kind, place and step rightly. Cells stand beside them now and then, half of
these of another part, so that nothing but a finding tells. The opening letter is drawn to the odds
that the findings bear, not to what is so, which no finding knows for certain. Projector and
readers stay as they are. Knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from triad_ui.dialogue import prompt
from triad_ui.instruct.mixture import WEIGHTS
from triad_ui.model.embedded.encoder import Lexicon
from triad_ui.model.embedded.projector import Projector
from triad_ui.model.embedded.views import Cells
from triad_ui.records import ManufacturingProcess
from triad_ui.rounds.conversations import (
    OPENING_WEIGHT,
    Sequenced,
    elsewhere,
    sequenced,
    taught,
    told,
)
from triad_ui.rounds.drawn_findings import drawn
from triad_ui.rounds.falling_rate import falling_rate
from triad_ui.rounds.talker import Talker
from triad_ui.rounds.truths import Told

WARM = 15
IN_WORDS = 0.1
"""Share of parts told in words alone and of small talk, so that these are not forgotten."""
OWN_CELLS, STRANGE_CELLS = 0.4, 0.3
"""Shares of parts that show their cells, and those of another part: of products that were trained
on cells say truly where a fault lies and what it is, of others they do not."""
ONLY_TALKED_OF = {"dialogue": 1.0}
"""What is asked beside the cells of another part: nothing that only its cells could tell."""


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """A conversation to learn. rows: visual rows float32 (N, width). odds: log-odds of a fault that
    they bear; nan where the letter says what is so."""

    sequence: Sequenced
    rows: np.ndarray
    odds: float


class Lessons(Dataset):
    """Lessons drawn from parts, as many as asked for; each depends on its number alone."""

    def __init__(
        self, projector: Projector, lexicon: Lexicon, parts: Sequence[Told],
        kind_index: Mapping[str, int], processes: Sequence[ManufacturingProcess], seed: int,
        count: int,
    ) -> None:  # fmt: skip
        self._projector, self._lexicon = projector, lexicon
        self._parts, self._kind_index, self._processes = parts, kind_index, processes
        self._looked = [part for part in parts if part.cells]
        self._seed, self._count = seed, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> Lesson:
        rng = np.random.default_rng([self._seed, 6, number])
        if rng.random() < IN_WORDS:
            messages, truth = told(rng)
            sequence = sequenced(messages, (), self._lexicon.tokenizer, truth)
            return Lesson(sequence, np.zeros((0, self._lexicon.table.shape[1]), np.float32), np.nan)
        return self.lesson(self._parts[int(rng.integers(len(self._parts)))], rng)

    def lesson(self, part: Told, rng: np.random.Generator) -> Lesson:
        """A lesson of one part."""
        truth = elsewhere(part.truth, self._processes, rng)
        with torch.no_grad():
            found, odds = drawn(
                truth, part.visible, part.colours, self._kind_index, self._projector.findings,
                self._lexicon, rng,
            )  # fmt: skip
            cells, own = self._shown(part, truth.one_shot, rng)
            query, *others = (self._projector(each) for each in cells) if cells else (found[:0],)
        rows = torch.cat([query, found, *others])
        counts = [len(query) + len(found), *(len(each) for each in others)]
        counts += [0] * (1 + truth.one_shot - len(counts))
        messages, branches = taught(truth, rng, WEIGHTS if own else ONLY_TALKED_OF)
        sequence = sequenced(messages, counts, self._lexicon.tokenizer, truth, branches)
        return Lesson(sequence, rows.numpy(), odds)

    def _shown(
        self, part: Told, beside: bool, rng: np.random.Generator
    ) -> tuple[Sequence[Cells], bool]:
        """The cells that are shown, and whether the part's own, if any are."""
        lot = rng.random()
        if lot < OWN_CELLS:
            return part.cells, True
        if lot < OWN_CELLS + STRANGE_CELLS and self._looked:
            other = self._looked[int(rng.integers(len(self._looked)))]
            return other.cells[: 1 + beside], False
        return (), True


def train_trusting(
    talker: Talker, parts: Sequence[Told], kind_index: Mapping[str, int], *, steps: int,
    seconds: float, seed: int, on_step: Callable[[int, int, dict[str, float]], None],
    batch_size: int = 6, rate: float = 3e-4, processes: Sequence[ManufacturingProcess] = (),
    jobs: int = 0,
) -> None:  # fmt: skip
    """Train the language model in place for `steps` batches or `seconds`.

    kind_index: as of `looking.Words`. processes: see `conversations.elsewhere`. jobs: workers that
    draw lessons meanwhile; 0 draws them between the steps. on_step: (step, steps, {"answer": loss,
    "opening": loss}).
    """
    if not steps:
        return
    lora = [p for p in talker.language.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(lora, lr=rate, weight_decay=0.01, betas=(0.9, 0.98))
    talker.train()
    talker.projector.eval()
    lessons = Lessons(
        talker.projector, talker.lexicon, parts, kind_index, processes, seed, steps * batch_size
    )
    # workers share the parts with this process; none of them touches the GPU
    batches = iter(DataLoader(
        lessons, batch_size, num_workers=jobs, collate_fn=list,
        multiprocessing_context="fork" if jobs else None, prefetch_factor=4 if jobs else None,
    ))  # fmt: skip
    for step in falling_rate(optimizer, rate, steps, seconds, WARM):
        losses = trusting_loss(talker, next(batches))
        optimizer.zero_grad()
        sum(losses.values()).backward()
        nn.utils.clip_grad_norm_(lora, 1.0)
        optimizer.step()
        on_step(step, steps, {name: value.item() for name, value in losses.items()})
    talker.eval()


def trusting_loss(talker: Talker, lessons: Sequence[Lesson]) -> dict[str, Tensor]:
    """ "answer": weighted mean cross-entropy of the learned words but the opening letter.

    "opening": mean cross-entropy of the letter, against the odds that the findings bear.
    """
    device = talker.device
    letters = torch.tensor([talker.tokenizer.encode(word)[0] for word in (prompt.YES, prompt.NO)])
    letters = letters.to(device)
    wrong, shares, opening = [], [], []
    for some in talker.together(len(lessons)):
        held = [lesson.sequence for lesson in lessons[some]]
        rows = [torch.from_numpy(lesson.rows) for lesson in lessons[some]]
        _, logits, targets, weights = talker.predicted(held, rows)
        learned = [sum(weight > 0 for weight in sequence.weights[1:]) for sequence in held]
        odds = torch.tensor([lesson.odds for lesson in lessons[some]])
        odds = odds.repeat_interleave(torch.tensor(learned)).to(device)
        letter = (weights == OPENING_WEIGHT) & torch.isin(targets, letters) & odds.isfinite()
        rest = functional.cross_entropy(logits[~letter], targets[~letter], reduction="none")
        wrong.append((rest * weights[~letter]).sum())
        shares.append(weights[~letter].sum())
        sure = torch.stack([odds[letter], -odds[letter]], 1).sigmoid()
        opening.append(-(sure * logits[letter].log_softmax(1)[:, letters]).sum(1))
    told_ = torch.cat(opening)
    return {
        "answer": torch.stack(wrong).sum() / torch.stack(shares).sum().clamp_min(1),
        "opening": told_.mean() if len(told_) else told_.new_zeros(()),
    }
