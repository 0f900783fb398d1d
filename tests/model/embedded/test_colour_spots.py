"""Counting spots, and finding where a row or a grid lacks one."""

from __future__ import annotations

import numpy as np
import pytest

from triad_ui.model.embedded.colour_spots import (
    ALIKE,
    GAPS,
    HOLES,
    LARGE,
    LARGEST,
    MEDIAN,
    MOST,
    SPOTS,
    TOLD,
    WORTH,
    spots_of,
)


def drawn(*at: tuple[int, int], size: int = 6) -> np.ndarray:
    mask = np.zeros((80, 80), bool)
    for y, x in at:
        mask[y : y + size, x : x + size] = True
    return mask


GRID = [(y, x) for y in (8, 28, 48, 66) for x in (6, 26, 46, 66)]
ROW = [(40, x) for x in (5, 17, 29, 41, 53)]


@pytest.mark.parametrize("at", [[], ROW[:1], ROW, GRID])
def test_spots_are_counted(at: list[tuple[int, int]]) -> None:
    told = spots_of(drawn(*at))
    assert told.shape == (TOLD,) and told.dtype == np.float32
    assert [told[k] for k in (SPOTS, ALIKE, LARGE)] == [len(at)] * 3
    assert told[WORTH] == pytest.approx(len(at))
    assert told[MEDIAN] == told[LARGEST] == pytest.approx(36 / 6400 if at else 0)
    assert told[GAPS] == told[HOLES] == 0


def test_specks_are_no_spots_and_others_are_told_apart_by_size() -> None:
    mask = drawn(*ROW)
    mask[2, 2] = mask[70, 70] = True
    mask[60:78, 2:40] = True  # a plate below the row
    told = spots_of(mask)
    assert (told[SPOTS], told[ALIKE], told[LARGE]) == (6, 5, 1)
    assert told[LARGEST] == pytest.approx(18 * 38 / 6400)
    assert told[WORTH] == pytest.approx((5 * 36 + 18 * 38) / 36)


@pytest.mark.parametrize("missing", [5, 6, 9, 10])
def test_a_grid_lacks_one_in_two_directions(missing: int) -> None:
    told = spots_of(drawn(*(at for k, at in enumerate(GRID) if k != missing)))
    assert (told[SPOTS], told[GAPS], told[HOLES]) == (15, 1, 1)


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_row_lacks_one_in_one(missing: int) -> None:
    told = spots_of(drawn(*(at for k, at in enumerate(ROW) if k != missing)))
    assert (told[SPOTS], told[GAPS], told[HOLES]) == (4, 1, 0)


def test_what_stands_in_the_gap_fills_it() -> None:
    """Of another size, as a part of another make."""
    mask = drawn(*(at for k, at in enumerate(ROW) if k != 2))
    mask[38:48, 28:38] = True
    assert spots_of(mask)[GAPS] == 0


def test_of_very_many_the_largest_are_looked_at() -> None:
    mask = np.zeros((120, 120), bool)
    for y in range(0, 115, 6):
        for x in range(0, 115, 6):
            mask[y : y + 4, x : x + 4] = True
    assert spots_of(mask)[SPOTS] == MOST
    assert np.isfinite(spots_of(np.ones((80, 80), bool))).all()
