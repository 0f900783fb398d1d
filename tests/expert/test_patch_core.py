"""The PatchCore experts: embedded on drawn parts, published on a tiny Wide ResNet's file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.expert.drawn_parts import SCRATCH, plate
from tests.expert.tiny_resnet import tiny_resnet
from triad_ui.errors import ExpertError, WeightsError
from triad_ui.expert import expert as registry
from triad_ui.expert import patch_core
from triad_ui.expert.backbone import normalise
from triad_ui.expert.patch_core import PatchCoreExpert
from triad_ui.expert.patch_memory import embed
from triad_ui.records import Scale, Subject


@pytest.fixture(scope="module")
def embedded(efficientnet_weights: Path) -> PatchCoreExpert:
    return registry.load("patch-core-embedded", efficientnet_weights.parent)


@pytest.mark.weights
@pytest.mark.parametrize("count", [1, 4])
def test_good_is_calm_and_damage_peaks_in_its_place(embedded: PatchCoreExpert, count: int) -> None:
    references = [plate(seed) for seed in range(count)]
    good = [embedded.score(plate(seed), references) for seed in range(20, 24)]
    bad = [embedded.score(plate(seed, scratch=True), references) for seed in range(30, 34)]
    assert max(found.values.max() for found in good) <= 0.5
    assert max(found.score for found in good) < min(found.score for found in bad)
    for found in bad:
        assert found.calibrated and found.basis == "references"
        # the scale of a lone reference is wide on purpose: the place stands out all the same
        assert count == 1 or (found.score > 0.5 and found.values.max() > 0.5)
        assert found.values.dtype == np.float32 and found.values.shape == (224, 224)
        y, x = np.unravel_index(found.values.argmax(), found.values.shape)
        assert SCRATCH[0] - 20 < x * 420 / 224 < SCRATCH[2] + 20
        assert SCRATCH[1] - 20 < y * 420 / 224 < SCRATCH[3] + 20


@pytest.mark.weights
def test_references_of_any_size_order_and_number(embedded: PatchCoreExpert) -> None:
    a, b = plate(1, size=(300, 300)), plate(2, size=(500, 380))
    query = plate(3, scratch=True, size=(640, 420))
    first, second = embedded.score(query, [a, b]), embedded.score(query, [b, a, b])
    assert np.array_equal(first.values, second.values) and first.score == second.score
    assert embedded.score(a, [a]).values.max() < 0.01


@pytest.mark.weights
def test_a_stored_scale_serves_a_lone_reference(embedded: PatchCoreExpert) -> None:
    query, lone = plate(3, scratch=True), [plate(1)]
    values, score = embedded.raw(query, lone)
    found = embedded.score(query, lone, (), Subject(scale=Scale(float(values.max()), score)))
    assert found.calibrated
    assert found.values.max() == pytest.approx(0.5) and found.score == pytest.approx(0.5)


@pytest.mark.weights
def test_a_thinned_memory_finds_the_same(efficientnet_weights: Path) -> None:
    """Less than a tenth of the patches: distances grow, what is suspicious stays."""
    references = [plate(seed) for seed in range(6)]
    whole, thinned = (
        PatchCoreExpert(
            "p", patch_core._embedded_layers(efficientnet_weights), weights_digest="", least=least
        )
        for least in (10_000, 0)
    )
    query = plate(30, scratch=True)
    (all_values, all_score), (values, score) = (
        whole.raw(query, references),
        thinned.raw(query, references),
    )
    assert all_score <= score * 1.01 and np.corrcoef(all_values.ravel(), values.ravel())[0, 1] > 0.9
    assert np.hypot(*np.subtract(*(np.unravel_index(v.argmax(), v.shape)
                                   for v in (all_values, values)))) <= 8  # fmt: skip
    good = max(thinned.raw(plate(seed), references)[1] for seed in range(20, 24))
    assert good < score


def test_published_weights_from_a_folder(tmp_path: Path) -> None:
    model, state = tiny_resnet()
    with pytest.raises(WeightsError, match="wide_resnet50_2"):
        registry.load("patch-core", tmp_path)
    (tmp_path / "wide_resnet50_2").mkdir()
    save_file(state, tmp_path / "wide_resnet50_2" / "model.safetensors")
    expert = registry.load("patch-core", tmp_path)
    picture = plate(1)
    hidden = model(normalise(picture.rgb, 224), output_hidden_states=True).hidden_states
    expected = embed([hidden[2], hidden[3]]).reshape(28, 28, -1)
    torch.testing.assert_close(torch.from_numpy(expert.patches(picture)), expected)
    found = expert.score(plate(3, scratch=True), [picture, plate(2)])
    assert found.values.shape == (224, 224) and found.expert.startswith("patch-core@")
    assert expert.score(picture, [picture, plate(2)]).values.max() < 0.01


def test_without_a_reference_it_says_so(tmp_path: Path) -> None:
    torch.save(tiny_resnet()[1], tmp_path / "wide_resnet50_2.pth")
    expert = registry.load("patch-core", tmp_path)
    for ask in (expert.score, expert.raw):
        with pytest.raises(ExpertError, match="Add a reference"):
            ask(plate(1), [])


def test_features_are_kept_in_a_folder_and_memories_in_memory(tmp_path: Path) -> None:
    looked: list[int] = []

    def layers(pixels: torch.Tensor) -> list[torch.Tensor]:
        looked.append(1)
        return [pixels[:, :, ::8, ::8], pixels[:, :, ::16, ::16]]

    references = [plate(1), plate(2)]
    maps = []
    for _ in range(2):
        expert = PatchCoreExpert("p", layers, weights_digest="d", cache=tmp_path)
        maps.append(expert.score(plate(3), references).values)
        assert len(looked) == 3, "three pictures, each looked at once and for all"
        memory = expert._memory(references)
        expert.score(plate(1), references)
        assert expert._memory(references[::-1]) is memory
    assert np.array_equal(*maps)
