"""Originals survive whole or not at all; pictures come back as they were recorded."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from triad_ui.errors import ImageError, NotFound, NotSaved, StoreError
from triad_ui.imaging import store as store_module
from triad_ui.imaging.store import ImageStore
from triad_ui.records import Window

PIXELS = np.random.default_rng(5).integers(0, 256, (30, 40, 3)).astype(np.uint8)


def png(array: np.ndarray = PIXELS) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images", min_free_bytes=0)


def test_put_then_open_and_read(store: ImageStore) -> None:
    record = store.put(png(), "../part.png")
    assert record.name == "part.png" and record.size == (40, 30)
    assert files(store.root) == [store.path(record.sha256)]
    assert store.read_bytes(record.sha256) == png()
    assert np.array_equal(store.open(record).rgb, PIXELS)
    again = ImageStore(store.root, min_free_bytes=0)
    assert np.array_equal(again.open(record).rgb, PIXELS)
    assert again.open(record).record == record


def test_put_twice_is_one_file_with_each_its_name(store: ImageStore) -> None:
    first, second = store.put(png(), "a.png"), store.put(png(), "b.png")
    assert (first.name, second.name) == ("a.png", "b.png") and first.sha256 == second.sha256
    assert len(files(store.root)) == 1
    assert store.open(first).record.name == "a.png"
    assert store.open(first).rgb is store.open(second).rgb


def test_pixels_are_shared_and_thus_read_only(store: ImageStore) -> None:
    picture = store.open(store.put(png()))
    with pytest.raises(ValueError, match="read-only"):
        picture.rgb[0, 0] = 0


def test_page_and_window_of_the_record_are_used(store: ImageStore) -> None:
    stack = np.stack([np.full((8, 8), level, np.uint16) for level in (0, 500, 1000)])
    stack[:, 0, 0] = 2000
    file = io.BytesIO()
    tifffile.imwrite(file, stack, photometric="minisblack")
    record = store.put(file.getvalue(), "stack.tif")
    assert record.pages == 3 and record.window is not None
    for page, level in enumerate((0, 128, 255)):
        picture = store.open(replace(record, page=page, window=Window(0, 1000)))
        assert int(picture.rgb[4, 4, 0]) == level
        assert picture.record.window == Window(0, 1000) and picture.record.page == page


def test_what_is_no_picture_is_not_stored(store: ImageStore) -> None:
    for data in (b"<svg/>", png()[:-20], b""):
        with pytest.raises(ImageError):
            store.put(data, "x.png")
    assert files(store.root) == []


def test_missing_and_damaged_originals(store: ImageStore, tmp_path: Path) -> None:
    record = store.put(png())
    store.path(record.sha256).write_bytes(png()[:-1] + b"?")
    with pytest.raises(StoreError, match="damaged"):
        store.read_bytes(record.sha256)
    store.put(png())  # heals it
    assert store.read_bytes(record.sha256) == png()
    store.path(record.sha256).unlink()
    with pytest.raises(NotFound, match="missing"):
        ImageStore(store.root, min_free_bytes=0).open(record)


@pytest.mark.parametrize(
    "sha256", ["", "..", "../" * 20 + "etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n"]
)
def test_only_hashes_become_paths(store: ImageStore, sha256: str) -> None:
    with pytest.raises(StoreError):
        store.path(sha256)


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_saves_nothing_and_says_so(
    store: ImageStore, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    monkeypatch.setattr(store_module.os, call, full)
    with pytest.raises(NotSaved, match=r"disk is full\. Free some space"):
        store.put(png())
    assert files(store.root) == []
    monkeypatch.undo()
    store.put(png())
    assert len(files(store.root)) == 1


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(b"a file stands where the folder should be")
    with pytest.raises(NotSaved, match="cannot be written"):
        ImageStore(tmp_path / "images", min_free_bytes=0).put(png())


def test_the_free_space_floor(tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "images", min_free_bytes=1 << 60)
    with pytest.raises(NotSaved, match="must stay free"):
        store.put(png())
    assert files(store.root) == []


def test_killed_between_writing_and_renaming_leaves_no_picture(tmp_path: Path) -> None:
    (tmp_path / "part.png").write_bytes(png())
    code = (
        "import os, sys, pathlib\n"
        "from triad_ui.imaging import store\n"
        "store.os.replace = lambda *_: os._exit(9)\n"
        "root = pathlib.Path(sys.argv[1])\n"
        "store.ImageStore(root / 'images', min_free_bytes=0)"
        ".put((root / 'part.png').read_bytes())\n"
    )
    repository = Path(__file__).resolve().parents[2]
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=repository, check=False)
    assert ended.returncode == 9
    (left,) = files(tmp_path / "images")
    assert left.name.startswith(".part-")
    store = ImageStore(tmp_path / "images", min_free_bytes=0)
    assert files(store.root) == [left], "a young part may belong to a living job"
    os.utime(left, (time.time() - 7200,) * 2)
    store = ImageStore(tmp_path / "images", min_free_bytes=0)
    assert files(store.root) == []
    assert store.read_bytes(store.put(png()).sha256) == png()


def test_many_put_the_same_and_others_at_once(store: ImageStore) -> None:
    pictures = [png(np.roll(PIXELS, shift, axis=0)) for shift in range(4)]
    errors: list[BaseException] = []
    start = threading.Barrier(16)

    def work(number: int) -> None:
        try:
            start.wait()
            for turn in range(5):
                data = pictures[(number + turn) % 4]
                record = store.put(data, f"{number}.png")
                expected = np.roll(PIXELS, (number + turn) % 4, axis=0)
                assert np.array_equal(store.open(record).rgb, expected)
                assert store.read_bytes(record.sha256) == data
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [] and len(files(store.root)) == 4


def test_the_memory_of_pictures_is_bounded(tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "images", min_free_bytes=0, cache_bytes=2 * PIXELS.nbytes)
    records = [store.put(png(np.roll(PIXELS, shift, axis=1))) for shift in range(5)]
    assert store._held_bytes() <= 2 * PIXELS.nbytes
    for shift, record in enumerate(records):
        assert np.array_equal(store.open(record).rgb, np.roll(PIXELS, shift, axis=1))
    assert store._held_bytes() <= 2 * PIXELS.nbytes
    small = ImageStore(tmp_path / "images", min_free_bytes=0, cache_bytes=0)
    assert np.array_equal(small.open(records[0]).rgb, PIXELS)


def test_a_deep_picture_opens_from_memory_after_put(
    store: ImageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ramp = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    record = store.put(imagecodecs.png_encode(ramp), "ramp.png")
    assert record.window == Window(0.0, 4095.0)
    monkeypatch.setattr(store_module, "decode", full)
    assert int(store.open(record).rgb[63, 63, 0]) == 255
