"""AnomalyCLIP and the few-shot bank once more, in float64 NumPy, sharing nothing with the package.

Written from the published formulas, for `record_small_cases`, which holds them against the
authors' recordings. Names of tensors and facts are those of the recordings.
"""

from __future__ import annotations

import numpy as np

Weights = dict[str, np.ndarray]


def norm(x: np.ndarray, sd: Weights, name: str) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    spread = np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    return centred / spread * sd[f"{name}.weight"] + sd[f"{name}.bias"]


def softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.sqrt((x**2).sum(-1, keepdims=True))


def attend(x: np.ndarray, sd: Weights, name: str, heads: int, *, values: bool, causal: bool):
    """One attention of already normed tokens (B, T, C); values: v stands for q and k too."""
    parts = x @ sd[f"{name}.attn.in_proj_weight"].T + sd[f"{name}.attn.in_proj_bias"]
    q, k, v = np.split(parts, 3, axis=-1)
    if values:
        q = k = v
    width, found = x.shape[-1] // heads, []
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        alike = np.einsum("btc,bsc->bts", q[..., part], k[..., part]) * width**-0.5
        if causal:
            alike[:, ~np.tri(x.shape[1], dtype=bool)] = -np.inf
        found.append(softmax(alike) @ v[..., part])
    joined = np.concatenate(found, axis=-1)
    return joined @ sd[f"{name}.attn.out_proj.weight"].T + sd[f"{name}.attn.out_proj.bias"]


def block(x: np.ndarray, sd: Weights, name: str, heads: int, *, causal: bool = False):
    seen = attend(norm(x, sd, f"{name}.ln_1"), sd, name, heads, values=False, causal=causal)
    x = x + seen
    inner = norm(x, sd, f"{name}.ln_2") @ sd[f"{name}.mlp.c_fc.weight"].T
    inner = inner + sd[f"{name}.mlp.c_fc.bias"]
    inner = inner / (1 + np.exp(-1.702 * inner))
    return x + inner @ sd[f"{name}.mlp.c_proj.weight"].T + sd[f"{name}.mlp.c_proj.bias"]


def lines(old: int, new: int, *, corners: bool) -> np.ndarray:
    """Bilinear resizing of one axis as a matrix (new, old)."""
    matrix = np.zeros((new, old))
    for index in range(new):
        place = index * (old - 1) / max(new - 1, 1) if corners else (index + 0.5) * old / new - 0.5
        place = max(place, 0.0)
        low = min(int(place), old - 1)
        matrix[index, low] += 1 - (place - low)
        matrix[index, min(low + 1, old - 1)] += place - low
    return matrix


def resized(grids: np.ndarray, side: int, *, corners: bool) -> np.ndarray:
    """(..., h, w) -> (..., side, side)."""
    rows = lines(grids.shape[-2], side, corners=corners)
    columns = lines(grids.shape[-1], side, corners=corners)
    return rows @ grids @ columns.T


def blurred(values: np.ndarray, sigma: float) -> np.ndarray:
    """(..., h, w) under a Gaussian cut off at 4 sigma, borders mirrored with the edge repeated."""
    reach = int(4 * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    for axis in (-2, -1):
        edges = [(0, 0)] * values.ndim
        edges[axis] = (reach, reach)
        padded = np.pad(values, edges, mode="symmetric")
        length = values.shape[axis]
        values = sum(
            weight * np.take(padded, range(start, start + length), axis=axis)
            for start, weight in enumerate(kernel)
        )
    return values


def tower(sd: Weights, pixels: np.ndarray, facts: dict, doubled: int) -> Weights:
    """patch_{l}, image_features and pos_embed_used; doubled: last blocks with a second stream."""
    heads, patch, grid = (int(facts[n]) for n in ("heads", "patch_size", "input_grid"))
    native, width = int(facts["native_grid"]), sd["visual.class_embedding"].shape[0]
    table = sd["visual.positional_embedding"]
    places = table[1:].T.reshape(width, native, native)
    places = resized(places, grid, corners=False).reshape(width, -1).T
    table = np.concatenate([table[:1], places])
    cells = pixels.reshape(len(pixels), 3, grid, patch, grid, patch)
    patches = np.einsum("bcipjq,dcpq->bijd", cells, sd["visual.conv1.weight"])
    first = np.tile(sd["visual.class_embedding"], (len(pixels), 1, 1))
    x = np.concatenate([first, patches.reshape(len(pixels), -1, width)], axis=1) + table
    x, second, found = norm(x, sd, "visual.ln_pre"), None, {"pos_embed_used": table}
    wanted, count = facts["feature_layers"].split(","), int(facts["layers"])
    for index in range(count):
        name = f"visual.transformer.resblocks.{index}"
        if index >= count - doubled:
            normed = norm(x, sd, f"{name}.ln_1")
            step = attend(normed, sd, name, heads, values=True, causal=False)
            second = (x if second is None else second) + step
        x = block(x, sd, name, heads)
        if str(index + 1) in wanted:
            shown = norm(x if second is None else second, sd, "visual.ln_post")
            found[f"patch_{index + 1}"] = shown @ sd["visual.proj"]
    return found | {"image_features": x[:, 0] @ sd["visual.proj"]}


def texts(sd: Weights, learner: Weights, facts: dict) -> np.ndarray:
    rows = []
    for kind in ("pos", "neg"):
        parts = [learner[f"{n}_{kind}"][0, 0] for n in ("token_prefix", "ctx", "token_suffix")]
        x = (np.concatenate(parts) + sd["positional_embedding"])[None]
        count = len({n.split(".")[2] for n in sd if n.startswith("transformer.resblocks.")})
        for index in range(count):
            if 1 <= index < int(facts["depth"]):
                vectors = learner[f"compound_prompts_text.{index - 1}"].astype(np.float16)
                x[:, 1 : 1 + int(facts["t_n_ctx"])] = vectors
            name = f"transformer.resblocks.{index}"
            x = block(x, sd, name, int(facts["text_heads"]), causal=True)
        end = learner[f"tokenized_prompts_{kind}"].ravel().argmax()
        rows.append(norm(x[0, end], sd, "ln_final") @ sd["text_projection"])
    return np.stack(rows)


def maps(tokens: list[np.ndarray], image: np.ndarray, text: np.ndarray, side: int, sigma: float):
    found, text = {}, unit(text)
    for index, each in enumerate(tokens):
        chances = softmax(unit(each[:, 1:]) @ text.T / 0.07)[..., 1]
        grid = int(chances.shape[1] ** 0.5 + 0.5)
        chances = chances.reshape(-1, grid, grid)
        found[f"layer_map_{index}"] = resized(chances, side, corners=False)
    found["map_raw"] = sum(found.values())
    found["map"] = blurred(found["map_raw"], sigma)
    return found | {"image_prob": softmax(unit(image) @ text.T / 0.07)[:, 1]}


def anomaly_clip(held: Weights, facts: dict) -> Weights:
    """Everything that a recording says of AnomalyCLIP, from its inputs."""
    held = {name: each.astype(np.float64) for name, each in held.items()}

    def below(prefix: str) -> Weights:
        return {n[len(prefix) :]: v for n, v in held.items() if n.startswith(prefix)}

    sd, layers = below("sd."), facts["feature_layers"].split(",")
    plain = tower(sd, held["pixels"], facts, 0)
    del plain["pos_embed_used"]
    dpam = tower(sd, held["pixels"], facts, int(facts["dpam_layer"]) - 1)
    text, syn = texts(sd, below("prompt_learner."), facts), below("syn.")
    side, sigma = int(facts["input_grid"]) * int(facts["patch_size"]), float(facts["sigma"])
    cases = {
        "end2end": ([dpam[f"patch_{layer}"] for layer in layers], dpam["image_features"], text),
        "syn": (
            [syn[f"patch_{index}"] for index in range(len(layers))],
            syn["image_features"],
            syn["text_features"][0],
        ),
    }
    sides = {"end2end": side, "syn": int(facts["syn_map_size"])}
    found = {"text_raw": text, "text_features": unit(text)[None]}
    found |= {f"plain.{name}": each for name, each in plain.items()}
    found |= {f"dpam.{name}": each for name, each in dpam.items()}
    for case, given in cases.items():
        told = maps(*given, sides[case], sigma)
        found |= {f"{case}.{name}": each for name, each in told.items()}
    return found


def few_shot(held: Weights) -> Weights:
    found, grid, side = {}, int(held["grid"]), int(held["map_size"])
    layers = sorted(
        int(name[6:]) for name in held if name.startswith("query_") and name[6:].isdigit()
    )
    for shots in held["k_list"]:
        for image in range(len(held["query_0"])):
            rows = []
            for layer in layers:
                query = unit(held[f"query_{layer}"].astype(np.float64)[image, 1:])
                bank = unit(held[f"refs_{layer}"].astype(np.float64)[:shots, 1:])
                rows.append(1 - (query @ bank.reshape(-1, bank.shape[-1]).T).max(axis=1))
            case, dist = f"k{shots}_q{image}", np.stack(rows)
            summed = resized(dist.reshape(-1, grid, grid), side, corners=True).sum(axis=0)
            mean = summed / len(layers)
            found |= {f"dist_{case}": dist, f"map_sum_{case}": summed, f"map_mean_{case}": mean}
            found[f"score_max_{case}"] = mean.max()
    return found
