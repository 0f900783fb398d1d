"""Turned metal: a spur gear, and a hexagon nut with its washers."""

from __future__ import annotations

from typing import Any

import numpy as np

from triad_ui.synthesis.families.drawing import (
    Canvas,
    box,
    brushed,
    disc,
    grain,
    turned,
    value_noise,
)
from triad_ui.synthesis.families.palette import METALS, VIVID, article, code, pick, shade
from triad_ui.synthesis.families.recipe import Chance, Fault, RecipeFamily, Step
from triad_ui.synthesis.product import Spec


class Gear(RecipeFamily):
    """A gear wheel: teeth, holes about the hub, metal, a painted ring."""

    name = "gear"
    plural = "gears"
    form_key = "teeth"
    finish_key = "mark"

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        return {
            "teeth": int(rng.integers(9, 19)),
            "holes": int(rng.integers(3, 7)),
            "lost": (),
            "metal": pick(rng, tuple(METALS)),
            "ring": pick(rng, (*VIVID, "white")),
        }

    def steps(self, spec: Spec) -> list[Step]:
        gap = "a gap of two teeth" if spec["lost"] else "evenly spaced teeth"
        return [
            Step("blank", ("Turn the blank.", "Turn the wheel."), (f"metal: {spec['metal']}",)),
            Step(
                "teeth",
                ("Hob the teeth.", "Cut the teeth."),
                (f"teeth: {spec['teeth'] - len(spec['lost'])}", gap),
            ),
            Step(
                "drill",
                ("Drill holes around the hub.", "Drill the web."),
                (f"holes: {spec['holes']}",),
            ),
            Step(
                "mark",
                ("Mark the hub.", "Paint the hub."),
                (f"ring: {spec['ring'] or 'none'}",),
            ),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        holes, teeth = spec["holes"], spec["teeth"]
        other = holes + (1 if rng.integers(2) else -1)
        first = int(rng.integers(teeth))
        ring = pick(rng, (*VIVID, "white"), spec["ring"])
        metal = pick(rng, tuple(METALS), spec["metal"])
        right = article(f"{spec['ring']} ring")
        return [
            Fault({"holes": other}, "wrong count", "drill", f"{holes} holes", f"{other} holes"),
            Fault(
                {"lost": (first, (first + 1) % teeth)},
                "missing part",
                "teeth",
                f"{teeth} teeth",
                f"{teeth - 2} teeth",
            ),
            Fault({"ring": ring}, "wrong colour", "mark", right, article(f"{ring} ring")),
            Fault({"ring": ""}, "missing part", "mark", right, "no ring"),
            Fault(
                {"metal": metal},
                "wrong colour",
                "blank",
                f"{spec['metal']} metal",
                f"{metal} metal",
            ),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        x, y = 0.5 + 0.01 * chance.pair("at")
        r = 0.43 + 0.012 * chance("radius")
        spin = 0.2 * chance("spin")
        metal = shade(spec["metal"], chance("metal"))
        finish = brushed(chance.field("brushed"), canvas.size) * 0.06
        finish += value_noise(chance.field("cloud"), canvas.size, 5) * 0.05
        outline = self._outline(spec["teeth"], spec["lost"]) * r
        outline = np.add(turned(outline, 0, 0, spin), (x, y))
        bore = disc(x, y, r * 0.16)
        holes = []
        for k in range(spec["holes"]):
            angle = spin + 2 * np.pi * k / spec["holes"]
            at = np.array((x, y)) + 0.505 * r * np.array((np.cos(angle), np.sin(angle)))
            holes.append(disc(*at, r * 0.115))
        body = canvas.shape(outline, bore, *holes)
        canvas.paint(body, metal, bevel=0.025, texture=finish, gloss=0.4)
        web = canvas.shape(disc(x, y, r * 0.72), disc(x, y, r * 0.33), *holes)
        canvas.paint(web, metal * 0.84, bevel=0.02, depth=-0.8, texture=finish)
        if spec["ring"]:
            ring = canvas.shape(disc(x, y, r * 0.32), disc(x, y, r * 0.2))
            canvas.paint(ring, shade(spec["ring"], chance("ring"), chance("hue")), bevel=0.01)
        key = canvas.shape(box(x - 0.02, y - r * 0.22, x + 0.02, y - r * 0.1))
        canvas.paint(key, (58, 58, 60))
        canvas.cover[key.window] *= 1 - key.alpha

    @staticmethod
    def _outline(teeth: int, lost: tuple[int, ...]) -> np.ndarray:
        """Points of a gear of radius 1; a lost tooth is cut to the root."""
        pitch = 2 * np.pi / teeth
        points = []
        for k in range(teeth):
            tip = 0.83 if k in lost else 1.0
            for share, radius in (
                (0.0, 0.83),
                (0.24, 0.83),
                (0.37, tip),
                (0.63, tip),
                (0.76, 0.83),
            ):
                angle = (k + share) * pitch
                points.append((radius * np.cos(angle), radius * np.sin(angle)))
        return np.array(points)


class HexNut(RecipeFamily):
    """A hexagon nut on a coloured washer, with a stamped code."""

    name = "hex nut"
    plural = "hex nuts"
    form_key = "forge"
    finish_key = "stamp"

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        return {
            "metal": pick(rng, tuple(METALS)),
            "washer": pick(rng, (*VIVID, "black", "white")),
            "text": code(rng),
        }

    def steps(self, spec: Spec) -> list[Step]:
        return [
            Step(
                "forge",
                ("Forge the hexagon, cut the thread.", "Forge the nut and tap it."),
                (f"metal: {spec['metal']}",),
            ),
            Step(
                "washer",
                ("Go through the washer station.", "Assemble with washer."),
                (f"washer: {spec['washer'] or 'none'}",),
            ),
            Step(
                "stamp", ("Stamp the code.", "Mark the code."), (f"code: {spec['text'] or 'none'}",)
            ),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        washer = pick(rng, (*VIVID, "black", "white"), spec["washer"])
        metal = pick(rng, tuple(METALS), spec["metal"])
        right = article(f"{spec['washer']} washer")
        return [
            Fault({"washer": washer}, "wrong colour", "washer", right, article(f"{washer} washer")),
            Fault({"washer": ""}, "missing part", "washer", right, "no washer"),
            Fault(
                {"metal": metal},
                "wrong colour",
                "forge",
                f"{spec['metal']} metal",
                f"{metal} metal",
            ),
            Fault({"text": ""}, "missing part", "stamp", f"the code {spec['text']}", "no code"),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        x, y = 0.5 + 0.01 * chance.pair("at")
        r = 0.34 + 0.01 * chance("radius")
        matte = grain(chance.field("matte"), canvas.size) * 0.02
        if spec["washer"]:
            ring = canvas.shape(disc(x, y, r * 1.3), disc(x, y, r * 0.5))
            tint = shade(spec["washer"], chance("washer"), chance("hue"))
            canvas.paint(ring, tint, bevel=0.025, texture=matte, gloss=0.3)
        metal = shade(spec["metal"], chance("metal"))
        finish = brushed(chance.field("brushed"), canvas.size) * 0.06
        turn = np.pi / 6 + 0.08 * chance("turn")
        t = np.arange(6) * np.pi / 3 + turn
        corners = np.stack((x + r * 1.14 * np.cos(t), y + r * 1.14 * np.sin(t)), 1)
        bore = disc(x, y, r * 0.52)
        body = canvas.shape(corners, bore)
        canvas.paint(body, metal, bevel=0.03, texture=finish, gloss=0.5, shadow=0.012)
        face = canvas.shape(disc(x, y, r * 0.97), bore)
        canvas.paint(face, np.minimum(metal * 1.08, 255), bevel=0.015, texture=finish)
        for k in range(5):
            radius = r * (0.58 - 0.022 * k)
            ring = canvas.shape(disc(x, y, radius), disc(x, y, radius - 0.006))
            canvas.paint(ring, metal * (0.5 + 0.25 * (k % 2)))
        if spec["text"]:
            ink = metal * (0.4 if metal.mean() > 90 else 2.4)
            canvas.paint(canvas.lettering(spec["text"], x, y - r * 0.76, 0.085, bold=1.2), ink)
