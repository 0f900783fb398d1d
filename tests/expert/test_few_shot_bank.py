"""The few-shot bank: eq. 2 on small vectors, and on drawn parts through both networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from tests.expert.drawn_parts import SCRATCH, plate
from tests.expert.tiny_anomaly_clip import save_clip
from triad_ui.errors import ExpertError, WeightsError
from triad_ui.expert import expert as registry
from triad_ui.expert.clip import load_clip
from triad_ui.expert.few_shot_bank import (
    FewShotBankExpert,
    few_shot_map,
    load_few_shot_bank,
    load_few_shot_bank_embedded,
    nearest_distances,
)
from triad_ui.expert.patch_features import ClipPatches
from triad_ui.records import ImageRecord, Picture, Scale, Subject


@pytest.fixture(scope="module")
def embedded(efficientnet_weights: Path) -> FewShotBankExpert:
    return load_few_shot_bank_embedded(efficientnet_weights)


@pytest.fixture(scope="module")
def through_clip(tmp_path_factory: pytest.TempPathFactory) -> FewShotBankExpert:
    vision = load_clip(save_clip(tmp_path_factory.mktemp("clip"), blocks=4), device="cpu")
    return FewShotBankExpert(ClipPatches(vision, layers=(2, 4), side=35), name="few-shot-bank")


def test_the_nearest_patch_of_any_reference_counts() -> None:
    query = normalize(torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]), dim=-1)
    first, second = torch.tensor([[1.0, 0.0]]), normalize(torch.tensor([[1.0, 1.0]]), dim=-1)
    torch.testing.assert_close(nearest_distances(query, [first]), torch.tensor([0.0, 1.0, 2.0]))
    both = nearest_distances(query, [first, second])
    torch.testing.assert_close(both, torch.tensor([0.0, 1 - 0.5**0.5, 1 + 0.5**0.5]))
    with pytest.raises(ValueError, match="at least one reference"):
        nearest_distances(query, [])


def test_the_map_is_a_mean_with_corners_on_corners() -> None:
    fine, coarse = torch.full((3, 3), 2.0), torch.tensor([[0.0, 2.0], [2.0, 2.0]])
    found = few_shot_map([fine, coarse], (5, 5))
    assert found.shape == (5, 5) and found.max() == 2
    assert found[0, 0] == 1 and found[0, 4] == 2 and found[0, 2] == 1.5
    with pytest.raises(ValueError, match="at least one layer"):
        few_shot_map([], (5, 5))


@pytest.mark.weights
@pytest.mark.parametrize("count", [1, 4])
def test_good_is_calm_and_damage_peaks_in_its_place(
    embedded: FewShotBankExpert, count: int
) -> None:
    references = [plate(seed) for seed in range(count)]
    good = [embedded.score(plate(seed), references) for seed in range(20, 24)]
    bad = [embedded.score(plate(seed, scratch=True), references) for seed in range(30, 34)]
    assert max(found.score for found in good) < min(found.score for found in bad)
    assert max(found.values.max() for found in good) <= 0.5
    x0, y0, x1, y1 = (value * 224 / 420 for value in SCRATCH)
    for found in bad:
        assert found.calibrated and found.basis == "references"
        y, x = np.unravel_index(found.values.argmax(), found.values.shape)
        assert x0 - 12 < x < x1 + 12 and y0 - 12 < y < y1 + 12


@pytest.mark.weights
def test_one_stored_scale_and_the_order_of_references(embedded: FewShotBankExpert) -> None:
    a, b, query = plate(1), plate(2), plate(3, scratch=True)
    first, second = embedded.score(query, [a, b]), embedded.score(query, [b, a, b])
    assert np.array_equal(first.values, second.values) and first.score == second.score
    raw, score = embedded.raw(query, [a])
    assert raw.shape == (224, 224) and score == raw.max() and raw.min() >= 0 and score < 2
    stored = embedded.score(query, [a], subject=Subject(scale=Scale(score, score)))
    assert stored.calibrated and abs(stored.score - 0.5) < 1e-6
    assert embedded.raw(a, [b, a])[1] < 1e-5


def test_clip_finds_a_part_among_itself_and_others(through_clip: FewShotBankExpert) -> None:
    a, b, bad = plate(1), plate(2), plate(3, scratch=True)
    assert through_clip.raw(a, [b, a])[1] < 2e-3  # half precision of the kept vectors
    raw, score = through_clip.raw(bad, [a, b])
    assert raw.shape == (35, 35) and 2e-3 < score == raw.max() <= 2
    assert through_clip.raw(bad, [a])[1] >= score
    found = through_clip.score(bad, [a, b])
    assert found.expert.startswith("few-shot-bank@1.clip.35.2-4-") and found.values.max() <= 1


def test_without_a_reference_or_a_picture_to_speak_of(through_clip: FewShotBankExpert) -> None:
    for ask in (through_clip.score, through_clip.raw):
        with pytest.raises(ExpertError, match="Add a reference, or choose"):
            ask(plate(1), [])
    speck = Picture(ImageRecord("s", "s", 9, 5, "RGB"), np.zeros((5, 9, 3), np.uint8))
    with pytest.raises(ExpertError, match="has 9 x 5 pixels"):
        through_clip.score(speck, [plate(1)])


@pytest.mark.weights
def test_a_cache_folder_gives_the_same_map(efficientnet_weights: Path, tmp_path: Path) -> None:
    maps = [
        load_few_shot_bank_embedded(efficientnet_weights, tmp_path).raw(plate(3), [plate(1)])[0]
        for _ in range(2)
    ]
    assert np.array_equal(*maps) and len(list(tmp_path.iterdir())) == 2


@pytest.mark.weights
def test_the_registry(efficientnet_weights: Path, tmp_path: Path) -> None:
    loaded = registry.load("few-shot-bank-embedded", efficientnet_weights.parent)
    assert loaded.name == "few-shot-bank-embedded" and "579344248a93" in loaded.version
    assert loaded.name in registry.EMBEDDED and "few-shot-bank" not in registry.EMBEDDED
    with pytest.raises(WeightsError, match="hf download openai/clip-vit-large-patch14-336"):
        load_few_shot_bank(tmp_path, source=tmp_path / "nothing")
    save_clip(tmp_path / "clip-vit-large-patch14-336")
    assert registry.load("few-shot-bank", tmp_path).version.startswith("1.clip.518.6-12-18-24-")
