"""AnomalyCLIP on a tiny CLIP: its scale, what it takes notice of, and its sentences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.expert.drawn_parts import plate
from tests.expert.tiny_anomaly_clip import learner, save_clip
from triad_ui.errors import WeightsError
from triad_ui.expert import expert as registry
from triad_ui.expert.anomaly_clip import (
    WEIGHTS_FILE,
    AnomalyClipExpert,
    hottest,
    load_anomaly_clip,
    odds,
    summed,
    text_maps,
)
from triad_ui.expert.clip import load_clip, source_in
from triad_ui.records import DefectDescription, Scale, Subject


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a person fills it: CLIP under the repository's last name, and the prompts."""
    folder = tmp_path_factory.mktemp("experts")
    save_clip(folder / "clip-vit-large-patch14-336")
    torch.save({"prompt_learner": learner()}, folder / WEIGHTS_FILE)
    return folder


@pytest.fixture(scope="module")
def expert(weights: Path) -> AnomalyClipExpert:
    loaded = load_anomaly_clip(weights)
    return AnomalyClipExpert(loaded._vision, loaded._texts, side=35)


def test_the_registry_and_the_folder(weights: Path, tmp_path: Path) -> None:
    loaded = registry.load("anomaly-clip", weights, tmp_path)
    assert loaded.name == "anomaly-clip" and ".24.19-" in loaded.version
    found = loaded.score(plate(1), [])
    assert found.values.shape == (518, 518) and found.values.dtype == np.float32
    again = registry.load("anomaly-clip", weights, tmp_path)
    assert np.array_equal(again.score(plate(1), []).values, found.values)
    assert len(list(tmp_path.glob("*.npz"))) == 1


def test_raw_ranks_as_the_published_chances_do(expert: AnomalyClipExpert) -> None:
    chances, image = expert.chances(plate(1).rgb)
    values, score = expert.raw(plate(1), [])
    assert chances.min() > 0 and chances.max() < 1 and 0 < image < 1
    np.testing.assert_allclose(values / (1 + values), chances, rtol=1e-5)
    assert abs(score / (1 + score) - image) < 1e-5


def test_only_a_scale_comes_from_the_product_and_its_references(expert: AnomalyClipExpert) -> None:
    query, told = plate(1), Subject("valve", (DefectDescription("dent", "a hollow"),))
    alone, said = expert.raw(query, []), expert.raw(query, [plate(2)], subject=told)
    assert np.array_equal(alone[0], said[0]) and alone[1] == said[1]
    found = expert.score(query, [], subject=told)
    assert not found.calibrated and found.basis == "text" and found.kinds == ()
    # without a scale, 0.5 lies where both texts are equally near
    assert np.array_equal(found.values > 0.5, alone[0] > 1) and (found.score > 0.5) == (
        alone[1] > 1
    )
    stored = expert.score(query, [], subject=Subject(scale=Scale(float(alone[0].max()), alone[1])))
    assert stored.calibrated and stored.values.max() == 0.5 and abs(stored.score - 0.5) < 1e-6


def test_the_worst_places_are_named_and_the_map_stays(expert: AnomalyClipExpert) -> None:
    query = plate(1, scratch=True)
    tokens, _ = expert._look(query.rgb)
    hot = hottest(tokens, expert._texts)
    assert hot.shape == (1, 8) and torch.allclose(hot.norm(dim=1), torch.ones(1))
    chances = text_maps(tokens[0], expert._texts, (5, 5)).flatten()
    worst = tokens[0][0, 1 + int(chances.argmax())]
    torch.testing.assert_close(hot[0], worst / worst.norm())
    read: list[str] = []

    def encode(texts: Sequence[str]) -> torch.Tensor:
        read.extend(texts)
        like = [hot[0] if "scratch" in text else -hot[0] for text in texts]
        return torch.stack(like)

    told = AnomalyClipExpert(expert._vision, expert._texts, side=35, encode=encode)
    defects = (DefectDescription("dent", "a hollow"), DefectDescription("scratch", "a line"))
    found = told.score(query, [], subject=Subject("valve", defects))
    assert [kind for kind, _ in found.kinds] == ["scratch", "dent"]
    assert found.kinds[0][1] > 0.99 and found.kinds[1][1] < 0.01
    assert any("valve with scratch" in text for text in read)
    once = len(read)
    assert told.score(query, [], subject=Subject("valve", defects)).kinds == found.kinds
    assert len(read) == once
    assert told.score(query, [], subject=Subject("valve")).kinds == ()
    assert np.array_equal(found.values, expert.score(query, []).values)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_what_references_reach_stays_calm(expert: AnomalyClipExpert, count: int) -> None:
    references = [plate(seed) for seed in range(count)]
    for picture in references:
        found = expert.score(picture, references)
        assert found.calibrated and found.values.max() < 0.5 and found.score < 0.5
    highest = max(float(expert.raw(picture, [])[0].max()) for picture in references)
    above = expert.score(plate(9, scratch=True), references).values > 0.5
    gain = 3.0 if count == 1 else 1.5
    assert np.array_equal(above, expert.raw(plate(9, scratch=True), [])[0] > gain * highest)


def test_a_lone_reference_gives_way_to_a_stored_scale(expert: AnomalyClipExpert) -> None:
    scale = Scale(1e-5, 1e-5)
    found = expert.score(plate(1), [plate(2)], subject=Subject(scale=scale))
    assert found.calibrated and found.score > 0.5 and found.values.min() > 0.5


def test_several_blocks_are_summed(expert: AnomalyClipExpert) -> None:
    layers = (6, 12, 18, 24)
    several = AnomalyClipExpert(expert._vision, expert._texts, layers=layers, side=35)
    single = [
        AnomalyClipExpert(expert._vision, expert._texts, layers=(layer,), side=35)
        for layer in layers
    ]
    parts = [each.chances(plate(1).rgb)[0] for each in single]
    chances = several.chances(plate(1).rgb)[0]
    np.testing.assert_allclose(chances, np.sum(parts, axis=0), atol=1e-5)
    assert chances.max() > 1 and np.isfinite(several.raw(plate(1), [])[0]).all()
    assert not np.allclose(parts[0], parts[3], atol=1e-3)
    assert len({each.version for each in (several, *single)}) == 5


def test_maps_at_the_ends_of_the_scale() -> None:
    texts = torch.eye(2)
    tokens = torch.tensor([[[9.0, 9.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [3.0, 0.0]]])
    found = summed([text_maps(tokens, texts, (2, 2))], sigma=0)
    np.testing.assert_allclose(found[0], [[0, 1], [0.5, 0]], atol=1e-5)
    assert np.isfinite(odds(np.float32([0, 0.5, 1]))).all() and odds(0.5) == 1


def test_other_prompts_are_another_version(weights: Path, expert: AnomalyClipExpert) -> None:
    other = AnomalyClipExpert(expert._vision, expert._texts + 0.1, side=35)
    assert other.version != expert.version


def test_what_is_not_here_is_said(tmp_path: Path, weights: Path) -> None:
    with pytest.raises(WeightsError, match="AnomalyCLIP's learned prompts are not at"):
        load_anomaly_clip(tmp_path)
    torch.save({"prompt_learner": learner()}, tmp_path / WEIGHTS_FILE)
    with pytest.raises(WeightsError, match="hf download openai/clip-vit-large-patch14-336"):
        load_anomaly_clip(tmp_path, source=tmp_path / "nothing")
    small = save_clip(tmp_path / "small", blocks=4)
    with pytest.raises(WeightsError, match="a CLIP of 4 blocks"):
        load_anomaly_clip(tmp_path, source=small)


def test_where_clip_is_looked_for(weights: Path, tmp_path: Path) -> None:
    assert source_in(tmp_path) == "openai/clip-vit-large-patch14-336"
    assert len(load_clip(source_in(weights), device="cpu").blocks) == 24
