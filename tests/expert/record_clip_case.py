"""Records the small case of CLIP's vision tower that stands beside these tests.

Run as `python -m tests.expert.record_clip_case SHARED_CONFORMANCE_FOLDER`: stock transformers, with
its own forward pass and a resized position table put in as its native one, must first reproduce
every tensor of the recording there; only then is a case of the same layout written with it, on a
tower small enough for a clone.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional
from transformers import CLIPVisionModelWithProjection

from triad_ui.expert.clip_names import vision_from_openai

RECORDED = Path(__file__).parent / "recorded" / "clip_tokens_small.safetensors"
ACTIVATIONS = {"gelu": "gelu", "quickgelu": "quick_gelu"}
WIDTH, PATCH, BLOCKS, SHARED = 16, 4, 3, 8


def stock(held: dict[str, Tensor], facts: dict[str, str]) -> dict[str, Tensor]:
    """Every output of the layout, by transformers' own model of the larger input size."""
    state = {name[3:]: value for name, value in held.items() if name.startswith("sd.")}
    table = state["visual.positional_embedding"]
    native, grid = int(facts["native_grid"]), int(facts["input_grid"])
    square = table[1:].T.reshape(1, -1, native, native)
    wide = functional.interpolate(square, (grid, grid), mode="bicubic", antialias=True)
    told = {"pos_embed_resized": torch.cat([table[:1], wide[0].flatten(1).T])}
    state["visual.positional_embedding"] = told["pos_embed_resized"]
    given = vision_from_openai(state, heads=int(facts["heads"]))
    for name, activation in ACTIVATIONS.items():
        given.config.hidden_act = activation
        model = CLIPVisionModelWithProjection(given.config).eval()
        model.load_state_dict(given.state_dict())
        with torch.no_grad():
            out = model(held["pixels"], output_hidden_states=True)
        for layer in facts["feature_layers"].split(","):
            told[f"{name}.tokens_{layer}"] = out.hidden_states[int(layer)]
        told[f"{name}.image_features"] = out.image_embeds
    return told


def drawn() -> tuple[dict[str, Tensor], dict[str, str]]:
    """Inputs of the small case: random weights, large enough that every step shows."""
    facts = {"native_grid": "3", "input_grid": "5", "patch_size": str(PATCH), "heads": "2"}
    facts |= {"layers": str(BLOCKS), "feature_layers": "1,3"}
    source = torch.Generator().manual_seed(7)
    held: dict[str, Tensor] = {}

    def draw(name: str, *shape: int, scale: float = 0.4, base: float = 0.0) -> None:
        held[name] = base + scale * torch.randn(shape, generator=source)

    for index in range(BLOCKS):
        at = f"sd.visual.transformer.resblocks.{index}"
        for name, shape in (
            ("attn.in_proj_", (3 * WIDTH, WIDTH)),
            ("attn.out_proj.", (WIDTH, WIDTH)),
            ("mlp.c_fc.", (2 * WIDTH, WIDTH)),
            ("mlp.c_proj.", (WIDTH, 2 * WIDTH)),
        ):
            draw(f"{at}.{name}weight", *shape)
            draw(f"{at}.{name}bias", shape[0])
        for name in ("ln_1", "ln_2"):
            draw(f"{at}.{name}.weight", WIDTH, base=1.0)
            draw(f"{at}.{name}.bias", WIDTH)
    for name in ("ln_pre", "ln_post"):
        draw(f"sd.visual.{name}.weight", WIDTH, base=1.0)
        draw(f"sd.visual.{name}.bias", WIDTH)
    draw("sd.visual.class_embedding", WIDTH)
    draw("sd.visual.conv1.weight", WIDTH, 3, PATCH, PATCH)
    draw("sd.visual.positional_embedding", 1 + 9, WIDTH)
    draw("sd.visual.proj", WIDTH, SHARED)
    draw("pixels", 2, 3, 5 * PATCH, 5 * PATCH, scale=1.0)
    return held, facts


def main(shared: Path) -> None:
    with safe_open(shared / "experts" / "clip_tokens.safetensors", "pt") as stored:
        facts = stored.metadata()
        held = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    told = stock(held, facts)
    inputs = {name for name in held if name.startswith("sd.") or name == "pixels"}
    assert set(told) == set(held) - inputs, set(told) ^ (set(held) - inputs)
    worst = max(float((told[name] - held[name]).abs().max()) for name in told)
    assert worst < 1e-4, worst
    print(f"{len(told)} tensors of the recording, largest difference {worst:.1e}")
    held, facts = drawn()
    every = {name: value.contiguous() for name, value in (held | stock(held, facts)).items()}
    save_file(every, RECORDED, metadata=facts)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
