"""Cables: the cut face of a three-wire cable, and a flat ribbon cable."""

from __future__ import annotations

from typing import Any

import numpy as np

from triad_ui.synthesis.families.drawing import Canvas, box, brushed, disc, grain, value_noise
from triad_ui.synthesis.families.palette import (
    METALS,
    NAMED,
    VIVID,
    article,
    listed,
    pick,
    pick_several,
    shade,
)
from triad_ui.synthesis.families.recipe import Chance, Fault, RecipeFamily, Step
from triad_ui.synthesis.product import Spec

SHEATHS = ("grey", "black", "white", "blue", "orange", "green")
WIRES = ("red", "green", "blue", "yellow", "orange", "purple", "brown", "white", "black")
PLACES = ("top", "lower right", "lower left")


class Cable(RecipeFamily):
    """A cable cut across: sheath, three insulated wires, strands."""

    name = "cable"
    plural = "cables"
    form_key = "sheath"
    finish_key = "insulate"

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        sheath = pick(rng, SHEATHS)
        wires = pick_several(rng, [name for name in WIRES if name != sheath], 3)
        metal = ("copper", "copper", "steel")[int(rng.integers(3))]
        return {"sheath": sheath, "wires": wires, "strands": metal}

    def steps(self, spec: Spec) -> list[Step]:
        metal = "tinned" if spec["strands"] == "steel" else "copper"
        count = sum(name != "" for name in spec["wires"])
        return [
            Step(
                "strand",
                (f"Twist {metal} strands into conductors.", f"Strand {metal} wire."),
                (f"strands: {metal}",),
            ),
            Step(
                "insulate",
                ("Insulate the conductors, clockwise from the top.", "Coat the wires clockwise."),
                (f"wires: {count}", f"colours from the top: {listed(spec['wires'])}"),
            ),
            Step(
                "sheath",
                ("Sheathe the wires.", "Extrude the outer sheath.", "Jacket the bundle."),
                (f"sheath: {spec['sheath']}",),
            ),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        k = int(rng.integers(3))
        wires = list(spec["wires"])
        wrong = pick(rng, WIRES, spec["sheath"], *wires)
        recoloured = tuple(wrong if i == k else name for i, name in enumerate(wires))
        gap = tuple("" if i == k else name for i, name in enumerate(wires))
        other = (k + 1) % 3
        swapped = list(wires)
        swapped[k], swapped[other] = swapped[other], swapped[k]
        sheath = pick(rng, SHEATHS, spec["sheath"], *wires)
        right = article(f"{wires[k]} {PLACES[k]} wire")
        return [
            Fault(
                {"wires": recoloured},
                "wrong colour",
                "insulate",
                right,
                article(f"{wrong} {PLACES[k]} wire"),
            ),
            Fault(
                {"wires": tuple(swapped)},
                "swapped parts",
                "insulate",
                right,
                f"the {wires[k]} and {wires[other]} wires swapped",
            ),
            Fault({"wires": gap}, "missing part", "insulate", right, f"no {PLACES[k]} wire"),
            Fault(
                {"sheath": sheath},
                "wrong colour",
                "sheath",
                article(f"{spec['sheath']} sheath"),
                article(f"{sheath} sheath"),
            ),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        rough = grain(chance.field("rough"), canvas.size) * 0.03
        rough += value_noise(chance.field("cloud"), canvas.size, 6) * 0.04
        x, y = 0.5 + 0.01 * chance.pair("at")
        radius = 0.43 + 0.015 * chance("radius")
        tint = shade(spec["sheath"], chance("sheath"), chance("hue"))
        canvas.paint(canvas.shape(disc(x, y, radius)), tint, bevel=0.05, texture=rough)
        canvas.paint(canvas.shape(disc(x, y, radius * 0.9)), tint * 0.82 + 18, texture=rough)
        spin = 0.06 * chance("spin")
        for k, name in enumerate(spec["wires"]):
            turn = spin - np.pi / 2 + k * 2 * np.pi / 3
            wx, wy = np.array((x, y)) + 0.51 * radius * np.array((np.cos(turn), np.sin(turn)))
            r = radius * (0.395 + 0.008 * chance("wire", k))
            if not name:
                canvas.paint(canvas.shape(disc(wx, wy, r)), tint * 0.3, bevel=0.03, depth=-0.7)
                continue
            coat = shade(name, chance("coat", k), chance("coat hue", k))
            canvas.paint(
                canvas.shape(disc(wx, wy, r)), coat, bevel=0.02, texture=rough, shadow=0.006
            )
            canvas.paint(canvas.shape(disc(wx, wy, r * 0.67)), (48, 40, 38))
            self._strands(canvas, spec, chance, wx, wy, r * 0.66, k)

    def _strands(
        self, canvas: Canvas, spec: Spec, chance: Chance, x: float, y: float, r: float, wire: int
    ) -> None:
        """Lay 19 round strands in two rings about one."""
        metal = np.array(METALS[spec["strands"]], np.float32)
        thin = r / 5.1
        for ring, count in ((0, 1), (1, 6), (2, 12)):
            for k in range(count):
                turn = 2 * np.pi * k / count + chance("lay", wire, ring)
                at = np.array((x, y)) + 2.02 * thin * ring * np.array((np.cos(turn), np.sin(turn)))
                at = at + 0.12 * thin * chance.pair("strand", wire, ring, k)
                tone = metal * (1 + 0.14 * chance("tone", wire, ring, k))
                canvas.paint(canvas.shape(disc(*at, thin * 1.02)), tone, bevel=0.012, gloss=0.4)


class RibbonCable(RecipeFamily):
    """Flat parallel wires side by side, one marked at the edge or all coloured."""

    name = "ribbon cable"
    plural = "ribbon cables"
    form_key = "bond"
    finish_key = "colour"

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        count = int(rng.integers(5, 9))
        names = tuple(NAMED)
        return {
            "wires": tuple(names[int(k)] for k in rng.permutation(len(names))[:count]),
            "ends": pick(rng, ("black", "white", "blue", "green")),
        }

    def steps(self, spec: Spec) -> list[Step]:
        count = sum(name != "" for name in spec["wires"])
        return [
            Step(
                "colour",
                ("Extrude the insulated wires.", "Colour the wires, left to right."),
                (f"wires: {count}", f"left to right: {listed(spec['wires'])}"),
            ),
            Step("bond", ("Bond the wires side by side.", "Weld the wires into a flat band.")),
            Step(
                "crimp",
                ("Crimp a connector on each end.", "Press on both connectors."),
                (f"connectors: {spec['ends']}",),
            ),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        wires = list(spec["wires"])
        count = len(wires)
        k, other = (int(i) for i in rng.permutation(count)[:2])
        wrong = pick(rng, tuple(NAMED), *wires)
        recoloured = tuple(wrong if i == k else name for i, name in enumerate(wires))
        swapped = list(wires)
        swapped[k], swapped[other] = swapped[other], swapped[k]
        gap = tuple("" if i == k else name for i, name in enumerate(wires))
        ends = pick(rng, VIVID, spec["ends"])
        return [
            Fault(
                {"wires": recoloured},
                "wrong colour",
                "colour",
                f"{article(wires[k])} wire in place {k + 1}",
                f"{article(wrong)} wire in place {k + 1}",
            ),
            Fault(
                {"wires": tuple(swapped)},
                "swapped parts",
                "colour",
                f"{article(wires[k])} wire in place {k + 1}",
                f"the {wires[k]} and {wires[other]} wires swapped",
            ),
            Fault(
                {"wires": gap},
                "missing part",
                "colour",
                f"{article(wires[k])} wire in place {k + 1}",
                f"no wire in place {k + 1}",
            ),
            Fault(
                {"ends": ends},
                "wrong colour",
                "crimp",
                f"{spec['ends']} connectors",
                f"{ends} connectors",
            ),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        count = len(spec["wires"])
        streak = brushed(chance.field("streak"), canvas.size, upright=True) * 0.02
        pitch = 0.094 + 0.003 * chance("pitch")
        left = 0.5 - pitch * count / 2 + 0.01 * chance("left")
        for k, name in enumerate(spec["wires"]):
            if not name:
                continue
            tint = shade(name, chance("wire", k), chance("hue", k))
            x = left + k * pitch
            outline = box(x, 0.08, x + pitch, 0.92)
            canvas.paint(canvas.shape(outline), tint, bevel=0.04, gloss=0.3, texture=streak)
        ends = shade(spec["ends"], chance("ends"))
        for top in (0.05, 0.83):
            body = canvas.shape(
                box(left - 0.035, top, left + pitch * count + 0.035, top + 0.12, 0.012)
            )
            canvas.paint(body, ends, bevel=0.02, shadow=0.01)
            for k in range(count):
                x = left + (k + 0.5) * pitch
                slot = canvas.shape(box(x - 0.02, top + 0.03, x + 0.02, top + 0.09))
                canvas.paint(slot, (212, 176, 92), bevel=0.01, depth=-1)
