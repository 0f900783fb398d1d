"""Where a query is looked at closely, and that the same pixels are looked at once."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.model.tiny import stub_tower, visual, write_tokenizer
from triad_ui.model.chat import ChatTokenizer
from triad_ui.model.embedded.encoder import EmbeddedEncoder, Lexicon, look_closely
from triad_ui.model.embedded.projector import Projector
from triad_ui.model.embedded.scene import CLOSE_GRID, close_look
from triad_ui.model.embedded.views import (
    BASE_SIDE,
    CLOSE_FRAMES,
    MAX_ROIS,
    ROI_SIDE,
    close_frames,
    cut,
)
from triad_ui.records import ManufacturingProcess, ProcessStep, VisualInput

Box = tuple[int, int, int, int]


def peaked(rois: int, *peaks: tuple[int, int]) -> VisualInput:
    """A picture of 240 x 200 whose map of 24 x 20 is high at these rows and columns, first most."""
    image = visual(0, rois)
    values = np.zeros((20, 24), np.float32)
    for number, (row, column) in enumerate(peaks):
        values[row, column] = 0.9 - 0.1 * number
    return replace(image, anomaly_map=replace(image.anomaly_map, values=values))


def middle(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def test_regions_come_first_and_peaks_outside_of_them_follow() -> None:
    # the first peak lies inside the region (10, 20)..(70, 80)
    image = peaked(1, (4, 3), (12, 12), (15, 20), (16, 4))
    frames = close_frames(image)
    assert len(frames) == CLOSE_FRAMES == 3
    assert frames[0] == image.rois[0].box
    for frame, (x, y) in zip(frames[1:], ((125, 125), (205, 155)), strict=True):
        assert frame[2] - frame[0] == frame[3] - frame[1] == 50  # a quarter of the shorter side
        assert middle(frame) == pytest.approx((x, y), abs=1)


def test_a_peak_at_the_rim_is_looked_at_whole_and_none_is_looked_at_twice() -> None:
    frames = close_frames(peaked(0, (0, 0), (1, 1), (19, 23), (10, 12)))
    assert frames[:2] == [(0, 0, 50, 50), (190, 150, 240, 200)]  # (1, 1) lies inside the first
    assert middle(frames[2]) == pytest.approx((125, 105), abs=1)


def test_all_regions_are_looked_at_and_without_a_map_only_they() -> None:
    assert [*close_frames(visual(0, 5))] == [roi.box for roi in visual(0, 5).rois[:MAX_ROIS]]
    blind = visual(0, 2, mapped=False)
    assert close_frames(blind) == [roi.box for roi in blind.rois]
    assert close_frames(visual(0, 0, mapped=False)) == [(0, 0, 240, 200)]
    flat = peaked(0)
    assert len(close_frames(flat)) == CLOSE_FRAMES


def test_what_is_seen_is_the_frames_of_query_and_reference() -> None:
    torch.manual_seed(0)
    projector = Projector(64, 4, 3, hidden=32).eval()
    query, good = peaked(1, (12, 12)), visual(7, 0, mapped=False, is_reference=True)
    good = replace(good, rgb=np.ascontiguousarray(good.rgb.repeat(2, 0)))  # of another size
    close = look_closely(projector, [query, good], stub_tower)
    frames = close_frames(query)
    scenes = [close_look(cut(query.rgb, box), stub_tower) for box in frames]
    assert close.cells.shape == (len(frames), CLOSE_GRID, CLOSE_GRID)
    assert torch.allclose(
        close.frames * torch.tensor([240, 200, 240, 200]), torch.tensor(frames) * 1.0
    )
    alone = projector.look(scenes, close.frames)
    assert torch.allclose(close.kinds, alone.kinds, atol=1e-5)
    assert alone.good is None and alone.differ is None
    doubled = [(x0, 2 * y0, x1, 2 * y1) for x0, y0, x1, y1 in frames]
    others = [close_look(cut(good.rgb, b), stub_tower) for b in doubled]
    beside = projector.look(others, close.frames)
    assert torch.allclose(close.good, beside.kinds, atol=1e-5)
    assert close.usual == pytest.approx(float(beside.odds.max()), abs=1e-5)
    _, kinds = projector.comparer.compare(scenes, others)
    assert torch.allclose(close.differ, kinds[:, 1:].logsumexp(1) - kinds[:, 0], atol=1e-5)


def test_the_tower_looks_once_at_the_same_pixels(tmp_path: Path) -> None:
    seen: list[tuple[bytes, int]] = []

    def tower(rgb: np.ndarray, side: int) -> dict[int, Tensor]:
        seen.append((rgb.tobytes(), side))
        return stub_tower(rgb, side)

    tokenizer = ChatTokenizer(write_tokenizer(tmp_path / "tokenizer.json"))
    projector = Projector(64, 3, 2, hidden=32).eval().requires_grad_(False)
    encoder = EmbeddedEncoder(projector, tower, Lexicon(tokenizer, torch.randn(600, 64)))
    steps = (ProcessStep(1, "Fit the ring.", ("ring: red",)),)
    query = replace(peaked(2, (19, 3)), process=ManufacturingProcess("cap", "cap", "caps", steps))
    encoder.encode(
        [query, visual(3, 2, mapped=False, is_reference=True)], [0, 1], threading.Event()
    )
    assert len(seen) == len(set(seen)) == 8
    # both whole, both regions and the peak of both
    assert sorted(side for _, side in seen) == [ROI_SIDE] * 6 + [BASE_SIDE] * 2
