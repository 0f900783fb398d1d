"""What is quantized and what is not, by the class of each module; no bitsandbytes, a plain word."""

from __future__ import annotations

import builtins
from pathlib import Path

import pytest
import torch
from transformers import (
    CLIPVisionConfig,
    LlavaNextConfig,
    LlavaNextForConditionalGeneration,
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    MistralConfig,
    PreTrainedModel,
    Qwen2Config,
    SiglipVisionConfig,
)

from triad_ui.errors import ModelError
from triad_ui.model.quantize import mend_kernels, quantization_config, torch_dtype

TEXT = {
    "vocab_size": 256,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
VISION = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 28,
    "patch_size": 14,
}


def onevision(tied: bool) -> PreTrainedModel:
    vision = SiglipVisionConfig(**VISION, vision_use_head=False)
    text = Qwen2Config(**TEXT, tie_word_embeddings=tied)
    return LlavaOnevisionForConditionalGeneration(
        LlavaOnevisionConfig(
            vision_config=vision, text_config=text, tie_word_embeddings=tied, image_token_index=250
        )
    )


def next_mistral(tied: bool) -> PreTrainedModel:
    vision, text = CLIPVisionConfig(**VISION), MistralConfig(**TEXT, tie_word_embeddings=tied)
    return LlavaNextForConditionalGeneration(
        LlavaNextConfig(
            vision_config=vision, text_config=text, tie_word_embeddings=tied, image_token_index=250
        )
    )


@pytest.mark.parametrize("precision", ["int8", "nf4"])
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("make", [onevision, next_mistral])
def test_only_the_blocks_of_the_language_model_are_quantized(make, tied, precision, tmp_path: Path):
    bitsandbytes = pytest.importorskip("bitsandbytes")
    torch.manual_seed(0)
    whole = make(tied)
    whole.save_pretrained(tmp_path)
    small = type(whole).from_pretrained(
        tmp_path, quantization_config=quantization_config(precision), dtype=torch.float32
    )
    wanted = {"int8": bitsandbytes.nn.Linear8bitLt, "nf4": bitsandbytes.nn.Linear4bit}[precision]
    linears = {n: m for n, m in small.named_modules() if isinstance(m, torch.nn.Linear)}
    assert len(linears) == 2 * 7 + 2 * 6 + 2 + 1
    for name, module in linears.items():
        block = name.startswith("model.language_model.layers.")
        assert type(module) is (wanted if block else torch.nn.Linear), name
    # what is not quantized is the very same, the head and its tie too
    kept, before = dict(small.named_parameters(remove_duplicate=False)), whole.state_dict()
    for name in before:
        if "language_model.layers" not in name and name in kept:
            assert torch.equal(kept[name], before[name]), name
    head, table = small.get_output_embeddings().weight, small.get_input_embeddings().weight
    assert torch.equal(head, before["lm_head.weight"])
    assert (head.data_ptr() == table.data_ptr()) is tied


@pytest.mark.parametrize("precision", ["auto", "bf16", "fp16", "fp32"])
def test_other_precisions_are_not_quantized(precision):
    assert quantization_config(precision) is None


def test_without_bitsandbytes_another_precision_is_named(monkeypatch):
    real = builtins.__import__

    def missing(name, *rest, **more):
        if name.partition(".")[0] == "bitsandbytes":
            raise ImportError("No module named 'bitsandbytes'")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ModelError, match="Choose bf16, fp16 or fp32"):
        quantization_config("nf4")
    assert quantization_config("bf16") is None


def test_the_named_type_is_taken_and_a_processor_never_gets_float16():
    assert torch_dtype("bf16", "cpu") == torch.bfloat16
    assert torch_dtype("fp16", "cuda") == torch.float16
    assert torch_dtype("fp32", "cuda") == torch.float32
    for precision in ("auto", "int8", "nf4"):
        assert torch_dtype(precision, "cpu") in (torch.bfloat16, torch.float32)


@pytest.mark.parametrize("rows, columns", [(48, 48), (24, 48), (128, 96), (48, 128), (64, 128)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_layer_of_any_size_multiplies_by_what_its_four_bits_say(rows, columns, dtype):
    bitsandbytes = pytest.importorskip("bitsandbytes")
    torch.manual_seed(0)
    values, x = torch.randn(rows, columns), torch.randn(2, 5, columns)
    layer = bitsandbytes.nn.Linear4bit(
        columns, rows, bias=True, compute_dtype=dtype, quant_type="nf4", compress_statistics=True
    )
    layer.weight = bitsandbytes.nn.Params4bit(
        values, requires_grad=False, quant_type="nf4", compress_statistics=True
    )
    model = torch.nn.Sequential(layer).to("cpu").eval()
    state = layer.weight.quant_state
    # unpacked by hand: two values a byte, a scale for each 64 of them
    packed = layer.weight.data.flatten().long()
    index = torch.stack([packed >> 4, packed & 15], 1).flatten()
    scales = bitsandbytes.functional.dequantize_blockwise(state.absmax, state.state2) + state.offset
    said = (state.code[index] * scales.repeat_interleave(64)[: len(index)]).view(rows, columns)
    assert (said - values).norm() < 0.11 * values.norm()  # nf4 of normal values: about 0.09

    fits = rows % 32 == 0 and columns % 64 == 0 and dtype != torch.float32
    assert mend_kernels(model) == (() if fits else ("0",))
    with torch.inference_mode():
        wanted = torch.nn.functional.linear(x, said, layer.bias.float())
        got = model(x.to(dtype)).float()
    limit = 1e-5 if dtype == torch.float32 else 1e-2
    assert (got - wanted).norm() < limit * wanted.norm()
