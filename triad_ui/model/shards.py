"""Which tensors a folder's weight files hold, read from their headers only.

safetensors alone: one model.safetensors, or shards that an index names. A .bin or .pth file is a
pickle, which can run code; it is read only when the caller allows it, and then weights only.
Knows nothing of models: the names are as the files give them.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from triad_ui.errors import WeightsError
from triad_ui.model.layout import Weight

ONE, INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLES = ("pytorch_model*.bin", "consolidated*.pth", "*.pth", "model*.bin")
_SHORT = {
    torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float64: "F64",
    torch.int64: "I64", torch.int32: "I32", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip


def read_shards(folder: Path, *, allow_pickle: bool = False) -> dict[str, Weight]:
    """Every stored tensor by its stored name, its data unread.

    Raises WeightsError naming the file that is missing, cut short or surplus, or that there are
    no weights.
    """
    index = folder / INDEX
    if index.is_file():
        return _by_index(folder, _weight_map(index), headers)
    if (folder / ONE).is_file():
        _no_surplus(folder, {ONE})
        return headers(folder / ONE)
    shards = sorted(path.name for path in folder.glob("model-*.safetensors"))
    if shards:
        raise WeightsError(
            f"{folder} holds shards of a model ({_some(shards)}) and no {INDEX}, which says what "
            "belongs to it. Copy that file too."
        )
    pickles = sorted({path for pattern in PICKLES for path in folder.glob(pattern)})
    if not pickles:
        raise WeightsError(f"There are no weights in {folder}: neither {ONE} nor {INDEX}.")
    if not allow_pickle:
        raise WeightsError(
            f"{folder} holds its weights as {pickles[0].name}, a pickle. Such a file can run code, "
            "so it is not read. Take the model's safetensors; or, if you trust where it comes "
            "from, allow pickles (--allow-pickle): then its weights alone are read."
        )
    indices = sorted(folder.glob("pytorch_model*.bin.index.json"))
    if indices:
        return _by_index(folder, _weight_map(indices[0]), _pickled)
    found: dict[str, Weight] = {}
    for path in pickles:
        found |= _pickled(path)
    return found


def tensors(file: Path, wanted: Mapping[str, str], device: str) -> Iterator[tuple[str, Tensor]]:
    """(key, tensor) for each key -> stored name in `wanted`, read one after another to `device`.

    Raises WeightsError when the file changed since its header was read.
    """
    if file.suffix != ".safetensors":
        state = _unpickled(file)
        for key, stored in wanted.items():
            yield key, state[stored].to(device)
        return
    try:
        with safe_open(file, framework="pt", device=device) as opened:
            for key, stored in wanted.items():
                yield key, opened.get_tensor(stored)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{file} changed or went while it was read ({error}).") from error


def _weight_map(index: Path) -> dict[str, str]:
    try:
        found = json.loads(index.read_text("utf-8"))["weight_map"]
        plain = all(Path(file).name == file for file in found.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{index} is damaged ({type(error).__name__}). Copy it once more."
        ) from error
    if not plain or not found:
        raise WeightsError(f"{index} names no files, or some outside its folder. Copy it anew.")
    return found


def _by_index(folder: Path, weight_map: dict[str, str], read: object) -> dict[str, Weight]:
    files = sorted(set(weight_map.values()))
    gone = [file for file in files if not (folder / file).is_file()]
    if gone:
        raise WeightsError(
            f"{len(gone)} of {len(files)} weight files are missing in {folder}: {_some(gone)}. "
            "Copy or download them."
        )
    _no_surplus(folder, set(files))
    found: dict[str, Weight] = {}
    for file in files:
        there = read(folder / file)  # type: ignore[operator]
        named = {name for name, where in weight_map.items() if where == file}
        if named - set(there):
            raise WeightsError(
                f"{folder / file} lacks {len(named - set(there))} tensors that the index places "
                f"there, {_some(sorted(named - set(there)))}. Index and shards are of different "
                "models or one was not copied whole: copy the folder anew."
            )
        if set(there) - named:
            raise WeightsError(
                f"{folder / file} has {len(set(there) - named)} tensors that the index does not "
                f"name, {_some(sorted(set(there) - named))}. Index and shards are of different "
                "models: copy the folder anew."
            )
        found |= there
    return found


def _no_surplus(folder: Path, files: set[str]) -> None:
    there = {path.name for path in folder.glob("model*.safetensors")}
    if there - files and not any(file.endswith(".bin") for file in files):
        raise WeightsError(
            f"{folder} holds {_some(sorted(there - files))}, which does not belong to the model "
            f"of {_some(sorted(files))}: two models in one folder? Remove what is not wanted."
        )


def headers(file: Path) -> dict[str, Weight]:
    """The tensors of one safetensors file. Raises WeightsError when it is cut short or damaged."""
    found = {}
    try:
        with safe_open(file, framework="pt") as opened:
            for name in opened.keys():  # noqa: SIM118 - it is no mapping
                part = opened.get_slice(name)
                shape = tuple(part.get_shape())
                found[name] = Weight(name, name, shape, part.get_dtype(), file)
    except (SafetensorError, OSError) as error:
        raise WeightsError(_damaged(file, error)) from error
    return found


def _damaged(file: Path, error: Exception) -> str:
    try:
        with file.open("rb") as opened:
            pointer = opened.read(24).startswith(b"version https://git-lfs")
    except OSError:
        return f"{file} cannot be read ({error}). See that you may read it."
    if pointer:
        return (
            f"{file} is a Git LFS pointer, not the weights. Run 'git lfs pull' in its folder, or "
            "download the file."
        )
    return (
        f"{file} is cut short or damaged ({file.stat().st_size:,} bytes; {error}). Copy or "
        "download it once more."
    )


def _pickled(file: Path) -> dict[str, Weight]:
    return {
        name: Weight(name, name, tuple(value.shape), _SHORT.get(value.dtype, "?"), file)
        for name, value in _unpickled(file).items()
    }


def _unpickled(file: Path) -> dict[str, Tensor]:
    try:
        state = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(
            f"{file} could not be read as weights alone ({reason}). It is damaged, or it holds "
            "code, which is never run. Take the model's safetensors."
        ) from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise WeightsError(f"{file} holds something else than weights. Take safetensors.")
    return state


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
