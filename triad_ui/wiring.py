"""Settings -> Workbench: which store, experts, library and model are put together.

The one place that knows all rooms. Torch is imported when the first expert or model is loaded,
never before, so that the page is up first.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from triad_ui.dialogue.processes import load_library
from triad_ui.errors import ExpertError
from triad_ui.expert.expert import EXPERTS, Expert
from triad_ui.feedback.store import FeedbackStore
from triad_ui.imaging.store import ImageStore
from triad_ui.inspector import Inspector
from triad_ui.model.choice import ModelChoice
from triad_ui.model.language_model import LanguageModel
from triad_ui.model.loader import ModelLoader, Report
from triad_ui.model.status import EngineStatus
from triad_ui.settings import REPOSITORY, Settings
from triad_ui.weights import EFFICIENTNET, SMOLLM2, WeightCache
from triad_ui.workbench import Workbench

if TYPE_CHECKING:
    from triad_ui.expert.backbone import EfficientNetLite0

CONVERTED = "bf16-1"


def build_workbench(settings: Settings) -> Workbench:
    """Everything that the page and the shell work with. Raises StoreError, SettingsError."""
    cache = weight_cache(settings)
    experts = Experts(cache, settings.threads)
    first = ModelChoice() if settings.model == "embedded" else None
    loader = ModelLoader(model_load(settings, cache, experts), first)
    return Workbench(
        ImageStore(settings.data_dir, max_pixels=settings.max_pixels),
        FeedbackStore(settings.database_url),
        Inspector(experts, loader.current),
        loader,
        load_library(REPOSITORY / "assets" / "processes"),
    )


def weight_cache(settings: Settings) -> WeightCache:
    """Where the base weights are kept."""
    return WeightCache(settings.cache_dir, wheels=settings.wheels_dir, offline=settings.offline)


class Experts:
    """Experts by name, each loaded once, when first asked for."""

    def __init__(self, cache: WeightCache, threads: int | None = None) -> None:
        self._cache = cache
        if threads:
            # read by torch when it is imported, which has not happened yet
            os.environ["OMP_NUM_THREADS"] = str(threads)
        self._lock = threading.Lock()
        self._loaded: dict[str, Expert] = {}
        self._backbone: EfficientNetLite0 | None = None

    def __call__(self, name: str) -> Expert:
        """The expert of that name. Raises ExpertError, WeightsError."""
        with self._lock:
            if name not in self._loaded:
                if name not in EXPERTS:
                    known = ", ".join(EXPERTS)
                    raise ExpertError(f"There is no expert called {name!r}. Known: {known}.")
                folder = self._cache.root / "features"
                self._loaded[name] = EXPERTS[name](self._weights().parent, folder)
            return self._loaded[name]

    def backbone(self) -> EfficientNetLite0:
        """The frozen network by itself, for the language model's tower."""
        from triad_ui.expert.backbone import load_efficientnet_lite0

        with self._lock:
            if self._backbone is None:
                self._backbone = load_efficientnet_lite0(self._weights())
            return self._backbone

    def _weights(self) -> Path:
        return self._cache.fetch(EFFICIENTNET, lambda done, total: None)


def model_load(
    settings: Settings, cache: WeightCache, experts: Experts
) -> Callable[[ModelChoice, Report], LanguageModel]:
    """What the loader's thread does: fetch, convert once, load, warm up the expert."""

    def load(choice: ModelChoice, report: Report) -> LanguageModel:
        report(EngineStatus("loading", "Preparing the inspection expert ..."))
        experts(settings.expert)
        network = experts.backbone()
        folder = base_folder(cache, report)
        report(EngineStatus("loading", "Loading the language model ..."))
        from triad_ui.expert.backbone import normalise
        from triad_ui.model.embedded.load import load_embedded
        from triad_ui.model.embedded.views import BLOCKS

        return load_embedded(
            folder,
            settings.adapter,
            lambda rgb, side: network.features(normalise(rgb, side), BLOCKS),
        )

    return load


def base_folder(cache: WeightCache, report: Report) -> Path:
    """The base language model, fetched and converted if need be. Raises WeightsError."""
    folder = cache.derived(SMOLLM2, CONVERTED)
    if folder.is_dir():
        return folder

    def fetched(done: int, total: int) -> None:
        report(
            EngineStatus(
                "fetching",
                f"Fetching the language model, once: {done / 1e6:.0f} of {total / 1e6:.0f} MB",
                done / total,
            )
        )

    file = cache.fetch(SMOLLM2, fetched)
    report(EngineStatus("loading", "Unpacking the language model, once; about 20 seconds ..."))
    from triad_ui.model.embedded.load import convert_base

    return cache.commit(SMOLLM2, CONVERTED, lambda draft: convert_base(file, draft))
