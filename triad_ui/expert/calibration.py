"""Raw distances to the common scale: what is normal for this expert, told by the references.

A scale says which raw distance of a place, and of an image, counts as 0.5. It comes from the
references themselves (each against the others), else from the store, else from changed copies of
a lone reference, else it is the expert's fixed one. It never comes from the query: a good part is
calm, whatever its own maximum, and maps of different images can be compared.

It does not know how an expert measures, nor who stores a scale.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np

from triad_ui.expert.anomaly_map import squash
from triad_ui.records import AnomalyMap, Basis, Picture, Scale, Subject

Raw = Callable[[Picture, Sequence[Picture]], tuple[np.ndarray, float]]
"""An expert's uncalibrated map (h, w) and image score of a query against references."""

STEEPNESS = 4.0
LEAVE_ONE_OUT_GAIN = 1.2
"""Threshold over the largest leave-one-out distance: new good parts go a little beyond it."""
MOST_LEFT_OUT = 8
SELF_GAIN = 2.4
"""Threshold over the largest distance of a lone reference to changed copies of itself.

Wide, because copies do not show how parts differ: good parts of six products reached 1.5 to 3.2
times that distance (90th percentile), textures of free-lying parts the most.
"""
FLOOR = 1e-6
"""Least scale: a scale must be above 0, also where an expert finds no difference at all."""
KEPT = 16


def leave_one_out_scale(
    raw: Raw, references: Sequence[Picture], *, gain: float = LEAVE_ONE_OUT_GAIN
) -> Scale:
    """The scale of two or more references: each is scored against the others.

    gain: threshold over the largest distance found. Of many references, MOST_LEFT_OUT evenly
    spread ones are left out in turn. A picture given twice counts once. ValueError with fewer
    than two different references.
    """
    distinct = list({picture.key: picture for picture in references}.values())
    if len(distinct) < 2:
        raise ValueError("leaving one out takes at least two different references")
    found = []
    for index in np.unique(np.linspace(0, len(distinct) - 1, MOST_LEFT_OUT).astype(int)):
        found.append(raw(distinct[index], distinct[:index] + distinct[index + 1 :]))
    return _scale(found, gain)


def changed_copies_scale(raw: Raw, reference: Picture, *, gain: float = SELF_GAIN) -> Scale:
    """The scale of a lone reference: how far changed copies of it are from it, times `gain`."""
    return _scale([raw(copy, [reference]) for copy in changed_pictures(reference)], gain)


def calibrated(
    raw_map: np.ndarray,
    raw_score: float,
    scale: Scale,
    *,
    expert: str,
    basis: Basis = "references",
    known: bool = True,
    kinds: tuple[tuple[str, float], ...] = (),
    steepness: float = STEEPNESS,
) -> AnomalyMap:
    """Raw distances 0.. on the common scale: `scale` lies at 0.5, see `anomaly_map.squash`.

    raw_map: (h, w). known: whether the scale came from references or the store. The other words
    are those of `AnomalyMap`.
    """
    return AnomalyMap(
        values=squash(raw_map, scale.place, steepness),
        score=float(squash(np.float32(raw_score), scale.image, steepness)),
        calibrated=known,
        expert=expert,
        basis=basis,
        kinds=kinds,
    )


class Scales:
    """Scales of sets of references, worked out once each and kept; safe in several threads."""

    def __init__(self, fixed: Scale, *, gain: float = LEAVE_ONE_OUT_GAIN) -> None:
        """fixed: the expert's own scale, for when nothing better is known. gain: see above."""
        self._fixed = fixed
        self._gain = gain
        self._made: OrderedDict[tuple[str, ...], Scale] = OrderedDict()
        self._lock = threading.Lock()

    def of(
        self,
        raw: Raw,
        references: Sequence[Picture],
        subject: Subject | None = None,
        *,
        copies: bool = False,
    ) -> tuple[Scale, bool]:
        """The scale to use, and whether it is known (as `AnomalyMap.calibrated` means it).

        Leave-one-out over two or more different references; else the subject's stored scale; else
        changed copies of a lone reference if `copies`; else the fixed one.
        """
        distinct = {picture.key: picture for picture in references}
        stored = subject.scale if subject is not None else None
        if len(distinct) < 2 and stored is not None:
            return stored, True
        if not distinct or (len(distinct) == 1 and not copies):
            return self._fixed, False
        key = tuple(sorted(distinct))
        with self._lock:
            scale = self._made.get(key)
        if scale is None:
            pictures = [distinct[name] for name in key]
            if len(pictures) > 1:
                scale = leave_one_out_scale(raw, pictures, gain=self._gain)
            else:
                scale = changed_copies_scale(raw, pictures[0])
            with self._lock:
                self._made[key] = scale
                while len(self._made) > KEPT:
                    self._made.popitem(last=False)
        return scale, True


def changed(rgb: np.ndarray) -> Iterator[np.ndarray]:
    """The picture as it might have come out at another moment: light, place, turn and focus.

    Six pictures, uint8 (H', W', 3) of nearly the same size.
    """
    height, width = rgb.shape[:2]
    down, across = max(1, height // 33), max(1, width // 33)
    yield np.clip(rgb * 1.1, 0, 255).astype(np.uint8)
    yield np.clip(rgb * 0.9, 0, 255).astype(np.uint8)
    yield np.ascontiguousarray(rgb[down:, across:])
    yield np.ascontiguousarray(rgb[:-down, :-across])
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 1.5, 1.0)
    yield cv2.warpAffine(rgb, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
    yield cv2.GaussianBlur(rgb, (0, 0), 0.7 * max(1.0, max(height, width) / 320))


def changed_pictures(picture: Picture) -> Iterator[Picture]:
    """`changed` as pictures, each under a key of its own, so that features of it may be cached."""
    for number, rgb in enumerate(changed(picture.rgb)):
        record = replace(
            picture.record,
            sha256=f"{picture.record.sha256}-changed{number}",
            width=rgb.shape[1],
            height=rgb.shape[0],
        )
        yield Picture(record, rgb)


def _scale(found: Sequence[tuple[np.ndarray, float]], gain: float) -> Scale:
    place = max(float(values.max()) for values, _ in found)
    image = max(score for _, score in found)
    return Scale(max(FLOOR, gain * place), max(FLOOR, gain * image))
