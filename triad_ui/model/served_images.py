"""Photos and regions as the pictures that an outside server takes: PNG in a data URL.

A server has its own visual tokens and cannot take those of EG-RoI, so each region is cut from the
full-resolution photo and sent as a picture of its own, named by its place. That approximates what
the paper's model sees; it is not the same.
Knows nothing of servers or conversations.
"""

from __future__ import annotations

import base64
import io
import threading
from collections import OrderedDict
from collections.abc import Sequence

from PIL import Image

from triad_ui.records import LOCATIONS, Roi, VisualInput

LONGEST = 1568
"""Pixels of the longest side that is sent; larger pictures are made smaller."""
SHORTEST = 56
"""Pixels of the shortest side: some vision towers refuse less."""
SLIMMEST = 8
"""A region is widened until its sides differ by at most this factor."""
REGIONS = 4
"""Regions of one image that are sent, as many as the paper's model sees."""
KEPT_BYTES = 96 << 20

Labelled = tuple[str, str]
"""What a picture is called, and its data URL."""


class PictureCoder:
    """Makes data URLs and keeps the latest, since each turn of a conversation sends them again.

    Thread-safe. The same picture gives the same bytes, so a server can keep what it has read.
    """

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._kept: OrderedDict[tuple[str, tuple[int, int, int, int]], str] = OrderedDict()
        self._lock = threading.Lock()

    def labelled(
        self, images: Sequence[VisualInput], wanted: Sequence[int], before: int = 0
    ) -> list[Labelled]:
        """Label and data URL of what the images numbered `wanted` show.

        All whole images stand first, so that "the second image" of a question is the second; then
        each one's regions, at most REGIONS, in the order of the records. Every picture has a number
        of its own, since some servers move all pictures before all text. before: how many pictures
        stand earlier in the conversation.
        """
        found: list[Labelled] = []
        for index in wanted:
            height, width = images[index].rgb.shape[:2]
            what = (
                "an acceptable part, for comparison" if images[index].is_reference else "the part"
            )
            label = f"Image {before + len(found) + 1}: {what}"
            found.append((label, self._url(images[index], (0, 0, width, height))))
        for place, index in enumerate(wanted, before + 1):
            height, width = images[index].rgb.shape[:2]
            for number, roi in enumerate(images[index].rois[:REGIONS], 1):
                label = (
                    f"Image {before + len(found) + 1}: region {number} of image {place}, "
                    f"{in_words(roi, width, height)}"
                )
                found.append((label, self._url(images[index], cut(roi, width, height))))
        return found

    def _url(self, image: VisualInput, box: tuple[int, int, int, int]) -> str:
        key = (image.key, box)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        url = data_url(Image.fromarray(image.rgb).crop(box))
        with self._lock:
            self._kept[key] = url
            while len(self._kept) > 1 and sum(map(len, self._kept.values())) > self._kept_bytes:
                self._kept.popitem(last=False)
        return url


def in_words(roi: Roi, width: int, height: int) -> str:
    """Where the middle of a region is, by the 3x3 names: "at the top left"."""
    column = min(2, max(0, 3 * (roi.x0 + roi.x1) // (2 * width)))
    row = min(2, max(0, 3 * (roi.y0 + roi.y1) // (2 * height)))
    name = LOCATIONS[3 * row + column]
    return f"in the {name}" if name == "center" else f"at the {name}"


def cut(roi: Roi, width: int, height: int) -> tuple[int, int, int, int]:
    """The box that is cut out: the region, clipped to the image, a sliver widened with what is
    around it. Half-open, in pixels of the image; never empty."""
    long = max(roi.x1 - roi.x0, roi.y1 - roi.y0)
    least = max(SHORTEST, -(-long // SLIMMEST))
    x0, x1 = _widened(roi.x0, roi.x1, least, width)
    y0, y1 = _widened(roi.y0, roi.y1, least, height)
    return x0, y0, x1, y1


def data_url(picture: Image.Image) -> str:
    """A PNG whose longest side is at most LONGEST and whose shortest is at least SHORTEST."""
    factor = min(LONGEST / max(picture.size), max(1.0, SHORTEST / min(picture.size)))
    if factor != 1:
        size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=3)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode("ascii")


def _widened(low: int, high: int, least: int, end: int) -> tuple[int, int]:
    low, high = max(0, min(low, end - 1)), min(end, max(high, 1))
    if high - low < least:
        low = max(0, min((low + high - least) // 2, end - least))
        high = min(end, low + least)
    return low, high
