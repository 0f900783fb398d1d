"""Examples: the boxes of cells, the shares of a mask, files that give back what they were given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.model.tiny import stub_tower, visual
from tests.rounds.made_up import example
from triad_ui.model.embedded import views
from triad_ui.rounds import examples as module
from triad_ui.rounds.examples import COLOURS, Example, cell_boxes


@pytest.mark.parametrize("rois", [0, 1, 3])
def test_boxes_tile_the_image_and_each_region(rois: int) -> None:
    image = visual(0, rois)
    cells = views.encode([image], stub_tower)[0]
    boxes = cell_boxes(cells, rois)
    assert boxes.shape == (len(cells), 4)
    base = boxes[:64].reshape(8, 8, 4)
    assert base[0, 0].tolist() == pytest.approx([0, 0, 1 / 8, 1 / 8], abs=1e-6)
    assert base[7, 7].tolist() == pytest.approx([7 / 8, 7 / 8, 1, 1], abs=1e-6)
    height, width = image.rgb.shape[:2]
    for number, roi in enumerate(image.rois):
        own = boxes[((cells.kinds == views.ROI) & (cells.index == number)).numpy()]
        low, high = own[:, :2].min(0) * (width, height), own[:, 2:].max(0) * (width, height)
        assert low.tolist() == pytest.approx([roi.x0, roi.y0], abs=1e-3)
        assert high.tolist() == pytest.approx([roi.x1, roi.y1], abs=1e-3)
        area = ((own[:, 2] - own[:, 0]) * (own[:, 3] - own[:, 1])).sum() * width * height
        assert area == pytest.approx((roi.x1 - roi.x0) * (roi.y1 - roi.y0), rel=1e-4)


def test_shares_are_means_over_the_boxes() -> None:
    mask = np.zeros((1, 80, 80), np.float32)
    mask[:, :10, :5] = 1
    boxes = np.array([[0, 0, 1 / 8, 1 / 8], [0, 0, 1, 1], [0.5, 0.5, 0.5, 0.5]], np.float32)
    shares = module._shares(mask, boxes)[:, 0].tolist()
    assert shares == pytest.approx([0.5, 50 / 6400, 0.0])


def test_colours_are_the_nearest_names() -> None:
    rgb = np.zeros((96, 96, 3), np.uint8)
    rgb[:, :48], rgb[:, 48:] = module.NAMED["red"], module.NAMED["blue"]
    planes = module.colour_planes(rgb)
    assert planes.sum(0).min() == planes.sum(0).max() == 1.0
    assert planes[COLOURS.index("red"), :, :48].mean() == 1.0
    assert planes[COLOURS.index("blue"), :, 48:].mean() == 1.0


def assert_alike(left: Example, right: Example) -> None:
    assert (left.seed, left.family, left.truth, left.visible) == (
        right.seed, right.family, right.truth, right.visible,
    )  # fmt: skip
    for a, b in zip(left.cells, right.cells, strict=True):
        assert torch.allclose(a.vectors, b.vectors, atol=2e-3, rtol=2e-3)  # kept in half
        assert torch.equal(a.places, b.places)
        assert torch.equal(a.kinds, b.kinds)
        assert torch.equal(a.index, b.index)
    assert torch.equal(left.evidence, right.evidence)
    assert torch.allclose(left.masked, right.masked, atol=1e-3)
    assert torch.allclose(left.colours, right.colours, atol=1e-3)
    assert left.masked.dtype == left.colours.dtype == torch.float32


class FewLines:
    """An ExampleMaker that draws nothing."""

    def make(self, seed: int) -> list[Example]:
        return [example(seed, defective=bool(seed % 2), rois=seed % 4)]


def test_files_give_back_what_they_were_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_worker", FewLines())
    module._write_shard(tmp_path / "000000004.pt", 4, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["000000004.pt"]
    read = list(module._read(tmp_path / "000000004.pt"))
    assert [each.seed for each in read] == [4, 5, 6]
    for each in read:
        assert_alike(each, FewLines().make(each.seed)[0])
        assert each.cells[0].vectors.dtype == torch.float32


def test_what_is_there_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_worker", FewLines())
    monkeypatch.setattr(module, "SHARD", 2)
    for seed in (10, 12):
        module._write_shard(tmp_path / f"{seed:09d}.fine.pt", seed, min(2, 13 - seed))
    monkeypatch.setattr(
        "triad_ui.rounds.shards.ProcessPoolExecutor", lambda *_a: pytest.fail("made again")
    )
    seen: list[tuple[int, int]] = []
    got = module.examples(tmp_path, Path("none"), 10, 3, 1, lambda *a: seen.append(a))
    assert [each.seed for each in got] == [10, 11, 12]
    assert seen


def test_regions_drawn_by_a_person_stay_inside_the_picture() -> None:
    from types import SimpleNamespace

    mask = np.zeros((120, 120), bool)
    mask[100:118, 2:9] = True
    sample = SimpleNamespace(query=np.zeros((120, 120, 3), np.uint8), mask=mask)
    rng = np.random.default_rng(0)
    drawn = 0
    for _ in range(300):
        rois = module._varied(visual(0, 5).rois[:4], sample, rng)
        assert len(rois) <= 4
        for roi in rois:
            if roi.source == "user":
                drawn += 1
                assert 0 <= roi.x0 < roi.x1 <= 120
                assert 0 <= roi.y0 < roi.y1 <= 120
    assert 40 < drawn < 160


@pytest.mark.weights
def test_some_pictures_are_shown_under_two_processes(efficientnet_weights: Path) -> None:
    maker = module.ExampleMaker(efficientnet_weights, ("hex nut",), 160, varied=False)
    for seed in range(40):
        made = maker.make(seed)
        if len(made) == 2:
            break
    bad, good = made
    assert (bad.truth.label, good.truth.label) == ("defective", "normal")
    assert bad.truth.process != good.truth.process and not bad.visible and good.visible
    assert bad.cells is good.cells and bad.masked.sum() > 0 and good.masked.sum() == 0
