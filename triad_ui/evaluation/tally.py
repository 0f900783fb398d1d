"""Adds up what was found on a product's photographs, one by one, without keeping pixels.

It does not know experts, references or how results are shown.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from triad_ui.errors import ImageError
from triad_ui.evaluation.datasets import Sample
from triad_ui.evaluation.picture_files import read_mask
from triad_ui.evaluation.pixel_counts import PixelCounts
from triad_ui.evaluation.results import ImageResult, ProductResult, Skipped
from triad_ui.evaluation.threshold import DEFAULT
from triad_ui.evaluation.trivial_cues import cues_of, judge_cues
from triad_ui.evaluation.worst_cases import WorstCases
from triad_ui.expert.roi import choose
from triad_ui.records import AnomalyMap, Picture, Verdict


class Tally:
    """One product's count; `references`, `prepare_seconds` and `process` are set from outside."""

    def __init__(self, product: str, max_pixels: int) -> None:
        self.references: tuple[str, ...] = ()
        self.prepare_seconds = 0.0
        self.process = ""
        self._product = product
        self._max_pixels = max_pixels
        self._images: list[ImageResult] = []
        self._skipped: list[Skipped] = []
        self._cues: list[dict[str, float]] = []
        self._pixels = PixelCounts()
        self._worst = WorstCases()
        self._truth: set[str] = set()
        self._paired = 0
        self._notes: Counter[str] = Counter()

    def note(self, text: str) -> None:
        """Something that the reader of the result should know; told once, with its count."""
        self._notes[text] += 1

    def skip(self, name: str, reason: str) -> None:
        """A photograph that could not be scored."""
        self._skipped.append(Skipped(name, reason))

    def add(
        self,
        sample: Sample,
        picture: Picture,
        found: AnomalyMap,
        seconds: float,
        *,
        paired: bool = False,
        verdict: Verdict | None = None,
        verdict_seconds: float = 0.0,
        without_process: Verdict | None = None,
    ) -> None:
        """A scored photograph. paired: compared with its own reference."""
        truth = self._mask(sample, picture)
        if not sample.defective:
            self._pixels.add_good(found.values, picture.rgb.shape[:2])
        elif truth is not None:
            self._pixels.add_defective(found.values, truth)
        # boxes hold good pixels too, so that they tell no size
        share = float(truth.mean()) if truth is not None and sample.mask is not None else None
        height, width = found.values.shape
        row, column = np.unravel_index(int(found.values.argmax()), found.values.shape)
        rois = choose(found.values, picture.record.size)
        region = None
        if rois:
            region = (rois[0].x0 + rois[0].x1) / 2, (rois[0].y0 + rois[0].y1) / 2
        peak = (
            (column + 0.5) * picture.record.width / width,
            (row + 0.5) * picture.record.height / height,
        )
        self._paired += paired
        self._cues.append(cues_of(picture.rgb))
        self._worst.add(sample, picture, found)
        self._images.append(
            ImageResult(
                name=sample.name,
                defective=sample.defective,
                kind=sample.kind,
                score=float(found.score),
                hot=bool((found.values > DEFAULT).any()),
                peak_inside=_holds(truth, peak),
                region_inside=_holds(truth, region),
                seconds=seconds,
                verdict=verdict,
                verdict_seconds=verdict_seconds,
                without_process=without_process,
                defect_share=share,
            )
        )

    def result(self, pool: int) -> ProductResult:
        """All that was found. pool: how many pictures the expert was given beside references."""
        defective = np.array([image.defective for image in self._images], dtype=bool)
        return ProductResult(
            name=self._product,
            images=tuple(self._images),
            references=self.references,
            paired=self._paired,
            pool=pool,
            skipped=tuple(self._skipped),
            pixels=self._pixels.inside_defective(),
            pixels_over_all=self._pixels.over_all(),
            annotated=self._pixels.annotated,
            truth=" and ".join(sorted(self._truth, reverse=True)) or "none",
            cues=judge_cues(self._cues, defective),
            worst=self._worst.all(),
            prepare_seconds=self.prepare_seconds,
            process=self.process,
            notes=tuple(f"{text} ({n} times)" if n > 1 else text
                        for text, n in self._notes.items()),
        )  # fmt: skip

    def _mask(self, sample: Sample, picture: Picture) -> np.ndarray | None:
        """Where a defective part is defective, bool (height, width); None where nobody said."""
        if sample.mask is not None:
            try:
                mask = read_mask(sample.mask, picture.record.size, max_pixels=self._max_pixels)
            except ImageError as error:
                self.note(f"the mask {sample.mask.name} was not read: {error}")
                return None
            if not mask.any():
                self.note("a mask without any defect counts as not annotated")
                return None
            self._truth.add("masks")
            return mask
        if not sample.boxes:
            return None
        mask = np.zeros(picture.rgb.shape[:2], dtype=bool)
        for x0, y0, x1, y1 in sample.boxes:
            mask[max(0, int(y0)) : max(0, round(y1)), max(0, int(x0)) : max(0, round(x1))] = True
        if not mask.any():
            self.note("boxes outside the photograph count as not annotated")
            return None
        self._truth.add("boxes")
        return mask


def _holds(truth: np.ndarray | None, place: tuple[float, float] | None) -> bool | None:
    """Whether a place (x, y) in pixels is in the annotation; None without either."""
    if truth is None or place is None:
        return None
    row, column = min(int(place[1]), truth.shape[0] - 1), min(int(place[0]), truth.shape[1] - 1)
    return bool(truth[row, column])
