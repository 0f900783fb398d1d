"""Projector and language model together, as they are trained.

What a conversation over an example looks like to the language model, and what it is held to: the
assistant's words, and which step is contradicted. The language model may be on a GPU, the projector
stays on the processor. Knows nothing of files, of optimizers or of how examples are made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from triad_ui.model.chat import ChatTokenizer
from triad_ui.model.embedded.encoder import Lexicon, read_process
from triad_ui.model.embedded.projector import Projector
from triad_ui.model.embedded.step_reader import Reading
from triad_ui.records import ManufacturingProcess
from triad_ui.rounds.close_reading import close_of
from triad_ui.rounds.conversations import Sequenced, elsewhere, sequenced, taught, told
from triad_ui.rounds.examples import Example
from triad_ui.rounds.looking import Looking, batch_of

WORDS = 0.2
"""Parts told in words alone, for each example in a batch; they cost half of one."""
ALONE = 0.4
"""Share of examples of which only what the query's tokens say together is shown, so that it is
read: cells say more than that of products that they were trained on, and less of others."""
STEP_WEIGHT = 3.0
"""Of a contradicted step among others."""


class Talker(nn.Module):
    """Projector and language model together, for training."""

    def __init__(
        self, language: PreTrainedModel, projector: Projector, tokenizer: ChatTokenizer
    ) -> None:
        super().__init__()
        self.language, self.projector, self.tokenizer = language, projector, tokenizer
        self.contradicted = nn.Linear(language.config.hidden_size, 1)
        # frozen, so that it is as good on the processor wherever the model goes
        table = language.get_input_embeddings().weight.detach().cpu()
        self.lexicon = Lexicon(tokenizer, table)

    def train(self, mode: bool = True) -> Talker:
        """As of any module, but what has learned already does not hide parts of what it sees."""
        super().train(mode)
        for learned in self.projector.learned():
            learned.eval()
        return self

    def loss(
        self,
        examples: Sequence[Example],
        looking: Looking,
        rng: np.random.Generator,
        processes: Sequence[ManufacturingProcess] = (),
    ) -> dict[str, Tensor]:
        """ "answer" (weighted mean over answer tokens), "contradicted" and stage (a)'s losses.

        WORDS times as many conversations without a picture are drawn beside the examples.
        processes: see `elsewhere`.
        """
        batch = batch_of(examples, looking.kind_index)
        tokens = self.projector(batch.cells)
        losses = looking(tokens, batch)
        visual, held = [], []
        for example, query in zip(examples, batch.queries):
            truth = elsewhere(example.truth, processes, rng)
            alone = rng.random() < ALONE
            counts = [len(cells) for cells in example.cells]
            end = query.start + counts[0]
            own = tokens[query.start : end]
            reading = self.read(example, truth.process)
            close = close_of(self.projector, example)
            found = self.projector.findings(own, query.cells, query.evidence, close, reading)
            rows = [own, found, tokens[end : query.start + sum(counts)]]
            counts[0] += len(found)
            if alone:
                rows, counts = [found], [len(found), *[0] * (len(counts) - 1)]
            visual.append(torch.cat(rows))
            messages, branches = taught(truth, rng)
            held.append(sequenced(messages, counts, self.tokenizer, truth, branches))
        for _ in range(rng.binomial(len(examples), WORDS)):
            messages, truth = told(rng)
            held.append(sequenced(messages, (), self.tokenizer, truth))
            visual.append(self.no_rows())
        said = self.answer_loss(held, visual)
        return losses | {name: loss.to(tokens.device) for name, loss in said.items()}

    def read(self, example: Example, process: ManufacturingProcess | None) -> Reading | None:
        """What the query says of a process, as it would be read in use."""
        if process is None:
            return None
        return read_process(self.projector, example.scene, process, self.lexicon)

    @property
    def device(self) -> torch.device:
        """Where the language model is; the projector stays on the processor."""
        return next(self.language.parameters()).device

    def language_to(self, device: torch.device | str) -> Talker:
        """Move the language model, and what is read from its states."""
        self.language.to(device)
        self.contradicted.to(device)
        return self

    def mixed(self) -> torch.autocast:
        """Products are taken in the type of the base weights; losses are float32 in any case."""
        half = next(self.language.parameters()).dtype == torch.bfloat16
        return torch.autocast(self.device.type, torch.bfloat16, enabled=half)

    def no_rows(self) -> Tensor:
        """The visual rows of a conversation without a picture, float32 (0, width)."""
        return torch.zeros(0, self.language.config.hidden_size)

    def predicted(
        self, held: Sequence[Sequenced], visual: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The language model's last states (N, L, width), and of the K words that are learned, of
        one sequence after the other: logits float32 (K, words), ids (K,), weights (K,), all on the
        model's device. visual: rows (N, width) of each. L: of the longest."""
        words, base = self.language.get_input_embeddings(), self.language.get_base_model()
        device = self.device
        length = max(len(sequence.ids) for sequence in held)
        # what pads a sequence stands behind it, where nothing of it looks
        ids = torch.zeros(len(held), length, dtype=torch.long)
        weights, places = torch.zeros(len(held), length), torch.zeros_like(ids)
        for row, sequence in enumerate(held):
            here = slice(len(sequence.ids))
            ids[row, here] = torch.tensor(sequence.ids)
            weights[row, here] = torch.tensor(sequence.weights)
            places[row, here] = torch.tensor(sequence.places)
        on = (weights[:, 1:] > 0).to(device)
        told = words(ids.clamp_min(0).to(device)).float()
        own = torch.cat([rows[-1 - row[row < 0]] for rows, row in zip(visual, ids)]).to(device)
        told[(ids < 0).to(device)] = own
        with self.mixed():
            hidden = base.model(
                inputs_embeds=told,
                attention_mask=_seen(held, length, device),
                position_ids=places.to(device),
                use_cache=False,
            ).last_hidden_state
            logits = base.lm_head(hidden[:, :-1][on])
        return hidden, logits.float(), ids[:, 1:].to(device)[on], weights[:, 1:].to(device)[on]

    def together(self, count: int) -> Iterator[slice]:
        """Which of `count` sequences are read at once: one after the other on a processor, as
        padded to the longest of a batch half of the positions would be empty; else all."""
        size = 1 if self.device.type == "cpu" else count
        return (slice(first, first + size) for first in range(0, count, max(size, 1)))

    def answer_loss(self, held: Sequence[Sequenced], visual: Sequence[Tensor]) -> dict[str, Tensor]:
        """ "answer": weighted mean cross-entropy of the learned words. "contradicted": whether each
        step of a process is, told at the end of its line, so that the model learns to hold step by
        step against what is there. visual: rows (N, width) of each."""
        wrong, weight, told, truth = [], [], [], []
        for some in self.together(len(held)):
            hidden, logits, ids, weights = self.predicted(held[some], visual[some])
            for states, sequence in zip(hidden, held[some]):
                if sequence.steps:
                    ends, contradicted = zip(*sequence.steps)
                    with self.mixed():
                        told.append(self.contradicted(states[list(ends)])[:, 0].float())
                    truth += contradicted
            wrong.append(functional.cross_entropy(logits, ids, reduction="none"))
            weight.append(weights)
        shares = torch.cat(weight)
        losses = {"answer": (torch.cat(wrong) * shares).sum() / shares.sum()}
        if told:
            known = torch.cat(told)
            losses["contradicted"] = functional.binary_cross_entropy_with_logits(
                known, known.new_tensor(truth), pos_weight=known.new_tensor(STEP_WEIGHT)
            )
        return losses


def _seen(held: Sequence[Sequenced], length: int, device: torch.device) -> Tensor | None:
    """Which positions each may look at, bool (N, 1, L, L); None where it is all those before it."""
    if not any(any(sequence.branches) for sequence in held):
        return None
    of = torch.zeros(len(held), length, dtype=torch.long)
    for row, sequence in enumerate(held):
        of[row, : len(sequence.ids)] = torch.tensor(sequence.branches)
    of = of.to(device)
    return ((of[:, None] == 0) | (of[:, None] == of[:, :, None])).tril()[:, None]
