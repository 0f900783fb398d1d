"""MuSc: a picture judged by the unlabelled pictures of its product, most of which must be good.

What few others show is suspicious (see `mutual_scoring`). A query is compared with each member of
the pool once, references being members too; a whole batch can be scored at once, and only then are
image scores smoothed over alike pictures, as such scores mean nothing outside their batch. It
works from one picture up, which is then compared with itself.

It does not know how distances are computed, which network looks, or where pictures come from.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from triad_ui.expert import calibration
from triad_ui.expert.calibration import calibrated, changed_copies_scale, leave_one_out_scale
from triad_ui.expert.musc_comparison import Comparison, Raw
from triad_ui.expert.musc_pool import WHOLE, Looks, Member, members
from triad_ui.expert.musc_sight import Sight
from triad_ui.expert.mutual_scoring import smoothed
from triad_ui.expert.progress import Progress, Report
from triad_ui.records import AnomalyMap, Basis, Picture, Scale, Subject

CODE_VERSION = "1"
MEMORY_BYTES = 2**30
WINDOWS = (1, 2, 3)
"""RsCIN's k for MVTec-AD; the authors take 1, 8, 9 for VisA."""
STEEPNESS = 8.0
"""As steep in these distances, which are roots, as 4 is in 1 - cosine."""
LEAVE_ONE_OUT_GAIN = 1.1
SELF_GAIN = 1.5
POOL_GAIN = 1.1
FEW = 5
"""Below as many pictures the authors' code gives NaN; here the one nearest other counts."""
POOL_SCALE = 5
"""Least number of others of which a scale is taken."""
MOST_LEFT_OUT = 12
COPIES = 6
"""Changed copies of a lone reference, `calibration.changed`."""
KEPT_SCALES = 16


@dataclass(frozen=True, slots=True, eq=False)
class BatchScores:
    """A batch scored at once.

    maps: of each picture. raw: image scores before RsCIN, float64 (N,), comparable with those of
    other batches. ranked: after RsCIN, 0..1 within this batch and meaningless outside it; (N,).
    note: what is to be said of the batch, or "".
    """

    maps: tuple[AnomalyMap, ...]
    raw: np.ndarray
    ranked: np.ndarray
    note: str


class MuscExpert:
    """Mutual scoring through one network; safe to use from several threads."""

    def __init__(
        self, sight: Sight, *, cache: Path | None = None, memory_bytes: int = MEMORY_BYTES
    ) -> None:
        """cache: folder for features, or None to keep them in memory.

        memory_bytes: bounds features and vectors that are held and what a comparison takes; the
        network itself and the pictures come on top.
        """
        self.name = sight.name
        self.version = f"{CODE_VERSION}.{sight.version}"
        self._fixed = sight.fixed
        self._looks = Looks(
            sight, cache, features_bytes=memory_bytes // 4, vectors_bytes=memory_bytes // 4
        )
        self._comparison = Comparison(sight, self._looks, memory_bytes // 2)
        self._scales: OrderedDict[tuple[tuple[str, ...], ...], Scale] = OrderedDict()
        self._lock = threading.Lock()

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
        """The query's map against references and pool; without either, against itself.

        pool: unlabelled; a `PicturePool` is decoded only where its features are not kept yet. The
        query's own picture in it does not count. The scale: leave-one-out over two or more
        references; else the stored one; else what is usual in a pool of 5 or more, each against the
        others; else changed copies of a lone reference; else a fixed one. report counts looks and
        comparisons, those for a scale too. ExpertError when the pool does not fit; Stopped.
        """
        everyone = members(references, pool)
        rounds = 1 + self._scale_rounds(references, everyone, subject)
        progress = Progress(report, stop, rounds * self._steps(everyone))
        found, score = self._raw(_member(query), everyone, progress)
        scale, known = self._scale(references, pool, subject, progress)
        alone = all(member.key == query.key for member in everyone)
        return self._shown((found, score), scale, _basis(references, alone), known=known)

    def raw(
        self,
        query: Picture,
        references: Sequence[Picture],
        pool: Sequence[Picture] = (),
        subject: Subject | None = None,
        *,
        report: Report | None = None,
        stop: threading.Event | None = None,
    ) -> Raw:
        """Distances 0..2 of each place, float32 (h, w), and the image's score, the largest.

        The score equals the published code's before RsCIN. Arguments and errors as in `score`.
        """
        everyone = [one for one in members(references, pool) if one.key != query.key]
        return self._raw(_member(query), everyone, Progress(report, stop, self._steps(everyone)))

    def prepare(
        self,
        pictures: Sequence[Picture],
        *,
        report: Report | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        """Looks at the pictures, so that comparing with them is quick later. Raises Stopped."""
        everyone = members(pictures)
        self._look_at(everyone, Progress(report, stop, len(everyone)))

    def score_batch(
        self,
        pictures: Sequence[Picture],
        *,
        windows: Sequence[int] = WINDOWS,
        report: Report | None = None,
        stop: threading.Event | None = None,
    ) -> BatchScores:
        """All pictures at once, each against all others, pairs multiplied once; and RsCIN.

        The very same picture given twice counts once and gets its result twice. windows: RsCIN's
        k. report counts looks and comparisons. ExpertError when the batch does not fit; Stopped;
        ValueError without pictures.
        """
        if not len(pictures):
            raise ValueError("a batch has at least one picture")
        given = members(pictures, distinct=False)
        count, ways = len(given), len(self._comparison.ways)
        progress = Progress(report, stop, count + ways * count * (count - 1))
        self._look_at(given, progress)
        place_of: dict[bytes, int] = {}
        places = [
            place_of.setdefault(self._whole(member).tobytes(), len(place_of)) for member in given
        ]
        everyone = [given[places.index(place)] for place in range(len(place_of))]
        if len(everyone) == 1:
            found = [self._comparison.alone(everyone[0])]
        else:
            found = self._comparison.mutual(everyone, progress)
        scores = torch.tensor([score for _, score in found], dtype=torch.float64)
        wholes = torch.from_numpy(np.stack([self._whole(member) for member in everyone]))
        scale = usual_scale(found) if len(found) > POOL_SCALE else self._fixed
        basis = _basis((), len(found) == 1)
        maps = [self._shown(each, scale, basis, known=False) for each in found]
        return BatchScores(
            maps=tuple(maps[place] for place in places),
            raw=scores.numpy()[places],
            ranked=smoothed(scores, wholes, windows).numpy()[places],
            note=note(len(everyone)),
        )

    def _steps(self, others: Sequence[Member]) -> int:
        """Steps of comparing one picture with the others: looks, and comparisons in every way."""
        return 1 + len(others) * (1 + len(self._comparison.ways))

    def _raw(self, query: Member, everyone: Sequence[Member], progress: Progress) -> Raw:
        """Against all but the query itself, be it by its key or by its very pixels."""
        others = [member for member in everyone if member.key != query.key]
        self._look_at([query, *others], progress)
        own = self._whole(query)
        others = [member for member in others if not np.array_equal(self._whole(member), own)]
        if not others:
            return self._comparison.alone(query)
        return self._comparison.against(query, others, progress)

    def _look_at(self, pictures: Sequence[Member], progress: Progress) -> None:
        for member in pictures:
            progress.check()
            self._looks.of(member)
            progress.step()

    def _whole(self, member: Member) -> np.ndarray:
        return self._looks.of(member)[WHOLE]

    def _scale_rounds(
        self, references: Sequence[Picture], everyone: Sequence[Member], subject: Subject | None
    ) -> int:
        """How many pictures are compared with the others for the scale, if it is to be made."""
        good = members(references)
        stored = len(good) < 2 and subject is not None and subject.scale is not None
        with self._lock:
            if stored or _scale_key(good, everyone) in self._scales:
                return 0
        if len(good) > 1:
            return min(len(good), calibration.MOST_LEFT_OUT)
        if len(everyone) > POOL_SCALE:
            return min(len(everyone), MOST_LEFT_OUT)
        return COPIES if good else 0

    def _scale(
        self,
        references: Sequence[Picture],
        pool: Sequence[Picture],
        subject: Subject | None,
        progress: Progress,
    ) -> tuple[Scale, bool]:
        """The scale, and whether it is known as `AnomalyMap.calibrated` means it."""
        good, everyone = members(references), members(references, pool)
        if len(good) < 2 and subject is not None and subject.scale is not None:
            return subject.scale, True
        if len(everyone) <= POOL_SCALE and len(good) == 0:
            return self._fixed, False
        key = _scale_key(good, everyone)
        with self._lock:
            kept = self._scales.get(key)
        if kept is None:
            kept = self._make_scale(references, pool, everyone, progress)
            with self._lock:
                self._scales[key] = kept
                while len(self._scales) > KEPT_SCALES:
                    self._scales.popitem(last=False)
        return kept, len(good) > 1

    def _make_scale(
        self,
        references: Sequence[Picture],
        pool: Sequence[Picture],
        everyone: Sequence[Member],
        progress: Progress,
    ) -> Scale:
        def compared(one: Picture, rest: Sequence[Picture]) -> Raw:
            return self._raw(_member(one), members(rest, pool), progress)

        if len({picture.key for picture in references}) > 1:
            return leave_one_out_scale(compared, references, gain=LEAVE_ONE_OUT_GAIN)
        if len(everyone) > POOL_SCALE:
            spread = np.unique(np.linspace(0, len(everyone) - 1, MOST_LEFT_OUT).astype(int))
            return usual_scale([self._raw(everyone[at], everyone, progress) for at in spread])
        return changed_copies_scale(compared, references[0], gain=SELF_GAIN)

    def _shown(self, raw: Raw, scale: Scale, basis: Basis, *, known: bool) -> AnomalyMap:
        expert = f"{self.name}@{self.version}"
        return calibrated(*raw, scale, expert=expert, basis=basis, known=known, steepness=STEEPNESS)


def usual_scale(found: Sequence[Raw]) -> Scale:
    """The scale of unlabelled pictures, most of them good: above what is usual among them."""
    places = np.array([float(values.max()) for values, _ in found])
    images = np.array([score for _, score in found])
    return Scale(POOL_GAIN * _usual(places), POOL_GAIN * _usual(images))


def note(count: int) -> str:
    """What is to be said of so few pictures that are compared with each other, or ""."""
    if count == 1:
        return "There is only this picture, which was compared with itself. Add others to the pool."
    if count < FEW:
        return (
            f"There are only {count} pictures, so each was judged by the one most like it. Add "
            f"others to the pool until there are {FEW} or, better, 30."
        )
    return ""


def _usual(values: np.ndarray) -> float:
    middle = float(np.median(values))
    return middle + 3 * 1.4826 * float(np.median(np.abs(values - middle)))


def _scale_key(good: Sequence[Member], everyone: Sequence[Member]) -> tuple[tuple[str, ...], ...]:
    return tuple(m.key for m in good), tuple(m.key for m in everyone)


def _member(picture: Picture) -> Member:
    return Member(picture.key, lambda: picture)


def _basis(references: Sequence[Picture], alone: bool) -> Basis:
    return "single image" if alone else "references" if len(references) else "pool"
