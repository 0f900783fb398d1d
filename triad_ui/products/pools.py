"""Pictures by the hundred: from uploads or a folder into the store, and into a product's pool.

One file is read at a time. What cannot be read is named with the reason and the rest goes on; work
that is stopped keeps what it has done.
Knows nothing of what a pool is used for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from triad_ui.errors import ImageError
from triad_ui.feedback.products import ProductStore
from triad_ui.imaging.file_name import display_name
from triad_ui.imaging.folders import (
    UNSET,
    find_folder,
    folders_below,
    pictures_below,
    read_below,
)
from triad_ui.imaging.store import ImageStore
from triad_ui.imaging.stored_picture import StoredPicture
from triad_ui.products.names import product_key
from triad_ui.records import ImageRecord, Picture

Report = Callable[[float, str], None]
"""Called with how much is done, 0..1, and a line for a person."""
Skipped = tuple[str, str]
"""A file's name as it is shown, and why it was left out."""
MOST_FILES = 20_000
AT_ONCE = 16
"""Pictures put into the pool in one transaction; so many at most are lost to a crash."""


@dataclass(frozen=True, slots=True)
class Read:
    """Pictures that were stored. stopped: by a person, before all were read."""

    records: tuple[ImageRecord, ...]
    skipped: tuple[Skipped, ...]
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Added:
    """What became of pictures for a pool: new in it, in it before, left out; total: in it now."""

    added: int
    known: int
    skipped: tuple[Skipped, ...]
    stopped: bool
    total: int


class Pools:
    """The pools of all products. root: the folder below which folders may be named, or None."""

    def __init__(self, images: ImageStore, store: ProductStore, root: Path | None) -> None:
        self._images = images
        self._store = store
        self._root = root

    def pool(self, product: str) -> tuple[ImageRecord, ...]:
        """The pictures of a product's pool, in the order in which they came."""
        return self._store.pool(product_key(product))

    def pictures(self, product: str, query: ImageRecord | None = None) -> tuple[Picture, ...]:
        """The pool to compare `query` with: without it, and read only when looked at.

        Deep pictures are shown under the query's window, so that equal parts look equal.
        """
        return tuple(
            StoredPicture(record if query is None else lit_like(query, record), self._images)
            for record in self.pool(product)
            if query is None or (record.sha256, record.page) != (query.sha256, query.page)
        )

    def remove(self, product: str, records: Sequence[ImageRecord]) -> int:
        """Take pictures out of a pool; how many were in it. They stay in the image store."""
        return self._store.take_from_pool(product_key(product), records)

    def empty(self, product: str) -> int:
        """Take all pictures out of a pool; how many there were."""
        return self._store.empty_pool(product_key(product))

    def folders(self) -> tuple[str, ...]:
        """Folders with pictures that may be named, as paths from the root."""
        return folders_below(self._root)

    def remedy(self) -> str:
        """Why no folder can be named, and the way out; "" when folders can be."""
        return UNSET if self._root is None else ""

    def add(self, product: str, records: Sequence[ImageRecord]) -> Added:
        """Put stored pictures into a pool. Raises NotSaved."""
        return self._pooled(product, iter(records), len(records), [], None, None)

    def add_uploads(
        self,
        product: str,
        files: Sequence[tuple[str | Path, str]],
        report: Report | None = None,
        stop: threading.Event | None = None,
    ) -> Added:
        """Store uploads, (path, shown name) each, and put them into a pool. Raises NotSaved."""
        skipped: list[Skipped] = []
        return self._pooled(
            product, self._uploads(files, skipped), len(files), skipped, report, stop
        )

    def add_folder(
        self,
        product: str,
        folder: str,
        report: Report | None = None,
        stop: threading.Event | None = None,
    ) -> Added:
        """Store a folder's pictures, those in its subfolders too, and put them into a pool.

        folder: see `find_folder`. Raises ImageError for one that may not be named, NotSaved.
        """
        skipped: list[Skipped] = []
        paths = self._files(folder, skipped)
        return self._pooled(
            product, self._stored(folder, paths, skipped), len(paths), skipped, report, stop
        )

    def read_uploads(
        self,
        files: Sequence[tuple[str | Path, str]],
        report: Report | None = None,
        stop: threading.Event | None = None,
    ) -> Read:
        """Store uploads without pooling them, as good or defective examples."""
        skipped: list[Skipped] = []
        return _read(self._uploads(files, skipped), len(files), skipped, report, stop)

    def read_folder(
        self, folder: str, report: Report | None = None, stop: threading.Event | None = None
    ) -> Read:
        """Store a folder's pictures without pooling them. Raises as `add_folder` does."""
        skipped: list[Skipped] = []
        paths = self._files(folder, skipped)
        return _read(self._stored(folder, paths, skipped), len(paths), skipped, report, stop)

    # -- reading --------------------------------------------------------------------------------

    def _files(self, folder: str, skipped: list[Skipped]) -> list[Path]:
        found: list[Path] = []
        for path in pictures_below(find_folder(self._root, folder)):
            if len(found) == MOST_FILES:
                skipped.append(
                    ("…", f"At most {MOST_FILES} pictures are read; name a subfolder for others.")
                )
                break
            found.append(path)
        if not found:
            raise ImageError(
                f"There is no picture in {folder.strip() or 'the root folder'}. PNG, JPEG, TIFF, "
                "BMP and WebP files are read, in its subfolders too."
            )
        return found

    def _stored(
        self, folder: str, paths: Sequence[Path], skipped: list[Skipped]
    ) -> Iterator[ImageRecord | None]:
        """Each picture's record as it is stored; None for what is skipped."""
        assert self._root is not None
        for path in paths:
            try:
                data = read_below(self._root, path, max_bytes=self._images.max_bytes)
                yield self._images.put(data, path.name)
            except ImageError as error:
                skipped.append((display_name(path.name), str(error)))
                yield None

    def _uploads(
        self, files: Sequence[tuple[str | Path, str]], skipped: list[Skipped]
    ) -> Iterator[ImageRecord | None]:
        for path, name in files:
            try:
                yield self._images.put(Path(path).read_bytes(), name)
            except ImageError as error:
                skipped.append((display_name(name), str(error)))
                yield None
            except OSError as error:
                told = f"The upload cannot be read ({error.strerror}). Upload it again."
                skipped.append((display_name(name), told))
                yield None

    def _pooled(
        self,
        product: str,
        found: Iterator[ImageRecord | None],
        total: int,
        skipped: list[Skipped],
        report: Report | None,
        stop: threading.Event | None,
    ) -> Added:
        key, added, known = product_key(product), 0, 0
        waiting: list[ImageRecord] = []
        stopped = False

        def put() -> None:
            nonlocal added, known
            new = self._store.add_to_pool(key, waiting)
            added, known = added + new, known + len(waiting) - new
            waiting.clear()

        try:
            for done in range(total):
                if stop is not None and stop.is_set():
                    stopped = True
                    break
                if report is not None:
                    report(done / total, f"Reading picture {done + 1} of {total}")
                record = next(found)
                if record is not None:
                    waiting.append(record)
                if len(waiting) == AT_ONCE:
                    put()
        finally:
            put()  # also when the disk is full: what was stored before is in the pool
        return Added(added, known, tuple(skipped), stopped, len(self._store.pool(key)))


def _read(
    found: Iterator[ImageRecord | None],
    total: int,
    skipped: list[Skipped],
    report: Report | None,
    stop: threading.Event | None,
) -> Read:
    records: list[ImageRecord] = []
    for done in range(total):
        if stop is not None and stop.is_set():
            return Read(tuple(records), tuple(skipped), True)
        if report is not None:
            report(done / total, f"Reading picture {done + 1} of {total}")
        record = next(found)
        if record is not None:
            records.append(record)
    return Read(tuple(records), tuple(skipped))


def in_steps(report: Report | None, doing: str) -> Callable[[int, int], None] | None:
    """A report of fractions as one of steps: "Looking at picture 3 of 20"."""
    if report is None:
        return None
    return lambda done, total: report(done / max(1, total), f"{doing} {done} of {total}")


def lit_like(query: ImageRecord, other: ImageRecord) -> ImageRecord:
    """A deep picture under the query's window, so that equal parts look equal."""
    if query.window is None or other.window is None or query.mode != other.mode:
        return other
    return replace(other, window=query.window)
