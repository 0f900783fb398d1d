"""Which recorded cases of the experts there are, told by what a file holds, not by its name.

The layout is that of ../shared/conformance/experts (its README). TRIAD_CONFORMANCE names the folder
or its parent; what it holds, how much of it, and of which sizes, may be anything.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from safetensors import SafetensorError, safe_open

SHARED = Path(__file__).resolve().parents[3] / "shared" / "conformance"
OWN = Path(__file__).resolve().parents[1] / "expert" / "recorded"
"""Small cases that stand in the project, so that a clone alone proves exactness."""
HOLDS = {
    "musc": r"msm_r\d+_l\d+",
    "few shot": r"dist_k\d+_q\d+",
    "patch core": r"coreset_indices",
    "april gan": r"zs_map_\d+",
    "clip": r"(quick)?gelu\.tokens_\d+",
    "anomaly clip": r"prompt_learner\..+",
}
"""What only a case of this kind has among its names."""


def outside() -> Path:
    """The folder of the experts' cases; it may be absent."""
    named = Path(os.environ.get("TRIAD_CONFORMANCE") or SHARED)
    return named / "experts" if (named / "experts").is_dir() else named


def files(kind: str) -> list:
    """The cases of a kind as pytest parameters: those outside, then the project's own."""
    found = [file for folder in (outside(), OWN) for file in _files(folder, kind)]
    return [
        pytest.param(file, id=f"own-{file.stem}" if file.parent == OWN else file.stem)
        for file in found
    ]


def _files(folder: Path, kind: str) -> list[Path]:
    if not folder.is_dir():
        return []
    return [
        file
        for file in sorted(folder.iterdir())
        if any(re.fullmatch(HOLDS[kind], name) for name in _names(file))
    ]


def _names(file: Path) -> Iterable[str]:
    """The names of the arrays in a file; none for what is neither kind of file."""
    if file.suffix == ".npz":
        with zipfile.ZipFile(file) as stored:
            return [name.removesuffix(".npy") for name in stored.namelist()]
    if file.suffix == ".safetensors":
        try:
            with safe_open(file, "pt") as stored:
                return list(stored.keys())
        except SafetensorError:
            return []
    return []
