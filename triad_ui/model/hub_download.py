"""A job of its own that puts a model repository into the user's Hugging Face cache.

`python -m triad_ui.model.hub_download REPOSITORY REVISION CACHE`. `hub.py` starts it, so that a
download can be ended within a second and looks the same however the library threads it. It prints
one JSON object a line: {"total", "revision"}, then {"folder"} or {"problem", "detail"}.
huggingface_hub begins a broken file anew in each call, and shards have gigabytes: large files are
fetched here into CACHE/.../blobs/ETAG.triad-part, which the next call goes on from.
Imports nothing of ours but the lock; knows nothing of models.
"""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import sys
from pathlib import Path
from urllib.parse import urlparse

from huggingface_hub import HfApi, constants, hf_hub_url, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import get_hf_file_metadata, http_get, repo_folder_name
from huggingface_hub.utils import build_hf_headers, filter_repo_objects

from triad_ui.file_lock import file_lock

WANTED = [
    *("*.safetensors", "*.safetensors.index.json", "config.json", "generation_config.json"),
    *("preprocessor_config.json", "processor_config.json", "tokenizer.json"),
    *("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
]
"""Weights as safetensors, configuration and tokenizer; never a pickle, never code."""
PART = ".triad-part"
LARGE = 8 * 2**20
"""Bytes from which a file is worth going on with."""
TRIES = 4
"""Times that a file may break off without a new byte before it is given up."""


def main(repository: str, revision: str, cache: str) -> int:
    """Fetch, telling how it goes on standard output; 0 when the folder is whole."""
    constants.DOWNLOAD_CHUNK_SIZE = 2**20  # a broken connection loses no more than that
    try:
        print(json.dumps({"folder": fetch(repository, revision, Path(cache))}), flush=True)
        return 0
    except Exception as error:
        print(json.dumps({"problem": kind(error), "detail": str(error)[:500]}), flush=True)
        return 1


def fetch(repository: str, revision: str, cache: Path) -> str:
    """The snapshot's folder. Raises what `kind` tells apart."""
    api = HfApi()
    commit = api.repo_info(repository, revision=revision, timeout=15).sha
    tree = {
        entry.path: entry
        for entry in api.list_repo_tree(repository, recursive=True, revision=commit)
        if getattr(entry, "size", None) is not None
    }
    files = sorted(filter_repo_objects(tree, allow_patterns=WANTED))
    if not any(name.endswith(".safetensors") for name in files):
        raise ValueError(f"{repository} has no weights as safetensors")
    total = sum(tree[name].size for name in files)
    print(json.dumps({"total": total, "revision": commit}), flush=True)
    blobs = cache / repo_folder_name(repo_id=repository, repo_type="model") / "blobs"
    blobs.mkdir(parents=True, exist_ok=True)
    there = sum(path.stat().st_size for path in blobs.iterdir())
    if shutil.disk_usage(blobs).free < total - there + 2**20:
        raise OSError(errno.ENOSPC, f"{total - there} bytes are needed in {cache}")
    for name in files:
        if tree[name].size >= LARGE:
            url = hf_hub_url(repository, name, revision=commit)
            with file_lock(blobs / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.lock"):
                large(url, blobs)
    return snapshot_download(repository, revision=revision, cache_dir=cache, allow_patterns=WANTED)


def large(url: str, blobs: Path) -> None:
    """Put one file into the cache, going on from what is there of it."""
    failures = 0
    while True:
        about = get_hf_file_metadata(url, timeout=15)  # anew each time: signed addresses expire
        if not about.etag or not about.size:
            raise ValueError(f"{url} tells neither its size nor its name")
        blob, part = blobs / about.etag, blobs / f"{about.etag}{PART}"
        if blob.exists():
            return
        headers = build_hf_headers()
        if urlparse(about.location).netloc != urlparse(url).netloc:
            headers.pop("authorization", None)  # the token is for the hub alone
        with part.open("ab") as file:
            begun = file.tell()
            try:
                http_get(
                    about.location, file, resume_size=begun, headers=headers,
                    expected_size=about.size,
                )  # fmt: skip
            except Exception as error:
                file.flush()
                grown = part.stat().st_size > begun
                failures = 0 if grown else failures + 1
                broken = kind(error) == "unreachable" or "Consistency check" in str(error)
                if not broken or failures >= TRIES:
                    raise
                continue
        # the name of a large file is the SHA-256 of its content
        if len(about.etag) == 64 and digest(part) != about.etag:
            part.unlink()
            raise ValueError(f"{url} arrived damaged; it was removed, fetch it again")
        part.replace(blob)
        return


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def kind(error: BaseException) -> str:
    """What went wrong, as one word for `hub.py`."""
    if isinstance(error, GatedRepoError):
        return "gated"
    if isinstance(error, RepositoryNotFoundError | RevisionNotFoundError):
        return "missing"
    if isinstance(error, OfflineModeIsEnabled):
        return "offline"
    if isinstance(error, HfHubHTTPError):
        return "unreachable"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "full"
    library = type(error).__module__.split(".")[0].rstrip("2")
    if library in ("httpx", "httpcore", "requests", "urllib3") or isinstance(error, TimeoutError):
        return "unreachable"
    return "unwritable" if isinstance(error, OSError) else "other"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
