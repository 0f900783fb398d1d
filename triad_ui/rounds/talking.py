"""Stage (b): the language model learns to read visual tokens and to talk about them.

The base model stays frozen; LoRA on every linear layer and the projector are trained on the
instruct mixture over examples; beside them on parts that are told in words alone (CoT-M's third
mode), where it learns to hold what is there against what was ordered, and a little small talk. The
loss is on the assistant's words only, with stage (a)'s losses alongside, so that the tokens keep
saying what they were taught to say.
Knows nothing of files or of how examples are made.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from triad_ui.dialogue import prompt
from triad_ui.instruct.mixture import converse, in_words, talk
from triad_ui.instruct.text_case import TextCase, text_case
from triad_ui.instruct.truth import Truth
from triad_ui.model.chat import ChatTokenizer, ImageSlot
from triad_ui.model.embedded.projector import Projector
from triad_ui.records import Message
from triad_ui.rounds.examples import TRAINED, Example
from triad_ui.rounds.looking import Looking, batch_of
from triad_ui.synthesis.families import FAMILIES
from triad_ui.synthesis.lesson import messages_of

IGNORED = -100
KEEP_EVERY = 25
OPENING_WEIGHT = 4.0
"""The opening letter is one token among thirty, and the one that matters most."""
WORDS = 0.4
"""Parts told in words alone, for each example in a batch; they cost a fifth of one."""
OPENED = 0.7
"""Share of those that ask the paper's yes/no question, the rest in other words."""
TALK = 0.03


@dataclass(frozen=True, slots=True, eq=False)
class Sequenced:
    """A dialogue as positions. ids: -1 - k stands for visual row k of the example. weights: loss
    weight of predicting each position, 0 where nothing is learned."""

    ids: list[int]
    weights: list[float]


def taught(truth: Truth, rng: np.random.Generator) -> list[Message]:
    """A conversation about a pictured part, one task of the mixture, as the workbench holds it."""
    return messages_of(converse(truth, rng, usual_question=prompt.DEFAULT_QUESTION), truth)


def told(rng: np.random.Generator) -> list[Message]:
    """A conversation without any picture: small talk, or a part that is told in words."""
    if rng.random() < TALK:
        return messages_of(talk(rng), Truth("normal", "part", None))
    case = text_case(rng, [FAMILIES[name] for name in TRAINED], surface=0.15)
    if rng.random() < OPENED:
        return opened(case)
    return messages_of(in_words(case, rng), case.truth)


def opened(case: TextCase) -> list[Message]:
    """The paper's question on a part that is told where its picture would stand."""
    system, asked = prompt.opening(case.product, case.process, 1)
    letter = prompt.YES if case.label == "defective" else prompt.NO
    text = f"What the image shows: {case.text}\n{asked.text}"
    return [system, Message("user", text), Message("assistant", letter)]


def sequenced(
    messages: Sequence[Message], rows: Sequence[int], tokenizer: ChatTokenizer
) -> Sequenced:
    """Positions and loss weights of a dialogue. rows: visual rows of each image."""
    starts = np.concatenate([[0], np.cumsum(rows)]).tolist()
    ids: list[int] = []
    weights: list[float] = []
    for message in messages:
        learned = 0
        if message.role == "assistant":
            learned = len(tokenizer.encode(message.text)) + 1
        pieces = tokenizer.pieces([message], answer=False)
        first = len(pieces) - 1 - learned  # the last piece is a newline after the end token
        for position, piece in enumerate(pieces):
            if isinstance(piece, ImageSlot):
                image = range(starts[piece.index], starts[piece.index + 1])
                ids += [-1 - row for row in image]
                weights += [0.0] * len(image)
                continue
            ids.append(piece)
            on = learned and first <= position < len(pieces) - 1
            letter = position == first and message.text in (prompt.YES, prompt.NO)
            heavy = OPENING_WEIGHT if letter else 1.0
            weights.append(heavy if on else 0.0)
    return Sequenced(ids, weights)


class Talker(nn.Module):
    """Projector and language model together, for training."""

    def __init__(
        self, language: PreTrainedModel, projector: Projector, tokenizer: ChatTokenizer
    ) -> None:
        super().__init__()
        self.language, self.projector, self.tokenizer = language, projector, tokenizer

    def loss(
        self, examples: Sequence[Example], looking: Looking, rng: np.random.Generator
    ) -> dict[str, Tensor]:
        """ "answer" (weighted mean over answer tokens) and stage (a)'s losses.

        WORDS times as many conversations without a picture are drawn beside the examples.
        """
        batch = batch_of(examples, looking.words)
        tokens = self.projector(batch.cells)
        losses = looking(tokens, batch)
        rows = [[len(cells) for cells in example.cells] for example in examples]
        visual = [*tokens.split([sum(counts) for counts in rows])]
        held = [
            sequenced(taught(example.truth, rng), counts, self.tokenizer)
            for example, counts in zip(examples, rows)
        ]
        for _ in range(rng.binomial(len(examples), WORDS)):
            held.append(sequenced(told(rng), (), self.tokenizer))
            visual.append(self.no_rows())
        losses["answer"] = self.answer_loss(held, visual)
        return losses

    def reading(self) -> torch.autocast:
        """Products are taken in the type of the base weights; losses are float32 in any case."""
        half = next(self.language.parameters()).dtype == torch.bfloat16
        return torch.autocast("cpu", torch.bfloat16, enabled=half)

    def no_rows(self) -> Tensor:
        """The visual rows of a conversation without a picture, float32 (0, width)."""
        return torch.zeros(0, self.language.config.hidden_size)

    def answer_loss(self, held: Sequence[Sequenced], visual: Sequence[Tensor]) -> Tensor:
        """Weighted mean cross-entropy of the learned words. visual: rows (N, width) of each."""
        length = max(len(sequence.ids) for sequence in held)
        words = self.language.get_input_embeddings()
        mask = torch.zeros(len(held), length, dtype=torch.long)
        targets = torch.full((len(held), length), IGNORED)
        weights = torch.zeros(len(held), length)
        pieces = []
        for row, (sequence, own) in enumerate(zip(held, visual)):
            ids = torch.tensor(sequence.ids)
            table = torch.cat([words(ids.clamp_min(0)).float(), own])
            index = torch.where(ids < 0, len(ids) - 1 - ids, torch.arange(len(ids)))
            pieces.append(functional.pad(table[index], (0, 0, 0, length - len(ids))))
            mask[row, : len(ids)] = 1
            weights[row, : len(ids)] = torch.tensor(sequence.weights)
            targets[row, : len(ids)] = ids.clamp_min(0)
        embedded = torch.stack(pieces)
        with self.reading():
            hidden = (
                self.language.get_base_model()
                .model(inputs_embeds=embedded, attention_mask=mask, use_cache=False)
                .last_hidden_state
            )
            on = weights[:, 1:] > 0
            logits = self.language.get_base_model().lm_head(hidden[:, :-1][on])
        wrong = functional.cross_entropy(logits.float(), targets[:, 1:][on], reduction="none")
        weight = weights[:, 1:][on]
        return (wrong * weight).sum() / weight.sum()


def train_talking(
    talker: Talker,
    looking: Looking,
    examples: Sequence[Example],
    *,
    steps: int,
    seconds: float,
    seed: int,
    on_step: Callable[[int, int, dict[str, float]], None],
    batch_size: int = 8,
    rate: float = 4e-4,
    state: Path | None = None,
) -> None:
    """Train in place for `steps` batches or `seconds`, whichever is over first.

    state: a file that keeps the run every `KEEP_EVERY` steps; a run that finds it goes on there.

    The rate warms up and falls to nothing by then. Goes over the examples as often as that takes;
    batches are drawn from neighbours in length, which halves the padding.
    """
    rng = np.random.default_rng(seed)
    lora = [p for p in talker.language.parameters() if p.requires_grad]
    own = [*talker.projector.parameters(), *looking.parameters()]
    optimizer = torch.optim.AdamW([*lora, *own], lr=rate, weight_decay=0.01, betas=(0.9, 0.98))
    talker.train()
    started = time.monotonic()
    first = 1
    if state is not None and state.exists():
        kept = torch.load(state, weights_only=True)
        for parameter, value in zip([*lora, *own], kept["parameters"], strict=True):
            parameter.data.copy_(value)
        optimizer.load_state_dict(kept["optimizer"])
        first, started = kept["step"] + 1, started - kept["seconds"]
        rng = np.random.default_rng([seed, first])
    queue: list[list[int]] = []
    for step in range(first, steps + 1):
        done = max(step / steps, (time.monotonic() - started) / seconds)
        if done > 1:
            break
        warm = min(1.0, step / 25)
        for group in optimizer.param_groups:
            group["lr"] = rate * warm * (0.5 + 0.5 * math.cos(math.pi * done))
        if not queue:
            queue = _batches(examples, batch_size, rng)
        chosen = [examples[i] for i in queue.pop()]
        losses = talker.loss(chosen, looking, rng)
        side = losses["fault"] * 0.2 + losses.get("kind", 0.0) * 0.05 + losses["colour"] * 0.05
        optimizer.zero_grad()
        (losses["answer"] + side).backward()
        nn.utils.clip_grad_norm_([*lora, *own], 1.0)
        optimizer.step()
        on_step(step, steps, {name: value.item() for name, value in losses.items()})
        if state is not None and step % KEEP_EVERY == 0:
            draft = state.with_suffix(".part")
            torch.save(
                {
                    "parameters": [parameter.data for parameter in [*lora, *own]],
                    "optimizer": optimizer.state_dict(),
                    "step": step,
                    "seconds": time.monotonic() - started,
                },
                draft,
            )
            draft.replace(state)
    talker.eval()


def _batches(
    examples: Sequence[Example], batch_size: int, rng: np.random.Generator
) -> list[list[int]]:
    lengths = np.array([sum(len(c) for c in e.cells) for e in examples])
    order = np.argsort(lengths + rng.normal(0, 12, len(lengths)))
    batches = [order[i : i + batch_size].tolist() for i in range(0, len(order), batch_size)]
    return [batches[i] for i in rng.permutation(len(batches))]


@torch.inference_mode()
def opening_logits(talker: Talker, examples: Sequence[Example]) -> np.ndarray:
    """float (len(examples),): logit of "yes" minus logit of "no" as the opening answer."""
    talker.eval()
    yes = talker.tokenizer.encode(prompt.YES)[0]
    no = talker.tokenizer.encode(prompt.NO)[0]
    words = talker.language.get_input_embeddings()
    out = []
    for example in examples:
        truth = example.truth
        messages = prompt.opening(truth.product, truth.process, len(example.cells))
        parts = []
        visual = [talker.projector(cells) for cells in example.cells]
        for piece in talker.tokenizer.pieces(messages):
            if isinstance(piece, ImageSlot):
                parts.append(visual[piece.index])
            else:
                parts.append(words(torch.tensor([piece])).float())
        with talker.reading():
            logits = talker.language(
                inputs_embeds=torch.cat(parts)[None], logits_to_keep=1, use_cache=False
            ).logits[0, -1]
        out.append(float(logits[yes]) - float(logits[no]))
    return np.array(out)
