"""Nothing outside the root is read, by whatever name; what cannot be read is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from triad_ui.errors import ImageError
from triad_ui.imaging.folders import find_folder, folders_below, pictures_below, read_below


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "shared"
    for name in ("cables/good/1.png", "cables/good/2.JPG", "cables/notes.txt", "cables/.git/x.png"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    outside = tmp_path / "shared-not"
    outside.mkdir()
    (outside / "secret.png").write_bytes(b"secret")
    return root


@pytest.mark.parametrize("name", ["cables", " cables/ ", "./cables", "cables/good/..", "", "."])
def test_folders_below_the_root_are_found(root: Path, name: str) -> None:
    wanted = root if name.strip() in ("", ".") else root / "cables"
    assert find_folder(root, name) == wanted
    assert find_folder(root, str(root / "cables")) == root / "cables"


@pytest.mark.parametrize(
    "name",
    ["..", "../shared-not", "cables/../../shared-not", "/", "/etc", "~", "no", "a\0b", "x" * 5000,
     "cables/good/1.png"],
)  # fmt: skip
def test_everything_else_is_refused_alike(root: Path, name: str) -> None:
    with pytest.raises(ImageError, match="There is no folder"):
        find_folder(root, name)
    with pytest.raises(ImageError, match="There is no folder"):
        find_folder(root, str(root) + "-not")


def test_without_a_root_none_can_be_named(root: Path) -> None:
    with pytest.raises(ImageError, match="--image-root"):
        find_folder(None, str(root))
    with pytest.raises(ImageError, match="is not there"):
        find_folder(root / "gone", ".")
    assert folders_below(None) == folders_below(root / "gone") == ()


def test_links_that_leave_the_root_lead_nowhere(root: Path) -> None:
    outside = root.parent / "shared-not"
    (root / "way-out").symlink_to(outside)
    (root / "cables" / "out.png").symlink_to(outside / "secret.png")
    (root / "cables" / "in.png").symlink_to(root / "cables/good/1.png")
    (root / "circle").symlink_to(root / "circle")
    for name in ("way-out", "circle"):
        with pytest.raises(ImageError, match="There is no folder"):
            find_folder(root, name)
    assert folders_below(root) == ("cables", "cables/good")
    names = [path.name for path in pictures_below(root)]
    assert names == ["in.png", "out.png", "1.png", "2.JPG"]
    with pytest.raises(ImageError, match="leads out"):
        read_below(root, root / "cables" / "out.png")
    assert read_below(root, root / "cables" / "in.png") == b"cables/good/1.png"
    with pytest.raises(ImageError, match="leads out"):
        read_below(root, outside / "secret.png")


def test_a_root_that_is_itself_a_link_is_followed(root: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(root)
    assert find_folder(link, "cables") == root / "cables"
    assert read_below(link, link / "cables/good/1.png") == b"cables/good/1.png"


def test_what_is_no_ordinary_readable_file_is_named(root: Path) -> None:
    os.mkfifo(root / "pipe.png")
    (root / "folder.png").mkdir()
    (root / "huge.png").write_bytes(b"x" * 100)
    with pytest.raises(ImageError, match=r"pipe\.png is no ordinary file"):
        read_below(root, root / "pipe.png")
    with pytest.raises(ImageError, match=r"folder\.png"):
        read_below(root, root / "folder.png")
    with pytest.raises(ImageError, match=r"gone\.png"):
        read_below(root, root / "gone.png")
    with pytest.raises(ImageError, match=r"huge\.png has .* at most"):
        read_below(root, root / "huge.png", max_bytes=99)
    assert read_below(root, root / "huge.png", max_bytes=100) == b"x" * 100


def test_a_file_swapped_for_a_link_while_it_is_opened_is_not_read(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check of the path and the opening are two moments; a parent folder may change between."""
    good = root / "cables" / "good"
    opened = os.open

    def swap(path: Path, *rest: int) -> int:
        good.rename(root / "cables" / "away")
        good.symlink_to(root.parent / "shared-not")
        (root.parent / "shared-not" / "1.png").write_bytes(b"secret")
        return opened(path, *rest)

    monkeypatch.setattr("triad_ui.imaging.folders.os.open", swap)
    with pytest.raises(ImageError, match="was moved"):
        read_below(root, good / "1.png")
