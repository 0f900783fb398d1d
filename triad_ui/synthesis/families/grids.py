"""A welded wire grid in a coated frame, with clips at its corners."""

from __future__ import annotations

from typing import Any

import numpy as np

from triad_ui.synthesis.families.drawing import Canvas, box, brushed, grain
from triad_ui.synthesis.families.faults import missing, wrong_colour
from triad_ui.synthesis.families.palette import METALS, VIVID, article, pick, shade
from triad_ui.synthesis.families.recipe import Chance, Fault, RecipeFamily, Step
from triad_ui.synthesis.product import Spec

CORNERS = ("top left", "top right", "bottom left", "bottom right")
COATS = (*VIVID, "white", "black", "grey")


class WireGrid(RecipeFamily):
    """Upright wires welded on cross wires inside a frame; one corner carries a clip."""

    name = "wire grid"
    plural = "wire grids"
    form_key = "weld"
    finish_key = "coat"

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        coat = pick(rng, COATS)
        return {
            "metal": pick(rng, tuple(METALS)),
            "uprights": int(rng.integers(4, 8)),
            "crosses": int(rng.integers(4, 8)),
            "lost": ("", -1),
            "coat": coat,
            "clip": pick(rng, VIVID, coat),
            "corner": pick(rng, CORNERS),
        }

    def steps(self, spec: Spec) -> list[Step]:
        way = spec["lost"][0]
        clip = f"{spec['clip']} clip: {spec['corner']}" if spec["clip"] else "no clip"
        return [
            Step(
                "wire",
                ("Draw and cut the wires.", "Straighten the wires."),
                (f"metal: {spec['metal']}",),
            ),
            Step(
                "weld",
                ("Weld the wires crosswise.", "Spot-weld the crossings."),
                (
                    f"upright wires: {spec['uprights'] - (way == 'upright')}",
                    f"cross wires: {spec['crosses'] - (way == 'cross')}",
                ),
            ),
            Step("coat", ("Coat the frame.", "Dip the frame."), (f"frame: {spec['coat']}",)),
            Step("clip", ("Go through the clip station.", "Finish the corner."), (clip,)),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        ways = {"upright": spec["uprights"], "cross": spec["crosses"]}
        gaps = [
            missing(
                "lost", "weld", f"{count} {way} wires", f"{count - 1} {way} wires",
                (way, int(rng.integers(1, count - 1))),
            )
            for way, count in ways.items()
        ]  # fmt: skip
        corner = pick(rng, CORNERS, spec["corner"])
        clip = f"the {spec['clip']} clip at the"
        return [
            *gaps,
            wrong_colour(spec, rng, "metal", tuple(METALS), "wire", "metal"),
            wrong_colour(spec, rng, "coat", COATS, "coat", "frame", spec["clip"]),
            wrong_colour(spec, rng, "clip", VIVID, "clip", "clip", spec["coat"]),
            missing("clip", "clip", article(f"{spec['clip']} clip"), "no clip"),
            Fault(
                {"corner": corner}, "wrong position", "clip",
                f"{clip} {spec['corner']}", f"{clip} {corner}",
            ),
        ]  # fmt: skip

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        drawn = brushed(chance.field("drawn"), canvas.size) * 0.015
        matte = 0.02 * grain(chance.field("matte"), canvas.size)
        metal = shade(spec["metal"], chance("metal"))
        thick = 0.017 + 0.001 * chance("thick")
        lost = spec["lost"]
        for way, count in (("cross", spec["crosses"]), ("upright", spec["uprights"])):
            for k in range(count):
                if lost == (way, k):
                    continue
                at = 0.1 + 0.8 * (k + 0.5) / count + 0.004 * chance(way, k)
                bow = 0.004 * chance("bow", way, k)
                along = np.linspace(0.09, 0.91, 12)
                line = np.stack((along, at + bow * np.sin(np.pi * along)), 1)
                line = line[:, ::-1] if way == "upright" else line
                wire = canvas.stroke(line, 2 * thick)
                canvas.paint(wire, metal, bevel=thick, gloss=0.5, texture=drawn, shadow=0.006)
        tint = shade(spec["coat"], chance("coat"), chance("hue"))
        frame = canvas.shape(box(0.055, 0.055, 0.945, 0.945, 0.05), box(0.11, 0.11, 0.89, 0.89))
        canvas.paint(frame, tint, bevel=0.026, gloss=0.3, texture=matte)
        if spec["clip"]:
            x = 0.11 if "left" in spec["corner"] else 0.89
            y = 0.11 if "top" in spec["corner"] else 0.89
            clip = canvas.shape(box(x - 0.075, y - 0.075, x + 0.075, y + 0.075, 0.02))
            tint = shade(spec["clip"], chance("clip"), chance("clip hue"))
            canvas.paint(clip, tint, bevel=0.025, gloss=0.4, shadow=0.012)
            screw = canvas.shape(box(x - 0.024, y - 0.024, x + 0.024, y + 0.024, 0.024))
            canvas.paint(screw, (172, 174, 180), bevel=0.014, gloss=0.5)
