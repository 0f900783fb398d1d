"""Estimated memory against what models of these shapes really hold; what is refused, and how."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import (
    DynamicCache,
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    PreTrainedModel,
)

from tests.model.held import held_bytes
from triad_ui.errors import ModelError
from triad_ui.model import generate, memory
from triad_ui.model.chat import CHATML
from triad_ui.model.choice import Machine, ModelChoice, ModelOffer
from triad_ui.model.layout import Checkpoint, VisualLayout, Weight
from triad_ui.model.memory import check_fits, need, need_of_shapes, needs_of, pick_precision
from triad_ui.model.quantize import mend_kernels, quantization_config, torch_dtype
from triad_ui.model.shapes import shapes_of

CONFIG = {
    "text_config": {
        "model_type": "qwen2",
        "hidden_size": 320,
        "intermediate_size": 1728,
        "num_hidden_layers": 3,
        "num_attention_heads": 5,
        "num_key_value_heads": 1,
        "vocab_size": 2000,
    },
    "vision_config": {
        "model_type": "siglip_vision_model",
        "hidden_size": 96,
        "intermediate_size": 360,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "image_size": 56,
        "patch_size": 14,
        "vision_use_head": False,
    },
    "tie_word_embeddings": False,
}
"""Proportions of Qwen2 0.5B and SigLIP so400m; 8 million parameters."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    config = LlavaOnevisionConfig(**CONFIG, image_token_index=1999)
    LlavaOnevisionForConditionalGeneration(config).to(torch.bfloat16).save_pretrained(folder)
    return folder


def loaded(folder: Path, precision: str) -> PreTrainedModel:
    if precision in ("int8", "nf4"):
        pytest.importorskip("bitsandbytes")
    model = LlavaOnevisionForConditionalGeneration.from_pretrained(
        folder,
        dtype=torch_dtype(precision, "cpu"),
        quantization_config=quantization_config(precision, "cpu"),
    )
    mend_kernels(model)
    return model.eval()


@pytest.mark.parametrize("precision", ["bf16", "fp16", "fp32", "int8", "nf4"])
def test_weights_and_cache_are_what_a_loaded_model_holds(folder: Path, precision: str):
    model = loaded(folder, precision)
    element = torch_dtype(precision, "cpu").itemsize
    told = need_of_shapes(shapes_of(CONFIG), CONFIG, precision, positions=200, element=element)
    assert told.weights == pytest.approx(held_bytes(model), rel=0.005)
    language = model.model.language_model
    cache = DynamicCache(config=language.config)
    with torch.inference_mode():
        words = torch.zeros(1, 200, 320, dtype=language.dtype)
        language(inputs_embeds=words, past_key_values=cache)
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    assert told.cache == held
    # bitsandbytes packs 4-bit weights anew for some processors when they are first used
    assert told.weights == pytest.approx(held_bytes(model), rel=0.02)


def test_a_tied_head_is_counted_once():
    free = shapes_of(CONFIG)
    tied = CONFIG | {"tie_word_embeddings": True}
    less = need_of_shapes(free, CONFIG, "bf16").weights - need_of_shapes(free, tied, "bf16").weights
    assert less == 2000 * 320 * 2  # though the file has it


def test_as_many_positions_are_read_at_once_as_the_decoder_reads():
    assert max(generate.CHUNK, generate.CHUNK_CUDA) <= memory.CHUNK


def checkpoint(config: dict = CONFIG, context_limit: int = 32768) -> Checkpoint:
    here = Path("weights.safetensors")
    weights = {
        name: Weight(name, name, shape, "BF16", here) for name, shape in shapes_of(config).items()
    }
    return Checkpoint(
        Path("."),
        "Triad-ov",
        "transformers",
        LlavaOnevisionConfig(**config),
        weights,
        VisualLayout("anyres_rois", 56, 4, ((56, 56),)),
        CHATML,
        Path("tokenizer.json"),
        context_limit,
    )


def large() -> Checkpoint:
    """7B shapes; nothing is made of them."""
    text = {
        "model_type": "qwen2",
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "vocab_size": 152064,
    }
    return checkpoint(CONFIG | {"text_config": text})


def card(gigabytes: float) -> Machine:
    return Machine("NVIDIA L4", int(gigabytes * 2**30), 24 * 2**30)


@pytest.fixture
def whole_in_16_bits(monkeypatch):
    """As on a GPU, whatever this processor computes in."""
    monkeypatch.setattr("triad_ui.model.quantize.torch_dtype", lambda *_: torch.bfloat16)
    monkeypatch.setattr(memory, "_smaller", lambda: ("int8", "nf4"))


def test_a_checkpoint_needs_what_its_shapes_and_context_say(whole_in_16_bits):
    told = need(checkpoint(), "nf4")
    assert told == need_of_shapes(shapes_of(CONFIG), CONFIG, "nf4")
    short = need(checkpoint(context_limit=1024), "nf4")
    assert short.cache == 2 * 3 * 1 * 64 * 1024 * 2
    assert needs_of(CONFIG)["nf4"] == told.total
    reads_less = CONFIG | {"text_config": CONFIG["text_config"] | {"max_position_embeddings": 1024}}
    assert needs_of(reads_less)["nf4"] == short.total
    assert told.total == told.weights + told.cache + told.work + told.libraries


def test_the_most_exact_precision_that_fits_is_picked(whole_in_16_bits):
    model = large()
    sizes = {name: need(model, name).total for name in ("bf16", "int8", "nf4")}
    assert sizes["bf16"] > sizes["int8"] > sizes["nf4"]
    for name, size in sizes.items():
        assert pick_precision(model, size) == name
    assert pick_precision(model, sizes["bf16"] - 1) == "int8"
    assert pick_precision(model, sizes["int8"] - 1) == "nf4"
    assert pick_precision(model, 2**30) == "nf4"  # and is then refused
    assert pick_precision(model, 0) == "bf16"


def test_without_bitsandbytes_no_precision_that_needs_it_is_picked(whole_in_16_bits, monkeypatch):
    monkeypatch.setattr(memory, "_smaller", lambda: ())
    assert pick_precision(large(), 2**30) == "bf16"
    with pytest.raises(ModelError, match="fits in no precision"):
        check_fits(large(), "bf16", card(9))


def test_what_fits_or_is_unknown_is_not_refused(whole_in_16_bits):
    check_fits(large(), "bf16", card(24))
    check_fits(large(), "bf16", Machine("the processor", 0, 0))
    check_fits(checkpoint(), "bf16", card(2).free)


def test_a_smaller_precision_that_fits_is_named(whole_in_16_bits):
    with pytest.raises(ModelError) as caught:
        check_fits(large(), "bf16", card(9))
    said = str(caught.value)
    assert said.startswith("Triad-ov needs about 16.6 GB in bf16; 9.0 GB are free on NVIDIA L4.")
    assert said.endswith("In nf4 it needs 7.7 GB and fits.")


def test_a_loaded_model_that_stands_in_the_way_is_named(whole_in_16_bits):
    with pytest.raises(ModelError, match=r"Unload the current model first: .* 15\.0 GB, then it"):
        check_fits(large(), "bf16", card(6), held=15 * 2**30)
    with pytest.raises(ModelError, match=r"current model, .*: then it fits in nf4"):
        check_fits(large(), "bf16", card(1), held=7 * 2**30)


def test_another_model_is_named_when_none_of_its_precisions_fits(whole_in_16_bits):
    def offer(title: str, needs: dict[str, int], problem: str = "") -> ModelOffer:
        return ModelOffer(title, title, "Apache-2.0", ModelChoice(), needs=needs, problem=problem)

    others = [
        offer("LLaVA-OneVision 7B", {"bf16": 17 * 2**30, "nf4": 8 * 2**30}),
        offer(
            "LLaVA-OneVision 0.5B",
            {"bf16": 3 * 2**30, "fp16": 3 * 2**30, "fp32": 4 * 2**30, "nf4": 2 * 2**30},
        ),
        offer("Broken", {"bf16": 3 * 2**30 + 1}, problem="incomplete"),
        offer("A server", {}),
    ]
    with pytest.raises(ModelError) as caught:
        check_fits(large(), "nf4", card(4), others=others)
    assert str(caught.value).endswith(
        "It fits in no precision. LLaVA-OneVision 0.5B in bf16 needs 3.0 GB."
    )
    with pytest.raises(ModelError, match="the URL of a server"):
        check_fits(large(), "nf4", card(1), others=others)
