"""Cells one by one into the language model's width."""

from __future__ import annotations

import pytest
import torch

from tests.model.tiny import stub_tower, visual
from triad_ui.model.embedded import views
from triad_ui.model.embedded.projector import Projector


@pytest.fixture
def projector() -> Projector:
    torch.manual_seed(0)
    return Projector(64, 2, 1, hidden=32).eval().requires_grad_(False)


@pytest.fixture
def cells() -> views.Cells:
    return views.encode([visual(0, 2)], stub_tower)[0]


def part(cells: views.Cells, rows: slice) -> views.Cells:
    return views.Cells(
        cells.vectors[rows], cells.places[rows], cells.kinds[rows], cells.index[rows]
    )


def test_each_cell_is_projected_by_itself(projector: Projector, cells: views.Cells) -> None:
    whole = projector(cells)
    assert whole.shape == (82, 64)
    assert whole.dtype == torch.float32
    assert torch.allclose(projector(part(cells, slice(60, 70))), whole[60:70], atol=1e-6)


def test_tokens_start_as_small_as_word_embeddings(projector: Projector, cells: views.Cells) -> None:
    assert 0.05 < float(projector(cells).std()) < 0.2


def test_the_number_of_a_region_counts_for_regions_alone(
    projector: Projector, cells: views.Cells
) -> None:
    before = projector(cells)
    projector.region.weight.data[1] += 1.0
    moved = (projector(cells) - before).abs().amax(1) > 0.5
    assert moved.tolist() == ((cells.kinds == views.ROI) & (cells.index == 1)).tolist()


def test_places_start_as_the_words_for_them(projector: Projector, cells: views.Cells) -> None:
    names = torch.nn.functional.one_hot(torch.arange(9), 64).float()
    projector.start_places(names)
    where = projector._where(cells.places)
    base = where[:64].reshape(8, 8, 64)[..., :9].argmax(-1)
    assert base[0, 0] == 0
    assert base[0, 7] == 2
    assert base[7, 0] == 6
    assert base[7, 7] == 8
    assert base[4, 0] == 3
