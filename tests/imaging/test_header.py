"""What the head of a file states, read without a decoder, and heads made to waste time."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from triad_ui.errors import ImageError
from triad_ui.imaging.header import jpeg_size, read_header

PIXELS = np.random.default_rng(8).integers(0, 256, (21, 34, 4)).astype(np.uint8)


def saved(kind: str, channels: int = 3, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(PIXELS[..., :channels]).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("BMP", {}),
        ("TIFF", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"exif": b"Exif\0\0II*\0"}),
    ],
)
def test_the_size_is_right(kind: str, options: dict) -> None:
    header = read_header(saved(kind, **options))
    assert (header.width, header.height, header.bits, header.channels) == (34, 21, 8, 3)
    assert header.kind.upper() == kind and header.pages == 1


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_alpha_counts_as_a_channel(kind: str) -> None:
    assert read_header(saved(kind, 4)).channels == 4


def test_a_bmp_from_top_to_bottom() -> None:
    data = bytearray(saved("BMP"))
    struct.pack_into("<i", data, 22, -21)
    assert (read_header(bytes(data)).width, read_header(bytes(data)).height) == (34, 21)


def test_exif_after_the_pixels_of_a_png_counts() -> None:
    data = saved("PNG")
    body = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, 8, 0, 0)
    part = struct.pack(">I", len(body)) + b"eXIf" + body
    part += struct.pack(">I", zlib.crc32(part[4:]))
    assert read_header(data[:-12] + part + data[-12:]).orientation == 8


def test_the_thumbnail_in_a_jpeg_is_not_its_frame() -> None:
    small = io.BytesIO()
    Image.new("RGB", (5, 4)).save(small, "JPEG")
    body = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + small.getvalue()
    data = saved("JPEG")
    data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]
    assert (read_header(data).width, jpeg_size(data)) == (34, (34, 21))
    with pytest.raises(ImageError, match="cut off"):
        read_header(data[:-2])


def test_a_jpeg_of_twelve_bits_and_one_of_endless_scans() -> None:
    data = bytearray(saved("JPEG"))
    data[data.index(b"\xff\xc0") + 4] = 12
    with pytest.raises(ImageError, match="12 bits a sample"):
        read_header(bytes(data))
    data = saved("JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    with pytest.raises(ImageError, match="scans"):
        read_header(data[:-2] + scan * 101 + data[-2:])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_millions_of_empty_parts_do_not_cost_minutes(kind: str) -> None:
    data = saved(kind)
    if kind == "PNG":
        empty = struct.pack(">I", 0) + b"teSt" + struct.pack(">I", zlib.crc32(b"teSt"))
        data = data[:33] + empty * 1_000_000 + data[33:]
    elif kind == "JPEG":
        data = data[:2] + b"\xff\xd8" * 5_000_000 + data[2:]
    else:
        data = data[:12] + b"teSt\0\0\0\0" * 1_000_000 + data[12:]
        data = data[:4] + struct.pack("<I", len(data) - 8) + data[8:]
    start = time.perf_counter()
    with pytest.raises(ImageError, match="cut off or damaged"):
        read_header(data)
    assert time.perf_counter() - start < 3.0


def test_importing_the_room_loads_no_image_library() -> None:
    code = (
        "import sys, triad_ui.imaging.store, triad_ui.imaging.preview\n"
        "heavy = {'PIL', 'cv2', 'tifffile', 'imagecodecs', 'torch', 'gradio'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    repository = Path(__file__).resolve().parents[2]
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
