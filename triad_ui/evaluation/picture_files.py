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
from triad_ui.records import ImageRecord, Picture

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


class PictureFile(Picture):
    """As any Picture; `rgb` raises ImageError when the file cannot be read any more."""

    __slots__ = ("_file", "_files")
    _files: PictureFiles
    _file: int

    def __init__(self, record: ImageRecord, files: PictureFiles, file: int) -> None:
        for name, value in (("record", record), ("_files", files), ("_file", file)):
            object.__setattr__(self, name, value)  # a Picture is frozen

    @property
    def rgb(self) -> np.ndarray:  # type: ignore[override]
        """uint8 (height, width, 3)."""
        return self._files.open(self._file).rgb


class PictureFiles(Sequence[Picture]):
    """The pictures of files, decoded on demand; least recently used pixels go first.

    What is given out holds no pixels, so that a pool may be larger than memory whatever is done
    with it. kept_bytes: of pixels; the picture asked for last is kept whatever its size.
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
        self._records: dict[int, ImageRecord] = {}
        self._held: OrderedDict[int, Picture] = OrderedDict()
        self._bytes = 0
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, index: int) -> Picture: ...
    @overload
    def __getitem__(self, index: slice) -> list[Picture]: ...
    def __getitem__(self, index: int | slice) -> Picture | list[Picture]:
        """Decodes a file the first time. Raises ImageError for one that cannot be read."""
        numbers = range(len(self.paths))[index]
        if isinstance(numbers, range):
            return [self[number] for number in numbers]
        with self._lock:
            if numbers not in self._records:
                self._records[numbers] = self.open(numbers).record
            return PictureFile(self._records[numbers], self, numbers)

    def open(self, index: int) -> Picture:
        """The picture with its pixels in memory."""
        with self._lock:
            if index not in self._held:
                picture = read_picture(self.paths[index], max_pixels=self._max_pixels)
                self._held[index] = picture
                self._bytes += picture.rgb.nbytes
                while self._bytes > self._kept_bytes and len(self._held) > 1:
                    self._bytes -= self._held.popitem(last=False)[1].rgb.nbytes
            self._held.move_to_end(index)
            return self._held[index]
