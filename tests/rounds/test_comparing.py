"""Parts drawn beside good ones: where they are compared, and that differences are learned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.model.tiny import stub_tower
from triad_ui.errors import TrainingError
from triad_ui.model.embedded.close_comparer import CloseComparer
from triad_ui.model.embedded.region_reader import odds_of
from triad_ui.model.embedded.scene import CLOSE_GRID, NEAR_PARTS
from triad_ui.rounds import close_pairs as module
from triad_ui.rounds import tower_rows
from triad_ui.rounds.close_pairs import (
    NOT_OF_THE_SURFACE,
    close_pairs,
    draw_pair,
    frames_of_pair,
    pairs_of,
)
from triad_ui.rounds.close_ups import CLEAR, TEXTURE
from triad_ui.rounds.comparing import KINDS, train_comparing
from triad_ui.synthesis.surface import SURFACE_KINDS

FAMILIES = ("hex nut", "label", "assembly", TEXTURE)


def test_a_part_is_drawn_beside_a_good_one_of_its_like() -> None:
    faults: dict[str, list[str]] = {}
    for seed in range(40):
        part, good = draw_pair(seed, FAMILIES)
        again, beside = draw_pair(seed, FAMILIES)
        assert np.array_equal(part.rgb, again.rgb) and np.array_equal(good, beside)
        assert part.rgb.shape == good.shape == (384, 384, 3) and good.dtype == np.uint8
        assert bool(part.fault) == part.mask.any()
        faults.setdefault(part.family, []).append(part.fault)
        # the same product in about the same light, but not the same picture
        apart = np.abs(part.rgb.mean((0, 1)) - good.mean((0, 1))).max()
        assert 0 < apart < 70
    assert set(faults) == set(FAMILIES)
    told = [fault for several in faults.values() for fault in several]
    assert told.count("") > 8
    assert NOT_OF_THE_SURFACE in told and len(set(told) & set(SURFACE_KINDS)) > 5
    assert NOT_OF_THE_SURFACE not in faults[TEXTURE]


def test_frames_are_about_the_fault_and_where_the_two_are_least_alike() -> None:
    for seed in range(12):
        part, good = draw_pair(seed, FAMILIES)
        frames = frames_of_pair(part, good, stub_tower, np.random.default_rng(seed))
        assert frames == frames_of_pair(part, good, stub_tower, np.random.default_rng(seed))
        assert 1 <= len(frames) <= 4 and (part.fault or len(frames) >= 2)
        for x0, y0, x1, y1 in frames:
            assert 0 <= x0 < x1 <= 384 and 0 <= y0 < y1 <= 384 and x1 - x0 == y1 - y0 >= 47
        if part.fault:
            x0, y0, x1, y1 = frames[0]
            assert part.mask[y0:y1, x0:x1].sum() > 0.5 * part.mask.sum()
    part, good = draw_pair(0, ("hex nut",))
    odd = good.copy()
    odd[300:340, 60:100] = (255, 0, 200)
    bare = module.Shot("hex nut", "", odd, np.zeros((384, 384), bool))
    first = frames_of_pair(bare, good, stub_tower, np.random.default_rng(0))[0]
    assert first[0] <= 80 <= first[2] and first[1] <= 320 <= first[3]


def test_pairs_are_kept_and_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tower_rows, "_worker", (module._rows, FAMILIES, stub_tower))
    tower_rows._write_shard(tmp_path / "000000000.pickle", 0, 5)
    assert [path.name for path in tmp_path.iterdir()] == ["000000000.pickle"]
    kept = close_pairs(tmp_path, Path("none"), 0, 5, 1, lambda *_: None, FAMILIES)
    made = [pair for seed in range(5) for pair in pairs_of(seed, FAMILIES, stub_tower)]
    assert len(kept) == len(made)
    for mine, other in zip(kept, made, strict=True):
        assert (mine.family, mine.fault) == (other.family, other.fault)
        assert mine.near.shape == mine.good.shape == (sum(NEAR_PARTS), CLOSE_GRID, CLOSE_GRID)
        for name in ("near", "good", "masked"):
            assert torch.equal(getattr(mine, name), getattr(other, name))
        assert bool(mine.fault) == (float(mine.masked.sum()) > 0)
        assert not mine.fault or float(mine.masked.float().mean()) > CLEAR / 2


def test_training_lowers_the_loss_and_what_differs_is_told_apart() -> None:
    torch.manual_seed(0)
    some = [pair for seed in range(12) for pair in pairs_of(seed, ("hex nut",), stub_tower)]
    ill = torch.tensor([bool(pair.fault) for pair in some])
    assert 5 < int(ill.sum()) < len(some) - 5
    comparer, seen = CloseComparer(len(SURFACE_KINDS)), []
    train_comparing(
        comparer, some, steps=50, seed=0, batch_size=16, rate=5e-3,
        on_step=lambda step, steps, losses: seen.append(losses),
    )  # fmt: skip
    for name in ("close", "cell"):
        assert np.mean([x[name] for x in seen[-5:]]) < 0.8 * seen[0][name]
    near, good = (torch.stack(each).float() for each in zip(*((p.near, p.good) for p in some)))
    with torch.no_grad():
        odds = odds_of(comparer(near, good)[1])
    assert float(odds[ill].mean()) > float(odds[~ill].mean()) + 0.5
    assert KINDS[-1] == NOT_OF_THE_SURFACE
    with pytest.raises(TrainingError, match="draw some"):
        train_comparing(comparer, [], steps=1, seed=0, on_step=lambda *_: None)
