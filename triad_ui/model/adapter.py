"""A PEFT adapter (LoRA) on top of a loaded model, checked weight by weight.

Knows nothing of where the model came from.
"""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path

from safetensors import SafetensorError
from transformers import PreTrainedModel

from triad_ui.errors import WeightsError
from triad_ui.model.shards import headers

FILE = "adapter_model.safetensors"


def adapted(model: PreTrainedModel, adapter: Path, *, merge: bool) -> PreTrainedModel:
    """The model with the adapter's weights: added in, or beside it where it is quantized.

    Raises WeightsError when the folder is none, or is for another model.
    """
    _check(model, adapter)
    from peft import PeftModel, get_peft_model_state_dict

    try:
        with warnings.catch_warnings():  # told below, with the remedy
            warnings.filterwarnings("ignore", message="Found missing adapter keys")
            wrapped = PeftModel.from_pretrained(model, str(adapter), is_trainable=False)
    except (ValueError, RuntimeError, KeyError, TypeError, OSError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"The adapter {adapter} cannot be applied: {reason}.") from error
    # peft warns of a missing weight and says nothing of a surplus one
    there = set(headers(adapter / FILE))
    wanted = set(get_peft_model_state_dict(wrapped, save_embedding_layers=False))
    if there != wanted:
        raise WeightsError(
            f"The adapter {adapter} does not fit this model: {len(wanted - there)} of its weights "
            f"are missing and {len(there - wanted)} belong to another model."
        )
    return wrapped.merge_and_unload() if merge else wrapped.get_base_model()


def _check(model: PreTrainedModel, adapter: Path) -> None:
    """That the folder is an adapter, and its layers are this model's, of this width."""
    try:
        config = json.loads((adapter / "adapter_config.json").read_text("utf-8"))
        kind = config["peft_type"]
    except FileNotFoundError as error:
        whole = (adapter / "config.json").is_file()
        raise WeightsError(
            f"{adapter} is {'a whole model' if whole else 'no folder'}, not an adapter: there is "
            "no adapter_config.json. Name the folder that training wrote."
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{adapter}/adapter_config.json is damaged. Copy it anew.") from error
    if kind != "LORA":
        raise WeightsError(f"The adapter {adapter} is of the kind {kind}; only LoRA is read here.")
    if not (adapter / FILE).is_file():
        raise WeightsError(f"{adapter / FILE} is missing. Copy the whole folder.")
    layers = dict(model.named_modules())
    for name, weight in headers(adapter / FILE).items():
        found = re.fullmatch(r"base_model\.model\.(.+)\.lora_([AB])\.weight", name)
        if not found:
            continue
        layer = layers.get(found[1])
        if layer is None or not hasattr(layer, "in_features"):
            raise WeightsError(
                f"The adapter {adapter} is for another model: this one has no layer {found[1]}."
            )
        width = layer.in_features if found[2] == "A" else layer.out_features
        own = weight.shape[1] if found[2] == "A" else weight.shape[0]
        if own != width:
            raise WeightsError(
                f"The adapter {adapter} is for a model of another width: {found[1]} is {width} "
                f"wide here, and the adapter was trained for {own}. Name its own base model."
            )
