"""Golden pixels: every format and mode that is read, compared value by value."""

from __future__ import annotations

import io

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.imaging.pictures import ALPHA, DEEP, GREY, RGB, blended, pillow, three, tiff
from triad_ui.imaging.decode import decode


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
@pytest.mark.parametrize("array", [GREY, RGB], ids=["grey", "rgb"])
def test_lossless_eight_bit(kind: str, array: np.ndarray) -> None:
    picture = decode(pillow(array, kind))
    assert np.array_equal(picture.rgb, array if array.ndim == 3 else three(array))
    assert picture.rgb.dtype == np.uint8 and picture.rgb.flags.c_contiguous
    assert picture.record.window is None and picture.record.size == (20, 12)
    assert picture.record.mode == ("RGB 8-bit" if array.ndim == 3 else "grey 8-bit")


def test_webp_lossless_and_animated_gives_the_first_frame() -> None:
    assert np.array_equal(decode(pillow(RGB, "WEBP", lossless=True)).rgb, RGB)
    frames = [Image.fromarray(RGB), Image.fromarray(255 - RGB)]
    data = pillow(
        frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=50, lossless=True
    )
    assert np.array_equal(decode(data).rgb, RGB)


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_is_close(progressive: bool) -> None:
    smooth = np.stack(np.meshgrid(np.arange(64), np.arange(48)), axis=2).astype(np.uint8) * 3
    smooth = np.dstack([smooth, smooth[..., 0]])
    picture = decode(pillow(smooth, "JPEG", quality=95, subsampling=0, progressive=progressive))
    assert np.abs(picture.rgb.astype(int) - smooth).max() <= 6


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_alpha_is_blended_on_mid_grey(kind: str) -> None:
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    picture = decode(pillow(np.dstack([RGB, ALPHA]), kind, **options))
    assert np.abs(picture.rgb.astype(int) - blended(RGB, ALPHA)).max() <= 1
    assert (picture.rgb[ALPHA == 0] == 128).all()
    assert picture.record.mode == "RGB+alpha 8-bit"


def test_grey_with_alpha() -> None:
    picture = decode(pillow(np.dstack([GREY, ALPHA]), "PNG"))
    assert np.abs(picture.rgb.astype(int) - blended(three(GREY), ALPHA)).max() <= 1
    assert picture.record.mode == "grey+alpha 8-bit"


def test_palette_and_its_transparent_entry() -> None:
    image = Image.fromarray(RGB).quantize(16)
    expected = np.asarray(image.convert("RGB"))
    assert np.array_equal(decode(pillow(image, "PNG")).rgb, expected)
    clear = decode(pillow(image, "PNG", transparency=3)).rgb
    hidden = np.asarray(image) == 3
    assert hidden.any() and (clear[hidden] == 128).all()
    assert np.array_equal(clear[~hidden], expected[~hidden])


def test_grey_png_with_a_transparent_level() -> None:
    data = pillow(GREY, "PNG", transparency=7)
    assert (decode(data).rgb[GREY == 7] == 128).all()


def test_palette_tiff_with_sixteen_bit_colour_map() -> None:
    colours = np.random.default_rng(0).integers(0, 256, (3, 256)).astype(np.uint16)
    picture = decode(tiff(GREY, photometric="palette", colormap=colours * 257))
    assert np.array_equal(picture.rgb, colours.T[GREY].astype(np.uint8))
    image = Image.fromarray(RGB).quantize(9)
    assert np.array_equal(decode(pillow(image, "TIFF")).rgb, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_one_bit(kind: str) -> None:
    image = Image.fromarray((GREY > 100).astype(np.uint8) * 255).convert("1")
    assert np.array_equal(decode(pillow(image, kind)).rgb, three(np.asarray(image) * np.uint8(255)))


@pytest.mark.parametrize("bits", [2, 4])
def test_few_bit_png_is_spread_over_the_range(bits: int) -> None:
    levels = (GREY % (1 << bits)).astype(np.uint8)
    image = Image.fromarray(levels)
    image.putpalette(np.repeat(np.arange(1 << bits) * 255 // ((1 << bits) - 1), 3).tolist())
    shown = decode(pillow(image, "PNG", bits=bits)).rgb
    assert np.array_equal(shown, three(levels * (255 // ((1 << bits) - 1))))


@pytest.mark.parametrize("bits", [2, 4])
def test_few_bit_tiff_is_spread_over_the_range(bits: int) -> None:
    levels = (np.arange(64, dtype=np.uint8) % (1 << bits)).reshape(8, 8)
    each = np.unpackbits(levels[..., None], axis=2)[..., 8 - bits :]
    packed = np.packbits(each.reshape(8, -1), axis=1)
    # tifffile packs only through its codec: write the packed rows as bytes and correct the tags.
    data = bytearray(tiff(packed, photometric="minisblack", metadata=None))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        tags = file.pages[0].tags
        for name, value in (("ImageWidth", 8), ("BitsPerSample", bits)):
            at = tags[name].valueoffset
            data[at : at + 2] = value.to_bytes(2, "little")
    picture = decode(bytes(data))
    assert np.array_equal(picture.rgb, three(levels * (255 // ((1 << bits) - 1))))
    assert picture.record.window is None


def test_cmyk_jpeg_of_adobe_and_plain() -> None:
    ink = np.zeros((16, 16, 4), np.uint8)
    ink[:8, :, 0], ink[8:, :, 2], ink[:, 8:, 3] = 255, 255, 128
    data = pillow(Image.fromarray(ink, "CMYK"), "JPEG", quality=100, subsampling=0)
    expected = ((255 - ink[..., :3].astype(int)) * (255 - ink[..., 3:].astype(int)) / 255).round()
    picture = decode(data)
    assert picture.record.mode == "CMYK 8-bit"
    assert np.abs(picture.rgb.astype(int) - expected).max() <= 4
    # The same samples without Adobe's mark are not inverted: they read as the complement ink.
    at = data.index(b"Adobe") - 4
    plain = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
    swapped = 255 - ink.astype(int)
    expected = ((255 - swapped[..., :3]) * (255 - swapped[..., 3:]) / 255).round()
    assert np.abs(decode(plain).rgb.astype(int) - expected).max() <= 4


def test_ycck_jpeg() -> None:
    ink = np.full((16, 16, 4), 255, np.uint8)
    ink[..., 0] = 0  # inverted samples: full cyan, nothing else
    data = imagecodecs.jpeg8_encode(ink, level=100, colorspace="CMYK", outcolorspace="YCCK")
    assert b"Adobe" in data
    assert np.abs(decode(data).rgb.astype(int) - (0, 255, 255)).max() <= 4


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_cmyk_tiff(depth: type) -> None:
    ink = np.random.default_rng(1).integers(0, 256, (9, 7, 4))
    full = np.iinfo(depth).max
    picture = decode(tiff((ink * (full // 255)).astype(depth), photometric="separated"))
    expected = (255 - ink[..., :3]) * (255 - ink[..., 3:]) / 255
    assert np.abs(picture.rgb - expected).max() <= 1
    assert picture.record.mode.startswith("CMYK") and picture.record.window is None


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_sixteen_bit_png_keeps_all_its_bits(channels: int) -> None:
    planes = [DEEP] * channels
    if channels in (2, 4):
        planes[-1] = np.full_like(DEEP, 65535)
    array = np.squeeze(np.dstack(planes))
    picture = decode(imagecodecs.png_encode(array))
    assert np.array_equal(picture.rgb, three(np.rint(DEEP / 257).astype(np.uint8)))
    assert "16-bit" in picture.record.mode and picture.record.window is not None


def test_sixteen_bit_alpha_hides() -> None:
    clear = np.where(ALPHA == 0, 0, 65535).astype(np.uint16)
    picture = decode(imagecodecs.png_encode(np.dstack([DEEP, DEEP, DEEP, clear])))
    assert (picture.rgb[ALPHA == 0] == 128).all()
    shown = three(np.rint(DEEP / 257).astype(np.uint8))
    assert np.array_equal(picture.rgb[ALPHA > 0], shown[ALPHA > 0])
