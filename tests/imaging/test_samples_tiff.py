"""Golden pixels of TIFF: layouts, compressions, wide types, pages."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.imaging.pictures import ALPHA, DEEP, GREY, RGB, blended, pillow, three, tiff
from triad_ui.errors import ImageError
from triad_ui.imaging.decode import decode
from triad_ui.records import Window


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"byteorder": ">"},
        {"bigtiff": True},
        {"bigtiff": True, "byteorder": ">"},
        {"tile": (16, 16)},
        {"rowsperstrip": 5},
        {"compression": "lzw", "predictor": True},
        {"compression": "zlib", "predictor": True, "tile": (16, 16)},
        {"compression": "zstd"},
        {"compression": "packbits"},
        {"compression": "lzma"},
    ],
    ids=str,
)
@pytest.mark.parametrize("shape", ["grey8", "rgb8", "grey16", "rgb16", "planar16"])
def test_tiff_layouts(options: dict, shape: str) -> None:
    array = {
        "grey8": GREY,
        "rgb8": RGB,
        "grey16": DEEP,
        "rgb16": np.dstack([DEEP, DEEP[::-1], DEEP]),
        "planar16": np.stack([DEEP, DEEP[::-1], DEEP]),
    }[shape]
    data = tiff(
        array,
        photometric="minisblack" if array.ndim == 2 else "rgb",
        planarconfig="separate" if shape == "planar16" else None,
        **options,
    )
    if shape == "planar16":
        array = np.moveaxis(array, 0, -1)
    expected = array if array.dtype == np.uint8 else np.rint(array / 257).astype(np.uint8)
    assert np.array_equal(decode(data).rgb, expected if expected.ndim == 3 else three(expected))


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_tiff_whose_zero_is_white(depth: type) -> None:
    array = GREY if depth == np.uint8 else DEEP
    shown = GREY if depth == np.uint8 else np.rint(DEEP / 257).astype(np.uint8)
    assert np.array_equal(decode(tiff(array, photometric="miniswhite")).rgb, three(255 - shown))


def test_jpeg_in_tiff_and_fax_in_tiff() -> None:
    flat = np.full((32, 32, 3), (200, 100, 50), np.uint8)
    for data in (
        tiff(flat, compression="jpeg", photometric="rgb"),
        pillow(flat, "TIFF", compression="jpeg"),
    ):
        assert np.abs(decode(data).rgb.astype(int) - flat).max() <= 4
    image = Image.fromarray((GREY > 100).astype(np.uint8) * 255).convert("1")
    fax = decode(pillow(image, "TIFF", compression="group4"))
    assert np.array_equal(fax.rgb, three(np.asarray(image) * np.uint8(255)))


@pytest.mark.parametrize("kind", [np.uint32, np.float32, np.float64, np.float16, np.int16])
def test_wide_tiff_types_stretch_over_their_percentiles(kind: type) -> None:
    ramp = (np.arange(240).reshape(12, 20) * 4 - (300 if kind == np.int16 else 0)).astype(kind)
    picture = decode(tiff(ramp, photometric="minisblack"))
    assert picture.record.window is not None
    assert picture.rgb.min() == 0 and picture.rgb.max() == 255
    assert (np.diff(picture.rgb[..., 0].ravel().astype(int)) >= 0).all()
    assert len(np.unique(picture.rgb)) >= 200


def test_not_a_number_is_black_and_infinity_an_end() -> None:
    ramp = np.linspace(0, 1, 240, dtype=np.float32).reshape(12, 20)
    ramp[0, 0], ramp[0, 1], ramp[0, 2] = np.nan, np.inf, -np.inf
    picture = decode(tiff(ramp, photometric="minisblack"))
    assert picture.record.window == type(picture.record.window)(0.0, 1.0)
    assert [int(picture.rgb[0, x, 0]) for x in range(3)] == [0, 255, 0]
    assert picture.record.mode == "grey float"
    with pytest.raises(ImageError, match="NaN"):
        decode(tiff(np.full((4, 4), np.nan, np.float32), photometric="minisblack"))


def test_associated_alpha_is_not_multiplied_twice() -> None:
    pre = (RGB.astype(int) * ALPHA[..., None] // 255).astype(np.uint8)
    data = tiff(np.dstack([pre, ALPHA]), photometric="rgb", extrasamples=["assocalpha"])
    assert np.abs(decode(data).rgb.astype(int) - blended(RGB, ALPHA)).max() <= 2


def test_float_alpha_hides_too() -> None:
    ramp = np.linspace(0, 1, 240, dtype=np.float32).reshape(12, 20)
    clear = (ALPHA > 0).astype(np.float32)
    array = np.dstack([ramp, ramp, ramp, clear])
    picture = decode(tiff(array, photometric="rgb", extrasamples=["unassalpha"]))
    assert (picture.rgb[ALPHA == 0] == 128).all()


def test_pages() -> None:
    stack = np.stack([GREY, 255 - GREY, GREY // 2])
    data = tiff(stack, photometric="minisblack")
    for page in range(3):
        picture = decode(data, page=page)
        assert np.array_equal(picture.rgb, three(stack[page]))
        assert (picture.record.page, picture.record.pages) == (page, 3)
    for page in (3, -1):
        with pytest.raises(ImageError, match="3 page"):
            decode(data, page=page)
    with pytest.raises(ImageError, match="one page"):
        decode(pillow(GREY, "PNG"), page=1)


def test_twelve_bits_packed_in_a_tiff() -> None:
    levels = np.arange(0, 4096, 16, dtype=np.uint16).reshape(16, 16)
    packed = np.packbits(
        np.unpackbits(levels.byteswap().view(np.uint8).reshape(16, 16, 2), axis=2)[..., 4:].reshape(
            16, -1
        ),
        axis=1,
    )
    data = bytearray(tiff(packed, photometric="minisblack", metadata=None))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        tags = file.pages[0].tags
        for name, value in (("ImageWidth", 16), ("BitsPerSample", 12)):
            at = tags[name].valueoffset
            data[at : at + 2] = value.to_bytes(2, "little")
    picture = decode(bytes(data))
    assert picture.record.mode == "grey 12-bit"
    assert picture.record.window == Window(0.0, 4095.0)
    assert np.array_equal(picture.rgb, three(np.rint(levels * (255 / 4095)).astype(np.uint8)))


def test_float_colour_with_the_float_predictor() -> None:
    ramp = np.linspace(0, 1, 240, dtype=np.float32).reshape(12, 20)
    array = np.dstack([ramp, ramp[::-1], ramp])
    picture = decode(tiff(array, photometric="rgb", compression="zlib", predictor=3))
    assert np.array_equal(picture.rgb, np.rint(array.astype(float) * 255).astype(np.uint8))
    assert picture.record.mode == "RGB float"


@pytest.mark.parametrize("bits", [32, 8])
def test_zero_is_white_in_wide_types(bits: int) -> None:
    ramp = np.arange(240).reshape(12, 20).astype(np.uint32 if bits == 32 else np.float32)
    picture = decode(tiff(ramp, photometric="miniswhite"))
    assert picture.rgb[0, 0, 0] == 255 and picture.rgb[-1, -1, 0] == 0


@pytest.mark.parametrize("photometric", ["cielab", "cfa"])
def test_unusual_tiff_colours_are_refused_with_a_remedy(photometric: str) -> None:
    array = RGB if photometric == "cielab" else GREY
    with pytest.raises(ImageError, match="Save it as"):
        decode(tiff(array, photometric=photometric))
