"""Originals on the disk, found by the SHA-256 of their bytes, and decoded pictures in memory.

A file is either there as a whole or not there: it is written beside its place, flushed to the disk
and renamed. It knows no user, no quota and no database row; names never become paths.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import tempfile
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from triad_ui.errors import NotFound, NotSaved, StoreError
from triad_ui.imaging.decode import MAX_BYTES, MAX_PIXELS, check, decode
from triad_ui.imaging.file_name import display_name
from triad_ui.records import ImageRecord, Picture, Window

_HEX = re.compile(r"[0-9a-f]{64}")
_STALE_SECONDS = 3600
_DECODERS = 2
"""Pictures decoded at one time, so that a crowd of large uploads does not add up in memory."""

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))

_Key = tuple[str, int, Window | None]


class ImageStore:
    """Content-addressed originals under `root`; all methods may be called from any thread.

    max_pixels, max_bytes: see `decode`. min_free_bytes: what must stay free on the disk.
    cache_bytes: most memory for decoded pictures that stay at hand.
    """

    def __init__(
        self,
        root: Path,
        *,
        max_pixels: int = MAX_PIXELS,
        max_bytes: int = MAX_BYTES,
        min_free_bytes: int = 500_000_000,
        cache_bytes: int = 512_000_000,
    ) -> None:
        self.root = root
        self.max_pixels = max_pixels
        self.max_bytes = max_bytes
        self.min_free_bytes = min_free_bytes
        self.cache_bytes = cache_bytes
        self._cache: OrderedDict[_Key, Picture] = OrderedDict()
        self._lock = threading.Lock()
        self._decoders = threading.BoundedSemaphore(_DECODERS)
        self._sweep()

    def put(self, data: bytes, name: str = "") -> ImageRecord:
        """Store an original and return its record (first page, default window); idempotent.

        The file must decode: what cannot be shown is not stored, and ImageError says why. Raises
        NotSaved where the disk is full or not writable; then nothing is left behind.
        """
        check(data, max_pixels=self.max_pixels, max_bytes=self.max_bytes)
        sha256 = hashlib.sha256(data).hexdigest()
        with self._lock:
            held = self._cache.get((sha256, 0, None))
        picture = held or self._decode(data, name, 0, None)
        self._write(sha256, data)
        self._remember(picture, default=True)
        return replace(picture.record, name=display_name(name))

    def open(self, record: ImageRecord) -> Picture:
        """Return the stored picture at the record's page and window; its pixels are read-only.

        The name stays the record's. Raises NotFound or StoreError as `read_bytes` does.
        """
        key = (record.sha256, record.page, record.window)
        with self._lock:
            held = self._cache.get(key)
            if held is not None:
                self._cache.move_to_end(key)
        if held is None:
            data = self.read_bytes(record.sha256)
            held = self._decode(data, record.name, record.page, record.window)
            self._remember(held, default=record.window is None)
        return Picture(replace(held.record, name=record.name), held.rgb)

    def read_bytes(self, sha256: str) -> bytes:
        """Return the original's bytes, verified; NotFound if missing, StoreError if damaged."""
        path = self.path(sha256)
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise NotFound(
                f"The original {sha256[:12]} is missing from the image store. "
                "Restore it from a backup or upload the picture again."
            ) from error
        except OSError as error:
            raise StoreError(
                f"The original {sha256[:12]} cannot be read ({error.strerror}). "
                "Check the disk and the folder's permissions."
            ) from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise StoreError(
                f"The original {sha256[:12]} is damaged on the disk. "
                "Restore it from a backup or upload the picture again."
            )
        return data

    def path(self, sha256: str) -> Path:
        """Return where an original with that hash is or would be; StoreError for any other form."""
        if not _HEX.fullmatch(sha256):
            raise StoreError("This is not the SHA-256 of an image. Open the image from its case.")
        return self.root / sha256[:2] / sha256

    def _decode(self, data: bytes, name: str, page: int, window: Window | None) -> Picture:
        with self._decoders:
            picture = decode(
                data,
                name,
                page=page,
                window=window,
                max_pixels=self.max_pixels,
                max_bytes=self.max_bytes,
            )
        # Shared between threads and users from here on: nobody may draw into it.
        picture.rgb.setflags(write=False)
        return picture

    def _remember(self, picture: Picture, default: bool) -> None:
        """Keep a picture under its own window and, if that is the default one, under None too."""
        record = picture.record
        with self._lock:
            for window in {record.window, None} if default else {record.window}:
                key = (record.sha256, record.page, window)
                self._cache[key] = picture
                self._cache.move_to_end(key)
            while self._held_bytes() > self.cache_bytes:
                self._cache.popitem(last=False)

    def _held_bytes(self) -> int:
        arrays: dict[int, np.ndarray] = {id(p.rgb): p.rgb for p in self._cache.values()}
        return sum(array.nbytes for array in arrays.values())

    def _write(self, sha256: str, data: bytes) -> None:
        path = self.path(sha256)
        with suppress(StoreError):
            if self.read_bytes(sha256) == data:
                return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(path.parent).free
            if free - len(data) < self.min_free_bytes:
                raise NotSaved(
                    f"The image was not saved: the disk has {free / 1e6:.0f} MB free and "
                    f"{self.min_free_bytes / 1e6:.0f} MB must stay free. Free some space and "
                    "upload it again."
                )
            _write_whole(path, data)
        except OSError as error:
            if error.errno in _FULL:
                remedy = "the disk is full. Free some space and upload it again."
            else:
                remedy = (
                    f"the folder cannot be written ({error.strerror}). "
                    "Check its permissions and upload it again."
                )
            raise NotSaved(f"The image was not saved: {remedy}") from error

    def _sweep(self) -> None:
        """Remove what a killed job left half-written long ago; younger ones may be in progress."""
        before = time.time() - _STALE_SECONDS
        for left in self.root.glob("??/.part-*"):
            with suppress(OSError):
                if left.stat().st_mtime < before:
                    left.unlink()


def _write_whole(path: Path, data: bytes) -> None:
    handle, part = tempfile.mkstemp(prefix=".part-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(part)
        raise
    _flush_folder(path.parent)
    _flush_folder(path.parent.parent)


def _flush_folder(folder: Path) -> None:
    """Make a rename last through a power loss; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
