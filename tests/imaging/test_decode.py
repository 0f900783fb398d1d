"""The decode policy: orientation, refusals with a remedy, limits that hold before decoding."""

from __future__ import annotations

import io
import os
import struct
import time
import tracemalloc
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from triad_ui.errors import ImageError
from triad_ui.imaging.decode import decode, deep_range
from triad_ui.records import Window

PIXELS = np.random.default_rng(3).integers(0, 256, (9, 14, 3)).astype(np.uint8)


def saved(kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, kind, **options)
    return file.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_of_size(width: int, height: int, depth: int = 8) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + head
        + chunk(b"IDAT", zlib.compress(b"\0" * 99))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "JPEG"])
def test_every_orientation_is_made_upright(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95}}.get(kind, {})
    if kind == "TIFF":
        data = saved(kind, tiffinfo={274: orientation})
    else:
        data = saved(kind, exif=exif, **options)
    picture = decode(data)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
    assert picture.record.size == ((14, 9) if orientation < 5 else (9, 14))
    assert np.array_equal(picture.rgb, expected)


def test_orientation_of_a_deep_tiff() -> None:
    ramp = (np.arange(126, dtype=np.uint32) * 65535 // 125).astype(np.uint16).reshape(9, 14)
    file = io.BytesIO()
    tifffile.imwrite(file, ramp, photometric="minisblack", extratags=[(274, 3, 1, 6, True)])
    picture = decode(file.getvalue())
    assert np.array_equal(picture.rgb[..., 0], np.rot90(np.rint(ramp / 257), -1))


def test_ramp_of_twelve_bits_in_sixteen_is_not_clipped() -> None:
    ramp = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    picture = decode(imagecodecs.png_encode(ramp))
    assert picture.record.window == Window(0.0, 4095.0)
    assert np.array_equal(picture.rgb[..., 1], np.rint(ramp * (255 / 4095)).astype(np.uint8))


def test_a_given_window_is_used_and_recorded() -> None:
    ramp = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    data = imagecodecs.png_encode(ramp)
    picture = decode(data, window=Window(1000, 2000))
    assert picture.record.window == Window(1000, 2000)
    assert picture.rgb[ramp <= 1000].max() == 0 and picture.rgb[ramp >= 2000].min() == 255
    assert picture.key != decode(data).key
    assert decode(saved("PNG"), window=Window(1, 2)).record.window is None
    for low, high in ((5, 5), (6, 5), (float("nan"), 1), (0, float("inf"))):
        with pytest.raises(ImageError, match="white level"):
            decode(data, window=Window(low, high))


def test_deep_range_is_for_deep_pictures_only() -> None:
    ramp = np.arange(7, 4096, dtype=np.uint16)[:4032].reshape(63, 64)
    assert deep_range(imagecodecs.png_encode(ramp)) == (7.0, 4038.0)
    file = io.BytesIO()
    tifffile.imwrite(file, np.array([[0.5, np.nan], [-2.0, np.inf]], np.float32))
    assert deep_range(file.getvalue()) == (-2.0, 0.5)
    for kind in ("PNG", "JPEG", "TIFF"):
        assert deep_range(saved(kind)) is None


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "WEBP"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.98])
def test_cut_off_files_are_refused(kind: str, share: float) -> None:
    data = saved(kind)
    with pytest.raises(ImageError):
        decode(data[: int(len(data) * share)])


def test_a_png_with_too_few_rows_is_refused() -> None:
    for depth in (8, 16):
        with pytest.raises(ImageError, match="cut off or damaged"):
            decode(png_of_size(64, 64, depth))


@pytest.mark.parametrize("side", [11_000, 30_000, 2_000_000_000])
@pytest.mark.parametrize("depth", [8, 16])
def test_a_bomb_is_refused_by_its_header(side: int, depth: int) -> None:
    data = png_of_size(side, side, depth)
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(ImageError, match=r"at most 120 million .* Crop it"):
        decode(data)
    spent = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert spent < 1.0 and peak < 1_000_000


def bombs() -> dict[str, bytes]:
    bmp = bytearray(saved("BMP"))
    bmp[18:26] = struct.pack("<ii", 50_000, 50_000)
    jpeg = bytearray(saved("JPEG"))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 60_000, 60_000)
    webp = bytearray(saved("WEBP"))
    start = webp.index(b"VP8 ") + 14
    webp[start : start + 4] = struct.pack("<HH", 16_383, 16_383)
    deflate = io.BytesIO()
    tifffile.imwrite(deflate, np.zeros((16, 16), np.uint8), compression="zlib")
    tiff = bytearray(deflate.getvalue())
    with tifffile.TiffFile(io.BytesIO(bytes(tiff))) as file:
        for name in ("ImageWidth", "ImageLength", "RowsPerStrip"):
            tag = file.pages[0].tags[name]
            size = 2 if int(tag.dtype) == 3 else 4
            tiff[tag.valueoffset : tag.valueoffset + size] = (60_000).to_bytes(size, "little")
    return {"BMP": bytes(bmp), "JPEG": bytes(jpeg), "WebP": bytes(webp), "TIFF": bytes(tiff)}


@pytest.mark.parametrize("kind", ["BMP", "JPEG", "WebP", "TIFF"])
def test_bombs_of_the_other_formats(kind: str) -> None:
    with pytest.raises(ImageError, match="at most 120 million"):
        decode(bombs()[kind])


def test_the_limits_can_be_set() -> None:
    data = saved("PNG")
    assert decode(data, max_pixels=14 * 9).rgb.shape == (9, 14, 3)
    with pytest.raises(ImageError, match="14 x 9"):
        decode(data, max_pixels=14 * 9 - 1)
    with pytest.raises(ImageError, match="MB"):
        decode(data, max_bytes=len(data) - 1)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"<html><body>hello</body></html>", "web page"),
        (b"\xef\xbb\xbf <?xml version='1.0'?><svg xmlns='x'/>", "SVG"),
        (b"<svg onload=alert(1)>", "SVG"),
        (b"GIF89a\x01\x00\x01\x00", "GIF"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00", "HEIC"),
        (b"\x00\x00\x00\x18ftypavif\x00\x00", "AVIF"),
        (b"%PDF-1.7", "PDF"),
        (b"PK\x03\x04zip", "ZIP"),
        (b"\x00" * 128 + b"DICM", "DICOM"),
        (b"BM but only a text", "not a picture"),
        (b"MZ\x90\x00", "not a picture"),
    ],
)
def test_other_content_is_refused_whatever_its_name(data: bytes, words: str) -> None:
    with pytest.raises(ImageError, match=words) as refused:
        decode(data, "part.png")
    assert "upload" in str(refused.value).lower()


def test_the_bytes_decide_and_not_the_name() -> None:
    for kind in ("PNG", "BMP", "TIFF"):
        picture = decode(saved(kind), "../../etc/photo.html")
        assert np.array_equal(picture.rgb, PIXELS) and picture.record.name == "photo.html"


def test_a_polyglot_is_only_ever_its_picture() -> None:
    data = saved("PNG") + b"<script>alert(1)</script>PK\x03\x04"
    assert np.array_equal(decode(data).rgb, PIXELS)
    with pytest.raises(ImageError):
        decode(b"<html>" + saved("PNG"))


def samples_of_each_kind() -> list[bytes]:
    deep = imagecodecs.png_encode(np.arange(400, dtype=np.uint16).reshape(20, 20))
    tiled = io.BytesIO()
    tifffile.imwrite(tiled, PIXELS, tile=(16, 16), compression="zlib", photometric="rgb")
    kinds = ["PNG", "JPEG", "TIFF", "BMP", "WEBP"]
    return [saved(kind) for kind in kinds] + [deep, tiled.getvalue()]


WHOLE = samples_of_each_kind()
PREFIXES = [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"BM"]
PREFIXES += [b"II+\0\x08\0\0\0", b"RIFF\x40\0\0\0WEBPVP8X"]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(prefix=st.sampled_from(PREFIXES), rest=st.binary(max_size=300))
def test_random_bytes_only_ever_raise_image_error(prefix: bytes, rest: bytes) -> None:
    with pytest.raises(ImageError):
        decode(prefix + rest)


@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    which=st.integers(0, len(WHOLE) - 1),
    changes=st.lists(st.tuples(st.integers(0, 1200), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_damaged_files_decode_or_raise_image_error(
    which: int, changes: list[tuple[int, int]]
) -> None:
    data = bytearray(WHOLE[which])
    for at, value in changes:
        data[at % len(data)] = value
    try:
        picture = decode(bytes(data), max_pixels=1_000_000)
    except ImageError as error:
        assert str(error).endswith(".")
    else:
        assert picture.rgb.dtype == np.uint8 and picture.rgb.shape[2] == 3


def test_real_photographs_are_read_as_pillow_reads_them() -> None:
    default = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("TRIAD_SHARED_DATA", default))
    photos = sorted(p for p in folder.glob("**/*") if p.suffix in (".jpg", ".png"))
    if not photos:
        pytest.skip(f"no shared pictures in {folder}")
    for photo in photos[:: max(1, len(photos) // 40)]:
        picture = decode(photo.read_bytes(), photo.name)
        with Image.open(photo) as image:
            expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        assert np.array_equal(picture.rgb, expected), photo.name
