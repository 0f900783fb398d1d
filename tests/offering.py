"""A catalogue of made-up models and a loader that plays them: quick, slow, broken.

The workbench, its loader and its stores are the real ones.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

from tests.fakes import FakeExpert, FakeModel
from triad_ui.dialogue.processes import load_library
from triad_ui.errors import ModelError
from triad_ui.feedback.store import FeedbackStore
from triad_ui.imaging.store import ImageStore
from triad_ui.inspector import Inspector
from triad_ui.model.catalogue import ModelCatalogue
from triad_ui.model.choice import Machine, ModelChoice, ModelOffer
from triad_ui.model.loader import ModelLoader, Report
from triad_ui.model.status import EngineStatus
from triad_ui.settings import REPOSITORY, Settings
from triad_ui.workbench import Workbench

GB = 2**30
NEEDS_7B = {"bf16": int(15.18 * GB), "int8": int(8.87 * GB), "nf4": int(5.36 * GB)}
MACHINE = Machine("NVIDIA T1000", int(6.13 * GB), 8 * GB)
NO_CHECKPOINT = (
    "In {} there is no config.json, so it is no checkpoint. Name the folder that holds config.json "
    "and the .safetensors files."
)
TORN = (
    "The file model-00002-of-00004.safetensors is shorter than its header says. Fetch it again "
    "and load once more."
)
OFFERS = (
    ModelOffer(
        "embedded", "Embedded model (SmolLM2 135M)", "Apache-2.0", ModelChoice("embedded"),
        needs={"bf16": int(0.62 * GB)},
        note="Ships with the project; trained on drawn parts only.",
    ),
    ModelOffer(
        "llava-ov-0.5b", "LLaVA-OneVision 0.5B", "Apache-2.0",
        ModelChoice("hub", "llava-hf/llava-onevision-qwen2-0.5b-ov-hf"), download=1_790_000_000,
        needs={"bf16": int(2.91 * GB), "int8": int(2.3 * GB), "nf4": 2 * GB},
        note="Small and quick; knows everyday pictures, not your parts.",
    ),
    ModelOffer(
        "llava-ov-7b", "LLaVA-OneVision 7B", "Apache-2.0",
        ModelChoice("hub", "llava-hf/llava-onevision-qwen2-7b-ov-hf"), download=16_070_000_000,
        needs=NEEDS_7B, note="The model from which Triad was trained.",
        problem="The hub cannot be reached from here. Copy the model's folder to this machine and "
        "name it under Your own model.",
    ),
    ModelOffer(
        "llava-1.6-7b", "LLaVA-1.6 7B (Mistral)", "Apache-2.0",
        ModelChoice("hub", "llava-hf/llava-v1.6-mistral-7b-hf"),
        needs={"bf16": int(17.3 * GB), "int8": int(10.9 * GB), "nf4": int(7.2 * GB)},
        note="An older model, for comparison.",
    ),
    ModelOffer(
        "folder", "Triad from a folder", "as its authors state", ModelChoice("folder"),
        note="Download the authors' weights, then give the folder's path.",
    ),
)  # fmt: skip


class FakeCatalogue(ModelCatalogue):
    """OFFERS on MACHINE; a folder named triad... is a 7B model, any address is served."""

    def offers(self) -> tuple[ModelOffer, ...]:
        return OFFERS

    def machine(self) -> Machine:
        return MACHINE

    def examine(self, choice: ModelChoice) -> ModelOffer:
        if choice.kind == "served":
            return ModelOffer(
                "served", "triad-ov-7b", "as its publisher states", choice,
                note="Gets the photo and its regions as pictures: an approximation.",
            )  # fmt: skip
        if "triad" not in Path(choice.source).name:
            raise ModelError(NO_CHECKPOINT.format(choice.source))
        return ModelOffer(
            "own", "Triad (authors' layout, 7.6 B parameters)", "not stated", choice,
            needs=NEEDS_7B, note="Qwen2, 729 tokens a tile.",
        )  # fmt: skip


class Played:
    """A load function. slow: seconds that the 0.5B model takes. let_go: set to end it at once."""

    def __init__(self, slow: float = 30.0) -> None:
        self.slow, self.let_go = slow, threading.Event()
        self.loaded: list[ModelChoice] = []

    def __call__(self, choice: ModelChoice, report: Report) -> FakeModel:
        self.loaded.append(choice)
        model = FakeModel()
        model.engine = f"{choice.kind} {Path(choice.source).name} {choice.precision}".strip()
        if "torn" in choice.source:
            time.sleep(0.5)
            raise ModelError(TORN)
        if choice.kind == "hub":
            steps = max(1, int(self.slow / 0.1))
            for step in range(steps):
                if self.let_go.is_set():
                    break
                message = f"Fetching {17.9 * 100 * step / steps:.0f} of 1790 MB"
                report(EngineStatus("fetching", message, step / steps))
                time.sleep(0.1)
        return model


def offering_workbench(settings: Settings, played: Played | None = None) -> Workbench:
    """The real workbench with the fake catalogue; the embedded model is loading."""
    loader = ModelLoader(played or Played(), replace(OFFERS[0].choice, precision="bf16"))
    loader.start()
    return Workbench(
        ImageStore(settings.data_dir),
        FeedbackStore(settings.database_url),
        Inspector(lambda name: FakeExpert(), loader.current),
        loader,
        load_library(REPOSITORY / "assets" / "processes"),
        FakeCatalogue(),
    )
