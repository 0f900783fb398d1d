"""A stored picture whose pixels are read when they are looked at, and not kept by it.

A pool or a set of references may be larger than memory: the store's own cache bounds what is held.
"""

from __future__ import annotations

import numpy as np

from triad_ui.imaging.store import ImageStore
from triad_ui.records import ImageRecord, Picture


class StoredPicture(Picture):
    """As any Picture; `rgb` raises what `ImageStore.open` raises, and `key` reads no pixel."""

    __slots__ = ("_images",)
    _images: ImageStore

    def __init__(self, record: ImageRecord, images: ImageStore) -> None:
        """record: as the store gave it, so that its window is that of the pixels."""
        object.__setattr__(self, "record", record)  # a Picture is frozen
        object.__setattr__(self, "_images", images)

    @property
    def rgb(self) -> np.ndarray:  # type: ignore[override]
        """uint8 (height, width, 3), read-only."""
        return self._images.open(self.record).rgb
