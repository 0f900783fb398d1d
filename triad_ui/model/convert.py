"""A checkpoint in the authors' layout -> a folder in transformers' layout, for other programs.

The workbench itself needs no conversion. Written to a draft beside the target, read back strictly
and renamed at the end: the target is whole or not there. Values are copied bit for bit.
Knows nothing of models beyond names and shapes.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from triad_ui.errors import WeightsError
from triad_ui.model.checkpoint import open_checkpoint
from triad_ui.model.layout import Checkpoint, Weight
from triad_ui.model.published_files import write_configs, write_json, write_tokenizer
from triad_ui.model.shards import INDEX, ONE, tensors

Report = Callable[[float, str], None]
SHARD_BYTES = 4 * 10**9
SPARE_BYTES = 64 * 2**20
"""For tokenizer and configurations."""
_BYTES = {"F64": 8, "F32": 4, "I64": 8, "I32": 4, "F16": 2, "BF16": 2}
_HUB = (
    (r"^model\.vision_tower\.", "vision_tower.vision_model."),
    (r"^model\.(multi_modal_projector\.|image_newline)", r"\1"),
    (r"^model\.language_model\.", "language_model.model."),
    (r"^lm_head\.", "language_model.lm_head."),
)
"""To the names on the hub, which transformers 4 and 5 both read."""
_BY_WORD = ("model.language_model.embed_tokens.weight", "lm_head.weight")


def convert(
    source: Path,
    target: Path,
    report: Report | None = None,
    *,
    allow_pickle: bool = False,
    shard_bytes: int = SHARD_BYTES,
) -> Path:
    """Write `source` in transformers' layout to `target`, which must not exist or be empty.

    report: told the fraction done and a line for people; whatever it raises ends the work and
    leaves nothing behind. Raises WeightsError when the source does not fit, the target is taken or
    the disk is too full.
    """
    source, target = Path(source).expanduser(), Path(target).expanduser()
    checkpoint = open_checkpoint(source, allow_pickle=allow_pickle)
    if checkpoint.layout != "authors":
        raise WeightsError(f"{source} is in transformers' layout already. Use it as it is.")
    _check_target(target, sum(_size(weight) for weight in checkpoint.weights.values()))
    draft = target.parent / f".{target.name}.draft-{os.getpid()}"
    try:
        draft.mkdir(parents=True)
        _write(checkpoint, draft, report or (lambda fraction, message: None), shard_bytes)
        open_checkpoint(draft)
        if target.is_dir():
            target.rmdir()
        draft.rename(target)
    except (OSError, SafetensorError) as error:
        raise WeightsError(
            f"{target} could not be written ({error}). Nothing was left behind; see to the disk "
            "and convert again."
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _check_target(target: Path, wanted: int) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise WeightsError(f"{target} exists and is not empty. Name a new folder.")
    above = next(path for path in (target, *target.absolute().parents) if path.exists())
    free = shutil.disk_usage(above).free
    if free < wanted + SPARE_BYTES:
        raise WeightsError(
            f"The converted model needs {(wanted + SPARE_BYTES) / 1e9:.1f} GB, and the disk of "
            f"{above} has {free / 1e9:.1f} GB free. Free some, or name a folder on another disk."
        )


def _write(checkpoint: Checkpoint, draft: Path, report: Report, shard_bytes: int) -> None:
    ids = write_tokenizer(checkpoint, draft)
    stored = checkpoint.config.text_config.vocab_size
    # the added tokens need rows of their own where the vocabulary has none to spare
    rows = stored if max(ids) < stored else -(-(max(ids) + 1) // 64) * 64
    shards = _planned(checkpoint.weights, shard_bytes)
    weight_map: dict[str, str] = {}
    total = 0
    for number, names in enumerate(shards, 1):
        report((number - 1) / len(shards), f"Writing file {number} of {len(shards)} ...")
        file = ONE if len(shards) == 1 else f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        state = {_hub(name): value for name, value in _read(checkpoint, names, rows)}
        save_file(state, draft / file, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(state, file)
        total += sum(value.nbytes for value in state.values())
    if len(shards) > 1:
        index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
        write_json(draft / INDEX, index)
    write_configs(checkpoint, draft, ids, rows)
    report(1.0, "All files are written")


def _planned(weights: Mapping[str, Weight], most: int) -> list[list[str]]:
    """Names, in the stored files' order, in shards of at most `most` bytes (or one tensor)."""
    shards: list[list[str]] = [[]]
    filled = 0
    for name, weight in sorted(weights.items(), key=lambda item: (item[1].file, item[0])):
        size = _size(weight)
        if shards[-1] and filled + size > most:
            shards.append([])
            filled = 0
        shards[-1].append(name)
        filled += size
    return shards


def _read(checkpoint: Checkpoint, names: list[str], rows: int) -> list[tuple[str, Tensor]]:
    out = []
    files: dict[Path, dict[str, str]] = {}
    for name in names:
        weight = checkpoint.weights[name]
        files.setdefault(weight.file, {})[name] = weight.stored
    for file, wanted in files.items():
        for name, value in tensors(file, wanted, "cpu"):
            more = rows - len(value) if name in _BY_WORD else 0
            if more > 0:
                # the mean of all rows: its logit is never the largest
                mean = value.double().mean(0, keepdim=True).to(value.dtype)
                value = torch.cat([value, mean.expand(more, -1)])
            out.append((name, value.contiguous()))
    return out


def _hub(name: str) -> str:
    for pattern, other in _HUB:
        if re.match(pattern, name):
            return re.sub(pattern, other, name, count=1)
    return name


def _size(weight: Weight) -> int:
    return prod(weight.shape) * _BYTES.get(weight.dtype, 4)
