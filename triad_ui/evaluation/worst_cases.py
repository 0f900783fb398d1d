"""The photographs on which an expert is most wrong, kept small while a run goes by.

Overkill: good parts with the highest scores. Escape: defective parts with the lowest. It does not
know metrics or reports.
"""

from __future__ import annotations

import numpy as np

from triad_ui.evaluation.datasets import Sample
from triad_ui.evaluation.results import WorstCase
from triad_ui.expert.heatmap import contours, heat_map
from triad_ui.imaging.preview import preview
from triad_ui.records import AnomalyMap, Picture

MOST = 4
LONGEST = 240
"""Pixels of a thumbnail's longer side."""
STRENGTH = 0.6
"""Opacity of the heat map where it is certain."""
LINE = (255, 255, 255)


class WorstCases:
    """Holds the MOST worst of either class."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._good: list[WorstCase] = []
        self._bad: list[WorstCase] = []

    def add(self, sample: Sample, picture: Picture, found: AnomalyMap) -> None:
        """Looks at one scored photograph; draws it only if it is among the worst so far."""
        kept = self._bad if sample.defective else self._good
        wrongness = -found.score if sample.defective else found.score
        if len(kept) == self._most and wrongness <= _wrongness(kept[-1]):
            return
        small = preview(picture.rgb, LONGEST)
        kept.append(
            WorstCase(
                sample.name, sample.defective, sample.kind, found.score,
                small, overlaid(small, found),
            )
        )  # fmt: skip
        kept.sort(key=_wrongness, reverse=True)
        del kept[self._most :]

    def all(self) -> tuple[WorstCase, ...]:
        """Good ones by falling, then defective ones by rising score."""
        return (*self._good, *self._bad)


def overlaid(rgb: np.ndarray, found: AnomalyMap) -> np.ndarray:
    """A picture, uint8 (h, w, 3), under its heat map, with a line where the threshold is."""
    import cv2

    size = rgb.shape[1], rgb.shape[0]
    colours = heat_map(found, size)
    alpha = colours[..., 3:].astype(np.float32) / 255 * STRENGTH
    mixed = rgb * (1 - alpha) + colours[..., :3] * alpha
    drawn = np.ascontiguousarray(np.round(mixed).astype(np.uint8))
    cv2.drawContours(drawn, contours(found, size), -1, LINE, 1)
    return drawn


def _wrongness(case: WorstCase) -> float:
    return -case.score if case.defective else case.score
