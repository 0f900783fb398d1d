"""Records -> what the page shows: plain JSON for our own panels, messages for the chat.

Pure functions; nothing here is HTML: panels set every string as text, chat messages are escaped.
Knows no use case and no Gradio component.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from triad_ui.expert.offers import SHEETS
from triad_ui.expert.threshold import NEUTRAL
from triad_ui.model.status import EngineStatus
from triad_ui.records import (
    LOCATIONS,
    Case,
    CaseSummary,
    Correction,
    ImageRecord,
    Roi,
    Turn,
    Verdict,
)

LABELS = {"defective": "Defective", "normal": "Normal", "undecided": "Undecided"}
MOST_KINDS = 3
WAITING = "Reading the pictures, the process and your question ..."

Json = dict[str, Any]


def place_of(roi: Roi, size: tuple[int, int]) -> str:
    """The 3x3 name of a box's centre in an image of `size` (width, height)."""
    column = min(2, int(3 * (roi.x0 + roi.x1) / 2 / size[0]))
    row = min(2, int(3 * (roi.y0 + roi.y1) / 2 / size[1]))
    return LOCATIONS[3 * row + column]


def picture_line(record: ImageRecord) -> str:
    """Name-free facts of a picture: "1024 × 768, grey 16-bit, page 2 of 5"."""
    line = f"{record.width} × {record.height}, {record.mode}"
    if record.pages > 1:
        line += f", page {record.page + 1} of {record.pages}"
    if record.window is not None:
        line += f", shown {record.window.low:g} to {record.window.high:g}"
    return line


def photo_view(record: ImageRecord, url: str) -> Json:
    """The viewer before an inspection: a picture without a map. url: of its 8-bit preview."""
    return {
        "case": "", "photo": url, "map": "", "name": record.name, "size": list(record.size),
        "facts": picture_line(record), "rois": [], "score": None, "notes": [],
    }  # fmt: skip


def viewer(case: Case) -> Json:
    """The viewer of a case: photo, map, numbered regions, the expert's score and its caveats."""
    amap = case.anomaly_map
    notes = []
    if amap.basis == "single image":
        notes.append(
            "No reference was given: the picture was compared with itself. "
            "The score is not calibrated; add a good part to sharpen it."
        )
    elif not amap.calibrated:
        count = len(case.references)
        notes.append(
            f"Scale not calibrated on this product: {count} reference"
            f"{'s' if count != 1 else ''}. Two or more set the threshold from good parts."
        )
    return {
        "case": case.id,
        "photo": f"case/{case.id}/photo.png",
        "map": f"case/{case.id}/map.png",
        "name": case.query.name,
        "size": list(case.query.size),
        "facts": picture_line(case.query),
        "rois": [_roi(case, n, roi) for n, roi in enumerate(case.rois, 1)],
        "score": amap.score,
        "expert": amap.expert,
        "made": made_by(case),
        "kinds": [[kind, f"{similarity:.2f}"] for kind, similarity in amap.kinds[:MOST_KINDS]],
        "calibrated": amap.calibrated,
        "policy": case.policy,
        "seconds": case.timings.expert,
        "notes": notes,
    }


def looking(fraction: float, message: str) -> Json:
    """The progress of an inspection that takes long."""
    return {
        "phase": "running",
        "what": "the expert looks at the photo",
        "message": message,
        "fraction": fraction or None,
    }


def looked() -> Json:
    """No inspection is under way."""
    return {"phase": "none", "message": ""}


def made_by(case: Case) -> str:
    """Who made the map, from what, at which threshold: "Reference, compared with 2 good parts"."""
    amap = case.anomaly_map
    name = amap.expert.partition("@")[0]
    count = len(case.references)
    compared = {
        "references": f"compared with {count} good part{'s' if count != 1 else ''}",
        "single image": "compared with itself",
        "pool": "compared with the pool of the product",
        "text": "compared with words",
    }[amap.basis]
    sheet = SHEETS.get(name)
    if amap.basis == "references" and sheet and "pool" in sheet.uses:
        compared += " and what is in the pool"
    line = f"{sheet.title if sheet else name}, {compared}"
    if amap.threshold != NEUTRAL:
        line += f"; threshold of {case.product}: {amap.threshold:.3f} of the expert's own scale"
    return line


def _roi(case: Case, number: int, roi: Roi) -> Json:
    # The box is in the address: regions that a person moves are other pictures to a cache.
    tag = "-".join(str(side) for side in roi.box)
    return {
        "n": number,
        "box": list(roi.box),
        "score": roi.score,
        "source": roi.source,
        "place": place_of(roi, case.query.size),
        "url": f"case/{case.id}/roi/{number}.png?box={tag}",
    }


def verdict(case: Case | None, note: str = "", busy: bool = False) -> Json:
    """The verdict panel: the model's judgement, the expert's score, the last correction.

    note: why there is no judgement yet. busy: the model is judging now.
    """
    if case is None:
        return {"case": "", "model": None, "note": note, "busy": busy, "correction": None}
    amap = case.anomaly_map
    return {
        "case": case.id,
        "product": case.product,
        "score": amap.score,
        "calibrated": amap.calibrated,
        "model": _judged(case.verdict, case) if case.verdict else None,
        "note": note,
        "busy": busy,
        "correction": _corrected(case.corrections[-1], case) if case.corrections else None,
        "corrections": len(case.corrections),
    }


def _judged(value: Verdict, case: Case) -> Json:
    return {
        "label": value.label,
        "word": LABELS[value.label],
        "p": value.p_defective,
        "location": value.location,
        "step": step_line(case, value.step),
        "kind": value.kind,
    }


def _corrected(value: Correction, case: Case) -> Json:
    return {
        "agrees": value.agrees,
        "label": value.label,
        "word": LABELS[value.label] if value.label else "",
        "location": value.location,
        "step": step_line(case, value.step),
        "kind": value.kind,
        "note": value.note,
        "answer": value.answer,
        "author": value.author,
    }


def step_line(case: Case, number: int | None) -> str:
    """ "Step 3: ..." of the case's process; the bare number without one; "" for None."""
    if number is None:
        return ""
    for step in case.process.steps if case.process else ():
        if step.number == number:
            return f"Step {number}: {step.text}"
    return f"Step {number}"


def chat(turns: Sequence[Turn]) -> list[Json]:
    """A conversation as chat messages, two a turn; content is plain text, escaped."""
    messages = []
    for turn in turns:
        messages.append(_message("user", turn.question))
        messages.append(_message("assistant", answer_text(turn)))
    return messages


def answer_text(turn: Turn) -> str:
    """What stands under a question: the answer so far, and what became of it in words."""
    if turn.state == "failed":
        return f"{turn.answer}\n\nNot finished: {turn.error}".strip()
    if turn.state == "stopped":
        return f"{turn.answer}\n\nStopped here.".strip()
    return turn.answer or (WAITING if turn.state == "streaming" else "(no words)")


def _message(role: str, text: str) -> Json:
    # Gradio's chat reads markup even with Markdown off: without this, an <img> of a model's answer
    # is drawn. Escaped here, every sign is seen as it was written.
    return {"role": role, "content": [{"type": "text", "text": html.escape(text, quote=False)}]}


def about_choices(case: Case) -> list[tuple[str, str]]:
    """What a correction can be about: the inspection, or one of its answers (label, turn id)."""
    choices = [("The inspection as a whole", "")]
    for number, turn in enumerate(case.turns, 1):
        choices.append((f"Answer {number}: {_short(turn.question, 48)}", turn.id))
    return choices


def step_choices(case: Case) -> list[tuple[str, int]]:
    """The process's steps to choose from (label, number); 0 is "no step"."""
    steps = case.process.steps if case.process else ()
    return [("Not given", 0), *((f"{s.number}. {_short(s.text, 60)}", s.number) for s in steps)]


def history(rows: Sequence[CaseSummary], offset: int, limit: int, filtered: bool) -> Json:
    """The History list, newest first. rows: up to limit + 1; the last says "more"."""
    return {
        "rows": [_summary(row) for row in rows[:limit]],
        "first": offset + 1,
        "more": len(rows) > limit,
        "filtered": filtered,
    }


def _summary(row: CaseSummary) -> Json:
    judged = row.verdict
    return {
        "id": row.id,
        "time": row.created,
        "product": row.product,
        "name": row.query.name,
        "thumb": f"case/{row.id}/thumb.png",
        "score": row.score,
        "label": judged.label if judged else "",
        "word": LABELS[judged.label] if judged else "Not judged",
        "p": judged.p_defective if judged else None,
        "corrected": row.corrected or "",
        "correctedWord": LABELS[row.corrected] if row.corrected else "",
        "turns": row.turns,
    }


def engine(status: EngineStatus) -> Json:
    """The engine line."""
    return {
        "state": status.state,
        "message": status.message,
        "fraction": status.fraction,
        "engine": status.engine,
    }


def saved_line(database: str, now: datetime) -> str:
    """The confirmation of a stored correction."""
    return f"Saved to {database} at {now:%H:%M}."


def _short(text: str, length: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
