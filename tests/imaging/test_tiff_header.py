"""Directories that lie: loops, endless pages, missing pixels, camera raw, EXIF that is broken."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import tifffile

from triad_ui.errors import ImageError
from triad_ui.imaging import tiff_header
from triad_ui.imaging.decode import decode


def written(array: np.ndarray, **options: object) -> bytearray:
    file = io.BytesIO()
    tifffile.imwrite(file, array, photometric="minisblack", metadata=None, **options)
    return bytearray(file.getvalue())


def with_tag(data: bytearray, name: str, value: int) -> bytes:
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        tag = file.pages[0].tags[name]
    size = {3: 2, 4: 4}[int(tag.dtype)]
    data[tag.valueoffset : tag.valueoffset + size] = value.to_bytes(size, "little")
    return bytes(data)


GREY = np.arange(256, dtype=np.uint8).reshape(16, 16)


def test_a_loop_of_pages_is_refused() -> None:
    data = written(GREY)
    (first,) = struct.unpack_from("<I", data, 4)
    (tags,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<I", data, first + 2 + 12 * tags, first)
    with pytest.raises(ImageError, match="damaged"):
        decode(bytes(data))


def test_too_many_pages_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff_header, "MAX_PAGES", 3)
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for _ in range(4):
            writer.write(GREY, contiguous=False)
    with pytest.raises(ImageError, match="more than 3 pages"):
        decode(file.getvalue())


def test_a_page_whose_strips_are_not_in_the_file() -> None:
    with pytest.raises(ImageError, match="damaged"):
        decode(with_tag(written(GREY), "StripByteCounts", 999_999))
    with pytest.raises(ImageError, match="damaged"):
        decode(with_tag(written(GREY, rowsperstrip=4), "RowsPerStrip", 1))
    with pytest.raises(ImageError, match="damaged"):
        decode(with_tag(written(GREY), "ImageLength", 4000))


def test_a_huge_tile_or_too_many_channels_are_refused() -> None:
    data = written(GREY, tile=(16, 16), compression="zlib")
    with pytest.raises(ImageError, match="too much data"):
        decode(with_tag(bytearray(with_tag(data, "TileWidth", 60_000)), "TileLength", 60_000))
    with pytest.raises(ImageError):
        decode(with_tag(written(GREY), "SamplesPerPixel", 60_000))


def test_a_jpeg_strip_that_is_a_bomb_is_refused() -> None:
    file = io.BytesIO()
    tifffile.imwrite(file, GREY, compression="jpeg")
    data = bytearray(file.getvalue())
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 60_000, 60_000)
    with pytest.raises(ImageError, match="JPEG strips"):
        decode(bytes(data))


def test_camera_raw_is_refused_and_not_shown_as_its_thumbnail() -> None:
    data = written(GREY, extratags=[(50706, 1, 4, (1, 4, 0, 0), True)])
    with pytest.raises(ImageError, match="camera raw"):
        decode(bytes(data))


@pytest.mark.parametrize(
    "block", [b"", b"II*\0", b"garbage", b"II*\0\x08\0\0\0\xff\xff", b"\0" * 99]
)
def test_broken_exif_means_upright(block: bytes) -> None:
    assert tiff_header.orientation(block) == 1


def test_exif_of_both_byte_orders() -> None:
    for order, mark in (("<", b"II*\0"), (">", b"MM\0*")):
        block = mark + struct.pack(order + "IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
        assert tiff_header.orientation(block) == 6
        block = mark + struct.pack(order + "IHHHIHHI", 8, 1, 0x0112, 3, 1, 9, 0, 0)
        assert tiff_header.orientation(block) == 1
