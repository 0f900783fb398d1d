"""Kept features come back; limits hold; damage and a full disk cost time only."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from triad_ui.expert.feature_cache import FeatureCache


def _features(seed: int) -> dict[int, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {4: rng.random((8, 8, 4), dtype=np.float32), 7: rng.random((4, 4, 4), dtype=np.float32)}


def _same(a: dict[int, np.ndarray], b: dict[int, np.ndarray] | None) -> bool:
    return b is not None and a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


def test_the_least_recently_used_goes_first() -> None:
    cache = FeatureCache(memory_bytes=2 * 1280)
    for key in "ab":
        cache.put(key, _features(ord(key)))
    assert _same(_features(ord("a")), cache.get("a"))
    cache.put("c", _features(3))
    assert cache.get("b") is None and cache.get("a") is not None and cache.get("c") is not None


def test_a_folder_outlives_the_cache(tmp_path: Path) -> None:
    FeatureCache(tmp_path / "f").put("key", _features(1))
    assert _same(_features(1), FeatureCache(tmp_path / "f").get("key"))
    assert FeatureCache(tmp_path / "f").get("other") is None
    assert [p.suffix for p in (tmp_path / "f").iterdir()] == [".npz"]  # nothing half-written


def test_a_damaged_file_counts_as_absent(tmp_path: Path) -> None:
    FeatureCache(tmp_path).put("key", _features(1))
    (file,) = tmp_path.iterdir()
    for content in (file.read_bytes()[:100], b""):
        file.write_bytes(content)
        assert FeatureCache(tmp_path).get("key") is None


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = FeatureCache(tmp_path / "file")
    cache.put("key", _features(1))
    assert cache.get("key") is not None


def test_the_folder_is_bounded(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, memory_bytes=1, disk_bytes=10_000)
    for number in range(66):
        cache.put(str(number), _features(number))
    assert len(list(tmp_path.iterdir())) <= 8
