"""A tiny checkpoint as stock transformers loads it, beside ours, and pictures to show to both."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import PreTrainedModel
from transformers.models.llava_next.image_processing_pil_llava_next import (
    LlavaNextImageProcessorPil,
)
from transformers.models.llava_onevision.image_processing_pil_llava_onevision import (
    LlavaOnevisionImageProcessorPil,
)

from triad_ui.model.assemble import load_checkpoint, load_model
from triad_ui.model.checkpoint import model_class, open_checkpoint
from triad_ui.model.choice import Precision
from triad_ui.model.layout import Checkpoint, VisualLayout
from triad_ui.model.local import LocalTriad
from triad_ui.model.visual_tokens import TriadEncoder
from triad_ui.records import Roi, VisualInput


class Stock(NamedTuple):
    """The same checkpoint as transformers loads it, beside ours."""

    model: PreTrainedModel
    images: LlavaOnevisionImageProcessorPil | LlavaNextImageProcessorPil
    ours: LocalTriad
    layout: VisualLayout
    folder: Path

    @property
    def encoder(self) -> TriadEncoder:
        assert isinstance(self.ours._encoder, TriadEncoder)
        return self.ours._encoder

    def tokens(self, *pictures: VisualInput) -> list[Tensor]:
        read = self.images(pil(*pictures), return_tensors="pt")
        with torch.inference_mode():
            return list(self.model.get_image_features(**read).pooler_output)


def loaded_beside(folder: Path, processor: type) -> Stock:
    checkpoint = open_checkpoint(folder)
    kind = model_class(checkpoint.config)
    model = kind.from_pretrained(folder, dtype=torch.float32).eval()
    ours = load_checkpoint(checkpoint, precision="fp32", device="cpu")
    return Stock(model, processor.from_pretrained(folder), ours, checkpoint.visual, folder)


def picture(width: int, height: int, *rois: tuple[int, int, int, int]) -> VisualInput:
    rng = np.random.default_rng(width * 7919 + height)
    rgb = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return VisualInput(rgb, tuple(Roi(*box) for box in rois), None, f"{width}x{height}")


def pil(*pictures: VisualInput) -> list[Image.Image]:
    return [Image.fromarray(image.rgb) for image in pictures]


def encode(encoder: TriadEncoder, *pictures: VisualInput) -> list[Tensor]:
    return encoder.encode(pictures, range(len(pictures)), threading.Event())


def encoder_in(checkpoint: Checkpoint, precision: Precision) -> TriadEncoder:
    return TriadEncoder(load_model(checkpoint, precision, torch.device("cpu")), checkpoint.visual)
