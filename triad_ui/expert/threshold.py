"""A product's own threshold applied to an anomaly map, and taken off again.

An expert puts its threshold at 0.5. Where pictures of a product showed that another place on that
0..1 scale, t, divides good from bad better, the whole scale is moved so that t becomes 0.5: in
terms of odds(p) = p / (1 - p), odds(v') = odds(v) / odds(t). That keeps 0 at 0, 1 at 1 and the
order of all places, so that maps stay comparable and everything after them keeps asking "0.5?".

It does not know who chose a threshold, nor from what.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from triad_ui.errors import ExpertError
from triad_ui.records import AnomalyMap

NEUTRAL = 0.5
"""The threshold that changes nothing."""
LEAST, MOST = 0.001, 0.999
"""Thresholds beyond these would call everything defective, or nothing."""


def at_threshold(amap: AnomalyMap, threshold: float) -> AnomalyMap:
    """The map and score with `threshold`, 0..1 on the expert's own scale, moved to 0.5.

    A map that another threshold was applied to before is put back first, so that the last one
    counts. ExpertError unless LEAST <= threshold <= MOST.
    """
    checked(threshold)
    if threshold == amap.threshold:
        return amap
    share = odds(threshold) / odds(amap.threshold)
    return replace(
        amap,
        values=_moved(amap.values, share),
        score=float(_moved(np.array(amap.score, np.float64), share)),
        threshold=threshold,
    )


def odds(p: float) -> float:
    """p / (1 - p), for 0 < p < 1."""
    return p / (1 - p)


def checked(threshold: float) -> float:
    """The threshold itself. ExpertError unless LEAST <= threshold <= MOST."""
    if not LEAST <= threshold <= MOST:  # NaN too
        raise ExpertError(
            f"The threshold {threshold:.4g} cannot be used. Choose one from {LEAST} to {MOST}; "
            f"{NEUTRAL} is the expert's own."
        )
    return float(threshold)


def moved(values: np.ndarray, threshold: float) -> np.ndarray:
    """Scores 0..1 of any shape as they are under `threshold`; float64. See `at_threshold`."""
    return _moved(np.asarray(values, np.float64), odds(checked(threshold)))


def neutral(score: float, threshold: float) -> float:
    """A score 0..1 that stands under `threshold` put back on the expert's own scale."""
    return float(_moved(np.array(score, np.float64), 1 / odds(checked(threshold))))


def _moved(values: np.ndarray, share: float) -> np.ndarray:
    # v' = (v / s) / (v / s + 1 - v), from odds(v') = odds(v) / s; also right at v = 0 and v = 1
    part = values / values.dtype.type(share)
    return part / (part + (1 - values))
