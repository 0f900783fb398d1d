"""Training the expert's head: what it is shown, that it learns, and the files it leaves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from triad_ui.errors import TrainingError
from triad_ui.expert.residual_head import CARD, CHANNELS, load_residual_head
from triad_ui.rounds import train_expert as module
from triad_ui.rounds.residual_scenes import BAD, GOOD, SEEN, make_scene
from triad_ui.rounds.train_expert import ExpertBudget, Judged, SceneReader, train_expert

FAMILIES = ("drilled plate", "woven fabric")


def _made_up(seed: int) -> Judged:
    """Seven pictures of 6 x 6 cells; faulty cells differ in their first channel."""
    rng = torch.Generator().manual_seed(seed)
    inputs = 0.1 * torch.randn(GOOD + BAD, CHANNELS, 6, 6, generator=rng)
    under = torch.zeros(GOOD + BAD, 6, 6)
    for number in range(GOOD, GOOD + BAD):
        row, column = torch.randint(0, 5, (2,), generator=rng).tolist()
        under[number, row : row + 2, column : column + 2] = 1
    inputs[:, 0] += 3 * under
    return Judged(inputs.half(), under.half(), 1 + seed % 2)


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
    judged = SceneReader(efficientnet_weights, FAMILIES).read(5)
    assert judged is not None and judged.references in (1, 2, 4)
    assert judged.inputs.shape == (GOOD + BAD, CHANNELS, SEEN // 8, SEEN // 8)
    assert judged.under[:GOOD].max() == 0 and judged.under[GOOD:].flatten(1).amax(1).min() > 0
    scene = make_scene(5, FAMILIES)
    assert scene is not None
    share = [float(shown.mask.mean()) for shown in scene.bad]
    assert np.allclose(judged.under[GOOD:].float().mean((1, 2)), share, atol=2e-3)


def test_it_learns_measures_and_writes_what_loads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    held = [_made_up(100 + seed) for seed in range(6)]
    seen = [_made_up(seed) for seed in range(20)]
    monkeypatch.setattr(
        module, "judged", lambda folder, *rest: held if folder.name == "held_out" else seen
    )
    said: list[str] = []
    budget = ExpertBudget(scenes=20, steps=60, held_out=6)
    card = train_expert(
        tmp_path / "w", tmp_path / "out", tmp_path, budget, seed=0, jobs=1, say=said.append
    )
    assert card["validation"]["new families, 1 reference"] > 0.9
    assert card["validation"]["new families, 2 references"] > 0.9
    assert card["validation"]["new families, 4 references"] is None
    assert json.loads((tmp_path / "out" / CARD).read_text("utf-8")) == card
    head = load_residual_head(tmp_path / "out")
    faulty = head(held[0].inputs.float())[held[0].under > 0]
    assert faulty.mean() > head(held[0].inputs.float())[held[0].under == 0].mean() + 2
    assert any("60/60" in line for line in said)


def test_a_loss_that_is_not_finite_ends_the_training(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spoiled = _made_up(0)
    spoiled.inputs[0, 0, 0, 0] = float("nan")
    monkeypatch.setattr(module, "judged", lambda *rest: [spoiled])
    budget = ExpertBudget(scenes=1, steps=2, held_out=1)
    with pytest.raises(TrainingError, match="not finite"):
        train_expert(tmp_path / "w", tmp_path / "out", tmp_path, budget, seed=0, jobs=1, say=print)
    assert not (tmp_path / "out").exists()


@pytest.mark.weights
def test_scenes_are_kept_and_gone_on_with(efficientnet_weights: Path, tmp_path: Path) -> None:
    module._start_worker(efficientnet_weights, FAMILIES)
    module._write_shard(tmp_path / "000000005.pt", 5, 1)
    found = module.judged(tmp_path, efficientnet_weights, 5, 1, 1, print, FAMILIES)
    again = SceneReader(efficientnet_weights, FAMILIES).read(5)
    assert again is not None and len(found) == 1
    assert torch.equal(found[0].inputs, again.inputs) and not list(tmp_path.glob("*.part"))
