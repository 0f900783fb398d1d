"""Logits -> the next token.

Knows nothing of models or of what was said.
"""

from __future__ import annotations

import torch
from torch import Tensor

from triad_ui.model.language_model import GenerationOptions


def pick(logits: Tensor, options: GenerationOptions, random: torch.Generator) -> int:
    """The next token id: the likeliest at temperature 0, else sampled from the top_p nucleus.

    logits: float32 (vocabulary,). random: on the processor, so that a seed repeats everywhere.
    """
    if options.temperature <= 0:
        return int(logits.argmax())
    probabilities = torch.softmax(logits.cpu() / options.temperature, -1)
    ordered, ids = probabilities.sort(descending=True)
    before = ordered.cumsum(0) - ordered
    ordered = torch.where(before < options.top_p, ordered, torch.zeros_like(ordered))
    return int(ids[torch.multinomial(ordered, 1, generator=random)])
