"""Drives an expert, and the language model if wanted, over a data set, one photograph at a time.

Only the references and, for experts that compare a batch, the pool are held, up to a limit.
Which references: the first K readable ones of a permutation of the product's good photographs,
drawn with the seed; a photograph that has its own reference is compared with that one. A run that
was cut off is taken up by running it again: experts keep their features on disk.
It does not know the library of cases, settings, or how results are shown.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from triad_ui.errors import EvaluationError, ExpertError, ImageError
from triad_ui.evaluation.datasets import DataSet, Product, Sample, pictures_in
from triad_ui.evaluation.picture_files import PictureFiles, read_picture
from triad_ui.evaluation.results import Evaluation, ProductResult
from triad_ui.evaluation.tally import Tally
from triad_ui.expert.expert import Expert
from triad_ui.imaging.decode import MAX_PIXELS
from triad_ui.records import AnomalyMap, Picture, Subject, Verdict

Pool = Literal["auto", "tested", "none"] | Path
"""Unlabelled pictures that an expert may compare with: the tested ones of the product, none, those
of a folder (its subfolder PRODUCT where there is one); auto: tested for those that need a pool."""
NEED_A_POOL = "musc"
"""Names of experts that score a picture against a pool begin so."""


class Judge(Protocol):
    """Says whether a part is defective; `judging.ModelJudge` is one."""

    engine: str

    def __call__(
        self,
        query: Picture,
        references: Sequence[Picture],
        found: AnomalyMap,
        product: str,
        stop: threading.Event | None = None,
    ) -> Verdict: ...


@dataclass(frozen=True, slots=True)
class Options:
    """shots: references a product, 0 or more. seed: of their choice."""

    shots: int
    seed: int = 0
    pool: Pool = "auto"
    max_pixels: int = MAX_PIXELS


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is. done, total: photographs of all products. finished: set once a product."""

    product: str
    done: int
    total: int
    message: str
    finished: ProductResult | None = None


Report = Callable[[Progress], None]


def evaluate(
    data: DataSet,
    expert: Expert,
    options: Options,
    *,
    judge: Judge | None = None,
    report: Report = lambda progress: None,
    stop: threading.Event | None = None,
) -> Evaluation:
    """Score every tested photograph of `data`; report before each one and after each product.

    stop: when set, the run ends before the next photograph, with the products that were finished.
    A photograph that cannot be read or scored is named in `skipped`, and the run goes on.
    EvaluationError when no photograph at all could be scored, or the pool's folder has no picture.
    """
    stop = stop or threading.Event()
    total = sum(len(product.tested) for product in data.products)
    done, finished = 0, []
    for product in data.products:
        run = _ProductRun(product, expert, options, judge, stop)
        result = run.score(done, total, report)
        if result is None:
            break
        done += len(product.tested)
        finished.append(result)
        report(Progress(product.name, done, total, f"{product.name} is done", result))
    if finished and not stop.is_set() and not any(result.images for result in finished):
        first = finished[0].skipped[0]
        raise EvaluationError(f"No photograph could be scored. {first.name}: {first.reason}")
    return Evaluation(
        root=str(data.root),
        layout=data.layout,
        expert=expert.name,
        made_by=f"{expert.name}@{expert.version}",
        shots=options.shots,
        seed=options.seed,
        pool=pool_in_words(expert, options.pool),
        products=tuple(finished),
        engine=judge.engine if judge else "",
        stopped=stop.is_set() and len(finished) < len(data.products),
        notes=data.notes,
    )


def pool_in_words(expert: Expert, pool: Pool) -> str:
    """What the expert may compare with beside the references; "" when nothing."""
    if isinstance(pool, Path):
        return f"the pictures in {pool}"
    if pool == "tested" or (pool == "auto" and expert.name.startswith(NEED_A_POOL)):
        return "the tested photographs of the product, unlabelled"
    return ""


class _ProductRun:
    """One product of a run: its references, its pool, its count of what was found."""

    def __init__(
        self,
        product: Product,
        expert: Expert,
        options: Options,
        judge: Judge | None,
        stop: threading.Event,
    ) -> None:
        self._product = product
        self._expert = expert
        self._options = options
        self._judge = judge
        self._stop = stop
        self._subject = Subject(product=product.name.replace("_", " "))
        self._tally = Tally(product.name, options.max_pixels)

    def score(self, done: int, total: int, report: Report) -> ProductResult | None:
        """The product's result, or None when it was stopped."""
        if self._stop.is_set():
            return None
        name, count = self._product.name, len(self._product.tested)
        report(Progress(name, done, total, f"{name}: reading references and pool"))
        references = self._references()
        pool = self._pool()
        self._prepare(references, pool)
        for index, sample in enumerate(self._product.tested):
            if self._stop.is_set():
                return None
            report(Progress(name, done + index, total, f"{name}: {index + 1} of {count}"))
            try:
                self._look(sample, references, pool)
            except (ImageError, ExpertError) as error:
                self._tally.skip(sample.name, str(error))
        return None if self._stop.is_set() else self._tally.result(len(pool))

    def _look(self, sample: Sample, references: Sequence[Picture], pool: Sequence[Picture]) -> None:
        picture = self._read(sample.path)
        paired = sample.reference is not None and self._options.shots > 0
        if paired:
            references = (self._paired(sample.reference),)
        begun = time.perf_counter()
        found = self._expert.score(picture, references, pool, self._subject)
        seconds = time.perf_counter() - begun
        if not np.isfinite(found.values).all() or not np.isfinite(found.score):
            raise ExpertError(
                f"The expert {self._expert.name} gave something that is not a number. "
                "Evaluate with another expert, and report this."
            )
        verdict, asked = None, time.perf_counter()
        if self._judge:
            verdict = self._ask(picture, references, found)
        self._tally.add(
            sample, picture, found, seconds, paired=paired,
            verdict=verdict, verdict_seconds=time.perf_counter() - asked if verdict else 0.0,
        )  # fmt: skip

    def _ask(
        self, picture: Picture, references: Sequence[Picture], found: AnomalyMap
    ) -> Verdict | None:
        from triad_ui.errors import ModelError, ModelNotReady

        assert self._judge
        try:
            return self._judge(picture, references, found, self._product.name, self._stop)
        except ModelNotReady:
            raise
        except ModelError as error:
            if not self._stop.is_set():
                self._tally.note(f"a photograph got no verdict: {error}")
            return None

    def _read(self, path: Path) -> Picture:
        return read_picture(path, max_pixels=self._options.max_pixels)

    def _paired(self, path: Path | None) -> Picture:
        assert path is not None
        try:
            return self._read(path)
        except ImageError as error:
            raise ImageError(f"Its reference {path.name} was not read. {error}") from error

    def _references(self) -> PictureFiles:
        """The drawn references; those that cannot be read are passed over and noted."""
        good, shots = self._product.references, self._options.shots
        every_own = all(sample.reference for sample in self._product.tested)
        if shots and not every_own and len(good) < shots:
            self._tally.note(f"there are only {len(good)} of {shots} references")
        drawn = np.random.default_rng(self._options.seed).permutation(len(good))
        chosen: list[Path] = []
        for index in drawn:
            if len(chosen) == shots or every_own:
                break
            if self._readable(good[index]):
                chosen.append(good[index])
        self._tally.references = tuple(path.name for path in chosen)
        return PictureFiles(chosen, max_pixels=self._options.max_pixels)

    def _pool(self) -> PictureFiles:
        pool = self._options.pool
        paths: Sequence[Path] = ()
        if isinstance(pool, Path):
            own = pool / self._product.name
            paths = pictures_in(own if own.is_dir() else pool)
            if not paths:
                raise EvaluationError(
                    f"There is no picture in {pool}. Name a folder of pictures with --pool, or "
                    "leave it out."
                )
        elif pool_in_words(self._expert, pool):
            paths = [sample.path for sample in self._product.tested]
        readable = [path for path in paths if self._readable(path)]
        return PictureFiles(readable, max_pixels=self._options.max_pixels)

    def _readable(self, path: Path) -> bool:
        try:
            self._read(path)
        except ImageError as error:
            self._tally.note(f"{path.name} is left out of references and pool: {error}")
            return False
        return True

    def _prepare(self, references: Sequence[Picture], pool: Sequence[Picture]) -> None:
        """A look that is not counted, so that what is made once does not weigh on one image."""
        first = references or pool
        if not first:
            return
        begun = time.perf_counter()
        try:
            self._expert.score(first[0], references, pool, self._subject)
        except ExpertError:
            return  # told of each photograph below
        self._tally.prepare_seconds = time.perf_counter() - begun
