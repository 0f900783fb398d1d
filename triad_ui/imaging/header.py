"""The facts at the head of an image file, read from its bytes alone, before any decoder runs.

It decodes no pixel and imports no image library, so a bomb costs microseconds. TIFF has its own
file, `tiff_header.py`; which pixels are accepted is `decode.py`'s policy.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Literal

from triad_ui.errors import ImageError
from triad_ui.imaging import tiff_header

FileKind = Literal["PNG", "JPEG", "TIFF", "BMP", "WebP"]

MAX_SCANS = 100
"""Scans of a progressive JPEG; each one costs a pass over the whole picture (encoders use ~10)."""

MAX_PARTS = 200_000
"""Chunks or segments of a file; millions of empty ones would cost minutes to walk."""

_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_STRANGERS = (
    (b"GIF8", 0, "a GIF"),
    (b"%PDF", 0, "a PDF"),
    (b"PK\x03\x04", 0, "a ZIP or office file"),
    (b"\x00\x00\x00\x0cjP  ", 0, "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", 0, "a JPEG 2000 picture"),
    (b"\x00\x00\x00\x0cJXL ", 0, "a JPEG XL picture"),
    (b"\xff\x0a", 0, "a JPEG XL picture"),
    (b"8BPS", 0, "a Photoshop file"),
    (b"ftyphei", 4, "a HEIC photo"),
    (b"ftyphev", 4, "a HEIC photo"),
    (b"ftypmif1", 4, "a HEIC photo"),
    (b"ftypavif", 4, "an AVIF picture"),
    (b"ftyp", 4, "a video or camera file"),
    (b"DICM", 128, "a DICOM file"),
)
_REMEDY = "Save it as PNG, JPEG, TIFF, BMP or WebP and upload that."


@dataclass(frozen=True, slots=True)
class Header:
    """What the head of a file states. width, height: pixels as stored, before rotation.

    orientation: EXIF 1..8. bits: per sample, 8 or fewer where the picture is not deep.
    channels: colour samples a pixel, alpha included. page is below pages.
    """

    kind: FileKind
    width: int
    height: int
    bits: int = 8
    channels: int = 3
    orientation: int = 1
    page: int = 0
    pages: int = 1
    adobe: bool = False
    tiff: tiff_header.Page | None = None


def read_header(data: bytes, page: int = 0) -> Header:
    """Return the header of the picture in `data`; raises ImageError for anything not read here."""
    kind = sniff(data)
    if kind != "TIFF" and page != 0:
        raise ImageError(f"This {kind} file has one page, not {page + 1}. Choose page 1.")
    try:
        if kind == "TIFF":
            return _tiff(data, page)
        return {"PNG": _png, "JPEG": _jpeg, "BMP": _bmp, "WebP": _webp}[kind](data)
    except (struct.error, IndexError) as error:
        raise cut_off(kind) from error


def sniff(data: bytes) -> FileKind:
    """Return the kind of picture that the bytes are, whatever the name says; else ImageError."""
    if not data:
        raise ImageError("The file is empty. Upload it again.")
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"):
        return "TIFF"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WebP"
    if data.startswith(b"BM") and data[14:18] in (
        struct.pack("<I", size) for size in (12, 16, 40, 52, 56, 64, 108, 124)
    ):
        return "BMP"
    for magic, offset, what in _STRANGERS:
        if data[offset : offset + len(magic)] == magic:
            raise ImageError(f"This is {what}, which is not read here. {_REMEDY}")
    text = data[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"<"):
        what = "an SVG drawing" if b"<svg" in data[:4096].lower() else "a web page or XML text"
        raise ImageError(f"This is {what}, not a photograph. {_REMEDY}")
    raise ImageError(f"This is not a picture that is read here. {_REMEDY}")


def cut_off(kind: str) -> ImageError:
    """Return the error for a file that ends before its picture does."""
    return ImageError(f"The {kind} file is cut off or damaged. Copy or save it again.")


def _tiff(data: bytes, page: int) -> Header:
    pages = tiff_header.read_pages(data)
    if not 0 <= page < len(pages):
        raise ImageError(
            f"The TIFF file has {len(pages)} page(s), not {page + 1}. Choose one of those."
        )
    tags = tiff_header.read_page(data, pages, page)
    return Header(
        kind="TIFF",
        width=tags.width,
        height=tags.height,
        bits=tags.bits,
        channels=tags.samples,
        orientation=tags.orientation,
        page=page,
        pages=len(pages),
        tiff=tags,
    )


def _png(data: bytes) -> Header:
    position, header, ended, orientation, transparent = 8, None, False, 1, False
    for _ in range(MAX_PARTS):
        if ended or position + 12 > len(data):
            break
        (length,) = struct.unpack_from(">I", data, position)
        name = data[position + 4 : position + 8]
        if position + 12 + length > len(data):
            raise cut_off("PNG")
        if header is None:
            if name != b"IHDR" or length != 13:
                raise cut_off("PNG")
            header = struct.unpack_from(">IIBB", data, position + 8)
        elif name == b"eXIf":
            orientation = tiff_header.orientation(data[position + 8 : position + 8 + length])
        elif name == b"tRNS":
            transparent = True
        ended = name == b"IEND"
        position += 12 + length
    if header is None or not ended:
        raise cut_off("PNG")
    width, height, bits, colour = header
    if colour not in (0, 2, 3, 4, 6):
        raise cut_off("PNG")
    channels = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}[colour]
    channels += int(transparent and colour in (0, 2, 3))
    return Header("PNG", width, height, bits, channels, orientation)


def _jpeg(data: bytes) -> Header:
    frame, orientation, adobe, scans, position = None, 1, False, 0, 2
    for _ in range(MAX_PARTS):
        found = _MARKER.search(data, position)
        if found is None:
            raise cut_off("JPEG")
        marker, position = data[found.start() + 1], found.end()
        if marker == 0xD9:
            break
        if marker in (0x01, 0xD8):
            continue
        (length,) = struct.unpack_from(">H", data, position)
        body = data[position + 2 : position + length]
        if marker == 0xE1 and body.startswith(b"Exif\x00") and orientation == 1:
            orientation = tiff_header.orientation(body[6:])
        elif marker == 0xEE and body.startswith(b"Adobe"):
            adobe = True
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and frame is None:
            frame = struct.unpack_from(">BHHB", body)
        elif marker == 0xDA:
            scans += 1
            if scans > MAX_SCANS:
                raise ImageError(
                    f"The JPEG file has more than {MAX_SCANS} scans. Save it as a plain JPEG."
                )
        position += length
    else:
        raise cut_off("JPEG")
    if frame is None or scans == 0:
        raise cut_off("JPEG")
    bits, height, width, channels = frame
    if bits != 8:
        raise ImageError(
            f"This JPEG has {bits} bits a sample; 8 are read. Save it as a 16-bit PNG or TIFF."
        )
    return Header("JPEG", width, height, bits, channels, orientation, adobe=adobe)


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Return (width, height) of the first frame header in a JPEG stream, (0, 0) if there is none.

    Unlike `read_header` it stops there: a JPEG strip inside a TIFF file is no whole file.
    """
    position = 2
    for _ in range(MAX_PARTS):
        found = _MARKER.search(data, position)
        if found is None:
            break
        marker, position = data[found.start() + 1], found.end()
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            if position + 7 > len(data):
                break
            height, width = struct.unpack_from(">HH", data, position + 3)
            return width, height
        if marker not in (0x01, 0xD8, 0xD9) and position + 2 <= len(data):
            position += struct.unpack_from(">H", data, position)[0]
    return 0, 0


def _bmp(data: bytes) -> Header:
    (size,) = struct.unpack_from("<I", data, 14)
    if size == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
    else:
        width, height, _, bits = struct.unpack_from("<iiHH", data, 18)
    channels = 4 if bits == 32 else 3
    return Header("BMP", abs(width), abs(height), min(bits, 8), channels)


def _webp(data: bytes) -> Header:
    (length,) = struct.unpack_from("<I", data, 4)
    if length + 8 > len(data):
        raise cut_off("WebP")
    position, size, alpha, orientation = 12, None, False, 1
    for _ in range(MAX_PARTS):
        if position + 8 > length + 8:
            break
        name = data[position : position + 4]
        (chunk,) = struct.unpack_from("<I", data, position + 4)
        body = position + 8
        if name == b"VP8X":
            alpha = bool(data[body] & 0x10)
            wide, high = data[body + 4 : body + 7], data[body + 7 : body + 10]
            size = (int.from_bytes(wide, "little") + 1, int.from_bytes(high, "little") + 1)
        elif name == b"VP8 " and size is None:
            width, height = struct.unpack_from("<HH", data, body + 6)
            size = (width & 0x3FFF, height & 0x3FFF)
        elif name == b"VP8L" and size is None:
            (packed,) = struct.unpack_from("<I", data, body + 1)
            size = ((packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1)
            alpha = bool(packed >> 28 & 1)
        elif name == b"EXIF":
            block = data[body : body + chunk].removeprefix(b"Exif\x00\x00")
            orientation = tiff_header.orientation(block)
        position = body + chunk + (chunk & 1)
    if size is None:
        raise cut_off("WebP")
    return Header("WebP", *size, channels=4 if alpha else 3, orientation=orientation)
