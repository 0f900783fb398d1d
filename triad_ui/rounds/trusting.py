"""Stage (c): the language model learns to take its findings at their word.

The same conversations as in stage (b), but of what the pictures say only the findings stand there,
drawn beside the truth (`drawn_findings.py`), half of the time without a single cell: so nothing but
a finding tells, and each is as sure as it says. The opening letter is drawn to the odds that the
findings bear, not to what is so, which no finding knows for certain. Projector and readers stay as
they are. Knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from triad_ui.dialogue import prompt
from triad_ui.records import ManufacturingProcess
from triad_ui.rounds.conversations import OPENING_WEIGHT, elsewhere, sequenced, taught
from triad_ui.rounds.drawn_findings import drawn
from triad_ui.rounds.examples import Example
from triad_ui.rounds.falling_rate import falling_rate
from triad_ui.rounds.talking import Talker

WARM = 15
WITH_CELLS = 0.5
"""Share of examples that show cells as well, so that the letter is not read from these."""


def train_trusting(
    talker: Talker, examples: Sequence[Example], kind_index: Mapping[str, int], *, steps: int,
    seconds: float, seed: int, on_step: Callable[[int, int, dict[str, float]], None],
    batch_size: int = 6, rate: float = 3e-4, processes: Sequence[ManufacturingProcess] = (),
) -> None:  # fmt: skip
    """Train the language model in place for `steps` batches or `seconds`.

    kind_index: as of `looking.Words`. processes: see `conversations.elsewhere`. on_step: (step,
    steps, {"answer": loss, "opening": loss}).
    """
    rng = np.random.default_rng([seed, 6])
    lora = [p for p in talker.language.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(lora, lr=rate, weight_decay=0.01, betas=(0.9, 0.98))
    talker.train()
    talker.projector.eval()
    queue: list[int] = []
    for step in falling_rate(optimizer, rate, steps, seconds, WARM):
        while len(queue) < batch_size:
            queue += rng.permutation(len(examples)).tolist()
        chosen = [examples[queue.pop()] for _ in range(batch_size)]
        losses = trusting_loss(talker, chosen, kind_index, rng, processes)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        nn.utils.clip_grad_norm_(lora, 1.0)
        optimizer.step()
        on_step(step, steps, {name: value.item() for name, value in losses.items()})
    talker.eval()


def trusting_loss(
    talker: Talker, examples: Sequence[Example], kind_index: Mapping[str, int],
    rng: np.random.Generator, processes: Sequence[ManufacturingProcess] = (),
) -> dict[str, Tensor]:  # fmt: skip
    """ "answer": weighted mean cross-entropy of the learned words but the opening letter.

    "opening": mean cross-entropy of the letter, against the odds that the findings bear.
    """
    tokenizer = talker.tokenizer
    lexicon = talker.lexicon()
    letters = torch.tensor([tokenizer.encode(word)[0] for word in (prompt.YES, prompt.NO)])
    wrong, shares, opening = [torch.zeros(())], [torch.zeros(())], []
    for example in examples:
        truth = elsewhere(example.truth, processes, rng)
        with torch.no_grad():
            found, odds = drawn(
                truth, example.visible, example.colours.mean(0), kind_index,
                talker.projector.findings, lexicon, rng,
            )  # fmt: skip
            rows = [found]
            if rng.random() < WITH_CELLS:
                query, *others = (talker.projector(cells) for cells in example.cells)
                rows = [torch.cat([query, found]), *others]
        counts = [len(each) for each in rows] + [0] * (len(example.cells) - len(rows))
        messages, branches = taught(truth, rng)
        sequence = sequenced(messages, counts, tokenizer, truth, branches)
        _, logits, targets, weights = talker.predicted(sequence, torch.cat(rows))
        letter = (weights == OPENING_WEIGHT) & torch.isin(targets, letters)
        rest = functional.cross_entropy(logits[~letter], targets[~letter], reduction="none")
        wrong.append((rest * weights[~letter]).sum())
        shares.append(weights[~letter].sum())
        sure = torch.tensor([odds, -odds]).sigmoid().expand(int(letter.sum()), -1)
        told = logits[letter].log_softmax(1)[:, letters]
        opening.append(-(sure * told).sum(1))
    told = torch.cat(opening)
    return {
        "answer": torch.stack(wrong).sum() / torch.stack(shares).sum().clamp_min(1),
        "opening": told.mean() if len(told) else torch.zeros(()),
    }
