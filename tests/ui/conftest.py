"""A real workbench with a fake expert and model, and pictures to lay out."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.fakes import fake_settings, fake_workbench
from triad_ui.settings import Settings
from triad_ui.workbench import Workbench


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return fake_settings(tmp_path)


@pytest.fixture
def workbench(settings: Settings) -> Iterator[Workbench]:
    made = fake_workbench(settings)
    yield made
    made.close()


def png(spot: bool, size: tuple[int, int] = (320, 240)) -> bytes:
    """A grey plate, with a dark spot at its right edge or without."""
    pixels = np.full((size[1], size[0], 3), 190, np.uint8)
    if spot:
        pixels[100:150, 250:310] = 20
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def deep_tiff() -> bytes:
    """A 16-bit grey ramp of 0..4095, which a default gr.Image would clip."""
    file = io.BytesIO()
    ramp = np.linspace(0, 4095, 64 * 48).reshape(48, 64).astype(np.uint16)
    Image.fromarray(ramp).save(file, "TIFF")
    return file.getvalue()
