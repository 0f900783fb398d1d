"""Between the stages: the language model learns to hold what is told of a part against its process.

No picture takes part, so that a step is cheap; what is learned here is the
comparison that a picture's tokens are later put into. Knows nothing of files.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

from triad_ui.dialogue import prompt
from triad_ui.instruct.text_case import text_case
from triad_ui.rounds.conversations import opened, sequenced, told
from triad_ui.rounds.talker import Talker
from triad_ui.rounds.talking import STEP
from triad_ui.synthesis.families import FAMILIES

BATCH = 16
RATE = 5e-4
HELD_OUT_CASES = 120


def train_words(
    talker: Talker,
    *,
    steps: int,
    seed: int,
    on_step: Callable[[int, int, dict[str, float]], None],
) -> None:
    """Train the talker's LoRA weights in place on `steps` batches of parts told in words."""
    rng = np.random.default_rng([seed, 5])
    lora = [parameter for parameter in talker.language.parameters() if parameter.requires_grad]
    lora += talker.contradicted.parameters()
    optimizer = torch.optim.AdamW(lora, lr=RATE, weight_decay=0.01, betas=(0.9, 0.98))
    talker.train()
    for step in range(1, steps + 1):
        for group in optimizer.param_groups:
            falling = 0.5 + 0.5 * math.cos(math.pi * step / (steps + 1))
            group["lr"] = RATE * min(1.0, step / 25) * falling
        held = []
        for _ in range(BATCH):
            messages, truth = told(rng)
            held.append(sequenced(messages, (), talker.tokenizer, truth))
        losses = talker.answer_loss(held, [talker.no_rows()] * BATCH)
        optimizer.zero_grad()
        (losses["answer"] + losses.get("contradicted", 0.0) * STEP).backward()
        nn.utils.clip_grad_norm_(lora, 1.0)
        optimizer.step()
        on_step(step, steps, {name: value.item() for name, value in losses.items()})
    talker.eval()


@torch.inference_mode()
def words_right(talker: Talker, families: Sequence[str], cases: int = HELD_OUT_CASES) -> float:
    """Share of parts of these families, told in words, that get the right letter; seeded."""
    talker.eval()
    rng = np.random.default_rng(77)
    yes, no = (talker.tokenizer.encode(letter)[0] for letter in (prompt.YES, prompt.NO))
    right = 0
    for _ in range(cases):
        case = text_case(rng, [FAMILIES[name] for name in families])
        pieces = talker.tokenizer.pieces(opened(case)[:2])
        ids = torch.tensor([pieces], device=talker.device)
        with talker.mixed():
            logits = talker.language(input_ids=ids, logits_to_keep=1, use_cache=False).logits[0, -1]
        right += bool(logits[yes] > logits[no]) == (case.label == "defective")
    return right / cases
