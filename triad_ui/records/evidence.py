"""What an expert says of an image: map, scale, and the regions chosen from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Policy = Literal["ranked", "faithful", "user", "null", "anyres"]
"""Who chose the regions: the expert's map (two ways), a person, chance, or nobody (none)."""
Basis = Literal["references", "single image", "pool", "text"]
"""What an image was compared with; see AnomalyMap."""


@dataclass(frozen=True, slots=True)
class Roi:
    """A region of interest. score: 0..1 from the map, None when drawn by a person or at random."""

    x0: int
    y0: int
    x1: int
    y1: int
    score: float | None = None
    source: Literal["expert", "user", "random"] = "expert"

    @property
    def box(self) -> tuple[int, int, int, int]:
        return self.x0, self.y0, self.x1, self.y1


@dataclass(frozen=True, slots=True)
class Scale:
    """Raw distances of an expert that count as 0.5.

    place: of a place on the map. image: of a whole image. Both in the expert's own unit, above 0.
    """

    place: float
    image: float


@dataclass(frozen=True, slots=True, eq=False)
class AnomalyMap:
    """Where an expert finds an image suspicious.

    values: float32 (h, w), 0..1, 0.5 = threshold. score: the image's own 0..1, 0.5 = threshold.
    calibrated: True when the scale comes from references (leave-one-out) or from a stored scale,
    False when it was fixed beforehand for want of them. expert: name@version of what made it.
    basis: what the image was compared with: "references"; "single image", itself; "pool",
    unlabelled pictures; "text", descriptions of good and faulty parts. kinds: likely kinds of
    defect with their similarity 0..1, best first, of experts that read descriptions. threshold:
    where on the expert's own 0..1 scale the threshold stood that was set for the product and has
    been moved to 0.5 (expert.threshold); 0.5 when nobody set one.
    """

    values: np.ndarray
    score: float
    calibrated: bool
    expert: str
    basis: Basis = "references"
    kinds: tuple[tuple[str, float], ...] = ()
    threshold: float = 0.5
