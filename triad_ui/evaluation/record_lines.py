"""Anomaly maps and verdicts as values of a record's lines, and back, bit for bit.

A line that does not hold what it should reads as None: it is measured anew. It does not know files.
"""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Mapping
from typing import Any, get_args

import numpy as np

from triad_ui.records import AnomalyMap, Label, Verdict

MOST_CELLS = 512 * 512
"""Cells of a map that is kept; experts look anew where it would have more."""


def map_as_json(found: AnomalyMap) -> dict[str, Any]:
    """All of a map; its values are left out when they are too many to keep."""
    values = np.ascontiguousarray(found.values, dtype="<f4")
    few = values.size <= MOST_CELLS
    return {
        "score": float(found.score),
        "calibrated": bool(found.calibrated),
        "expert": found.expert,
        "basis": found.basis,
        "kinds": [[name, float(similarity)] for name, similarity in found.kinds],
        "threshold": float(found.threshold),
        "shape": list(values.shape),
        "map": base64.b64encode(zlib.compress(values.tobytes(), 1)).decode() if few else None,
    }


def map_from_json(line: Mapping[str, Any]) -> AnomalyMap | None:
    """The map of a line; None when it was not kept or the line is of something else."""
    try:
        if line["map"] is None or not math.isfinite(line["seconds"]):
            return None
        data = zlib.decompress(base64.b64decode(line["map"], validate=True))
        return AnomalyMap(
            values=np.frombuffer(data, "<f4").reshape(line["shape"]).astype(np.float32),
            score=float(line["score"]),
            calibrated=bool(line["calibrated"]),
            expert=str(line["expert"]),
            basis=line["basis"],
            kinds=tuple((str(name), float(value)) for name, value in line["kinds"]),
            threshold=float(line["threshold"]),
        )
    except (KeyError, TypeError, ValueError, zlib.error):
        return None


def verdict_as_json(verdict: Verdict) -> dict[str, Any]:
    """Label and probability; a verdict from logits has no words."""
    return {"label": verdict.label, "p_defective": verdict.p_defective}


def verdict_from_json(line: Mapping[str, Any]) -> Verdict | None:
    """The verdict of a line, None when it holds none."""
    try:
        label, p = line["label"], float(line["p_defective"])
        if label not in get_args(Label) or not 0 <= p <= 1 or not math.isfinite(line["seconds"]):
            return None
    except (KeyError, TypeError, ValueError):
        return None
    return Verdict(label, p)
