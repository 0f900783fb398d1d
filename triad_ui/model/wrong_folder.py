"""What a folder is that was named in place of a model's, told so that a person can mend it.

Knows nothing of what a right folder holds beyond its config.json.
"""

from __future__ import annotations

from pathlib import Path

from triad_ui.errors import WeightsError

CONFIG = "config.json"


def config_file(folder: Path) -> Path:
    """The folder's config.json. Raises WeightsError saying what the folder is instead."""
    file = folder / CONFIG
    if file.is_file():
        return file
    raise WeightsError(_what(folder))


def _what(folder: Path) -> str:
    if not folder.exists():
        return f"There is no folder {folder}. See that it is spelled right and mounted here."
    if folder.is_file():
        return f"{folder} is a file. Name the folder that it is in, with {CONFIG} beside it."
    try:
        inside = sorted(folder.iterdir())
        below = [path for path in inside if path.is_dir() and (path / CONFIG).is_file()]
    except OSError as error:
        return f"The folder {folder} cannot be read ({error.strerror}). See that you may read it."
    if (folder / "adapter_config.json").is_file():
        return (
            f"{folder} is an adapter, not a whole model. Name its base model as the model, and "
            "this folder as the adapter."
        )
    if not inside:
        return f"The folder {folder} is empty. Copy the model into it."
    if len(below) == 1:
        return f"{folder} is not a model's folder, but {below[0].name} in it is. Name {below[0]}."
    if below:
        names = ", ".join(path.name for path in below[:4])
        return f"{folder} holds several models ({names}). Name one of these folders."
    if (folder.parent / CONFIG).is_file():
        return f"{folder} is a part of a model's folder. Name {folder.parent}."
    if any(path.suffix in (".safetensors", ".bin", ".pth") for path in inside):
        return f"{folder} holds weights and no {CONFIG}. Copy the model's {CONFIG} beside them."
    if any(path.suffix == ".gguf" for path in inside):
        return (
            f"{folder} holds a GGUF file, which has no vision tower that is read here. Take the "
            "model's safetensors, or serve it and name its URL."
        )
    return f"There is no {CONFIG} in {folder}, so it is no model's folder. Name another."
