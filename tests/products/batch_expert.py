"""An expert of a few lines that compares with a pool, and remembers what it was told."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from tests.fakes import FakeExpert
from triad_ui.expert.progress import Report, Stopped
from triad_ui.records import AnomalyMap, ImageRecord, Picture, Subject


class BatchExpert(FakeExpert):
    """Remembers what it was told, and compares with a pool step by step."""

    name = "musc"

    def __init__(self) -> None:
        self.told: list[tuple[tuple[str, ...], tuple[str, ...], Subject | None]] = []
        self.prepared: list[str] = []
        self.kinds: tuple[tuple[str, float], ...] = ()

    def prepare(
        self,
        pictures: Sequence[Picture],
        *,
        report: Report | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        for number, picture in enumerate(pictures, 1):
            if stop is not None and stop.is_set():
                raise Stopped("stopped")
            self.prepared.append(picture.record.name)
            if report is not None:
                report(number, len(pictures))

    def score(
        self,
        query: Picture,
        references: Sequence[Picture],
        pool: Sequence[Picture] = (),
        subject: Subject | None = None,
        *,
        report: Report | None = None,
        stop: threading.Event | None = None,
    ) -> AnomalyMap:
        self.prepare(pool, report=report, stop=stop)
        self.told.append((names(references), names(pool), subject))
        values, score = self.raw(query, references, pool, subject)
        return AnomalyMap(values, score, True, "musc@1", "pool", self.kinds)

    def raw(
        self,
        query: Picture,
        references: Sequence[Picture],
        pool: Sequence[Picture] = (),
        subject: Subject | None = None,
        *,
        report: Report | None = None,
        stop: threading.Event | None = None,
    ) -> tuple[np.ndarray, float]:
        self.prepare(pool, report=report, stop=stop)
        return super().raw(query, references, pool, subject)


def names(pictures: Sequence[Picture | ImageRecord]) -> tuple[str, ...]:
    return tuple(p.name if isinstance(p, ImageRecord) else p.record.name for p in pictures)
