"""Pixel numbers against the same computed on all pixels at once."""

from __future__ import annotations

import math

import numpy as np
import pytest

from triad_ui.evaluation.metrics import auroc
from triad_ui.evaluation.pixel_counts import PixelCounts


def test_counted_in_bins_as_on_all_pixels() -> None:
    rng = np.random.default_rng(0)
    counts, every, truths = PixelCounts(), [], []
    for _ in range(3):
        mask = np.zeros((40, 50), bool)
        mask[5:15, 10:30] = True
        values = np.clip(rng.random((40, 50)) * 0.7 + mask * 0.2, 0, 1).astype(np.float32)
        counts.add_defective(values, mask)
        every.append(values.ravel())
        truths.append(mask.ravel())
    good = (rng.random((40, 50)) * 0.6).astype(np.float32)
    inside = auroc(np.concatenate(every), np.concatenate(truths))
    assert counts.inside_defective().auroc == pytest.approx(inside, abs=1e-4)
    counts.add_good(good, (40, 50))
    over = auroc(np.concatenate([*every, good.ravel()]),
                 np.concatenate([*truths, np.zeros(2000, bool)]))  # fmt: skip
    assert counts.over_all().auroc == pytest.approx(over, abs=1e-4)
    assert counts.annotated == 3


def test_aupro_weighs_regions_alike_whatever_their_size() -> None:
    mask = np.zeros((100, 100), bool)
    mask[0:2, 0:2] = True
    mask[50:90, 50:90] = True
    values = np.zeros((100, 100), np.float32)
    values[0:2, 0:2] = 0.9  # the small region alone is found
    counts = PixelCounts()
    counts.add_defective(values, mask)
    # half of the regions at fall-out 0, the rest only with all pixels: .5 rising to .5 + .15
    assert counts.inside_defective().aupro == pytest.approx(0.575, abs=1e-3)


def test_an_empty_mask_says_nothing() -> None:
    counts = PixelCounts()
    counts.add_defective(np.zeros((4, 4), np.float32), np.zeros((8, 8), bool))
    assert counts.annotated == 0
    assert math.isnan(counts.over_all().auroc)
