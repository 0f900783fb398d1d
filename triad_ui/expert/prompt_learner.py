"""AnomalyCLIP's learned prompts: the authors' checkpoint in, two text features out.

The prompts are learned vectors before the fixed words "object" and "damaged object"; they name no
product and cannot be told of one (Q. Zhou et al., AnomalyCLIP, ICLR 2024, section 4.1, "object-
agnostic"). Deeper vectors replace tokens on the way through the text tower (section 4.3). The
checkpoint holds the embeddings of its words, so that no tokenizer is needed.

It does not know pictures, nor where the checkpoint lies.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from triad_ui.errors import WeightsError
from triad_ui.expert.clip import REPOSITORY
from triad_ui.expert.clip_text import ClipText

KEY = "prompt_learner"
"""Where the authors' checkpoint keeps the prompts; the rest of it, if any, is not read."""
KINDS = ("pos", "neg")
"""The authors' names of the two prompts: of a good object, of a damaged one."""


@dataclass(frozen=True, slots=True, eq=False)
class Prompts:
    """Two learned prompts, row 0 of a good object and row 1 of a damaged one.

    tokens: float32 (2, T, C), before positions are added. ends: the position, of T, whose output
    is the text's feature. deep: for block 2, 3, ... the vectors (n, C) that replace the tokens
    1..n of both prompts before it.
    """

    tokens: Tensor
    ends: Tensor
    deep: tuple[Tensor, ...]


def read_prompts(path: Path) -> Prompts:
    """The prompts in a checkpoint of the authors; no code in the file is run.

    WeightsError when there is no such file or it holds no prompts.
    """
    advice = (
        "Take checkpoints/9_12_4_multiscale/epoch_15.pth from github.com/zqhang/AnomalyCLIP and "
        f"save it as {path}."
    )
    if not path.is_file():
        raise WeightsError(f"AnomalyCLIP's learned prompts are not at {path}. {advice}")
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        return prompts_from(stored[KEY])
    except (
        *(OSError, RuntimeError, pickle.UnpicklingError, EOFError),
        *(KeyError, TypeError, AttributeError, ValueError, IndexError),
    ) as error:
        raise WeightsError(
            f"{path} cannot be read as AnomalyCLIP's learned prompts. {advice}"
        ) from error


def prompts_from(state: Mapping[str, Tensor]) -> Prompts:
    """The prompts of the authors' `prompt_learner` weights.

    Reads ctx, token_prefix, token_suffix and tokenized_prompts of `pos` and `neg`, and
    compound_prompts_text.0, .1, ... as many as there are. KeyError without one of the first.
    ValueError for shapes that do not fit each other.
    """
    rows, ends = [], []
    for kind in KINDS:
        parts = [state[f"{name}_{kind}"] for name in ("token_prefix", "ctx", "token_suffix")]
        rows.append(torch.cat([part.float().flatten(0, -2) for part in parts]))
        ends.append(state[f"tokenized_prompts_{kind}"].flatten().argmax())
    deep = []
    while (name := f"compound_prompts_text.{len(deep)}") in state:
        # the authors' text tower runs these in half precision, also where all else is float32
        deep.append(state[name].half().float())
    tokens, positions = torch.stack(rows), torch.stack(ends)
    length, width = tokens.shape[1:]
    if int(positions.max()) >= length or any(
        vectors.ndim != 2 or vectors.shape[1] != width or len(vectors) >= length for vectors in deep
    ):
        raise ValueError("the learned prompts do not fit each other")
    return Prompts(tokens, positions, tuple(deep))


def text_features(tower: ClipText, prompts: Prompts) -> Tensor:
    """What CLIP's text tower makes of the prompts: (2, D), not of unit length.

    tower: with quick GELU. WeightsError when the prompts belong to another tower.
    """
    length, width = prompts.tokens.shape[1:]
    own = tower.blocks[0].layer_norm1.weight
    if len(own) != width or tower.longest < length or len(prompts.deep) >= len(tower.blocks):
        raise WeightsError(
            f"These learned prompts ({length} tokens of {width}) belong to another text tower than "
            f"this one ({tower.longest} tokens of {len(own)}). Use {REPOSITORY}."
        )
    with torch.no_grad():
        hidden = tower.place(prompts.tokens.to(own))
        for number in range(1, len(tower.blocks) + 1):
            if 2 <= number <= len(prompts.deep) + 1:
                vectors = prompts.deep[number - 2].to(own)
                after = hidden[:, 1 + len(vectors) :]
                hidden = torch.cat([hidden[:, :1], vectors.expand(2, -1, -1), after], dim=1)
            hidden = tower.block(number, hidden)
        return tower.finish(hidden, prompts.ends.to(own.device))
