"""Pictures: what is known of a stored original, and its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Window:
    """Grey levels of a deep image that are shown as black (`low`) and as white (`high`)."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """What is known of a stored original: enough to find and render it again.

    sha256: of the file's bytes. name: as uploaded, for display only. width, height: upright pixels.
    mode: human-readable pixel format, e.g. "RGB 8-bit", "grey 16-bit", "grey float".
    page: 0-based page of a multi-page file, of `pages`. window: None for 8-bit files.
    """

    sha256: str
    name: str
    width: int
    height: int
    mode: str
    page: int = 0
    pages: int = 1
    window: Window | None = None

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded image: its record and 8-bit rendering, uint8 (height, width, 3) RGB, upright."""

    record: ImageRecord
    rgb: np.ndarray

    @property
    def key(self) -> str:
        """Identity of these very pixels: file hash, page and window. Used as a cache key."""
        window = self.record.window
        shown = f"{window.low!r}-{window.high!r}" if window else "8bit"
        return f"{self.record.sha256}-p{self.record.page}-{shown}"
