"""Where the items of an `Assembly` lie, and in which forms. Knows no colours."""

from __future__ import annotations

import numpy as np

from triad_ui.synthesis.families.drawing import box, disc, regular
from triad_ui.synthesis.product import Spec

ROW, COLUMN, CIRCLE, GRID = "left to right", "top to bottom", "clockwise from the top", "row by row"
STRIPS, CUPS = "side by side", "in the cups"
SPREAD, AROUND = "all over", "around"
LAYOUTS = (ROW, COLUMN, CIRCLE, GRID, STRIPS, CUPS, SPREAD, AROUND)
ORDERS = {
    ROW: ("from the left", "left to right"),
    COLUMN: ("from the top", "top to bottom"),
    CIRCLE: ("clockwise from the top",),
    GRID: ("row by row",),
    STRIPS: ("from the left", "side by side, left to right", "left to right"),
    CUPS: ("in the cups", "row by row"),
    SPREAD: ("in rows", "all over"),
    AROUND: ("around the edge", "evenly around"),
}
CORNERS = {
    "top left": (-1, -1), "top right": (1, -1), "bottom left": (-1, 1), "bottom right": (1, 1),
    "top": (0, -1.2), "bottom": (0, 1.2), "left end": (-1.2, 0), "right end": (1.2, 0),
}  # fmt: skip
FORMS = ("disc", "square", "triangle", "hexagon", "bar", "hollow")


def place(spec: Spec, k: int) -> tuple[float, float, float]:
    """Centre and radius of an item."""
    count, spread = len(spec["items"]), spec["spread"]
    if spec["how"] == CIRCLE:
        way = 2 * np.pi * k / count - np.pi / 2
        far = 0.14 * spread
        return 0.5 + far * np.cos(way), 0.5 + far * np.sin(way), 0.055 * spread
    if spec["how"] == STRIPS:
        wide = 0.4 * spread / count
        return 0.5 + wide * (k - (count - 1) / 2), 0.5, wide / 2 * 0.94
    if spec["how"] == CUPS:
        across = count // 2
        gap = min(0.16, 0.42 / across) * spread
        x = 0.5 + gap * (k % across - (across - 1) / 2)
        return x, 0.5 + gap * (k // across - 0.5), gap * 0.4
    if spec["how"] == SPREAD:
        across, down = spec["across"], count // spec["across"]
        gap = 0.62 / max(across, down) * min(spec["spread"], 1.2)
        x = 0.5 + gap * (k % across - (across - 1) / 2)
        return x, 0.5 + gap * (k // across - (down - 1) / 2), gap * 0.28
    if spec["how"] == AROUND:
        way = 2 * np.pi * (k / count + 0.1 * spread) - np.pi / 2
        far = 0.22 + 0.1 * spread
        return 0.5 + far * np.cos(way), 0.5 + far * np.sin(way), 0.03 * spread
    if spec["how"] == GRID:
        across = count // 2
        gap = 0.36 / across * spread
        x = 0.5 + gap * (k % across - (across - 1) / 2)
        return x, 0.5 + 0.14 * spread * (k // across - 0.5), 0.05 * spread
    along = 0.5 + 0.36 * spread / max(count, 3) * (k - (count - 1) / 2)
    r = min(0.06, 0.15 / max(count, 3) + 0.01) * spread
    return (along, 0.5, r) if spec["how"] == ROW else (0.5, along, r)


def form_of(form: str, x: float, y: float, r: float) -> tuple[np.ndarray, ...]:
    """Outlines of an item."""
    if form == "square":
        return (box(x - r * 0.9, y - r * 0.9, x + r * 0.9, y + r * 0.9, 0.01),)
    if form == "bar":
        return (box(x - r * 0.5, y - r * 1.1, x + r * 0.5, y + r * 1.1, 0.008),)
    if form == "hollow":
        return disc(x, y, r), disc(x, y, r * 0.45)
    sides = {"triangle": 3, "hexagon": 6}.get(form)
    return (regular(x, y, r, sides, -np.pi / 2) if sides else disc(x, y, r),)
