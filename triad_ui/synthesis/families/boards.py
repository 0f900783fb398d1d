"""A populated circuit board."""

from __future__ import annotations

from typing import Any

import numpy as np

from triad_ui.synthesis.families.drawing import Canvas, box, disc, grain
from triad_ui.synthesis.families.palette import article, listed, pick, pick_several, shade
from triad_ui.synthesis.families.recipe import Chance, Fault, RecipeFamily, Step
from triad_ui.synthesis.product import Spec

MASKS = ("green", "blue", "red", "black", "purple")
LEDS = ("red", "green", "yellow", "blue", "white")
CORNERS = ("top left", "top right", "bottom left", "bottom right")


class CircuitBoard(RecipeFamily):
    """A board with one main chip in a corner, a row of resistors and a row of LEDs."""

    name = "circuit board"
    plural = "circuit boards"
    form_key = "place"
    finish_key = "mask"

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        mask = pick(rng, MASKS)
        return {
            "mask": mask,
            "resistors": int(rng.integers(3, 8)),
            "leds": pick_several(rng, [name for name in LEDS if name != mask], 3),
            "corner": pick(rng, CORNERS),
            "capacitors": int(rng.integers(2, 5)),
        }

    def steps(self, spec: Spec) -> list[Step]:
        return [
            Step(
                "mask",
                ("Etch the tracks, apply solder mask.", "Print the solder mask."),
                (f"board: {spec['mask']}",),
            ),
            Step(
                "place",
                ("Place the chip and the resistors.", "Mount chip and resistors."),
                (f"chip: {spec['corner']}", f"resistors: {spec['resistors']}"),
            ),
            Step(
                "cans",
                ("Add the round capacitors.", "Insert capacitors."),
                (f"capacitors: {spec['capacitors']}",),
            ),
            Step(
                "leds",
                ("Fit the LEDs, left to right.", "Insert LEDs from the left."),
                (f"LEDs: {listed(spec['leds'])}",),
            ),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        k, other = (int(i) for i in rng.permutation(3)[:2])
        leds = list(spec["leds"])
        wrong = pick(rng, LEDS, spec["mask"], *leds)
        recoloured = tuple(wrong if i == k else name for i, name in enumerate(leds))
        gap = tuple("" if i == k else name for i, name in enumerate(leds))
        swapped = list(leds)
        swapped[k], swapped[other] = swapped[other], swapped[k]
        count = spec["resistors"]
        less = count - int(rng.integers(1, 3))
        more = count + int(rng.integers(1, 3))
        corner = pick(rng, CORNERS, spec["corner"])
        where = ("left", "middle", "right")[k]
        mask = pick(rng, MASKS, spec["mask"], *leds)
        right = article(f"{leds[k]} {where} LED")
        cans = spec["capacitors"]
        other_cans = cans - 1 if cans > 2 or rng.integers(2) else cans + 1
        return [
            Fault(
                {"capacitors": other_cans},
                "wrong count",
                "cans",
                f"{cans} capacitors",
                f"{other_cans} capacitors",
            ),
            Fault(
                {"leds": recoloured},
                "wrong colour",
                "leds",
                right,
                article(f"{wrong} {where} LED"),
            ),
            Fault(
                {"leds": tuple(swapped)},
                "swapped parts",
                "leds",
                right,
                f"the {leds[k]} and {leds[other]} LEDs swapped",
            ),
            Fault({"leds": gap}, "missing part", "leds", right, f"no {where} LED"),
            Fault(
                {"resistors": less},
                "wrong count",
                "place",
                f"{count} resistors",
                f"{less} resistors",
            ),
            Fault(
                {"resistors": more},
                "wrong count",
                "place",
                f"{count} resistors",
                f"{more} resistors",
            ),
            Fault(
                {"corner": corner},
                "wrong position",
                "place",
                f"the chip at the {spec['corner']}",
                f"the chip at the {corner}",
            ),
            Fault(
                {"mask": mask},
                "wrong colour",
                "mask",
                article(f"{spec['mask']} board"),
                article(f"{mask} board"),
            ),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        weave = grain(chance.field("weave"), canvas.size) * 0.03
        tint = shade(spec["mask"], chance("mask"), chance("hue")) * 0.72
        canvas.paint(
            canvas.shape(box(0.04, 0.04, 0.96, 0.96, 0.025)), tint, bevel=0.012, texture=weave
        )
        self._tracks(canvas, chance, np.minimum(tint * 1.35 + 14, 255))
        for x in (0.09, 0.91):
            for y in (0.09, 0.91):
                canvas.paint(canvas.shape(disc(x, y, 0.032)), (214, 180, 96), bevel=0.012)
                canvas.paint(canvas.shape(disc(x, y, 0.017)), (24, 24, 26))
        column = 0.16 if "left" in spec["corner"] else 0.54
        row = 0.15 if "top" in spec["corner"] else 0.61
        self._chip(canvas, chance, column, row)
        for k in range(spec["resistors"]):
            self._resistor(canvas, chance, 0.115 + 0.0865 * k, k)
        beside = 0.7 if "left" in spec["corner"] else 0.3
        opposite = 0.27 if "bottom" in spec["corner"] else 0.74
        for k in range(spec["capacitors"]):
            self._capacitor(canvas, chance, 0.2 + 0.2 * k, opposite, k)
        level = row + 0.12
        for k, name in enumerate(spec["leds"]):
            x = beside + 0.13 * (k - 1)
            canvas.paint(
                canvas.shape(box(x - 0.05, level - 0.075, x + 0.05, level + 0.075)), (196, 198, 200)
            )
            if not name:
                canvas.paint(
                    canvas.shape(box(x - 0.05, level - 0.05, x + 0.05, level + 0.05)), tint
                )
                continue
            lens = shade(name, chance("led", k), chance("led hue", k))
            canvas.paint(
                canvas.shape(disc(x, level, 0.058)), lens, bevel=0.03, gloss=0.8, shadow=0.01
            )
            canvas.glow(x - 0.015, level - 0.018, 0.018, 70)

    def _tracks(self, canvas: Canvas, chance: Chance, tone: np.ndarray) -> None:
        for k in range(14):
            x, y = 0.5 + 0.38 * chance.pair("track", k)
            bend = 0.1 * chance("bend", k)
            points = np.array(((x, 0.08), (x, y), (x + bend, y + abs(bend)), (x + bend, 0.92)))
            canvas.paint(canvas.stroke(points, 0.008), tone, opacity=0.7)
            canvas.paint(canvas.shape(disc(x, y, 0.011)), (206, 176, 100))

    def _chip(self, canvas: Canvas, chance: Chance, x: float, y: float) -> None:
        for k in range(7):
            at = x + 0.03 + 0.0365 * k
            for edge in (y - 0.028, y + 0.213):
                leg = canvas.shape(box(at, edge, at + 0.018, edge + 0.055))
                canvas.paint(leg, (190, 192, 196), bevel=0.006)
        body = canvas.shape(box(x, y, x + 0.3, y + 0.24, 0.01))
        canvas.paint(body, (44, 44, 48), bevel=0.014, shadow=0.012)
        canvas.paint(canvas.shape(disc(x + 0.035, y + 0.2, 0.014)), (80, 80, 84))
        canvas.paint(canvas.lettering("MCU 32", x + 0.15, y + 0.12, 0.04), (170, 170, 172))

    def _capacitor(self, canvas: Canvas, chance: Chance, x: float, y: float, k: int) -> None:
        x, y = np.array((x, y)) + 0.006 * chance.pair("capacitor", k)
        can = canvas.shape(disc(x, y, 0.082))
        canvas.paint(can, (60, 62, 74), bevel=0.02, shadow=0.014)
        top = canvas.shape(disc(x, y, 0.07))
        canvas.paint(top, (196, 200, 206), bevel=0.012, gloss=0.4)
        side = np.broadcast_to(np.arange(canvas.size) / canvas.size, (canvas.size,) * 2)
        canvas.paint(top.part(side < x - 0.03), (54, 56, 66))
        for ends in (((-0.03, 0), (0.05, 0)), ((0.01, -0.045), (0.01, 0.045))):
            canvas.paint(canvas.stroke(np.add(ends, (x, y)), 0.005), (130, 134, 140))

    def _resistor(self, canvas: Canvas, chance: Chance, x: float, k: int) -> None:
        y = 0.5 + 0.004 * chance("resistor", k)
        tone = (206, 208, 210)
        canvas.paint(canvas.shape(box(x, y - 0.068, x + 0.06, y + 0.068, 0.006)), tone, bevel=0.01)
        body = canvas.shape(box(x - 0.003, y - 0.045, x + 0.063, y + 0.045, 0.006))
        canvas.paint(body, (222, 198, 158), bevel=0.012, shadow=0.008)
        for band, colour in enumerate(((150, 60, 40), (40, 40, 44), (190, 60, 40))):
            at = y - 0.026 + 0.022 * band
            canvas.paint(canvas.shape(box(x - 0.003, at, x + 0.063, at + 0.012)), colour)
