"""Stored names of weights -> transformers' names, and the strict report of what does not fit.

Source of the authors' names: LLaVA-NeXT's LlavaQwenForCausalLM (see `layout.py` for whose is
whose); verified against the recorded checkpoint. Knows nothing of files or values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from triad_ui.errors import WeightsError
from triad_ui.model.layout import Weight

AUTHORS = (
    (r"^model\.vision_tower\.vision_tower\.(vision_model\.)?", "model.vision_tower."),
    (r"^model\.mm_projector\.0\.", "model.multi_modal_projector.linear_1."),
    (r"^model\.mm_projector\.2\.", "model.multi_modal_projector.linear_2."),
    (r"^model\.(embed_tokens|layers|norm)\.", r"model.language_model.\1."),
)
TRANSFORMERS = (
    (r"^(model\.)?vision_tower\.(vision_model\.)?", "model.vision_tower."),
    (r"^(model\.)?multi_modal_projector\.", "model.multi_modal_projector."),
    (r"^(model\.)?image_newline$", "model.image_newline"),
    (r"^language_model\.lm_head\.", "lm_head."),
    (r"^language_model\.model\.", "model.language_model."),
)
"""Of the repositories on the hub (transformers 4) and of what transformers 5 saves."""

IGNORED = re.compile(r"(rotary_emb\.inv_freq|embeddings\.position_ids)$")
"""Numbers that follow from the configuration; old versions stored them."""
SHOWN = 6

Names = Sequence[tuple[str, str]]
Shapes = Mapping[str, tuple[int, ...]]


def rename(name: str, names: Names) -> str:
    """One stored name as transformers calls it; itself when no rule is for it."""
    for pattern, other in names:
        if re.match(pattern, name):
            return re.sub(pattern, other, name, count=1)
    return name


def matched(
    stored: Mapping[str, Weight], wanted: Shapes, names: Names, folder: Path, *, tied: bool
) -> dict[str, Weight]:
    """The wanted weights by transformers' name, each there with its shape and none beside them.

    tied: the head may be left out, as the embedding stands for it. Raises WeightsError with counts,
    up to 6 names of each kind and what probably happened.
    """
    found: dict[str, Weight] = {}
    twice: list[str] = []
    for name, weight in stored.items():
        if IGNORED.search(name):
            continue
        own = rename(name, names)
        if own in found:
            twice.append(name)
        found[own] = Weight(own, name, weight.shape, weight.dtype, weight.file)
    spare = {"lm_head.weight"} if tied else set()
    missing = sorted(set(wanted) - set(found) - spare)
    surplus = sorted([found[name].stored for name in set(found) - set(wanted)] + twice)
    wrong = [
        f"{name} {list(found[name].shape)} instead of {list(shape)}"
        for name, shape in wanted.items()
        if name in found and found[name].shape != tuple(shape)
    ]
    if not missing and not surplus and not wrong:
        # a head that is stored although it is tied is the embedding once more
        return {name: found[name] for name in wanted if name in found and name not in spare}
    parts = []
    for label, items in (("missing", missing), ("surplus", surplus), ("of wrong shape", wrong)):
        if items:
            more = ", ..." if len(items) > SHOWN else ""
            parts.append(f"{len(items)} {label}: {', '.join(items[:SHOWN])}{more}")
    raise WeightsError(
        f"The weights in {folder} do not fit its config.json, so nothing was loaded. "
        f"{_reason(missing, surplus, wrong, wanted)} Of {len(wanted)} tensors, {'; '.join(parts)}."
    )


def _reason(
    missing: Sequence[str], surplus: Sequence[str], wrong: Sequence[str], wanted: Shapes
) -> str:
    """What probably happened, in one or two sentences."""
    if any("lora_" in name for name in surplus):
        return "This is an adapter, not a whole model: name its base model, and it as the adapter."
    absent = set(missing)

    def whole(part: str) -> bool:
        names = {name for name in wanted if name.startswith(part)}
        return bool(names) and names <= absent

    if whole("model.vision_tower.") and whole("model.multi_modal_projector."):
        return "This is a language model without eyes: vision tower and projector are missing."
    if whole("model.vision_tower."):
        return (
            "The vision tower is not in this folder: it was not saved, as it was not trained. Save "
            "the model with its tower, or take the published checkpoint."
        )
    if whole("model.language_model."):
        return "The language model is not in this folder: this is a projector or a tower alone."
    if any(name.endswith((".absmax", ".SCB", ".quant_map")) for name in surplus):
        return "These weights are quantized already: take the unquantized model."
    # the projector's first layer is as wide as the tower
    seen = ("vision_tower", "projector.linear_1")
    if wrong and all(any(p in name for p in seen) for name in (*missing, *surplus, *wrong)):
        return (
            "The vision tower is another one than config.json names. Put the right tower's "
            "configuration into the folder as vision_tower_config.json."
        )
    if wrong and not missing and not surplus:
        return "config.json is of a model of another size or vocabulary."
    if absent == {"lm_head.weight"} and not surplus:
        return (
            "The head alone is not there: some small models, Qwen2 0.5B among them, share it with "
            'the embedding. If this one does, set "tie_word_embeddings": true in its config.json.'
        )
    if missing and not surplus:
        return "The folder was not copied or saved whole."
    return "config.json and weights are of different models, or the folder holds parts of two."
