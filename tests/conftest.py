"""What every test may ask for: base weights, the shared pictures, a Chromium.

Base weights come through `WeightCache` as they do for a user, into the same cache, once. Tests
marked `weights` skip, with the reason, where neither the cache nor a network has them.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
if "PYTEST_XDIST_WORKER" in os.environ:  # each worker has a core of its own
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from triad_ui.errors import WeightsError
from triad_ui.settings import load
from triad_ui.weights import EFFICIENTNET, SMOLLM2, Package, WeightCache

pytest_plugins = ["tests.tiny_package"]
REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def weight_cache() -> WeightCache:
    """The user's own cache (TRIAD_CACHE_DIR, TRIAD_WHEELS and TRIAD_OFFLINE as anywhere)."""
    settings = load({})
    return WeightCache(settings.cache_dir, wheels=settings.wheels_dir, offline=settings.offline)


@pytest.fixture(scope="session")
def efficientnet_weights(weight_cache: WeightCache) -> Path:
    return _fetch_or_skip(weight_cache, EFFICIENTNET)


@pytest.fixture(scope="session")
def smollm2_gguf(weight_cache: WeightCache) -> Path:
    return _fetch_or_skip(weight_cache, SMOLLM2)


@pytest.fixture(scope="session")
def weights_dir(
    efficientnet_weights: Path, smollm2_gguf: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with both files under their own names, and nothing else."""
    folder = tmp_path_factory.mktemp("weights")
    for path in (efficientnet_weights, smollm2_gguf):
        try:
            (folder / path.name).symlink_to(path)
        except OSError:  # Windows without the right to make links
            shutil.copyfile(path, folder / path.name)
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real photographs outside the repository; never copied into it."""
    return _outside("TRIAD_SHARED_DATA", "data")


@pytest.fixture(scope="session")
def conformance() -> Path:
    """Recorded results of the reference implementation, outside the repository."""
    return _outside("TRIAD_CONFORMANCE", "conformance")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a system Chromium for playwright's `executable_path`, "" for playwright's own.

    TRIAD_CHROMIUM names one; scripts/test sees to it that there is one.
    """
    if named := os.environ.get("TRIAD_CHROMIUM"):
        return named
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), "")


def _fetch_or_skip(cache: WeightCache, package: Package) -> Path:
    try:
        return cache.fetch(package, lambda _done, _total: None)
    except WeightsError as error:
        pytest.skip(f"no base weights here: {error}")


def _outside(variable: str, name: str) -> Path:
    folder = Path(os.environ.get(variable) or REPOSITORY.parent / "shared" / name)
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there; name the folder with {variable}")
    return folder
