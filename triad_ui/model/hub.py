"""Models from a Hugging Face hub, kept in the user's usual cache, shared with other programs.

The download is a job of its own (`hub_download.py`): it can be ended at once and goes on where it
broke off. What is in the cache is loaded without asking anybody.
Imports nothing heavy; does not know what the files mean.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from triad_ui.errors import ModelError
from triad_ui.model.status import EngineStatus

REVISION = "main"
"""Which state of a repository is taken: the newest there was when it was fetched."""
POLL_SECONDS = 0.3
_PACKAGE = Path(__file__).resolve().parents[2]


def cached(repository: str, revision: str = REVISION, cache: Path | None = None) -> Path | None:
    """The folder of a repository that is here and whole, or None. Asks nobody.

    cache: the user's usual one (HF_HOME, HF_HUB_CACHE) if not given.
    """
    root = _repository_folder(repository, cache)
    try:
        ref = root / "refs" / revision
        commit = ref.read_text("utf-8").strip() if ref.is_file() else revision
        folder = root / "snapshots" / commit
        if not (folder / "config.json").is_file():
            return None
        shards = {"model.safetensors"}
        index = folder / "model.safetensors.index.json"
        if index.is_file():
            shards = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
        return folder if all((folder / shard).is_file() for shard in shards) else None
    except (OSError, ValueError, KeyError, AttributeError):
        return None


def fetched_bytes(repository: str, cache: Path | None = None) -> int:
    """Bytes of a repository that are here, of broken downloads that can go on too."""
    size = 0
    try:
        for path in (_repository_folder(repository, cache) / "blobs").iterdir():
            if not path.name.endswith(".lock"):
                size += path.stat().st_size
    except OSError:  # not there, or moved while it was looked at
        pass
    return size


def fetch(
    repository: str,
    report: Callable[[EngineStatus], None],
    *,
    revision: str = REVISION,
    offline: bool = False,
    cache: Path | None = None,
) -> Path:
    """The folder of a repository's safetensors, configuration and tokenizer.

    At once and without a network when it is in the cache, else fetched. offline: never ask a hub
    (HF_HUB_OFFLINE counts too). report: told the bytes about three times a second; whatever it
    raises ends the download, which then can go on later. Raises ModelError with the way out.
    """
    found = cached(repository, revision, cache)
    if found is not None:
        return found
    if is_offline(offline):
        raise ModelError(
            f"{repository} is not on this machine, and fetching is switched off (TRIAD_OFFLINE or "
            f"HF_HUB_OFFLINE). {by_hand(repository)}"
        )
    report(EngineStatus("fetching", f"Asking {_host()} for {repository} ..."))
    told: dict[str, object] = {}
    job = subprocess.Popen(
        [
            *(sys.executable, "-P", "-m", "triad_ui.model.hub_download"),
            *(repository, revision, str(_cache(cache))),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | _environment(),
    )
    listener = threading.Thread(target=_listen, args=(job, told), daemon=True)
    listener.start()
    try:
        while job.poll() is None:
            _progress(repository, told, cache, report)
            time.sleep(POLL_SECONDS)
    finally:
        _end(job)
        listener.join()
    if "folder" in told:
        return Path(str(told["folder"]))
    raise ModelError(_explain(repository, str(told.get("problem")), str(told.get("detail", ""))))


def _listen(job: subprocess.Popen[bytes], told: dict[str, object]) -> None:
    """Each line that the job prints is a JSON object."""
    assert job.stdout is not None
    with job.stdout:
        for line in job.stdout:
            told.update(json.loads(line))


def by_hand(repository: str) -> str:
    """What to do where no hub is reached."""
    return (
        f"On a machine that can: `hf download {repository}`, copy the folder here, and give its "
        "path."
    )


def _progress(
    repository: str,
    told: dict[str, object],
    cache: Path | None,
    report: Callable[[EngineStatus], None],
) -> None:
    total = told.get("total")
    if not isinstance(total, int) or not total:
        report(EngineStatus("fetching", f"Asking {_host()} for {repository} ..."))
        return
    done = min(fetched_bytes(repository, cache), total)
    report(
        EngineStatus(
            "fetching",
            f"Fetching {repository}, once: {done / 1e6:.0f} of {total / 1e6:.0f} MB",
            done / total,
        )
    )


def _explain(repository: str, problem: str, detail: str) -> str:
    if problem == "missing":
        return f"{_host()} has no model {repository}. Check the name, or give a folder's path."
    if problem == "gated":
        return (
            f"{repository} is handed out only after its terms were accepted. Accept them on "
            f"{_host()}, log in with `hf auth login`, and load it again."
        )
    if problem == "full":
        return (
            f"The disk is full: {detail}. Free some space, or name another folder with HF_HOME; "
            "what was fetched is kept."
        )
    if problem in ("unreachable", "offline"):
        return (
            f"{_host()} cannot be reached from here, or broke off; what was fetched is kept. "
            f"{by_hand(repository)}"
        )
    if problem == "unwritable":
        return (
            f"The cache of Hugging Face cannot be written ({detail}). Name another folder with "
            "HF_HOME."
        )
    reason = detail or "the download ended without a word"
    return f"{repository} could not be fetched: {reason}. {by_hand(repository)}"


def _environment() -> dict[str, str]:
    paths = [str(_PACKAGE), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "PYTHONPATH": os.pathsep.join(paths),
        "HF_HUB_DISABLE_XET": "1",  # it cannot go on with a part that was fetched before
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }


def _end(job: subprocess.Popen[bytes]) -> None:
    if job.poll() is None:
        job.terminate()
        try:
            job.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            job.kill()
            job.wait()


def is_offline(told: bool = False) -> bool:
    """Whether no hub may be asked: we were told so, or the library was (HF_HUB_OFFLINE)."""
    from huggingface_hub import constants

    return told or constants.is_offline_mode()


def _host() -> str:
    from huggingface_hub import constants

    return constants.ENDPOINT.split("://")[-1].rstrip("/")


def _cache(cache: Path | None) -> Path:
    if cache is not None:
        return cache
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def _repository_folder(repository: str, cache: Path | None) -> Path:
    return _cache(cache) / f"models--{repository.replace('/', '--')}"
