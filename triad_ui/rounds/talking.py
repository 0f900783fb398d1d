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
from torch import nn

from triad_ui.dialogue import prompt
from triad_ui.model.chat import ImageSlot
from triad_ui.records import ManufacturingProcess
from triad_ui.rounds.close_reading import close_of
from triad_ui.rounds.examples import Example
from triad_ui.rounds.looking import Looking, total
from triad_ui.rounds.shards import written_whole
from triad_ui.rounds.talker import Talker

KEEP_EVERY = 25
LOOKING, STEP = 0.1, 0.5
"""Weights of stage (a)'s losses and of the steps'."""


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
            kept = {
                "parameters": [parameter.data for parameter in [*lora, *own]],
                "optimizer": optimizer.state_dict(),
                "step": step,
                "seconds": time.monotonic() - started,
            }
            with written_whole(state) as draft:
                torch.save(kept, draft)
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
                parts.append(visual[piece.index].to(talker.device))
            else:
                parts.append(words(torch.tensor([piece], device=talker.device)).float())
        with talker.mixed():
            logits = talker.language(
                inputs_embeds=torch.cat(parts)[None], logits_to_keep=1, use_cache=False
            ).logits[0, -1]
        out.append(float(logits[yes]) - float(logits[no]))
    return np.array(out)
