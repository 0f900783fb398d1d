"""How views and the head's word become one map and one score."""

from __future__ import annotations

import numpy as np
import pytest

from triad_ui.errors import ExpertError
from triad_ui.expert.backbone import EfficientNetLite0
from triad_ui.expert.residual_view import (
    FAULT_SHARE,
    FAULTY,
    STANDING_OUT,
    TEXTURE,
    Beside,
    View,
    seen_size,
    weigh,
)


def _beside(seed: int, side: int, stands_out: float = 0.1, texture: float = 0.3) -> Beside:
    distances = np.random.default_rng(seed).uniform(0.05, 0.4, (side, side)).astype(np.float32)
    return Beside(distances, {}, stands_out, texture)


def test_the_map_is_a_geometric_mean() -> None:
    one, other = _beside(0, 8), _beside(1, 8)
    fault = np.full((8, 8), 0.2, np.float32)
    place, _ = weigh([one, other], fault)
    both = (one.distances * other.distances) ** 0.5
    assert place.dtype == np.float32
    assert np.allclose(place, both ** (1 - FAULT_SHARE) * 0.2**FAULT_SHARE, rtol=1e-5)
    # a smaller view is brought to the first one's cells
    assert weigh([one, _beside(2, 4)], fault)[0].shape == (8, 8)


def test_the_score_weighs_both_views_and_the_likeliest_cells() -> None:
    fault = np.full((20, 20), 0.01, np.float32)
    fault[3, 3] = 0.5  # the one cell in 333 that counts: odds of 1
    _, score = weigh([_beside(0, 8, 0.1, 0.3), _beside(1, 8, 0.4, 0.2)], fault)
    expected = (0.1 * 0.4) ** (STANDING_OUT / 2) * (0.3 * 0.2) ** (TEXTURE / 2)
    assert score == pytest.approx(expected, rel=1e-5)
    fault[3, 3] = 0.8
    surer = weigh([_beside(0, 8, 0.1, 0.3), _beside(1, 8, 0.4, 0.2)], fault)[1]
    assert surer == pytest.approx(expected * 4**FAULTY, rel=1e-5)


@pytest.mark.parametrize("sure", [0.0, 1.0])
def test_nothing_seen_and_all_certain_have_a_score(sure: float) -> None:
    nothing = Beside(np.zeros((8, 8), np.float32), {}, -0.1, 0.0)
    place, score = weigh([nothing, nothing], np.full((8, 8), sure, np.float32))
    assert np.isfinite(place).all() and 0 < score < 0.01


def test_a_picture_is_sized_to_its_aspect_and_too_small_ones_are_refused() -> None:
    view = View(EfficientNetLite0(), 320, fine=False)
    rgb = np.random.default_rng(0).integers(0, 255, (300, 600, 3)).astype(np.uint8)
    assert view.sized(rgb).shape == (*seen_size(300, 600, 320), 3) == (224, 448, 3)
    assert np.array_equal(view.sized(view.sized(rgb)), view.sized(rgb))
    with pytest.raises(ExpertError, match="8 or more"):
        view.sized(rgb[:5])


@pytest.mark.parametrize("shape", [(300, 600), (90, 8), (500, 333)])
def test_a_smaller_view_leaves_no_pixel_out(shape: tuple[int, int]) -> None:
    network = EfficientNetLite0()
    larger, smaller = (View(network, side, fine=False) for side in (320, 224))
    shown = larger.sized(np.zeros((*shape, 3), np.uint8))
    for axis in (0, 1):
        for line in range(shown.shape[axis]):
            lit = np.moveaxis(shown.copy(), axis, 0)
            lit[line] = 255
            again = smaller.again(np.moveaxis(lit, 0, axis))
            assert again.shape == (*seen_size(*shown.shape[:2], 224), 3)
            assert again.any()


@pytest.mark.parametrize("shape", [(300, 600), (90, 8), (480, 640), (131, 40), (500, 333)])
def test_a_picture_is_looked_at_in_the_size_that_it_was_given(shape: tuple[int, int]) -> None:
    view = View(EfficientNetLite0(), 224, fine=True)
    sized = view.sized(np.zeros((*shape, 3), np.uint8))
    looked = view.look(sized)
    strides = {2: 8, 4: 8, 7: 16, 10: 16}
    assert {block: cells.shape[:2] for block, cells in looked.items()} == {
        block: (sized.shape[0] // stride, sized.shape[1] // stride)
        for block, stride in strides.items()
    }
