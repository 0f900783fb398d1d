"""Training the expert's head: what it is shown, that it learns, and the files it leaves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from triad_ui.errors import TrainingError
from triad_ui.expert.backbone import load_efficientnet_lite0
from triad_ui.expert.residual_head import CARD, WIDTHS, load_residual_head
from triad_ui.expert.residual_view import View
from triad_ui.rounds import train_expert as module
from triad_ui.rounds.residual_scenes import BAD, GOOD, REFERENCES, SEEN, make_scene
from triad_ui.rounds.train_expert import ExpertBudget, SceneReader, Seen, judged, train_expert

FAMILIES = ("drilled plate", "woven fabric")


def _made_up(seed: int) -> Seen:
    """Good and bad pictures of 6 x 6 cells; faulty cells of block 4 point another way."""
    rng = torch.Generator().manual_seed(seed)
    count = REFERENCES + GOOD + BAD
    features = {}
    for block, width in WIDTHS.items():
        side = 6 if block <= 4 else 3
        place = torch.randn(1, side, side, width, generator=rng)
        features[block] = place + 0.3 * torch.randn(count, side, side, width, generator=rng)
    under = torch.zeros(BAD, 6, 6)
    for number in range(BAD):
        row, column = torch.randint(0, 5, (2,), generator=rng).tolist()
        under[number, row : row + 2, column : column + 2] = 1
    features[4][-BAD:] += 2 * under[..., None]
    unit = {block: functional.normalize(cells, dim=-1).half() for block, cells in features.items()}
    return Seen(unit, under.half())


def test_scenes_are_drawn_from_their_seed_alone() -> None:
    first, again = make_scene(5, FAMILIES), make_scene(5, FAMILIES)
    assert first is not None and again is not None
    for one, other in zip((*first.good, *first.bad), (*again.good, *again.bad), strict=True):
        assert np.array_equal(one.rgb, other.rgb) and np.array_equal(one.mask, other.mask)
    assert all(shown.rgb.shape == (SEEN, SEEN, 3) for shown in first.references)
    assert not any(shown.mask.any() for shown in (*first.references, *first.good))
    assert all(shown.mask.any() for shown in first.bad) and len(first.kinds) == BAD


@pytest.mark.weights
def test_a_scene_is_read_as_the_expert_would(efficientnet_weights: Path) -> None:
    seen = SceneReader(efficientnet_weights, FAMILIES).read(5)
    scene = make_scene(5, FAMILIES)
    assert seen is not None and scene is not None
    assert seen.under.shape == (BAD, SEEN // 8, SEEN // 8)
    share = [float(shown.mask.mean()) for shown in scene.bad]
    assert np.allclose(seen.under.float().mean((1, 2)), share, atol=2e-3)
    view = View(load_efficientnet_lite0(efficientnet_weights), SEEN, fine=True)
    shown = (*scene.references, *scene.good, *scene.bad)
    for block in WIDTHS:
        assert len(seen.features[block]) == len(shown)
        looked = view.look(shown[-1].rgb)[block]
        assert np.allclose(seen.features[block][-1].float(), looked, atol=1e-3)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_pictures_are_judged_beside_others_of_their_scene(count: int) -> None:
    scene = _made_up(3)
    shown, under = judged(scene, count, np.random.default_rng(0))
    assert under.shape == (GOOD + BAD, 6, 6)
    assert under[:GOOD].max() == 0 and torch.equal(under[GOOD:], scene.under.float())
    for block, width in WIDTHS.items():
        assert shown[block].shape[0] == GOOD + BAD and shown[block].shape[-1] == width + 3
    # none of them is its own reference: all differ somewhere
    assert shown[4][..., 40].flatten(1).amax(1).min() > 0.1
    other, _ = judged(scene, count, np.random.default_rng(1))
    assert not torch.equal(shown[4], other[4])


def test_it_learns_measures_and_writes_what_loads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    held = [_made_up(100 + seed) for seed in range(6)]
    seen = [_made_up(seed) for seed in range(20)]
    monkeypatch.setattr(
        module, "looked_at", lambda folder, *rest: held if folder.name == "held_out" else seen
    )
    said: list[str] = []
    budget = ExpertBudget(scenes=20, steps=60, held_out=6)
    card = train_expert(
        tmp_path / "w", tmp_path / "out", tmp_path, budget, seed=0, jobs=1, say=said.append
    )
    assert card["validation"]["new families, 1 reference"] > 0.9
    assert card["validation"]["new families, 4 references"] > 0.9
    assert json.loads((tmp_path / "out" / CARD).read_text("utf-8")) == card
    head = load_residual_head(tmp_path / "out")
    shown, under = judged(held[0], 2, np.random.default_rng(0))
    logits = head(shown)
    assert logits[under > 0].mean() > logits[under == 0].mean() + 2
    assert any("60/60" in line for line in said)


def test_a_loss_that_is_not_finite_ends_the_training(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spoiled = _made_up(0)
    spoiled.features[4][:, 0, 0, 0] = float("nan")
    monkeypatch.setattr(module, "looked_at", lambda *rest: [spoiled])
    budget = ExpertBudget(scenes=1, steps=2, held_out=1)
    with pytest.raises(TrainingError, match="not finite"):
        train_expert(tmp_path / "w", tmp_path / "out", tmp_path, budget, seed=0, jobs=1, say=print)
    assert not (tmp_path / "out").exists()


@pytest.mark.weights
def test_scenes_are_kept_and_gone_on_with(efficientnet_weights: Path, tmp_path: Path) -> None:
    module._start_worker(efficientnet_weights, FAMILIES)
    module._write_shard(tmp_path / "000000005.pt", 5, 1)
    found = module.looked_at(tmp_path, efficientnet_weights, 5, 1, 1, print, FAMILIES)
    again = SceneReader(efficientnet_weights, FAMILIES).read(5)
    assert again is not None and len(found) == 1
    assert torch.equal(found[0].features[10], again.features[10]) and not list(
        tmp_path.glob("*.part")
    )
