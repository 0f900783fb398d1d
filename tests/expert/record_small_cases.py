"""Records the small cases of AnomalyCLIP and the few-shot bank that stand beside these tests.

Run as `python -m tests.expert.record_small_cases SHARED_CONFORMANCE_FOLDER`: `plain_methods` must
first reproduce every tensor of the authors' recordings there; only then are cases of the same
layout written, on towers small enough for a clone.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from tests.expert.plain_methods import Weights, anomaly_clip, few_shot, unit

RECORDED = Path(__file__).parent / "recorded"


def small_anomaly_clip(rng: np.random.Generator) -> tuple[Weights, dict]:
    """Inputs: a tower of 16 channels, 4 blocks, 3 of them doubled; texts of 3 blocks."""
    facts = {
        **{"native_grid": "3", "input_grid": "5", "patch_size": "4", "heads": "2"},
        **{"text_heads": "4", "layers": "4", "feature_layers": "1,2,4", "dpam_layer": "4"},
        **{"n_ctx": "3", "depth": "3", "t_n_ctx": "2", "syn_map_size": "18", "sigma": "4"},
    }
    width, shared, length, held = 16, 8, 9, {}

    def draw(name: str, *shape: int, scale: float = 0.3, base: float = 0.0) -> None:
        held[name] = (base + scale * rng.standard_normal(shape)).astype(np.float32)

    for prefix, blocks in (("sd.visual.transformer", 4), ("sd.transformer", 3)):
        for index in range(blocks):
            at = f"{prefix}.resblocks.{index}"
            for name, shape in (
                ("attn.in_proj", (3 * width, width)),
                ("attn.out_proj", (width, width)),
                ("mlp.c_fc", (2 * width, width)),
                ("mlp.c_proj", (width, 2 * width)),
            ):
                dot = "_" if name == "attn.in_proj" else "."
                draw(f"{at}.{name}{dot}weight", *shape)
                draw(f"{at}.{name}{dot}bias", shape[0])
            for name in ("ln_1", "ln_2"):
                draw(f"{at}.{name}.weight", width, base=1.0)
                draw(f"{at}.{name}.bias", width)
    for name in ("visual.ln_pre", "visual.ln_post", "ln_final"):
        draw(f"sd.{name}.weight", width, base=1.0)
        draw(f"sd.{name}.bias", width)
    draw("sd.visual.class_embedding", width)
    draw("sd.visual.conv1.weight", width, 3, 4, 4)
    draw("sd.visual.positional_embedding", 1 + 9, width)
    draw("sd.positional_embedding", length, width)
    draw("sd.visual.proj", width, shared)
    draw("sd.text_projection", width, shared)
    draw("pixels", 2, 3, 20, 20, scale=1.0)
    for kind, end in (("pos", 6), ("neg", 7)):
        draw(f"prompt_learner.token_prefix_{kind}", 1, 1, 1, width)
        draw(f"prompt_learner.ctx_{kind}", 1, 1, 3, width)
        draw(f"prompt_learner.token_suffix_{kind}", 1, 1, length - 4, width)
        words = rng.integers(1, 90, (1, 1, length)).astype(np.int32)
        words[..., end] = 99
        held[f"prompt_learner.tokenized_prompts_{kind}"] = words
    for index in range(2):
        draw(f"prompt_learner.compound_prompts_text.{index}", 2, width)
    for index in range(3):
        draw(f"syn.patch_{index}", 2, 1 + 36, shared)
    draw("syn.image_features", 2, shared)
    draw("syn.text_features", 1, 2, shared)
    held["syn.text_features"] = unit(held["syn.text_features"])
    return held, facts


def small_few_shot(rng: np.random.Generator) -> Weights:
    pattern = rng.standard_normal((1, 26, 12))
    held = {"grid": np.int64(5), "map_size": np.int64(23), "k_list": np.array([1, 3])}
    for layer in range(3):
        for name, count in (("query", 2), ("refs", 3)):
            drawn = pattern + 0.6 * rng.standard_normal((count, 26, 12))
            held[f"{name}_{layer}"] = drawn.astype(np.float32)
    return held


def main(shared: Path) -> None:
    def compare(found: Weights, held: Weights, name: str) -> None:
        worst = max(float(np.abs(found[key] - held[key]).max()) for key in found)
        outputs = {k for k in held if k.split(".")[0] in ("plain", "dpam", "end2end")}
        assert outputs <= set(found) and worst < 1e-4, (name, worst, outputs - set(found))
        print(f"{name}: {len(found)} tensors, largest difference {worst:.1e}")

    file = shared / "experts" / "anomalyclip.safetensors"
    with safe_open(file, "np") as stored:
        facts = stored.metadata()
    held = load_file(file)
    compare(anomaly_clip(held, facts), held, file.name)
    file = shared / "experts" / "fewshot_ref.npz"
    held = dict(np.load(file))
    compare(few_shot(held), held, file.name)

    rng = np.random.default_rng(4)
    held, facts = small_anomaly_clip(rng)
    told = {name: each.astype(np.float32) for name, each in anomaly_clip(held, facts).items()}
    save_file(
        {name: np.ascontiguousarray(each) for name, each in (held | told).items()},
        RECORDED / "anomalyclip_small.safetensors",
        metadata=facts,
    )
    held = small_few_shot(rng)
    told = {name: each.astype(np.float32) for name, each in few_shot(held).items()}
    np.savez_compressed(RECORDED / "fewshot_small.npz", **held, **told)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
