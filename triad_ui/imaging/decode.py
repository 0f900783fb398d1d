"""The one decode policy: which bytes become a picture, and how it looks in 8 bits.

It does not store anything and knows no record but the picture's. The header is judged before a
decoder runs (`header.py`), the samples come from `samples.py`, deep ones are rendered by
`window.py`. Colour profiles and gamma tags are not applied: a part and its reference come from the
same camera, and an inspector compares grey levels as they were recorded.
"""

from __future__ import annotations

import hashlib

import numpy as np

from triad_ui.errors import ImageError
from triad_ui.imaging import header as head
from triad_ui.imaging.file_name import display_name
from triad_ui.imaging.samples import Samples, blend, read_samples
from triad_ui.imaging.window import check_window, default_window, render, value_range
from triad_ui.records import ImageRecord, Picture, Window

MAX_BYTES = 200_000_000
MAX_PIXELS = 120_000_000
MAX_SIDE = 65_535
_MAX_SAMPLE_BYTES = 8
"""Bytes a pixel that a decoder may fill, times the pixel cap (four channels of 16 bits)."""


def decode(
    data: bytes,
    name: str = "",
    *,
    page: int = 0,
    window: Window | None = None,
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
) -> Picture:
    """Return the picture in `data` as upright uint8 RGB, with its record; raises ImageError.

    Read: PNG, JPEG, TIFF, BMP, WebP, known by their bytes and not by `name`; of an animation the
    first frame. page: 0-based, TIFF only. Files that are cut off are refused.
    Transparent pixels are blended on mid-grey (128), never merely stripped of their alpha: that
    would reveal what the file hides.
    window: for deep pictures (more than 8 bits, or float), otherwise ignored; without one the rule
    of `window.default_window` holds. The window in use is in the record.
    max_pixels: of one page. max_bytes: of the file. Memory: at most 9.5 bytes a pixel beside the
    file itself (measured at 100 megapixels: 8-bit 7.4, RGB 16-bit 9.3).
    """
    header = check(data, page, max_pixels=max_pixels, max_bytes=max_bytes)
    if window is not None:
        check_window(window)
    samples = _samples(data, header)
    if samples.deep:
        window = window or default_window(samples.colour, samples.bits, samples.alpha)
        rgb = render(samples.colour, window)
    else:
        window, rgb = None, samples.colour
        if rgb.ndim == 2:
            rgb = np.repeat(rgb[..., None], 3, axis=2)
    if samples.alpha is not None:
        rgb = rgb if rgb.flags.writeable and rgb.flags.owndata else rgb.copy()
        blend(rgb, samples.alpha, samples.premultiplied)
    words = samples.words
    del samples
    rgb = upright(rgb, header.orientation)
    record = ImageRecord(
        sha256=hashlib.sha256(data).hexdigest(),
        name=display_name(name),
        width=rgb.shape[1],
        height=rgb.shape[0],
        mode=words,
        page=header.page,
        pages=header.pages,
        window=window,
    )
    return Picture(record, rgb)


def check(
    data: bytes, page: int = 0, *, max_pixels: int = MAX_PIXELS, max_bytes: int = MAX_BYTES
) -> head.Header:
    """Return the header of a file that may be decoded, without decoding it; raises ImageError."""
    if len(data) > max_bytes:
        raise ImageError(
            f"The file has {len(data) / 1e6:.0f} MB; at most {max_bytes / 1e6:.0f} MB are read. "
            "Crop the picture or compress it."
        )
    header = head.read_header(data, page)
    width, height = header.width, header.height
    if width <= 0 or height <= 0:
        raise head.cut_off(header.kind)
    if width * height > max_pixels or max(width, height) > MAX_SIDE:
        raise ImageError(
            f"The image has {width} x {height} pixels ({width * height / 1e6:.0f} million); "
            f"at most {max_pixels / 1e6:.0f} million and {MAX_SIDE} a side are read. "
            "Crop it or save it smaller."
        )
    tags = header.tiff
    if tags is not None:
        sample = max(tags.bits, 8) * tags.samples / 8
        tile = tags.segment[0] * tags.segment[1]
        if max(width * height, tile) * sample > max_pixels * _MAX_SAMPLE_BYTES:
            raise ImageError(
                "The TIFF file has too much data in a page or tile. Save it as 16-bit RGB or less."
            )
    return header


def deep_range(data: bytes, page: int = 0) -> tuple[float, float] | None:
    """Return the least and greatest finite sample of a deep picture, None for an 8-bit one.

    These are the ends of a window/level slider, in the units of `records.Window`.
    """
    header = check(data, page)
    if header.bits <= 8 and (header.tiff is None or header.tiff.sample_format == 1):
        return None
    samples = _samples(data, header)
    return value_range(samples.colour) if samples.deep else None


def upright(rgb: np.ndarray, orientation: int) -> np.ndarray:
    """Return (h, w, 3) turned as EXIF orientation 1..8 says, contiguous; EXIF 2.32, tag 0x0112."""
    if orientation in (5, 6, 7, 8):
        rgb = rgb.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        rgb = rgb[::-1]
    if orientation in (2, 3, 6, 7):
        rgb = rgb[:, ::-1]
    return np.ascontiguousarray(rgb)


def _samples(data: bytes, header: head.Header) -> Samples:
    try:
        return read_samples(data, header)
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError(
            "There is not enough memory for this image. Crop it or save it smaller."
        ) from error
    except Exception as error:
        # Decoders meet hostile bytes with every type of exception there is; all mean one thing.
        raise head.cut_off(header.kind) from error
