"""Pictures of files: read when looked at, never held beyond a limit by whoever lists them."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest

from tests.products.drawn import png
from triad_ui.errors import ImageError
from triad_ui.evaluation import picture_files
from triad_ui.evaluation.picture_files import PictureFiles


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    made = []
    for number in range(6):
        made.append(tmp_path / f"{number}.png")
        made[-1].write_bytes(png(np.full((40, 50, 3), 10 * number, np.uint8)))
    return made


def test_a_list_of_them_holds_no_pixels(paths: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    alive: list[weakref.ref] = []
    read = picture_files.read_picture

    def watched(path: Path, **more: int):
        picture = read(path, **more)
        alive.append(weakref.ref(picture.rgb))
        return picture

    monkeypatch.setattr(picture_files, "read_picture", watched)
    files = PictureFiles(paths, kept_bytes=2 * 40 * 50 * 3)
    listed = [*files, *files[1:3]]
    gc.collect()
    assert len({picture.key for picture in listed}) == 6
    assert sum(pixels() is not None for pixels in alive) == 2
    assert [int(picture.rgb[0, 0, 0]) for picture in listed] == [0, 10, 20, 30, 40, 50, 10, 20]
    before = len(alive)
    assert [picture.record.name for picture in files] == [path.name for path in paths]
    assert len(alive) == before  # what is known of a picture is not read again


def test_a_file_that_is_gone_is_told(paths: list[Path]) -> None:
    files = PictureFiles(paths, kept_bytes=1)
    first, _ = files[0], files[1]
    paths[0].unlink()
    with pytest.raises(ImageError, match="cannot be read"):
        _ = first.rgb
    with pytest.raises(IndexError):
        files[6]
