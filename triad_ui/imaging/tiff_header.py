"""The directories of a TIFF file (and of an EXIF block, which is a small TIFF), read by hand.

It checks that every number in them is believable and that the pixels they point at are really in
the file. It does not decode pixels. TIFF 6.0, sections 2 and 8; BigTIFF as libtiff defines it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from triad_ui.errors import ImageError

MAX_PAGES = 4096
MAX_TAGS = 2048
MAX_STRIPS = 2_000_000

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SIZES |= {16: 8, 17: 8, 18: 8}
_LETTERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_DAMAGED = "The TIFF file is cut off or damaged. Copy or save it again."
_RAW = "This is a camera raw file. Export the photo as TIFF, PNG or JPEG and upload that."


@dataclass(frozen=True, slots=True)
class Page:
    """The tags of one page that the decode policy asks about.

    photometric, compression: as TIFF numbers them. alpha: None, "associated" (premultiplied) or
    "unassociated", the extra sample number `alpha_at`. segment: (width, height) of one strip or
    tile. offsets, counts: of segments, in bytes.
    """

    width: int
    height: int
    bits: int
    samples: int
    sample_format: int
    photometric: int
    compression: int
    orientation: int
    alpha: str | None
    alpha_at: int
    segment: tuple[int, int]
    offsets: tuple[int, ...]
    counts: tuple[int, ...]
    depth: int


class _Reader:
    """Byte order and field widths of one file."""

    def __init__(self, data: bytes) -> None:
        if len(data) < 8:
            raise ImageError(_DAMAGED)
        self.data = data
        self.order = "<" if data[:2] == b"II" else ">"
        big = struct.unpack_from(self.order + "H", data, 2)[0] == 43
        self.count, self.entry, self.inline = ("Q", 20, 8) if big else ("H", 12, 4)
        self.pointer = "Q" if big else "I"
        self.first = self.unpack(self.pointer, 8 if big else 4)[0]

    def unpack(self, fields: str, offset: int) -> tuple[int, ...]:
        try:
            return struct.unpack_from(self.order + fields, self.data, offset)
        except (struct.error, OverflowError) as error:
            raise ImageError(_DAMAGED) from error

    def length(self, directory: int) -> int:
        (tags,) = self.unpack(self.count, directory)
        if not 0 < tags <= MAX_TAGS:
            raise ImageError(_DAMAGED)
        return tags

    def following(self, directory: int) -> int:
        end = directory + struct.calcsize("=" + self.count) + self.length(directory) * self.entry
        return self.unpack(self.pointer, end)[0]

    def tags(self, directory: int) -> dict[int, tuple[int, ...]]:
        """Return tag -> whole numbers; other types become (); raises where a value is not there."""
        found: dict[int, tuple[int, ...]] = {}
        start, total = directory + struct.calcsize("=" + self.count), 0
        for index in range(self.length(directory)):
            at = start + index * self.entry
            tag, kind, count = self.unpack("HH" + self.pointer, at)
            size = _SIZES.get(kind, 1) * count
            value = at + self.entry - self.inline
            if size > self.inline:
                (value,) = self.unpack(self.pointer, value)
            total += size
            # Values that overlap each other many times over are a bomb of their own.
            if value + size > len(self.data) or total > len(self.data):
                raise ImageError(_DAMAGED)
            letter = _LETTERS.get(kind)
            if letter is None or (kind == 1 and count > 64):
                found[tag] = ()
            elif count > MAX_STRIPS:
                raise ImageError(_DAMAGED)
            else:
                found[tag] = self.unpack(f"{count}{letter}", value)
        return found


def orientation(block: bytes) -> int:
    """Return the EXIF orientation 1..8 in an EXIF block; 1 where there is none or it is damaged."""
    try:
        reader = _Reader(block)
        value = reader.tags(reader.first).get(0x0112, (1,))
    except ImageError:
        return 1
    return value[0] if value and 1 <= value[0] <= 8 else 1


def read_pages(data: bytes) -> tuple[int, ...]:
    """Return the offsets of all pages; raises ImageError for loops, too many pages, cut files."""
    reader, pages, seen = _Reader(data), [], set()
    offset = reader.first
    while offset:
        if offset in seen:
            raise ImageError(_DAMAGED)
        if len(pages) == MAX_PAGES:
            raise ImageError(f"The TIFF file has more than {MAX_PAGES} pages. Split it.")
        seen.add(offset)
        pages.append(offset)
        offset = reader.following(offset)
    if not pages:
        raise ImageError(_DAMAGED)
    return tuple(pages)


def read_page(data: bytes, pages: tuple[int, ...], index: int) -> Page:
    """Return the tags of page `index`; raises ImageError where its pixels are not all in `data`."""
    tags = _Reader(data).tags(pages[index])

    def one(tag: int, default: int) -> int:
        values = tags.get(tag, ())
        return values[0] if values else default

    if 50706 in tags or (index == 0 and one(254, 0) & 1 and 330 in tags):
        raise ImageError(_RAW)
    width, height = one(256, 0), one(257, 0)
    depths = set(tags.get(258, ()) or (1,))
    if len(depths) != 1:
        raise ImageError("The TIFF file has channels of unequal depth. Save it as PNG or 8-bit.")
    offsets = tags.get(324) or tags.get(273) or ()
    counts = tags.get(325) or tags.get(279) or ()
    if tags.get(324):
        segment = (one(322, 0), one(323, 0))
    else:
        segment = (width, min(one(278, height), height))
    if not offsets and not counts:
        raise ImageError(_DAMAGED)
    if not counts and len(offsets) == 1:
        counts = (max(len(data) - offsets[0], 0),)
    if len(offsets) != len(counts):
        raise ImageError(_DAMAGED)
    if any(
        start <= 0 or size <= 0 or start + size > len(data) for start, size in zip(offsets, counts)
    ):
        raise ImageError(_DAMAGED)
    across, down = (-(-size // max(part, 1)) for size, part in zip((width, height), segment))
    planes = one(277, 1) if one(284, 1) == 2 else 1
    if len(offsets) < across * down * planes:
        raise ImageError(_DAMAGED)
    extra = tags.get(338, ())
    alpha_at = next((i for i, kind in enumerate(extra) if kind in (1, 2)), 0)
    return Page(
        width=width,
        height=height,
        bits=depths.pop(),
        samples=one(277, 1),
        sample_format=one(339, 1),
        photometric=one(262, 1),
        compression=one(259, 1),
        orientation=one(274, 1) if 1 <= one(274, 1) <= 8 else 1,
        alpha={1: "associated", 2: "unassociated"}.get(extra[alpha_at] if extra else 0),
        alpha_at=alpha_at,
        segment=segment,
        offsets=offsets,
        counts=counts,
        depth=one(32997, 1),
    )
