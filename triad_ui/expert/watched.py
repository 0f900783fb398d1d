"""Looking that tells how far it is and can be stopped, whichever expert looks.

Experts that compare a batch count their own steps. Of all others each picture that has to be looked
at anew is a step: a picture whose features are kept is never opened, so it costs none.

It does not know where progress is shown, nor who stops it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from triad_ui.expert.expert import Expert
from triad_ui.expert.progress import Progress, Report
from triad_ui.records import AnomalyMap, Picture, Subject


@runtime_checkable
class Preparing(Protocol):
    """An expert that looks at a pool in advance, and whose `score` and `raw` take report and
    stop."""

    def prepare(
        self,
        pictures: Sequence[Picture],
        *,
        report: Report | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        """Look at the pictures, so that comparing with them is quick later. Raises Stopped."""


class WatchedPicture(Picture):
    """As the picture; whoever opens it takes a step, and may find that the work is stopped."""

    __slots__ = ("_opened", "_picture", "_progress")
    _picture: Picture
    _progress: Progress
    _opened: bool

    def __init__(self, picture: Picture, progress: Progress) -> None:
        for name, value in (
            ("record", picture.record),
            ("_picture", picture),
            ("_progress", progress),
            ("_opened", False),
        ):
            object.__setattr__(self, name, value)  # a Picture is frozen

    @property
    def rgb(self) -> np.ndarray:  # type: ignore[override]
        """uint8 (height, width, 3). Raises Stopped."""
        if self._opened:
            self._progress.check()
        else:
            self._progress.step()
            object.__setattr__(self, "_opened", True)
        return self._picture.rgb


def score(
    expert: Expert,
    query: Picture,
    references: Sequence[Picture],
    pool: Sequence[Picture] = (),
    subject: Subject | None = None,
    *,
    report: Report | None = None,
    stop: threading.Event | None = None,
) -> AnomalyMap:
    """`expert.score` that calls report(steps done, steps at most) and ends once `stop` is set.

    Raises what `score` raises, Stopped, and what `report` raises.
    """
    if isinstance(expert, Preparing):
        return expert.score(query, references, pool, subject, report=report, stop=stop)  # type: ignore[call-arg]
    progress = Progress(report, stop, 1 + len(references) + len(pool))
    found = expert.score(*_watched(query, references, pool, progress), subject)
    progress.check()
    return found


def raw(
    expert: Expert,
    query: Picture,
    references: Sequence[Picture],
    pool: Sequence[Picture] = (),
    subject: Subject | None = None,
    *,
    report: Report | None = None,
    stop: threading.Event | None = None,
) -> tuple[np.ndarray, float]:
    """`expert.raw` in the same way."""
    if isinstance(expert, Preparing):
        return expert.raw(query, references, pool, subject, report=report, stop=stop)  # type: ignore[call-arg]
    progress = Progress(report, stop, 1 + len(references) + len(pool))
    found = expert.raw(*_watched(query, references, pool, progress), subject)
    progress.check()
    return found


def _watched(
    query: Picture, references: Sequence[Picture], pool: Sequence[Picture], progress: Progress
) -> tuple[Picture, tuple[Picture, ...], tuple[Picture, ...]]:
    return (
        WatchedPicture(query, progress),
        tuple(WatchedPicture(each, progress) for each in references),
        tuple(WatchedPicture(each, progress) for each in pool),
    )
