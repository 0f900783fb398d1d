"""A recorded case of April-GAN: every stage of the method against its numbers.

The layout is that of ../shared/conformance/experts (README, "april_gan.safetensors"); names, layers
and sizes are read from the file.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor
from torch.nn import functional

from triad_ui.expert.april_gan_maps import (
    batch_scores,
    distance_map,
    picture_score,
    text_map,
    text_probability,
    text_vectors,
)
from triad_ui.expert.few_shot_bank import nearest_distances

MAP, SUM = 1e-4, 2e-4
"""Absolute tolerances of the README, float32: of one map or probability, and of summed maps."""


def check_recorded(file: Path) -> None:
    """Raises AssertionError where a map or score is not the recorded one."""
    with safe_open(file, "pt") as stored:
        facts = stored.metadata()
        held = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    side, pair = int(facts["map_size"]), held["text_features"]
    layers = sorted(
        int(found[1]) for name in held if (found := re.fullmatch(r"tokens_(\d+)", name))
    )
    assert layers and held[f"tokens_{layers[0]}"].shape[1] == int(facts["grid"]) ** 2 + 1
    zero, few = [], []
    for layer in layers:
        patches = held[f"tokens_{layer}"][:, 1:]
        memory = list(functional.normalize(held[f"mem_tokens_{layer}"][:, 1:], dim=-1))
        weight, bias = (held[f"linear.fc.{layer}.{end}"] for end in ("weight", "bias"))
        zero.append(text_map(text_vectors(patches, weight, bias), pair, side))
        units = functional.normalize(patches, dim=-1)
        distances = torch.stack([nearest_distances(each, memory) for each in units])
        few.append(distance_map(distances, side))
        same(zero[-1], held[f"zs_map_{layer}"], MAP)
        same(few[-1], held[f"fs_map_{layer}"], MAP)
    text, distance = torch.stack(zero).sum(dim=0), torch.stack(few).sum(dim=0)
    probability = text_probability(held["image_features"], pair)
    peaks = (text + distance).amax(dim=(1, 2))
    for name, found in (("zs_map", text), ("fs_map", distance)):
        if name in held:  # a case that was cut down leaves out what can be added up
            same(found, held[name], SUM)
    same(text + distance, held["combined_map"], SUM)
    same(peaks, held["combined_max"], SUM)
    same(probability, held["text_prob"], MAP)
    if len(peaks) > 1:  # the published score of a lone picture is 0 / 0
        same(batch_scores(probability, peaks), held["fewshot_score"], MAP)
    alone = [picture_score(float(p), float(m), len(layers)) for p, m in zip(probability, peaks)]
    assert all(0 <= score <= 1.25 for score in alone)


def same(found: Tensor, expected: Tensor, tolerance: float) -> None:
    torch.testing.assert_close(found, expected, atol=tolerance, rtol=0)
