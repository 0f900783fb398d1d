"""Assorted trays: a box of chocolates, a kit of small parts in four compartments."""

from __future__ import annotations

from typing import Any

import numpy as np

from triad_ui.synthesis.families.drawing import Canvas, box, disc, ellipse, grain, value_noise
from triad_ui.synthesis.families.faults import missing, wrong_colour
from triad_ui.synthesis.families.palette import NAMED, article, listed, pick, pick_several, shade
from triad_ui.synthesis.families.recipe import Chance, Fault, RecipeFamily, Step
from triad_ui.synthesis.product import Spec

ROWS = ("top", "middle", "bottom")


class ChocolateBox(RecipeFamily):
    """A box of nine chocolates, one sort in each row."""

    name = "chocolate box"
    plural = "chocolate boxes"
    form_key = "cast"
    finish_key = "box"
    sorts = ("white round", "milk square", "dark oval", "red round", "green square")

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        sorts = pick_several(rng, self.sorts, 3)
        return {
            "box": pick(rng, tuple(NAMED), "brown", "white"),
            "sweets": tuple(sort for sort in sorts for _ in range(3)),
        }

    def steps(self, spec: Spec) -> list[Step]:
        rows = tuple(
            f"{row} row: {listed(sorts if len(set(sorts)) > 1 else sorts[:1])}"
            for row, sorts in zip(ROWS, (spec["sweets"][k : k + 3] for k in (0, 3, 6)))
        )
        return [
            Step("box", ("Fold the box.", "Set up the box."), (f"box: {spec['box']}",)),
            Step("cast", ("Cast the chocolates.", "Mould the chocolates.")),
            Step(
                "fill",
                ("Place the chocolates in rows of three.", "Fill the three rows."),
                rows,
            ),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        sweets = list(spec["sweets"])
        i, j = int(rng.integers(3)), int(rng.integers(3))
        row, other = i, (i + 1 + int(rng.integers(2))) % 3
        first, second = 3 * row + j, 3 * other + int(rng.integers(3))
        right = f"three {sweets[first]} chocolates in the {ROWS[row]} row"
        swapped = list(sweets)
        swapped[first], swapped[second] = swapped[second], swapped[first]
        empty = list(sweets)
        empty[first] = ""
        wrong = list(sweets)
        wrong[first] = sweets[second]
        boxes = tuple(name for name in NAMED if name not in ("brown", "white"))
        sort = article(sweets[second])
        return [
            missing("sweets", "fill", right, f"a gap in the {ROWS[row]} row", tuple(empty)),
            Fault(
                {"sweets": tuple(swapped)},
                "swapped parts",
                "fill",
                right,
                f"{sort} one swapped into the {ROWS[row]} row",
            ),
            Fault(
                {"sweets": tuple(wrong)},
                "wrong position",
                "fill",
                right,
                f"{sort} one in the {ROWS[row]} row",
            ),
            wrong_colour(spec, rng, "box", boxes, "box", "box"),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        card = grain(chance.field("card"), canvas.size) * 0.02
        cocoa = value_noise(chance.field("cocoa"), canvas.size, 12, 2) * 0.04
        tint = shade(spec["box"], chance("box"), chance("hue"))
        canvas.paint(
            canvas.shape(box(0.06, 0.06, 0.94, 0.94, 0.02)), tint, bevel=0.02, texture=card
        )
        canvas.paint(
            canvas.shape(box(0.1, 0.1, 0.9, 0.9)), (214, 186, 120), bevel=0.01, texture=card
        )
        tones = {
            "white": (244, 228, 196), "milk": (142, 86, 50), "dark": (66, 38, 28),
            "red": (190, 36, 44), "green": (70, 146, 76),
        }  # fmt: skip
        for k, sort in enumerate(spec["sweets"]):
            x, y = 0.24 + 0.26 * (k % 3), 0.24 + 0.26 * (k // 3)
            cell = canvas.shape(box(x - 0.115, y - 0.115, x + 0.115, y + 0.115, 0.015))
            canvas.paint(cell, (104, 70, 46), bevel=0.02, depth=-1)
            if not sort:
                continue
            tone, form = sort.split()
            x, y = np.array((x, y)) + 0.008 * chance.pair("sweet", k)
            outline = {
                "round": disc(x, y, 0.088),
                "square": box(x - 0.082, y - 0.082, x + 0.082, y + 0.082, 0.02),
                "oval": ellipse(x, y, 0.1, 0.07),
            }[form]
            colour = np.array(tones[tone]) * (1 + 0.06 * chance("tone", k))
            sweet = canvas.shape(outline)
            canvas.paint(sweet, colour, bevel=0.04, gloss=0.35, texture=cocoa, shadow=0.012)
            wave = np.linspace(-0.05, 0.05, 12)
            line = np.stack((x + wave, y + 0.018 * np.sin(wave * 90)), 1)
            canvas.paint(canvas.stroke(line, 0.011), colour * 0.7 + 40)
