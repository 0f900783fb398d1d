"""Pictures read from disk when they are looked at, and kept only up to a limit.

A sequence of pictures for experts that want several at once: a pool or references may be larger
than memory. It does not know what the pictures show.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import overload

import cv2
import numpy as np

from triad_ui.errors import ImageError
from triad_ui.imaging.decode import MAX_PIXELS, decode
from triad_ui.records import Picture

KEPT_BYTES = 512 * 2**20


def read_picture(path: Path, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """The picture in a file, by the policy of `imaging.decode`. ImageError without the path."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(
            f"The file cannot be read ({error.strerror}). Check its path and permissions."
        ) from error
    return decode(data, path.name, max_pixels=max_pixels)


def read_mask(path: Path, size: tuple[int, int], *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Where the part is defective, bool (height, width) in an image of `size` (width, height).

    Anything but black is defect. A mask of another size is resized without mixing. ImageError as
    in `read_picture`.
    """
    mask = read_picture(path, max_pixels=max_pixels).rgb.max(axis=2)
    if mask.shape != size[::-1]:
        mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
    return mask > 0


class PictureFiles(Sequence[Picture]):
    """The pictures of files, decoded on demand; least recently used pixels go first.

    kept_bytes: of pixels; the picture asked for last is kept whatever its size.
    """

    def __init__(
        self,
        paths: Iterable[Path],
        *,
        kept_bytes: int = KEPT_BYTES,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self.paths = tuple(paths)
        self._kept_bytes = kept_bytes
        self._max_pixels = max_pixels
        self._held: OrderedDict[int, Picture] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, index: int) -> Picture: ...
    @overload
    def __getitem__(self, index: slice) -> PictureFiles: ...
    def __getitem__(self, index: int | slice) -> Picture | PictureFiles:
        """Raises ImageError for a file that cannot be read (any more)."""
        if isinstance(index, slice):
            return PictureFiles(
                self.paths[index], kept_bytes=self._kept_bytes, max_pixels=self._max_pixels
            )
        index = range(len(self.paths))[index]
        with self._lock:
            if index not in self._held:
                picture = read_picture(self.paths[index], max_pixels=self._max_pixels)
                self._held[index] = picture
                self._bytes += picture.rgb.nbytes
                while self._bytes > self._kept_bytes and len(self._held) > 1:
                    self._bytes -= self._held.popitem(last=False)[1].rgb.nbytes
            self._held.move_to_end(index)
            return self._held[index]
