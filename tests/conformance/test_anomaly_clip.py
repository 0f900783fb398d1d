"""AnomalyCLIP's towers, learned texts, maps and image scores equal the recorded ones.

The authors' recordings lie outside the repository, a small one of `record_small_cases` inside.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor
from torch.nn.functional import normalize

from tests.conformance.expert_cases import files
from tests.expert.openai_clip import text_from_openai
from triad_ui.expert.anomaly_clip import image_chances, summed, text_maps
from triad_ui.expert.clip import ClipVision
from triad_ui.expert.clip_names import vision_from_openai
from triad_ui.expert.clip_text import ClipText
from triad_ui.expert.prompt_learner import prompts_from, text_features
from triad_ui.expert.vv_attention import look_vv

TOLERANCE = 1e-4
TOLERANCE_SUM = 2e-4
EACH = pytest.mark.parametrize("file", files("anomaly clip"))


class _Recording:
    """One file: its tensors, its facts, and the towers that its weights make."""

    def __init__(self, file: Path) -> None:
        with safe_open(file, "pt") as stored:
            self.facts = stored.metadata()
            self.held = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        self.layers = [int(layer) for layer in self.facts["feature_layers"].split(",")]

    def number(self, name: str) -> int:
        return int(self.facts[name])

    def below(self, prefix: str) -> dict[str, Tensor]:
        return {n[len(prefix) :]: v for n, v in self.held.items() if n.startswith(prefix)}

    def vision(self) -> ClipVision:
        model = vision_from_openai(self.below("sd."), heads=self.number("heads"))
        return ClipVision(model, activation="quick_gelu", resize="bilinear")

    def texts(self) -> Tensor:
        model = text_from_openai(self.below("sd."), heads=self.number("text_heads"))
        tower = ClipText(model, activation="quick_gelu")
        return text_features(tower, prompts_from(self.below("prompt_learner.")))


def _near(found: Tensor, expected: Tensor, tolerance: float = TOLERANCE) -> None:
    torch.testing.assert_close(found, expected.float(), atol=tolerance, rtol=0)


def _check_maps(recording: _Recording, case: str, tokens: list[Tensor], texts: Tensor) -> None:
    size = recording.held[f"{case}.map"].shape[-2:]
    sigma = float(recording.facts["sigma"])
    maps = [text_maps(each, texts, size) for each in tokens]
    for index, found in enumerate(maps):
        _near(found, recording.held[f"{case}.layer_map_{index}"])
    raw, smooth = (torch.from_numpy(summed(maps, sigma=each)) for each in (0, sigma))
    _near(raw, recording.held[f"{case}.map_raw"], TOLERANCE_SUM)
    _near(smooth, recording.held[f"{case}.map"], TOLERANCE_SUM)


@EACH
@pytest.mark.parametrize("case", ["plain", "dpam"])
def test_tokens_and_image_features_equal_the_recorded_ones(file: Path, case: str) -> None:
    recording = _Recording(file)
    vision, grid = recording.vision(), recording.number("input_grid")
    _near(vision.positions(grid, grid), recording.held["dpam.pos_embed_used"])
    doubled = recording.number("dpam_layer") - 1 if case == "dpam" else 0
    tokens, image = look_vv(vision, recording.held["pixels"], recording.layers, vv_blocks=doubled)
    for layer in recording.layers:
        _near(tokens[layer], recording.held[f"{case}.patch_{layer}"])
    _near(image, recording.held[f"{case}.image_features"])


@EACH
def test_learned_texts_equal_the_recorded_ones(file: Path) -> None:
    recording = _Recording(file)
    prompts = prompts_from(recording.below("prompt_learner."))
    assert len(prompts.deep) == recording.number("depth") - 1
    assert {len(vectors) for vectors in prompts.deep} <= {recording.number("t_n_ctx")}
    texts = recording.texts()
    _near(texts, recording.held["text_raw"])
    _near(normalize(texts, dim=-1)[None], recording.held["text_features"])


@EACH
def test_maps_and_scores_from_pixels_equal_the_recorded_ones(file: Path) -> None:
    recording = _Recording(file)
    texts, vision, pixels = recording.texts(), recording.vision(), recording.held["pixels"]
    doubled = recording.number("dpam_layer") - 1
    tokens, image = look_vv(vision, pixels, recording.layers, vv_blocks=doubled)
    _check_maps(recording, "end2end", [tokens[layer] for layer in recording.layers], texts)
    _near(image_chances(image, texts), recording.held["end2end.image_prob"])


@EACH
def test_maps_and_scores_from_features_equal_the_recorded_ones(file: Path) -> None:
    recording = _Recording(file)
    features = recording.below("syn.")
    count = sum(name.startswith("patch_") for name in features)
    texts = features["text_features"][0]
    _check_maps(recording, "syn", [features[f"patch_{index}"] for index in range(count)], texts)
    _near(image_chances(features["image_features"], texts), features["image_prob"])
