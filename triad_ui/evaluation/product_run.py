"""One product of an evaluation: its references and pool, each photograph scored and judged.

What a record already holds is not measured again: scores by the photograph, what it is compared
with and the expert; verdicts by these, the engine and how it was asked. It does not know how
results are added up or shown.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np

from triad_ui.errors import EvaluationError, ExpertError, ImageError, ModelError, ModelNotReady
from triad_ui.evaluation.datasets import Product, Sample, pictures_in
from triad_ui.evaluation.options import Judge, Options, Progress, Report, pool_in_words
from triad_ui.evaluation.pace import Pace, in_words
from triad_ui.evaluation.picture_files import PictureFiles, read_picture
from triad_ui.evaluation.record import Record, digest
from triad_ui.evaluation.record_lines import (
    map_as_json,
    map_from_json,
    verdict_as_json,
    verdict_from_json,
)
from triad_ui.evaluation.results import ProductResult
from triad_ui.evaluation.tally import Tally
from triad_ui.expert.expert import Expert
from triad_ui.records import AnomalyMap, ManufacturingProcess, Picture, Subject, Verdict

Ask = Callable[..., Verdict]


class ProductRun:
    """Scores a product's photographs; `resumed` counts those of which nothing was measured anew."""

    def __init__(
        self,
        product: Product,
        expert: Expert,
        options: Options,
        judge: Judge | None,
        stop: threading.Event,
        record: Record | None = None,
    ) -> None:
        self.resumed = 0
        self._product = product
        self._expert = expert
        self._options = options
        self._judge = judge
        self._stop = stop
        self._record = record
        self._subject = Subject(product=product.name.replace("_", " "))
        self._tally = Tally(product.name, options.max_pixels)
        if judge is not None and options.process != "without" and (told := self._process()):
            self._tally.process = told.name
        self._compared: Callable[[], None] | None = None
        self._pool_digest = ""
        self._reference_keys: list[str] | None = None

    def score(self, done: int, total: int, report: Report, pace: Pace) -> ProductResult | None:
        """The product's result, or None when it was stopped."""
        if self._stop.is_set():
            return None
        name, count = self._product.name, len(self._product.tested)
        report(Progress(name, done, total, f"{name}: reading references and pool", None,
                        pace.seconds_left))  # fmt: skip
        references = self._references()
        pool = self._pool()
        self._pool_digest = digest([_file_digest(path) for path in pool.paths])
        self._compared = lambda: self._prepare(references, pool)
        for index, sample in enumerate(self._product.tested):
            if self._stop.is_set():
                return None
            left = pace.seconds_left
            told = f"{name}: {index + 1} of {count}{in_words(left)}"
            report(Progress(name, done + index, total, told, None, left))
            measured = None
            try:
                measured = self._look(sample, references, pool)
            except (ImageError, ExpertError) as error:
                self._tally.skip(sample.name, str(error))
            pace.step(measured)
        if self._stop.is_set():
            return None
        return self._tally.result(len(pool))

    def _look(
        self, sample: Sample, references: Sequence[Picture], pool: Sequence[Picture]
    ) -> float | None:
        """Scores and judges one photograph; the seconds of what was measured anew, if anything."""
        picture = self._read(sample.path)
        paired = sample.reference is not None and self._options.shots > 0
        if paired:
            references = (self._paired(sample.reference),)
        key = digest(
            "score", picture.key, self._keys(references, paired), self._pool_digest,
            self._expert.name, self._expert.version, self._subject.product,
        )  # fmt: skip
        found, seconds, anew = self._scored(key, picture, references, pool)
        spent = seconds if anew else 0.0
        verdicts: list[Verdict | None] = [None, None]
        asked = [0.0, 0.0]
        for which, (with_process, ask) in enumerate(self._asked()):
            if which and not with_process and self._process() is None:
                verdicts[which] = verdicts[0]  # the same question: there is no process to leave out
                continue
            verdicts[which], asked[which], judged = self._verdict(
                key, picture, references, found, ask, with_process=with_process
            )
            spent += asked[which] if judged else 0.0
            anew = anew or judged
        self._tally.add(
            sample, picture, found, seconds, paired=paired, verdict=verdicts[0],
            verdict_seconds=asked[0], without_process=verdicts[1],
        )  # fmt: skip
        self.resumed += not anew
        return spent if anew else None

    def _keys(self, references: Sequence[Picture], paired: bool) -> list[str]:
        """Identities of references; those of the product are read for it only once."""
        if paired:
            return [reference.key for reference in references]
        if self._reference_keys is None:
            self._reference_keys = [reference.key for reference in references]
        return self._reference_keys

    def _asked(self) -> list[tuple[bool, Ask]]:
        """How the model is asked: (with the process, by what); the main way first."""
        judge, process = self._judge, self._options.process
        if judge is None:
            return []
        told: list[tuple[bool, Ask]] = []
        if process in ("with", "both"):
            told.append((True, judge))
        if process in ("without", "both"):
            told.append((False, judge.without_process))  # type: ignore[attr-defined]
        return told

    def _process(self) -> ManufacturingProcess | None:
        find = getattr(self._judge, "process", None)  # a plain Judge knows of no process
        return find(self._product.name) if find else None

    def _scored(
        self,
        key: str,
        picture: Picture,
        references: Sequence[Picture],
        pool: Sequence[Picture],
    ) -> tuple[AnomalyMap, float, bool]:
        """(map, the expert's seconds, whether it was looked at anew)."""
        kept = self._record.get(key) if self._record is not None else None
        if kept is not None and (restored := map_from_json(kept)) is not None:
            return restored, kept["seconds"], False
        if self._compared is not None:
            self._compared()
            self._compared = None
        begun = time.perf_counter()
        found = self._expert.score(picture, references, pool, self._subject)
        seconds = time.perf_counter() - begun
        if not np.isfinite(found.values).all() or not np.isfinite(found.score):
            raise ExpertError(
                f"The expert {self._expert.name} gave something that is not a number. "
                "Evaluate with another expert, and report this."
            )
        if self._record is not None:
            self._record.put(key, {"photograph": picture.record.name, **map_as_json(found),
                                   "seconds": seconds})  # fmt: skip
        return found, seconds, True

    def _verdict(
        self,
        scored: str,
        picture: Picture,
        references: Sequence[Picture],
        found: AnomalyMap,
        ask: Ask,
        *,
        with_process: bool,
    ) -> tuple[Verdict | None, float, bool]:
        """(verdict, the model's seconds, whether it was asked anew); None where it failed."""
        judge, name, key = self._judge, self._product.name, ""
        assert judge is not None
        if self._record is not None:
            depends = judge.depends_on(name, with_process=with_process)  # type: ignore[attr-defined]
            key = digest("verdict", scored, judge.engine, *depends)
            kept = self._record.get(key)
            if kept is not None and (restored := verdict_from_json(kept)) is not None:
                return restored, kept["seconds"], False
        begun = time.perf_counter()
        try:
            verdict = ask(picture, references, found, name, self._stop)
        except ModelNotReady:
            raise
        except ModelError as error:
            if not self._stop.is_set():
                self._tally.note(f"a photograph got no verdict: {error}")
            return None, 0.0, True
        seconds = time.perf_counter() - begun
        if self._record is not None:
            self._record.put(key, {"photograph": picture.record.name, **verdict_as_json(verdict),
                                   "seconds": seconds})  # fmt: skip
        return verdict, seconds, True

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


def _file_digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()
