"""Pools: uploads and folders into the store, one file at a time, stopped and taken up again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.products.drawn import part
from triad_ui.errors import ImageError
from triad_ui.feedback.store import FeedbackStore
from triad_ui.imaging.store import ImageStore
from triad_ui.products import pools
from triad_ui.products.pools import Pools


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    for number in range(5):
        path = folder / ("lot" if number < 4 else "lot/night") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(part(number, number))
    (folder / "lot" / "torn.png").write_bytes(part(1)[:60])
    (folder / "lot" / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture
def kept(tmp_path: Path, root: Path) -> Iterator[Pools]:
    store = FeedbackStore(f"sqlite:///{(tmp_path / 's.db').as_posix()}")
    yield Pools(ImageStore(tmp_path / "images"), store.products, root)
    store.close()


def names(kept: Pools, product: str = "ring") -> list[str]:
    return [record.name for record in kept.pool(product)]


def test_a_folder_is_put_into_the_pool_with_what_is_below_it(kept: Pools) -> None:
    told: list[tuple[float, str]] = []
    added = kept.add_folder("Ring", "lot", lambda *each: told.append(each))
    assert (added.added, added.known, added.total, added.stopped) == (5, 0, 5, False)
    assert [name for name, _ in added.skipped] == ["torn.png"]
    assert names(kept) == [f"{number}.png" for number in range(5)]
    assert told[0] == (0, "Reading picture 1 of 6")
    assert [share for share, _ in told] == sorted(share for share, _ in told)
    again = kept.add_folder("ring", "lot/night")
    assert (again.added, again.known, again.total) == (0, 1, 5)
    assert kept.folders() == ("lot", "lot/night")
    assert kept.remedy() == ""


def test_stopped_it_keeps_what_it_has_done_and_goes_on(
    kept: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "AT_ONCE", 2)
    stop = threading.Event()

    def third(share: float, line: str) -> None:
        if line.startswith("Reading picture 3"):
            stop.set()

    added = kept.add_folder("ring", "lot", third, stop)
    assert (added.added, added.stopped) == (3, True)
    assert names(kept) == ["0.png", "1.png", "2.png"]
    added = kept.add_folder("ring", "lot")
    assert (added.added, added.known, added.stopped) == (2, 3, False)


def test_uploads(kept: Pools, tmp_path: Path, root: Path) -> None:
    files = [(root / "lot" / "0.png", "first.png"), (tmp_path / "gone.png", "gone.png")]
    added = kept.add_uploads("ring", files)
    assert (added.added, names(kept)) == (1, ["first.png"])
    assert added.skipped[0][0] == "gone.png" and "Upload it again" in added.skipped[0][1]
    read = kept.read_uploads(files)
    assert [record.name for record in read.records] == ["first.png"]
    assert len(kept.read_folder("lot").records) == 5
    assert names(kept) == ["first.png"]


def test_pictures_are_taken_out_and_put_back(kept: Pools) -> None:
    kept.add_folder("ring", "lot")
    two = kept.pool("ring")[1:3]
    assert kept.remove("RING", two) == 2
    assert kept.remove("ring", two) == 0
    assert names(kept) == ["0.png", "3.png", "4.png"]
    assert kept.remove("bolt", kept.pool("ring")) == 0
    assert kept.add("ring", two).added == 2
    assert kept.empty("ring") == 5
    assert names(kept) == []


def test_a_pool_is_read_when_it_is_looked_at_and_without_the_query(
    kept: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.add_folder("ring", "lot")
    query = kept.pool("ring")[2]
    opened: list[str] = []
    images = kept._images
    monkeypatch.setattr(
        images, "open",
        lambda record, real=images.open: opened.append(record.name) or real(record),
    )  # fmt: skip
    pictures = kept.pictures("ring", query)
    assert [picture.record.name for picture in pictures] == ["0.png", "1.png", "3.png", "4.png"]
    assert len({picture.key for picture in pictures}) == 4 and opened == []
    assert pictures[1].rgb.dtype == np.uint8
    assert opened == ["1.png"]


def test_folders_that_may_not_be_named(kept: Pools, tmp_path: Path) -> None:
    for name in ("..", "nowhere", str(tmp_path)):
        with pytest.raises(ImageError, match="There is no folder"):
            kept.add_folder("ring", name)
    (tmp_path / "root" / "empty").mkdir()
    with pytest.raises(ImageError, match="There is no picture in empty"):
        kept.add_folder("ring", "empty")
    without = Pools(kept._images, kept._store, None)
    assert "--image-root" in without.remedy() and without.folders() == ()
    with pytest.raises(ImageError, match="--image-root"):
        without.add_folder("ring", "lot")
