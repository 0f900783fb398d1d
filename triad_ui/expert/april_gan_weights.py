"""The authors' trained layers of April-GAN, read from the files that they publish.

It does not know what the layers are for; `april_gan` does.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from triad_ui.errors import WeightsError

FILES = {"april-gan": "mvtec_pretrained.pth", "april-gan-visa": "visa_pretrained.pth"}
"""The authors' file for each name in the registry, both in Settings.expert_weights."""
SOURCE = "https://github.com/ByChelsea/VAND-APRIL-GAN, folder exps/pretrained"

Layers = Sequence[tuple[Tensor, Tensor]]
"""Weight (D, C) and bias (D,), float32, of each layer, first block first."""


def read_linear(path: Path) -> Layers:
    """The layers in the authors' .pth file.

    Only tensors are read from the file, never objects. WeightsError when it is not here or is
    something else.
    """
    get = f"Get it from {SOURCE}, and put it into {path.parent} (set by TRIAD_EXPERT_WEIGHTS)."
    if not path.is_file():
        others = [n for n, file in FILES.items() if (path.parent / file).is_file()]
        here = (
            f" Here is the file of the expert {others[0]}, which needs no other." if others else ""
        )
        raise WeightsError(f"April-GAN's layers {path.name} are not here. {get}{here}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)["trainable_linearlayer"]
        count = len(state) // 2
        layers = [(state[f"fc.{n}.weight"].float(), state[f"fc.{n}.bias"].float())
                  for n in range(count)]  # fmt: skip
        shape = layers[0][0].shape
        if any(w.shape != shape or b.shape != shape[:1] for w, b in layers) or len(shape) != 2:
            raise ValueError("layers of unlike shapes")
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, KeyError, IndexError,
            TypeError, ValueError, AttributeError) as error:  # fmt: skip
        raise WeightsError(
            f"{path} does not hold April-GAN's layers ({type(error).__name__}). {get}"
        ) from error
    return layers
