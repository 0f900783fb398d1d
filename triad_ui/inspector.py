"""Inspector: inspect() once, ask() many times. Writes nothing.

The costly step (expert, map, regions) and the repeated step (a question) are apart. The streaming
answer is a plain generator of ever longer `Turn`s.
Knows nothing of files, databases or pages.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from triad_ui.dialogue import prompt
from triad_ui.dialogue.verdict import p_defective, parse
from triad_ui.errors import ModelError, TriadError
from triad_ui.expert.expert import Expert
from triad_ui.expert.roi import choose
from triad_ui.model.language_model import GenerationOptions, LanguageModel
from triad_ui.records import (
    ImageRecord,
    Inspection,
    ManufacturingProcess,
    Picture,
    Roi,
    Timings,
    Turn,
    Verdict,
    VisualInput,
)


class Inspector:
    """Runs experts and the language model on records.

    expert: name -> Expert (raises ExpertError for an unknown name). model: the current language
    model (raises ModelNotReady while there is none).
    """

    def __init__(
        self,
        expert: Callable[[str], Expert],
        model: Callable[[], LanguageModel],
    ) -> None:
        self._expert = expert
        self._model = model

    def warm_up(self, expert: str) -> None:
        """Load an expert and let it look once, so that the first real look is not the slow one."""
        blank = Picture(ImageRecord("blank", "blank", 64, 64, ""), np.zeros((64, 64, 3), np.uint8))
        self._expert(expert).score(blank, ())

    def inspect(
        self,
        query: Picture,
        references: Sequence[Picture] = (),
        process: ManufacturingProcess | None = None,
        *,
        product: str = "",
        expert: str = "reference",
        policy: str = "ranked",
        decode_seconds: float = 0.0,
    ) -> Inspection:
        """Score the query against its references and choose regions. Raises ExpertError."""
        started = time.perf_counter()
        anomaly_map = self._expert(expert).score(query, references)
        rois = choose(anomaly_map.values, query.record.size, policy)
        spent = time.perf_counter() - started
        return Inspection(
            query=query,
            references=tuple(references),
            process=process,
            anomaly_map=anomaly_map,
            rois=rois,
            product=product or (process.product if process else "part"),
            policy=policy,
            timings=Timings(decode=decode_seconds, expert=spent, total=decode_seconds + spent),
        )

    def with_rois(self, inspection: Inspection, rois: Sequence[Roi]) -> Inspection:
        """The same inspection with regions drawn by a person."""
        return replace(inspection, rois=tuple(rois), policy="user")

    def visual_inputs(self, inspection: Inspection) -> tuple[VisualInput, ...]:
        """What the model is shown: the query, then the first reference with the same regions."""
        query = VisualInput(
            inspection.query.rgb, inspection.rois, inspection.anomaly_map, inspection.query.key
        )
        if not inspection.references:
            return (query,)
        first = inspection.references[0]
        rois = scale_rois(inspection.rois, inspection.query.record.size, first.record.size)
        return query, VisualInput(first.rgb, rois, None, first.key, is_reference=True)

    def verdict(self, inspection: Inspection, stop: threading.Event | None = None) -> Verdict:
        """The model's yes/no judgement from its logits (no words yet). Raises ModelError."""
        model = self._model()
        images = self.visual_inputs(inspection)
        messages = prompt.opening(inspection.product, inspection.process, len(images))
        logits = model.choice_logits(images, messages, (prompt.YES, prompt.NO), stop)
        try:
            return parse(p_defective(*logits))
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
    ) -> Iterator[Turn]:
        """Answer a question, yielding ever longer turns; the last is complete, stopped or failed.

        A failure becomes a failed turn that keeps what was generated; only defects of ours raise.
        """
        options = options or GenerationOptions()
        stop = stop or threading.Event()
        started = time.perf_counter()
        turn = Turn(turn_id, question, rois=inspection.rois, seed=options.seed)
        try:
            yield from self._answer(inspection, turn, history, options, stop, started)
        except TriadError as error:
            if stop.is_set():  # while the pictures were read, before any word
                yield replace(turn, state="stopped")
            else:
                yield replace(turn, state="failed", error=str(error))

    def _answer(
        self,
        inspection: Inspection,
        turn: Turn,
        history: Sequence[Turn],
        options: GenerationOptions,
        stop: threading.Event,
        started: float,
    ) -> Iterator[Turn]:
        model = self._model()
        images = self.visual_inputs(inspection)
        verdict = self.verdict(inspection, stop)
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
        steps = len(inspection.process.steps) if inspection.process else None
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


def scale_rois(
    rois: Sequence[Roi], size: tuple[int, int], other: tuple[int, int]
) -> tuple[Roi, ...]:
    """The same regions in the frame of an image of another size; equal sizes change nothing."""
    if size == other:
        return tuple(rois)
    fx, fy = other[0] / size[0], other[1] / size[1]
    scaled = []
    for roi in rois:
        x0, y0 = int(roi.x0 * fx), int(roi.y0 * fy)
        x1, y1 = max(x0 + 1, round(roi.x1 * fx)), max(y0 + 1, round(roi.y1 * fy))
        scaled.append(replace(roi, x0=x0, y0=y0, x1=min(x1, other[0]), y1=min(y1, other[1])))
    return tuple(scaled)
