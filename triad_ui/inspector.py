"""Inspector: inspect() once, ask() many times. Writes nothing.

The costly step (expert, map, regions) and the repeated step (a question) are apart. The streaming
answer is a plain generator of ever longer `Turn`s.
Knows nothing of files, databases or pages.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from triad_ui.dialogue import prompt
from triad_ui.dialogue.verdict import p_defective, parse, vote
from triad_ui.errors import ExpertError, ModelError, TriadError
from triad_ui.expert.expert import Expert
from triad_ui.expert.progress import Report
from triad_ui.expert.roi import WITHOUT_MAP, choose, scale_rois
from triad_ui.expert.threshold import NEUTRAL, at_threshold
from triad_ui.expert.watched import score
from triad_ui.model.language_model import GenerationOptions, LanguageModel
from triad_ui.records import (
    AnomalyMap,
    ImageRecord,
    Inspection,
    ManufacturingProcess,
    Picture,
    Policy,
    Roi,
    Subject,
    Timings,
    Turn,
    Verdict,
    VisualInput,
)

KEPT_PASSES = 64
"""Zero-shot probabilities that are remembered, so that a question does not read the photo anew."""


class Inspector:
    """Runs experts and the language model on records.

    expert: name -> Expert (raises ExpertError, WeightsError). model: the current language
    model (raises ModelNotReady while there is none).
    """

    def __init__(
        self,
        expert: Callable[[str], Expert],
        model: Callable[[], LanguageModel],
    ) -> None:
        self.expert = expert
        self._model = model
        self._zero_shot: OrderedDict[Hashable, float] = OrderedDict()
        self._zero_shot_lock = threading.Lock()

    def warm_up(self, expert: str) -> None:
        """Load an expert and let it look once, so that the first real look is not the slow one."""
        blank = Picture(ImageRecord("blank", "blank", 64, 64, ""), np.zeros((64, 64, 3), np.uint8))
        loaded = self.expert(expert)
        with suppress(ExpertError):  # some look at nothing without references or a pool
            loaded.score(blank, ())

    def inspect(
        self,
        query: Picture,
        references: Sequence[Picture] = (),
        process: ManufacturingProcess | None = None,
        *,
        product: str = "",
        expert: str = "reference",
        pool: Sequence[Picture] = (),
        subject: Subject | None = None,
        threshold: float = NEUTRAL,
        policy: Policy = "ranked",
        seed: int = 0,
        decode_seconds: float = 0.0,
        report: Report | None = None,
        stop: threading.Event | None = None,
    ) -> Inspection:
        """Score the query against its references and choose regions. Raises ExpertError, Stopped.

        pool, subject: for the experts that use them, see `expert.expert`. threshold: the product's,
        see `expert.threshold`. policy: see `expert.roi`; the map is made with every one, since it
        is shown to people. seed: of the policy `null`. report, stop: see `expert.watched`.
        """
        started = time.perf_counter()
        product = product or (process.product if process else "part")
        subject = subject or Subject(product)
        scored = score(
            self.expert(expert), query, references, pool, subject, report=report, stop=stop
        )
        anomaly_map = at_threshold(scored, threshold)
        rois = regions(anomaly_map, query.record, policy, seed)
        spent = time.perf_counter() - started
        return Inspection(
            query=query,
            references=tuple(references),
            process=process,
            anomaly_map=anomaly_map,
            rois=rois,
            product=product,
            policy=policy,
            timings=Timings(decode=decode_seconds, expert=spent, total=decode_seconds + spent),
        )

    def with_rois(self, inspection: Inspection, rois: Sequence[Roi]) -> Inspection:
        """The same inspection with regions drawn by a person."""
        return replace(inspection, rois=tuple(rois), policy="user")

    def visual_inputs(self, inspection: Inspection) -> tuple[VisualInput, ...]:
        """What the model is shown: the query, then the first reference with the same regions.

        Under the policies that stand for "no expert" it is not shown the expert's map either.
        """
        shown = None if inspection.policy in WITHOUT_MAP else inspection.anomaly_map
        query = VisualInput(
            inspection.query.rgb,
            inspection.rois,
            shown,
            inspection.query.key,
            process=inspection.process,
        )
        if not inspection.references:
            return (query,)
        first = inspection.references[0]
        rois = scale_rois(inspection.rois, inspection.query.record.size, first.record.size)
        return query, VisualInput(first.rgb, rois, None, first.key, is_reference=True)

    def verdict(
        self,
        inspection: Inspection,
        stop: threading.Event | None = None,
        *,
        vote: bool = False,
        urgent: bool = False,
    ) -> Verdict:
        """The model's yes/no judgement from its logits (no words yet). Raises ModelError.

        vote: with a reference, judge the photo alone too and weigh both (`dialogue.verdict.vote`).
        urgent: a person waits for it; a judgement in the background lets people's answers go first.
        """
        return parse(self._p_defective(inspection, stop, vote, urgent))

    def _p_defective(
        self, inspection: Inspection, stop: threading.Event | None, weigh: bool, urgent: bool
    ) -> float:
        model = self._model()
        images = self.visual_inputs(inspection)
        if not (weigh and len(images) > 1):
            return self._pass(model, inspection, images, stop, urgent)
        # The photo alone is read first: what both passes begin with is read once, and the state
        # that is left is that of the one-shot pass, from which the conversation goes on. Asked
        # again it would cut that state back, so its answer is remembered.
        key = (model.engine, _identity(inspection))
        with self._zero_shot_lock:
            alone = self._zero_shot.get(key)
        if alone is None:
            alone = self._pass(model, inspection, images[:1], stop, urgent)
            with self._zero_shot_lock:
                self._zero_shot[key] = alone
                while len(self._zero_shot) > KEPT_PASSES:
                    self._zero_shot.popitem(last=False)
        return vote(alone, self._pass(model, inspection, images, stop, urgent))

    def _pass(
        self,
        model: LanguageModel,
        inspection: Inspection,
        images: Sequence[VisualInput],
        stop: threading.Event | None,
        urgent: bool,
    ) -> float:
        messages = prompt.opening(inspection.product, inspection.process, len(images))
        choices = (prompt.YES, prompt.NO)
        logits = model.choice_logits(images, messages, choices, stop, urgent=urgent)
        try:
            return p_defective(*logits)
        except ValueError as error:
            raise ModelError(
                "The model gives no finite numbers. Its weights are damaged; load it again."
            ) from error

    def ask(
        self,
        inspection: Inspection,
        question: str,
        history: Sequence[Turn] = (),
        *,
        options: GenerationOptions | None = None,
        stop: threading.Event | None = None,
        turn_id: str = "",
        vote: bool = False,
    ) -> Iterator[Turn]:
        """Answer a question, yielding ever longer turns; the last is complete, stopped or failed.

        vote: as in `verdict`; the conversation then opens with the choice that the vote makes.
        A failure becomes a failed turn that keeps what was generated; only defects of ours raise.
        """
        options = options or GenerationOptions()
        stop = stop or threading.Event()
        started = time.perf_counter()
        turn = Turn(turn_id, question, rois=inspection.rois, seed=options.seed)
        try:
            verdict = self.verdict(inspection, stop, vote=vote, urgent=True)
            yield from self._answer(inspection, turn, verdict, history, options, stop, started)
        except TriadError as error:
            if stop.is_set():  # while the pictures were read, before any word
                yield replace(turn, state="stopped")
            else:
                yield replace(turn, state="failed", error=str(error))

    def _answer(
        self,
        inspection: Inspection,
        turn: Turn,
        verdict: Verdict,
        history: Sequence[Turn],
        options: GenerationOptions,
        stop: threading.Event,
        started: float,
    ) -> Iterator[Turn]:
        model = self._model()
        images = self.visual_inputs(inspection)
        chosen = prompt.YES if verdict.p_defective >= 0.5 else prompt.NO
        messages = prompt.conversation(
            inspection.product, inspection.process, len(images), chosen, history, turn.question
        )
        turn = replace(
            turn,
            prompt=model.render(images, messages),
            engine=model.engine,
            visual_tokens=model.visual_tokens(images),
            verdict=verdict,
        )
        yield turn
        reading = time.perf_counter() - started
        first_token = 0.0
        process = inspection.process
        steps = [step.text for step in process.steps] if process else None
        try:
            for chunk in model.stream(images, messages, options, stop):
                now = time.perf_counter() - started
                first_token = first_token or now
                decoding = now - first_token
                text = turn.answer + chunk.text
                turn = replace(
                    turn,
                    answer=text.strip() if chunk.finished else text,
                    verdict=parse(verdict.p_defective, text, steps=steps),
                    timings=Timings(
                        decode=inspection.timings.decode,
                        expert=inspection.timings.expert,
                        prefill=reading + chunk.prefill,
                        first_token=first_token,
                        total=now,
                        tokens_per_second=(chunk.tokens - 1) / decoding if decoding > 0 else 0.0,
                    ),
                    state=("stopped" if chunk.stopped else "complete")
                    if chunk.finished
                    else "streaming",
                )
                yield turn
        except TriadError as error:
            yield replace(turn, state="failed", error=str(error))


def regions(
    anomaly_map: AnomalyMap, record: ImageRecord, policy: Policy, seed: int = 0
) -> tuple[Roi, ...]:
    """The regions of a scored picture by a policy other than `user`.

    seed: of `null`; every picture has its own draw from it, and always the same one.
    """
    drawn = hashlib.sha256(f"{seed}|{record.sha256}|{record.page}".encode()).digest()[:4]
    seed = int.from_bytes(drawn, "big")
    return choose(anomaly_map.values, record.size, policy, seed=seed)


def _identity(inspection: Inspection) -> Hashable:
    """All that the answer to the photo alone depends on."""
    amap = inspection.anomaly_map
    seen = hashlib.sha256(amap.values.tobytes()).digest()
    boxes = tuple(roi.box for roi in inspection.rois)
    text = prompt.process_preamble(inspection.process) + inspection.product
    mapped = None if inspection.policy in WITHOUT_MAP else (amap.expert, amap.calibrated, seen)
    return inspection.query.key, boxes, text, mapped
