"""The CLIP tower's tokens, position table and image features equal the recorded ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from tests.conformance.expert_cases import files
from triad_ui.expert.clip import ClipVision
from triad_ui.expert.clip_names import vision_from_openai

TOLERANCE = 1e-4
ACTIVATIONS = {"gelu": "gelu", "quickgelu": "quick_gelu"}


@pytest.mark.parametrize("file", files("clip"))
@pytest.mark.parametrize("case", ACTIVATIONS)
def test_tokens_equal_the_recorded_ones(file: Path, case: str) -> None:
    with safe_open(file, "pt") as stored:
        facts = stored.metadata()
        held = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    state = {name[3:]: value for name, value in held.items() if name.startswith("sd.")}
    model = vision_from_openai(state, heads=int(facts["heads"]))
    vision = ClipVision(model, activation=ACTIVATIONS[case])
    layers = [int(layer) for layer in facts["feature_layers"].split(",")]
    grid = int(facts["input_grid"])
    table = vision.positions(grid, grid)
    torch.testing.assert_close(table, held["pos_embed_resized"], atol=TOLERANCE, rtol=0)
    tokens, image = vision.look(held["pixels"], layers)
    for layer in layers:
        expected = held[f"{case}.tokens_{layer}"]
        torch.testing.assert_close(tokens[layer], expected, atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(image, held[f"{case}.image_features"], atol=TOLERANCE, rtol=0)
