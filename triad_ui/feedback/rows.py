"""Records to rows and back, exactly: what goes in is what comes out, to the last float.

Numbers are cast on the way in, since NumPy's own types are neither JSON nor SQL.
Knows nothing of sessions and transactions.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np

from triad_ui.feedback.schema import (
    AnomalyMapRow,
    CaseImageRow,
    CaseRow,
    CorrectionRow,
    ImageRow,
    ProcessRow,
    RegionsRow,
    TurnRow,
)
from triad_ui.records import (
    AnomalyMap,
    Case,
    Correction,
    ImageRecord,
    ManufacturingProcess,
    ProcessStep,
    Roi,
    Timings,
    Turn,
    Verdict,
    Window,
)


def rois_to_json(rois: Iterable[Roi]) -> list[Any]:
    """Each region as [x0, y0, x1, y1, score or None, source]."""
    return [
        [
            *(int(edge) for edge in roi.box),
            None if roi.score is None else float(roi.score),
            roi.source,
        ]
        for roi in rois
    ]


def rois_from_json(value: Iterable[Any]) -> tuple[Roi, ...]:
    return tuple(Roi(*item) for item in value)


def timings_to_json(timings: Timings) -> dict[str, Any]:
    return {name: float(seconds) for name, seconds in asdict(timings).items()}


def kinds_to_json(kinds: Iterable[tuple[str, float]]) -> list[Any]:
    """Each kind of defect as [name, similarity]."""
    return [[kind, float(similarity)] for kind, similarity in kinds]


def kinds_from_json(value: Iterable[Any]) -> tuple[tuple[str, float], ...]:
    return tuple((kind, similarity) for kind, similarity in value)


def verdict_columns(verdict: Verdict) -> dict[str, Any]:
    """A verdict as the columns of case_regions."""
    return {
        "verdict_label": verdict.label,
        "p_defective": float(verdict.p_defective),
        "location": verdict.location,
        "step": None if verdict.step is None else int(verdict.step),
        "kind": verdict.kind,
    }


def verdict_record(row: Any) -> Verdict | None:
    """The verdict in anything that has the columns of case_regions; None when not judged."""
    if row.verdict_label is None:
        return None
    return Verdict(row.verdict_label, row.p_defective, row.location, row.step, row.kind)


def process_columns(process: ManufacturingProcess) -> dict[str, Any]:
    """A process as the columns of process_versions, less `saved` and `created`."""
    columns: dict[str, Any] = {
        "name": process.name,
        "version": int(process.version),
        "source": process.source,
        "product": process.product,
        "plural": process.plural,
        "steps": [[int(s.number), s.text, list(s.attributes)] for s in process.steps],
    }
    digest = hashlib.sha256(json.dumps(columns, sort_keys=True).encode()).hexdigest()
    return columns | {"digest": digest}


def process_record(row: ProcessRow) -> ManufacturingProcess:
    return ManufacturingProcess(
        name=row.name,
        product=row.product,
        plural=row.plural,
        steps=tuple(ProcessStep(n, text, tuple(attributes)) for n, text, attributes in row.steps),
        version=row.version,
        source=row.source,
    )


def image_columns(record: ImageRecord) -> dict[str, Any]:
    """What identifies a decoded page: the columns of images, less `number` and `created`."""
    return {
        "sha256": record.sha256,
        "page": int(record.page),
        "pages": int(record.pages),
        "width": int(record.width),
        "height": int(record.height),
        "mode": record.mode,
    }


def case_image_row(record: ImageRecord, position: int, image: ImageRow) -> CaseImageRow:
    window = record.window
    return CaseImageRow(
        position=position,
        image=image,
        name=record.name,
        window_low=None if window is None else float(window.low),
        window_high=None if window is None else float(window.high),
    )


def image_record(image: Any, use: Any) -> ImageRecord:
    """image: has the columns of images; use: has those of case_images."""
    return ImageRecord(
        sha256=image.sha256,
        name=use.name,
        width=image.width,
        height=image.height,
        mode=image.mode,
        page=image.page,
        pages=image.pages,
        window=None if use.window_low is None else Window(use.window_low, use.window_high),
    )


def map_columns(values: np.ndarray) -> dict[str, Any]:
    """An anomaly map (h, w) as the columns of anomaly_maps; float32 is kept bit by bit."""
    height, width = values.shape
    data = zlib.compress(np.ascontiguousarray(values, dtype="<f4").tobytes(), level=1)
    return {"height": int(height), "width": int(width), "data": data}


def map_values(row: AnomalyMapRow) -> np.ndarray:
    """float32 (h, w), writable."""
    data = bytearray(zlib.decompress(row.data))
    values = np.frombuffer(data, dtype="<f4").reshape(row.height, row.width)
    return values.astype(np.float32, copy=False)


def turn_columns(turn: Turn) -> dict[str, Any]:
    """A turn as columns of turns, less ids and times."""
    verdict = turn.verdict
    return {
        "question": turn.question,
        "answer": turn.answer,
        "state": turn.state,
        "verdict": None
        if verdict is None
        else asdict(verdict) | {"p_defective": float(verdict.p_defective)},
        "rois": rois_to_json(turn.rois),
        "prompt": turn.prompt,
        "engine": turn.engine,
        "seed": int(turn.seed),
        "visual_tokens": int(turn.visual_tokens),
        "timings": timings_to_json(turn.timings),
        "error": turn.error,
    }


def turn_record(row: TurnRow) -> Turn:
    return Turn(
        id=row.id,
        question=row.question,
        answer=row.answer,
        state=row.state,
        verdict=None if row.verdict is None else Verdict(**row.verdict),
        rois=rois_from_json(row.rois),
        prompt=row.prompt,
        engine=row.engine,
        seed=row.seed,
        visual_tokens=row.visual_tokens,
        timings=Timings(**row.timings),
        error=row.error,
    )


def correction_columns(correction: Correction) -> dict[str, Any]:
    """A correction as columns of corrections, less ids, key and time."""
    return {
        "turn_id": correction.turn_id,
        "author": correction.author,
        "agrees": bool(correction.agrees),
        "label": correction.label,
        "location": correction.location,
        "step": None if correction.step is None else int(correction.step),
        "kind": correction.kind,
        "answer": correction.answer,
        "rois": None if correction.rois is None else rois_to_json(correction.rois),
        "note": correction.note,
    }


def correction_record(row: CorrectionRow) -> Correction:
    return Correction(
        agrees=row.agrees,
        label=row.label,
        location=row.location,
        step=row.step,
        kind=row.kind,
        answer=row.answer,
        rois=None if row.rois is None else rois_from_json(row.rois),
        note=row.note,
        turn_id=row.turn_id,
        author=row.author,
    )


def case_record(row: CaseRow, regions: RegionsRow) -> Case:
    """A case with all that belongs to it. regions: those of its current revision."""
    images = [image_record(use.image, use) for use in row.images]
    return Case(
        id=row.id,
        created=row.created,
        product=row.product,
        query=images[0],
        references=tuple(images[1:]),
        process=None if row.process is None else process_record(row.process),
        anomaly_map=AnomalyMap(
            values=map_values(row.anomaly_map),
            score=row.score,
            calibrated=row.calibrated,
            expert=row.expert,
            basis=row.basis,
            kinds=kinds_from_json(row.kinds),
            threshold=row.threshold,
        ),
        rois=rois_from_json(regions.rois),
        policy=regions.policy,
        verdict=verdict_record(regions),
        timings=Timings(**row.timings),
        turns=tuple(turn_record(turn) for turn in row.turns),
        corrections=tuple(correction_record(each) for each in row.corrections),
    )
