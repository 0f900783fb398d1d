"""What is left of a region beside a good part's, and that nothing else is seen."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from triad_ui.model.embedded.close_comparer import AROUND, LEFT_PARTS, CloseComparer, left_over
from triad_ui.model.embedded.scene import CLOSE_GRID, NEAR_PARTS

FINE, _, MIDDLE, COLOURS = NEAR_PARTS


@pytest.fixture
def comparer() -> CloseComparer:
    torch.manual_seed(0)
    return CloseComparer(3).eval().requires_grad_(False)


def regions(count: int = 1, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, sum(NEAR_PARTS), CLOSE_GRID, CLOSE_GRID, generator=generator)


def test_left_over_is_what_a_loop_finds(comparer: CloseComparer) -> None:
    near, good = regions(2, 1), regions(2, 2)
    found = left_over(near, good, comparer.nearby)
    unit = torch.nn.functional.normalize
    for reach, (left, unlike) in zip((CLOSE_GRID, AROUND), found, strict=True):
        assert left.shape == (2, sum(LEFT_PARTS), CLOSE_GRID, CLOSE_GRID)
        for number, y, x in ((0, 0, 0), (1, 5, 11), (0, 7, 3)):
            best = None
            cell = near[number, :, y, x]
            for v in range(max(0, y - reach), min(CLOSE_GRID, y + reach + 1)):
                for u in range(max(0, x - reach), min(CLOSE_GRID, x + reach + 1)):
                    other = good[number, :, v, u]
                    alike = [
                        float(unit(cell[part], dim=0) @ unit(other[part], dim=0))
                        for part in (slice(0, FINE), slice(2 * FINE, 2 * FINE + MIDDLE))
                    ]
                    if best is None or sum(alike) > best[0]:
                        best = sum(alike), alike, cell - other
            _, alike, rest = best
            expected = torch.cat([rest[:FINE], rest[2 * FINE :]])
            assert torch.allclose(left[number, :, y, x], expected, atol=1e-5)
            assert unlike[number, :, y, x].tolist() == pytest.approx(
                [1 - each for each in alike], abs=1e-5
            )


def test_what_both_have_leaves_nothing_wherever_it_lies(comparer: CloseComparer) -> None:
    near = regions()
    (left, unlike), (there, _) = left_over(near, near.roll(4, 3), comparer.nearby)
    assert float(left.abs().max()) < 1e-5 and float(unlike.abs().max()) < 1e-5
    assert float(there.abs().mean()) > 0.1  # but not at its place
    (_, _), (there, _) = left_over(near, near.roll(AROUND, 3), comparer.nearby)
    assert float(there[..., :-1].abs().max()) < 1e-5


def test_how_the_product_looks_is_not_seen(comparer: CloseComparer) -> None:
    """Regions that differ in the same way are told the same, whatever they show."""
    generator = torch.Generator().manual_seed(3)
    told = []
    for seed in (4, 5):
        good = regions(1, seed)
        # unit length, so that how unlike two cells are follows from what is left
        for part in (slice(0, FINE), slice(2 * FINE, 2 * FINE + MIDDLE)):
            good[:, part] = torch.nn.functional.normalize(good[:, part], dim=1)
        told.append(comparer(good, good)[1])
        again = comparer(good + 0.05 * torch.randn(good.shape, generator=generator), good)[1]
        assert not torch.allclose(told[-1], again, atol=0.02)
    assert torch.allclose(*told, atol=2e-3)


def test_one_kind_more_is_told_than_a_surface_has(comparer: CloseComparer) -> None:
    cells, kinds = comparer(regions(2, 6), regions(2, 7))
    assert cells.shape == (2, CLOSE_GRID, CLOSE_GRID)
    assert kinds.shape == (2, 1 + 3 + 1)
