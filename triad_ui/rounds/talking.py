"""Stage (b): the language model learns to read visual tokens and to talk about them.

The base model stays frozen; LoRA on every linear layer and the projector are trained on
conversations over examples (`conversations.py`), and beside them on parts that are told in words
alone, where it learns to hold what is there against what was ordered. The loss is on the
assistant's words only, with stage (a)'s losses alongside, so that the tokens keep saying what they
were taught to say.
Knows nothing of files or of how examples are made.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from triad_ui.dialogue import prompt
from triad_ui.model.chat import ChatTokenizer, ImageSlot
from triad_ui.model.embedded.encoder import Lexicon, read_process
from triad_ui.model.embedded.projector import Projector
from triad_ui.model.embedded.step_reader import Reading
from triad_ui.records import ManufacturingProcess
from triad_ui.rounds.close_reading import close_of
from triad_ui.rounds.conversations import Sequenced, elsewhere, sequenced, taught, told
from triad_ui.rounds.examples import Example
from triad_ui.rounds.looking import Looking, batch_of, total

KEEP_EVERY = 25
WORDS = 0.2
"""Parts told in words alone, for each example in a batch; they cost half of one."""
ALONE = 0.4
"""Share of examples of which only what the query's tokens say together is shown, so that it is
read: cells say more than that of products that they were trained on, and less of others."""
LOOKING, STEP, STEP_WEIGHT = 0.1, 0.5, 3.0
"""Weights of stage (a)'s losses, of the steps', and of a contradicted step among others."""


class Talker(nn.Module):
    """Projector and language model together, for training."""

    def __init__(
        self, language: PreTrainedModel, projector: Projector, tokenizer: ChatTokenizer
    ) -> None:
        super().__init__()
        self.language, self.projector, self.tokenizer = language, projector, tokenizer
        self.contradicted = nn.Linear(language.config.hidden_size, 1)

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
        return losses | self.answer_loss(held, visual)

    def read(self, example: Example, process: ManufacturingProcess | None) -> Reading | None:
        """What the query says of a process, as it would be read in use."""
        if process is None:
            return None
        return read_process(self.projector, example.scene, process, self.lexicon())

    def lexicon(self) -> Lexicon:
        """The language model's own words."""
        table = self.language.get_input_embeddings().weight.detach()
        return Lexicon(self.tokenizer, table)

    def mixed(self) -> torch.autocast:
        """Products are taken in the type of the base weights; losses are float32 in any case."""
        half = next(self.language.parameters()).dtype == torch.bfloat16
        return torch.autocast("cpu", torch.bfloat16, enabled=half)

    def no_rows(self) -> Tensor:
        """The visual rows of a conversation without a picture, float32 (0, width)."""
        return torch.zeros(0, self.language.config.hidden_size)

    def predicted(self, sequence: Sequenced, own: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The language model's last states (L, width), and of the K words that are learned: logits
        float32 (K, words), ids (K,), weights (K,). own: the sequence's visual rows."""
        ids, weights = torch.tensor(sequence.ids), torch.tensor(sequence.weights)[1:]
        on, seen = weights > 0, sequence.seen()
        words, base = self.language.get_input_embeddings(), self.language.get_base_model()
        table = torch.cat([words(ids.clamp_min(0)).float(), own])
        index = torch.where(ids < 0, len(ids) - 1 - ids, torch.arange(len(ids)))
        with self.mixed():
            hidden = base.model(
                inputs_embeds=table[index][None],
                attention_mask=None if seen is None else seen[None, None],
                position_ids=torch.tensor(sequence.places)[None],
                use_cache=False,
            ).last_hidden_state[0]
            logits = base.lm_head(hidden[:-1][on])
        return hidden, logits.float(), ids[1:][on], weights[on]

    def answer_loss(self, held: Sequence[Sequenced], visual: Sequence[Tensor]) -> dict[str, Tensor]:
        """ "answer": weighted mean cross-entropy of the learned words. "contradicted": whether each
        step of a process is, told at the end of its line, so that the model learns to hold step by
        step against what is there. visual: rows (N, width) of each."""
        wrong, weight, told, truth = [], [], [], []
        # one after the other: padded to the longest of a batch, half of the positions were empty
        for sequence, rows in zip(held, visual):
            hidden, logits, ids, weights = self.predicted(sequence, rows)
            if sequence.steps:
                ends, contradicted = zip(*sequence.steps)
                with self.mixed():
                    told.append(self.contradicted(hidden[list(ends)])[:, 0].float())
                truth += contradicted
            wrong.append(functional.cross_entropy(logits, ids, reduction="none"))
            weight.append(weights)
        shares = torch.cat(weight)
        losses = {"answer": (torch.cat(wrong) * shares).sum() / shares.sum()}
        if told:
            losses["contradicted"] = functional.binary_cross_entropy_with_logits(
                torch.cat(told), torch.tensor(truth), pos_weight=torch.tensor(STEP_WEIGHT)
            )
        return losses


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
    processes: Sequence[ManufacturingProcess] = (),
) -> None:
    """Train in place for `steps` batches or `seconds`, whichever is over first.

    processes: as people write them, see `elsewhere`.

    state: a file that keeps the run every `KEEP_EVERY` steps; a run that finds it goes on there.

    The rate warms up and falls to nothing by then. Goes over the examples as often as that takes;
    batches are drawn from neighbours in length, which halves the padding.
    """
    rng = np.random.default_rng(seed)
    lora = [p for p in talker.language.parameters() if p.requires_grad]
    projector = talker.projector
    # what has learned and was weighed already stays as it is
    weighed = (projector.findings.judge, projector.findings.find, projector.findings.against)
    done = (*projector.learned(), *weighed)
    left = {id(parameter) for module in done for parameter in module.parameters()}
    own = [parameter for parameter in projector.parameters() if id(parameter) not in left]
    own += talker.contradicted.parameters()
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
        losses = talker.loss(chosen, looking, rng, processes)
        side = total(losses) * LOOKING + losses.get("contradicted", 0.0) * STEP
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
        reading = talker.read(example, truth.process)
        query, *others = example.cells
        close = close_of(talker.projector, example)
        visual = [talker.projector.image(query, example.evidence, close, reading)]
        visual += [talker.projector.image(cells) for cells in others]
        for piece in talker.tokenizer.pieces(messages):
            if isinstance(piece, ImageSlot):
                parts.append(visual[piece.index])
            else:
                parts.append(words(torch.tensor([piece])).float())
        with talker.mixed():
            logits = talker.language(
                inputs_embeds=torch.cat(parts)[None], logits_to_keep=1, use_cache=False
            ).logits[0, -1]
        out.append(float(logits[yes]) - float(logits[no]))
    return np.array(out)
