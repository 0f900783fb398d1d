"""A dial gauge: face, warning zone, hand, unit."""

from __future__ import annotations

from typing import Any

import numpy as np

from triad_ui.synthesis.families.drawing import Canvas, brushed, disc, value_noise
from triad_ui.synthesis.families.faults import (
    missing,
    wrong_choice,
    wrong_colour,
    wrong_text,
)
from triad_ui.synthesis.families.palette import article, ink_on, pick, shade
from triad_ui.synthesis.families.recipe import Chance, Fault, RecipeFamily, Step
from triad_ui.synthesis.product import Spec


class DialGauge(RecipeFamily):
    """A round gauge: face, warning zone, hand at rest, unit."""

    name = "dial gauge"
    plural = "dial gauges"
    form_key = "case"
    finish_key = "print"
    units = ("bar", "psi", "kPa", "mm", "rpm")
    ends = ("left", "top", "right")

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        face = pick(rng, ("white", "black", "yellow"))
        return {
            "face": face,
            "zone": pick(rng, ("red", "green", "blue", "orange", "purple")),
            "hand": pick(rng, ("red", "blue", "green", "orange", "purple")),
            "points": pick(rng, self.ends),
            "unit": pick(rng, self.units),
        }

    def steps(self, spec: Spec) -> list[Step]:
        return [
            Step("case", ("Turn the steel case.", "Press the steel case.")),
            Step(
                "print",
                ("Print the dial.", "Print the face."),
                (
                    f"face: {spec['face']}",
                    f"zone: {spec['zone'] or 'none'}",
                    f"unit: {spec['unit']}",
                ),
            ),
            Step(
                "hand",
                ("Finish the movement.", "Mount and set the movement."),
                (f"hand: {spec['hand']}", f"hand at: {spec['points']}")
                if spec["hand"]
                else ("hand: none",),
            ),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        colours = ("red", "blue", "green", "orange", "purple")
        right = article(f"{spec['hand']} hand")
        return [
            wrong_colour(spec, rng, "zone", colours, "print", "zone"),
            wrong_colour(spec, rng, "hand", colours, "hand", "hand"),
            wrong_colour(spec, rng, "face", ("white", "black", "yellow"), "print", "face"),
            missing("hand", "hand", right, "no hand"),
            missing("zone", "print", article(f"{spec['zone']} zone"), "no coloured zone"),
            wrong_choice(spec, rng, "points", self.ends, "hand", "the hand"),
            wrong_text(spec, rng, "unit", self.units, "print", "unit"),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        x, y = 0.5 + 0.008 * chance.pair("at")
        r = 0.43 + 0.01 * chance("radius")
        shine = brushed(chance.field("shine"), canvas.size) * 0.04
        soft = value_noise(chance.field("soft"), canvas.size, 4, 2) * 0.015
        canvas.paint(
            canvas.shape(disc(x, y, r)), (176, 180, 186), bevel=0.04, gloss=0.6, texture=shine
        )
        face = shade(spec["face"], chance("face"), chance("hue"))
        canvas.paint(canvas.shape(disc(x, y, r * 0.87)), face, bevel=0.02, depth=-0.6, texture=soft)
        ink = ink_on(spec["face"])
        around = np.linspace(-0.75 * np.pi, 0.25 * np.pi + np.pi / 2, 60) - np.pi / 2
        arc = np.stack((np.cos(around), np.sin(around)), 1)
        if spec["zone"]:
            zone = np.concatenate((arc[42:] * 0.79 * r, arc[:41:-1] * 0.62 * r))
            tint = shade(spec["zone"], chance("zone"), chance("zone hue"))
            canvas.paint(canvas.shape(np.add(zone, (x, y))), tint)
        for k in range(31):
            at = arc[min(59, 2 * k)] * r
            inner = 0.68 if k % 5 == 0 else 0.73
            tick = np.add((at * inner, at * 0.79), (x, y))
            canvas.paint(canvas.stroke(tick, 0.011 if k % 5 == 0 else 0.005), ink)
        if spec["unit"]:
            canvas.paint(canvas.lettering(spec["unit"], x, y + 0.5 * r, 0.1, bold=1.3), ink)
        if spec["hand"]:
            turn = {"left": np.pi, "top": -np.pi / 2, "right": 0.0}[spec["points"]]
            turn += 0.05 * chance("turn")
            way, side = (
                np.array((np.cos(turn), np.sin(turn))),
                np.array((-np.sin(turn), np.cos(turn))),
            )
            tail = way * -0.16 * r
            needle = np.add((way * 0.66 * r, tail + side * 0.036, tail - side * 0.036), (x, y))
            tint = shade(spec["hand"], chance("hand"), chance("hand hue"))
            canvas.paint(canvas.shape(needle), tint, bevel=0.008, shadow=0.012)
        canvas.paint(canvas.shape(disc(x, y, 0.042)), (60, 60, 64), bevel=0.02, gloss=0.6)
        canvas.glow(x - 0.16, y - 0.2, 0.13, 22)
