"""The samples of a picture as its file holds them: one decoder a format, nothing windowed yet.

It does not choose grey levels, rotate or blend; it relies on `header.py` having checked the file.
Pillow reads 8-bit files, imagecodecs 16-bit PNG (Pillow keeps 8 of those bits), tifffile TIFF.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from triad_ui.errors import ImageError
from triad_ui.imaging.header import Header, jpeg_size

BACKGROUND = 128
"""Mid-grey, on which transparent pixels are blended: neither a white nor a black part is lost."""

BAND_ROWS = 256

_COMPRESSIONS = {1, 2, 3, 4, 5, 7, 8, 32773, 32946, 34925, 50000}
_PHOTOMETRICS = {0: "grey", 1: "grey", 2: "RGB", 3: "palette", 5: "CMYK", 6: "RGB"}
_TIFF_REMEDY = "Save it as an ordinary RGB or grey TIFF, or as PNG."


@dataclass(slots=True, eq=False)
class Samples:
    """Upright is not yet applied. colour: (h, w) or (h, w, 3), uint8 unless the picture is deep.

    alpha: (h, w) of an unsigned type, full = opaque, or None. premultiplied: colour already
    contains it. bits: significant bits of unsigned deep samples, None for others. words: the mode.
    """

    colour: np.ndarray
    words: str
    alpha: np.ndarray | None = None
    premultiplied: bool = False
    bits: int | None = None

    @property
    def deep(self) -> bool:
        return self.colour.dtype != np.uint8


def read_samples(data: bytes, header: Header) -> Samples:
    """Decode one page of `data`; raises ImageError for damaged files and unusual colour types."""
    if header.kind == "TIFF":
        return _read_tiff(data, header)
    if header.kind == "PNG" and header.bits == 16:
        return _read_deep_png(data)
    return _read_with_pillow(data, header)


def blend(rgb: np.ndarray, alpha: np.ndarray, premultiplied: bool = False) -> None:
    """Lay `rgb`, uint8 (h, w, 3), over BACKGROUND in place; alpha (h, w) unsigned, full opaque."""
    full = np.iinfo(alpha.dtype).max
    for top in range(0, len(rgb), BAND_ROWS):
        band = rgb[top : top + BAND_ROWS]
        opaque = alpha[top : top + BAND_ROWS, :, None]
        if full != 255:
            opaque = np.rint(opaque * (255.0 / full))
        opaque = opaque.astype(np.uint16)
        behind = BACKGROUND * (255 - opaque)
        front = band.astype(np.uint16) * (255 if premultiplied else opaque)
        # Premultiplied colours may exceed their alpha in a careless file: add wide, then clip.
        band[:] = np.minimum((front.astype(np.uint32) + behind + 127) // 255, 255)


def _read_with_pillow(data: bytes, header: Header) -> Samples:
    from PIL import BmpImagePlugin, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

    # The plugin itself, not Image.open: no guessing of formats, and the pixel cap is ours alone.
    plugins: dict[str, Callable[..., Any]] = {
        "PNG": PngImagePlugin.PngImageFile,
        "JPEG": JpegImagePlugin.JpegImageFile,
        "BMP": BmpImagePlugin.BmpImageFile,
        "WebP": WebPImagePlugin.WebPImageFile,
    }
    with plugins[header.kind](io.BytesIO(data)) as image:
        width, height = image.size
        if width * height > header.width * header.height:
            raise ImageError("The file states two sizes for its picture. Save it again.")
        image.load()
        words = _words(image.mode)
        out = np.empty((height, width, 3), np.uint8)
        plain_cmyk = image.mode == "CMYK" and header.kind == "JPEG" and not header.adobe
        clear = image.has_transparency_data
        for top in range(0, height, BAND_ROWS):
            # In bands, so that at most one extra copy of a few rows exists at a time.
            band = image.crop((0, top, width, min(top + BAND_ROWS, height)))
            target = out[top : top + BAND_ROWS]
            if plain_cmyk:
                # Pillow takes every CMYK JPEG for Adobe's inverted kind; without the mark it is not
                target[:] = _from_cmyk(255 - np.asarray(band))
            elif clear:
                rgba = np.asarray(band.convert("RGBA"))
                target[:] = rgba[..., :3]
                blend(target, rgba[..., 3])
            else:
                target[:] = np.asarray(band.convert("RGB"))
    return Samples(out, words)


def _words(mode: str) -> str:
    return {
        "1": "black and white 1-bit",
        "L": "grey 8-bit",
        "LA": "grey+alpha 8-bit",
        "P": "palette 8-bit",
        "PA": "palette 8-bit",
        "RGBA": "RGB+alpha 8-bit",
        "RGBX": "RGB 8-bit",
    }.get(mode, f"{mode} 8-bit")


def _read_deep_png(data: bytes) -> Samples:
    import imagecodecs

    pixels = imagecodecs.png_decode(data)
    if pixels.dtype != np.uint16:
        raise ImageError("The 16-bit PNG could not be read at its depth. Save it again.")
    if pixels.ndim == 2:
        return Samples(pixels, "grey 16-bit", bits=16)
    channels = pixels.shape[2]
    words = "grey" if channels < 3 else "RGB"
    colour = pixels[..., 0] if channels < 3 else pixels[..., :3]
    if channels in (2, 4):
        return Samples(colour, f"{words}+alpha 16-bit", pixels[..., -1], bits=16)
    return Samples(colour, f"{words} 16-bit", bits=16)


def _read_tiff(data: bytes, header: Header) -> Samples:
    import tifffile

    page = header.tiff
    assert page is not None
    family = _PHOTOMETRICS.get(page.photometric)
    if family is None or (page.photometric == 6 and page.compression != 7):
        raise ImageError(f"The TIFF file has colour type {page.photometric}. {_TIFF_REMEDY}")
    if page.compression not in _COMPRESSIONS:
        raise ImageError(f"The TIFF file has compression {page.compression}. {_TIFF_REMEDY}")
    ordinary = page.depth == 1 and page.samples <= 16 and page.bits <= 64
    if not ordinary or page.sample_format not in (1, 2, 3):
        raise ImageError(f"The TIFF file has an unusual layout. {_TIFF_REMEDY}")
    if page.compression == 7:
        _check_jpeg_segments(data, page.segment, page.offsets, page.counts)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        raw = file.pages[header.page]
        pixels = raw.asarray(maxworkers=2)
        if raw.axes.startswith("S"):
            pixels = np.moveaxis(pixels, 0, -1)
        palette = raw.colormap if family == "palette" else None
    if pixels.shape[:2] != (header.height, header.width) or pixels.ndim > 3:
        raise ImageError(f"The TIFF file has an unusual layout. {_TIFF_REMEDY}")
    return _tiff_samples(pixels, header, family, palette)


def _check_jpeg_segments(
    data: bytes, segment: tuple[int, int], offsets: tuple[int, ...], counts: tuple[int, ...]
) -> None:
    """Refuse a JPEG strip that states more pixels than its strip has: it would be a bomb."""
    for offset, count in zip(offsets, counts):
        width, height = jpeg_size(data[offset : offset + count])
        if width > max(segment[0], 16) or height > max(segment[1], 16):
            raise ImageError("The TIFF file's JPEG strips are too large. Save it again.")


def _tiff_samples(
    pixels: np.ndarray, header: Header, family: str, palette: np.ndarray | None
) -> Samples:
    page = header.tiff
    assert page is not None
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8)
    kind = "float" if pixels.dtype.kind == "f" else f"{page.bits}-bit"
    if pixels.dtype.kind == "i":
        kind = f"signed {kind}"
    if pixels.dtype.kind not in "uif":
        raise ImageError(f"The TIFF file has samples of an unusual type. {_TIFF_REMEDY}")
    if family == "palette":
        if palette is None or pixels.dtype.kind != "u" or int(pixels.max()) >= palette.shape[1]:
            raise ImageError(f"The TIFF file's palette is damaged. {_TIFF_REMEDY}")
        # Colour maps have 16 bits; careless writers leave 8-bit values in them.
        shift = 8 if int(palette.max()) > 255 else 0
        return Samples((palette >> shift).astype(np.uint8).T[pixels[..., 0]], f"palette {kind}")
    unsigned = pixels.dtype.kind == "u"
    full = (1 << page.bits) - 1
    if unsigned and page.bits < 8:
        pixels = (pixels.astype(np.uint16) * 255 // full).astype(np.uint8)
        full = 255
    wanted = {"grey": 1, "RGB": 3, "CMYK": 4}[family]
    if pixels.shape[2] < wanted:
        raise ImageError(f"The TIFF file has too few channels. {_TIFF_REMEDY}")
    colour = pixels[..., 0] if wanted == 1 else pixels[..., :wanted]
    if page.photometric == 0:
        colour = full - colour if unsigned else -colour
    if family == "CMYK":
        if not unsigned or page.bits not in (8, 16):
            raise ImageError(f"The TIFF file has unusual CMYK samples. {_TIFF_REMEDY}")
        colour = _from_cmyk(colour if page.bits == 8 else (colour >> 8).astype(np.uint8))
    alpha = None
    at = wanted + page.alpha_at
    if page.alpha and pixels.shape[2] > at:
        alpha = pixels[..., at]
        if pixels.dtype.kind == "f":
            alpha = (np.nan_to_num(np.clip(alpha, 0, 1)) * 255).astype(np.uint8)
        elif not unsigned or full not in (255, 65535):
            top = full if unsigned else full >> 1
            alpha = (np.clip(alpha, 0, top) * (255.0 / top)).astype(np.uint8)
    words = f"{family}{'+alpha' if alpha is not None else ''} {kind}"
    bits = page.bits if unsigned else None
    return Samples(colour, words, alpha, page.alpha == "associated", bits)


def _from_cmyk(cmyk: np.ndarray) -> np.ndarray:
    """uint8 (h, w, 4), 255 = full ink -> uint8 RGB, in bands; without a colour profile."""
    out = np.empty((*cmyk.shape[:2], 3), np.uint8)
    for top in range(0, len(out), BAND_ROWS):
        left = 255 - cmyk[top : top + BAND_ROWS].astype(np.uint16)
        out[top : top + BAND_ROWS] = (left[..., :3] * left[..., 3:] + 127) // 255
    return out
