"""Decisions split by how large the defect is: Table 6 of the paper.

It does not know masks; a size is a share of the image's area.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from triad_ui.evaluation.threshold import Share

SMALL, LARGE = 0.01, 0.1
SIZES = ("small", "medium", "large")


@dataclass(frozen=True, slots=True)
class SizeSplit:
    """How many defects of each size were called defective, and how many good parts good; None where
    there is no such image. An undecided image is right nowhere."""

    small: Share | None
    medium: Share | None
    large: Share | None
    normal: Share | None


def size_of(share: float) -> str:
    """Small is below 0.01 of the image's area, large above 0.1, medium between (section 4.2)."""
    if share < SMALL:
        return "small"
    return "large" if share > LARGE else "medium"


def split(decisions: Iterable[tuple[bool, float | None, bool | None]]) -> SizeSplit:
    """The split of (is defective, its defect's share of the area, was called defective).

    A defective image whose share is None has no mask and is left out.
    """
    right: dict[str, list[bool]] = {name: [] for name in (*SIZES, "normal")}
    for defective, share, called in decisions:
        if not defective:
            right["normal"].append(called is False)
        elif share is not None:
            right[size_of(share)].append(called is True)
    return SizeSplit(
        **{name: Share(sum(flags), len(flags)) if flags else None for name, flags in right.items()}
    )
