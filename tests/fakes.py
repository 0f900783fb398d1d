"""Small stand-ins for what is heavy, so that the page runs with the real workbench and stores.

FakeModel says a canned answer word by word; FakeExpert compares grey levels with the reference.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from triad_ui.dialogue.processes import load_library
from triad_ui.expert.offers import SHEETS, offers
from triad_ui.feedback.store import FeedbackStore
from triad_ui.imaging.store import ImageStore
from triad_ui.inspector import Inspector
from triad_ui.model.choice import ModelChoice
from triad_ui.model.language_model import Chunk, GenerationOptions, LanguageModel
from triad_ui.model.loader import ModelLoader, Report
from triad_ui.model.status import EngineStatus
from triad_ui.records import AnomalyMap, Message, Picture, Subject, VisualInput
from triad_ui.settings import REPOSITORY, Settings
from triad_ui.workbench import Workbench

ANSWER = (
    "There is a defect in the center of the part. The surface is interrupted by a dark mark that "
    "the good part does not show. This contradicts step 2 of the process."
)


Load = Callable[[ModelChoice, Report], LanguageModel]


class FakeModel:
    """A LanguageModel of canned words. delay: seconds a word takes."""

    engine = "fake model for tests"
    context_limit = 4096

    def __init__(self, answer: str = ANSWER, delay: float = 0.02, yes: float = 1.5) -> None:
        self.answer, self.delay, self.yes = answer, delay, yes

    def visual_tokens(self, images: Sequence[VisualInput]) -> int:
        return 49 * len(images)

    def render(self, images: Sequence[VisualInput], messages: Sequence[Message]) -> str:
        return "\n".join(f"{message.role}: {message.text}" for message in messages)

    def choice_logits(
        self,
        images: Sequence[VisualInput],
        messages: Sequence[Message],
        choices: Sequence[str],
        stop: threading.Event | None = None,
        *,
        urgent: bool = False,
    ) -> tuple[float, ...]:
        time.sleep(5 * self.delay)
        return (self.yes, 0.0)

    def stream(
        self,
        images: Sequence[VisualInput],
        messages: Sequence[Message],
        options: GenerationOptions,
        stop: threading.Event,
    ) -> Iterator[Chunk]:
        words = self.answer.split(" ")
        for count, word in enumerate(words, 1):
            time.sleep(self.delay)
            yield Chunk(f"{word} ", count, 0.1)
            if stop.is_set():
                break
        yield Chunk("", count, 0.1, finished=True, stopped=stop.is_set())


class FakeExpert:
    """Scores by the distance to the first reference's grey levels, or to the picture's median."""

    name, version = "fake", "1"

    def score(
        self,
        query: Picture,
        references: Sequence[Picture],
        pool: Sequence[Picture] = (),
        subject: Subject | None = None,
    ) -> AnomalyMap:
        values, score = self.raw(query, references, pool, subject)
        return AnomalyMap(
            values,
            score,
            calibrated=len(references) > 1,
            expert="fake@1",
            basis="references" if references else "single image",
        )

    def raw(
        self,
        query: Picture,
        references: Sequence[Picture],
        pool: Sequence[Picture] = (),
        subject: Subject | None = None,
    ) -> tuple[np.ndarray, float]:
        grey = _small(query.rgb)
        normal = _small(references[0].rgb) if references else np.median(grey)
        values = np.clip(np.abs(grey - normal) / 120, 0, 1).astype(np.float32)
        return values, float(values.max())


def _small(rgb: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.resize(rgb.mean(axis=2).astype(np.float32), (96, 96), interpolation=cv2.INTER_AREA)


def ready(model: FakeModel) -> Load:
    """A loader that is done at once."""
    return lambda choice, report: model


def slowly(model: FakeModel, seconds: float) -> Load:
    """A loader that fetches for some seconds and says so."""

    def load(choice: ModelChoice, report: Report) -> FakeModel:
        for part in range(20):
            message = f"fetching {93 * part // 20} of 93 MB"
            report(EngineStatus("fetching", message, part / 20))
            time.sleep(seconds / 20)
        return model

    return load


def fake_settings(folder: Path, port: int = 7860) -> Settings:
    """Settings that keep everything under `folder`."""
    return Settings(
        port=port,
        database_url=f"sqlite:///{(folder / 'sessions.db').as_posix()}",
        data_dir=folder / "data",
        cache_dir=folder / "cache",
        adapter=folder / "adapter",
    )


def fake_workbench(settings: Settings, load: Load | None = None) -> Workbench:
    """The real workbench and stores with a fake expert and model, already loading."""
    loader = ModelLoader(load or ready(FakeModel()))
    loader.start()
    return Workbench(
        ImageStore(settings.data_dir),
        FeedbackStore(settings.database_url),
        Inspector(lambda name: FakeExpert(), loader.current),
        loader,
        load_library(REPOSITORY / "assets" / "processes"),
        offers=lambda: offers(tuple(SHEETS), settings.cache_dir / "weights", lambda name: False),
        image_root=settings.image_root,
    )
