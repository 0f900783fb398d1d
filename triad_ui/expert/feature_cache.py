"""Features kept between calls: in memory up to a limit, and in a folder if one is given.

It does not know what the features are or how they are made; a key must name picture, network and
code version, as nothing here is ever out of date.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np

Features = dict[int, np.ndarray]

MEMORY_BYTES = 256 * 2**20
DISK_BYTES = 2 * 2**30
_LOOK_EVERY = 64  # files written between two looks at the folder's size


class FeatureCache:
    """Least recently used features go first; safe to use from several threads."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        memory_bytes: int = MEMORY_BYTES,
        disk_bytes: int = DISK_BYTES,
    ) -> None:
        self._folder = folder
        self._memory_bytes = memory_bytes
        self._disk_bytes = disk_bytes
        self._held: OrderedDict[str, Features] = OrderedDict()
        self._bytes = 0
        self._written = 0
        self._lock = threading.Lock()

    def get(self, key: str) -> Features | None:
        """What was put under `key`, or None; a file that cannot be read counts as absent."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        features = self._read(key)
        if features is not None:
            self._hold(key, features)
        return features

    def put(self, key: str, features: Features) -> None:
        """Keeps float32 arrays by block; a folder that cannot be written is done without."""
        self._hold(key, features)
        if self._folder is not None:
            try:
                self._write(self._path(key), features)
            except OSError:
                return  # a full disk costs time at the next start, nothing else

    def _hold(self, key: str, features: Features) -> None:
        with self._lock:
            self._forget(key)
            self._held[key] = features
            self._bytes += _size(features)
            while self._bytes > self._memory_bytes and len(self._held) > 1:
                self._forget(next(iter(self._held)))

    def _forget(self, key: str) -> None:
        gone = self._held.pop(key, None)
        if gone is not None:
            self._bytes -= _size(gone)

    def _path(self, key: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:40]}.npz"

    def _read(self, key: str) -> Features | None:
        if self._folder is None:
            return None
        path = self._path(key)
        try:
            with np.load(path) as stored:
                features = {int(block): stored[block] for block in stored.files}
            os.utime(path)
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
            return None
        return features

    def _write(self, path: Path, features: Features) -> None:
        """Written beside and moved into place: a reader never sees half a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=path.parent, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, **{str(block): values for block, values in features.items()})
            os.replace(beside, path)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
        self._written += 1
        if self._written % _LOOK_EVERY == 1:
            self._prune(path.parent)

    def _prune(self, folder: Path) -> None:
        files = sorted(folder.glob("*.npz"), key=lambda file: -file.stat().st_mtime)
        total = 0
        for file in files:
            total += file.stat().st_size
            if total > self._disk_bytes:
                file.unlink(missing_ok=True)


def _size(features: Features) -> int:
    return sum(values.nbytes for values in features.values())
