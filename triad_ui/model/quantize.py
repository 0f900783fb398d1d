"""How the weights of a checkpoint are stored in memory: whole, in 8 bits or in 4 bits.

8 bits: LLM.int8 (Dettmers et al. 2022, a scale a row, outliers apart). 4 bits: nf4 with double
quantization (QLoRA, Dettmers et al. 2023). Only the linear layers of the language model's blocks
are quantized: the tower, the projector and the head stay whole, as small faults are lost there.
Knows nothing of files, of how much memory there is, or of which precision is wise.
"""

from __future__ import annotations

import logging
from copy import copy
from functools import partial

import torch
from transformers import BitsAndBytesConfig

from triad_ui.errors import ModelError
from triad_ui.model.choice import Precision

WHOLE = (r"(.*\.)?vision_tower", r"(.*\.)?multi_modal_projector", r"(.*\.)?lm_head")
"""Modules that are never quantized. transformers 5 matches each as a pattern from the start of a
module's full name, so that a bare "vision_tower" would quantize `model.vision_tower`."""

# bitsandbytes warns of what a user cannot change and loses nothing by: that a kernel of the Hugging
# Face hub is absent (it has its own), and, at every layer, that LLM.int8 computes from float16.
for _name in ("bitsandbytes.backends.cpu.ops", "bitsandbytes.autograd._functions"):
    logging.getLogger(_name).setLevel(logging.ERROR)


def quantization_config(
    precision: Precision, device: torch.device | str | None = None
) -> BitsAndBytesConfig | None:
    """What `from_pretrained` needs for `precision` on `device` (the GPU if there is one).

    None for precisions that are not quantized. Raises ModelError when bitsandbytes is missing.
    """
    if precision not in ("int8", "nf4"):
        return None
    try:
        import accelerate  # noqa: F401
        import bitsandbytes  # noqa: F401
    except (ImportError, OSError, RuntimeError) as error:
        raise ModelError(
            f"The precision {precision} needs the package bitsandbytes, which does not work here "
            f"({_first_line(error)}; there is none for a Mac with an Intel processor). Choose "
            "bf16, fp16 or fp32, or install it: pip install bitsandbytes accelerate."
        ) from error
    if precision == "int8":
        return BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=list(WHOLE))
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch_dtype(precision, device),
        llm_int8_skip_modules=list(WHOLE),
    )


def mend_kernels(model: torch.nn.Module) -> tuple[str, ...]:
    """Keep 4-bit layers on a processor from kernels of bitsandbytes that are wrong for their size.

    To be called once a quantized model is loaded. Found in bitsandbytes 0.50.2: unpacking is
    quietly wrong where the columns are no multiple of the block of 64 (error 0.24 to 0.40 of the
    weights' norm, nf4 itself has 0.09); the kernel for AVX512-BF16 fails there and where the rows
    are no multiple of 32, and computes in bfloat16 even when float32 was asked for. Such layers
    are unpacked as one row, which is right, and multiplied by torch. Returns their names: none in
    the models that are offered, whose sizes are all multiples of 64, unless computed in float32.
    """
    mended = []
    for name, layer in model.named_modules():
        if not hasattr(layer, "support_avx512bf16_for_cpu") or layer.weight.device.type != "cpu":
            continue
        fits = layer.out_features % 32 == 0 and layer.in_features % 64 == 0
        if not fits or layer.compute_dtype == torch.float32:
            layer.support_avx512bf16_for_cpu = False
            layer.forward = partial(_multiply_unpacked, layer)
            mended.append(name)
    return tuple(mended)


def _multiply_unpacked(layer: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    from bitsandbytes.functional import dequantize_4bit

    state = copy(layer.weight.quant_state)
    state.shape = torch.Size((1, layer.out_features * layer.in_features))
    weight = dequantize_4bit(layer.weight.data, state).view(layer.out_features, layer.in_features)
    bias = None if layer.bias is None else layer.bias.to(x.dtype)
    return torch.nn.functional.linear(x, weight.to(x.dtype), bias)


def torch_dtype(precision: Precision, device: torch.device | str | None = None) -> torch.dtype:
    """The type that is computed in, and that whatever is not quantized is kept in.

    "auto", "int8" and "nf4" take bfloat16 where `device` computes in it; else float16 on a GPU
    and float32 on a processor.
    """
    named = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
    if precision in named:
        return named[precision]
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    kind = torch.device(device).type
    if kind == "cuda":
        whole = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if whole else torch.float16
    if kind == "cpu":
        whole = torch.ops.mkldnn._is_mkldnn_bf16_supported()
        return torch.bfloat16 if whole else torch.float32
    return torch.float16


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
