"""A checked `Checkpoint` -> the `LocalTriad` that answers.

Weights go from the shards to the device one after another under transformers' names, so that
nothing is written to disk and memory never holds the model twice; a quantized layer is quantized
as it comes. Nothing is left unfilled: the checkpoint has been matched name by name before.
Knows nothing of how a folder is read or how much memory there is.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from math import prod
from pathlib import Path

import torch
from accelerate import init_empty_weights
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.initialization import no_init_weights

from triad_ui.errors import WeightsError
from triad_ui.model.chat import ChatTokenizer
from triad_ui.model.checkpoint import model_class
from triad_ui.model.choice import Precision
from triad_ui.model.layout import Checkpoint
from triad_ui.model.local import LocalTriad
from triad_ui.model.machine import machine
from triad_ui.model.memory import in_words, need, pick_precision
from triad_ui.model.quantize import mend_kernels, quantization_config, torch_dtype
from triad_ui.model.shards import tensors
from triad_ui.model.visual_tokens import TriadEncoder

Report = Callable[[float, str], None]
EVERY_SECONDS = 0.2
TRIM_VALUES = 10**8


def load_checkpoint(
    checkpoint: Checkpoint,
    *,
    precision: Precision = "auto",
    adapter: Path | None = None,
    device: str | torch.device | None = None,
    report: Report | None = None,
    kept_bytes: int | None = None,
) -> LocalTriad:
    """The model, ready to answer.

    device: None takes the GPU where there is one. adapter: a PEFT folder, merged unless the model
    is quantized. report: told the fraction 0 to 1 that is loaded and a line for people, about five
    times a second; whatever it raises ends the load. kept_bytes: see `LocalTriad`. Raises
    WeightsError for files that do not fit, ModelError when memory runs out.
    """
    device = torch.device(device or default_device())
    chosen = precision if precision != "auto" else best_precision(checkpoint, device)
    with in_words(doing="load"):
        model = load_model(checkpoint, chosen, device, report)
        if adapter is not None:
            from triad_ui.model.adapter import adapted

            model = adapted(model, Path(adapter), merge=chosen not in ("int8", "nf4"))
        model = model.eval().requires_grad_(False)
        mend_kernels(model)
    engine = f"{checkpoint.title} ({_folder_name(checkpoint.folder.resolve())})"
    if adapter is not None:
        engine += f" + adapter {Path(adapter).resolve().name}"
    tokenizer = ChatTokenizer(checkpoint.tokenizer, checkpoint.template)
    encoder = TriadEncoder(model, checkpoint.visual)
    return LocalTriad(
        model, tokenizer, encoder, f"{engine} {chosen}", checkpoint.context_limit, kept_bytes
    )


def _folder_name(folder: Path) -> str:
    """The folder's, or the repository's where it is a snapshot in the hub's cache."""
    above = folder.parent
    if above.name == "snapshots" and above.parent.name.startswith("models--"):
        return above.parent.name.removeprefix("models--").replace("--", "/")
    return folder.name


def default_device() -> str:
    """Where a model runs if nobody says: the first GPU, else the processor."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def best_precision(
    checkpoint: Checkpoint, device: str | torch.device, free: int | None = None
) -> Precision:
    """What "auto" means: the most exact precision that fits, and on a processor the faster of
    bfloat16 and float32 where both fit.

    free: bytes, 0 when unknown; None: what is free now.
    """
    device = torch.device(device)
    if device.type == "cpu" and torch.cuda.is_available():
        return "bf16" if torch_dtype("auto", device) == torch.bfloat16 else "fp32"
    free = machine().free if free is None else free
    chosen = pick_precision(checkpoint, free)
    if device.type == "cpu" and chosen == "bf16":
        from triad_ui.model.embedded.load import faster_dtype

        room = not free or need(checkpoint, "fp32").total <= free
        if room and faster_dtype() == torch.float32:
            return "fp32"
    return chosen


def load_model(
    checkpoint: Checkpoint,
    precision: Precision,
    device: torch.device,
    report: Report | None = None,
) -> PreTrainedModel:
    """The whole vision-language model, frozen, every weight filled from the checkpoint."""
    dtype = torch_dtype(precision, device)
    kind = model_class(checkpoint.config)
    # no memory for weights yet; what follows from the config (rotary frequencies, ...) is made
    with init_empty_weights(include_buffers=False), no_init_weights():
        model = kind._from_config(checkpoint.config, dtype=dtype, attn_implementation="sdpa")
    quantize = _quantizer(model, precision, device)
    _fill(model, checkpoint, dtype, device, quantize, report)
    model.tie_weights()
    for module in model.modules():
        for name, value in module._buffers.items():
            module._buffers[name] = None if value is None else value.to(device)
    empty = [name for name, value in _all(model) if value.is_meta]
    if empty:
        raise WeightsError(
            f"{len(empty)} tensors of the model were not filled, among them {empty[0]}. The "
            "checkpoint's names are not those of this version of transformers: install the version "
            "of requirements.txt."
        )
    return model


def _fill(
    model: PreTrainedModel,
    checkpoint: Checkpoint,
    dtype: torch.dtype,
    device: torch.device,
    quantize: Callable[[str, Tensor], Tensor | None],
    report: Report | None,
) -> None:
    by_file: dict[Path, dict[str, str]] = defaultdict(dict)
    for name, weight in checkpoint.weights.items():
        by_file[weight.file][name] = weight.stored
    total = sum(prod(weight.shape) for weight in checkpoint.weights.values())
    done, told, trimmed = 0, 0.0, 0
    for number, (file, wanted) in enumerate(sorted(by_file.items()), 1):
        for name, value in tensors(file, wanted, str(device)):
            if value.shape != checkpoint.weights[name].shape:
                raise WeightsError(f"{file} changed while it was loaded. Load it once more.")
            if report and time.monotonic() - told > EVERY_SECONDS:
                told = time.monotonic()
                report(done / total, f"Loading file {number} of {len(by_file)} ...")
            done += value.numel()
            if device.type == "cpu" and done - trimmed > TRIM_VALUES:
                _trim()
                trimmed = done
            # a copy, as a tensor on the processor is a window on the file
            value = value.to(dtype, copy=device.type == "cpu")
            owner, _, last = name.rpartition(".")
            module = model.get_submodule(owner)
            made = quantize(name, value)
            module._parameters[last] = (
                nn.Parameter(value, requires_grad=False) if made is None else made
            )
    if device.type == "cpu":
        _trim()
    if report:
        report(1.0, "All weights are loaded")


def _trim() -> None:
    """Hand freed memory back: quantizing leaves gaps that glibc keeps, half the model in int8."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library has no such call
            ctypes.CDLL(None).malloc_trim(0)


def _quantizer(
    model: PreTrainedModel, precision: Precision, device: torch.device
) -> Callable[[str, Tensor], Tensor | None]:
    """Readies the layers of a model without weights; quantizes one weight, None where it stays."""
    config = quantization_config(precision, device)
    if config is None:
        return lambda name, value: None
    from transformers.quantizers import AutoHfQuantizer

    quantizer = AutoHfQuantizer.from_config(config)
    quantizer.preprocess_model(
        model=model, device_map={"": str(device)}, checkpoint_files=None, dtype=model.dtype
    )
    convert = quantizer.get_quantize_ops().convert

    def quantize(name: str, value: Tensor) -> Tensor | None:
        if not quantizer.param_needs_quantization(model, name):
            return None
        return convert({name: value}, model=model, full_layer_name=name)[name]

    flag = "is_loaded_in_8bit" if precision == "int8" else "is_loaded_in_4bit"
    setattr(model, flag, True)  # what peft looks at
    return quantize


def _all(model: PreTrainedModel) -> list[tuple[str, Tensor]]:
    return [*model.named_parameters(), *model.named_buffers()]
