"""A lock between jobs and threads: one file, held by the operating system, released on any death.

Knows nothing of what is guarded. It does not work on network file systems that ignore locks; a
cache is meant to be on a local disk.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def file_lock(path: Path, *, while_waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold `path` alone for the length of the block; waits for as long as another holds it.

    while_waiting: called about ten times a second while another holds it; raise there to give up.
    The file stays afterwards: removing it would let two holders lock two files of one name.
    Raises OSError when the file cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        while not _try_lock(handle):
            while_waiting()
            time.sleep(0.1)
        yield
    finally:
        os.close(handle)
