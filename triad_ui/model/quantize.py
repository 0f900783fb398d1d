"""How the weights of a checkpoint are stored in memory: whole, in 8 bits or in 4 bits.

8 bits: LLM.int8 (Dettmers et al. 2022, a scale a row, outliers apart). 4 bits: nf4 with double
quantization (QLoRA, Dettmers et al. 2023). Only the linear layers of the language model's blocks
are quantized: the tower, the projector and the head stay whole, as small faults are lost there.
Knows nothing of files, of how much memory there is, or of which precision is wise.
"""

from __future__ import annotations

import logging

import torch
from transformers import BitsAndBytesConfig

from triad_ui.errors import ModelError
from triad_ui.model.choice import Precision

WHOLE = (r"(.*\.)?vision_tower", r"(.*\.)?multi_modal_projector", r"(.*\.)?lm_head")
"""Modules that are never quantized. transformers 5 matches each as a pattern from the start of a
module's full name, so that a bare "vision_tower" would quantize `model.vision_tower`."""

# On a processor with AVX512-BF16 bitsandbytes looks for a kernel on the Hugging Face hub, warns
# when it has none, and takes its own: a user can do nothing about it and loses nothing.
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)


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
