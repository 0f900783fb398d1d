"""Closures: a zipper, and a crown cap seen from above."""

from __future__ import annotations

from typing import Any

import numpy as np

from triad_ui.synthesis.families.drawing import (
    Canvas,
    box,
    brushed,
    disc,
    grain,
    regular,
    turned,
    value_noise,
)
from triad_ui.synthesis.families.faults import miscount, missing, wrong_choice, wrong_colour
from triad_ui.synthesis.families.palette import NAMED, VIVID, article, pick, shade
from triad_ui.synthesis.families.recipe import Chance, Fault, RecipeFamily, Step
from triad_ui.synthesis.product import Spec

TABS = (*VIVID, "white", "black")
SLIDES = {"top": 0.2, "middle": 0.48, "bottom": 0.76}
TEETH = 26
FREE = (8, 16)  # teeth that no slider covers, so that a gap there is always seen
LOGOS = ("star", "square", "triangle", "disc")


class Zipper(RecipeFamily):
    """Two tapes, interlocked teeth, a slider with a coloured pull tab."""

    name = "zipper"
    plural = "zippers"
    form_key = "teeth"
    finish_key = "tape"
    thread_key = "tape"

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        tape = pick(rng, tuple(NAMED))
        return {
            "tape": tape,
            "teeth": pick(rng, ("steel", "brass", "copper")),
            "gap": -1,
            "place": pick(rng, tuple(SLIDES)),
            "tab": pick(rng, TABS, tape),
        }

    def steps(self, spec: Spec) -> list[Step]:
        row = "an unbroken row of teeth" if spec["gap"] < 0 else "a gap of two teeth"
        slider = (f"slider at: {spec['place']}", f"pull tab: {spec['tab']}")
        return [
            Step(
                "tape",
                ("Weave and dye the tapes.", "Weave both tapes.", "Cut the dyed tapes."),
                (f"tape: {spec['tape']}",),
            ),
            Step(
                "teeth",
                ("Clamp the teeth on the tapes.", "Set the metal teeth."),
                (f"teeth: {spec['teeth']}", row),
            ),
            Step(
                "slide",
                ("Go through the slider station.", "Finish with the slider."),
                slider if spec["place"] else ("slider: none",),
            ),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        gap = FREE[int(rng.integers(2))]
        row = "an unbroken row of teeth"
        metals = ("steel", "brass", "copper")
        return [
            wrong_colour(spec, rng, "tape", tuple(NAMED), "tape", "tape", spec["tab"]),
            wrong_colour(spec, rng, "teeth", metals, "teeth", "teeth"),
            missing("gap", "teeth", row, "a gap of two teeth", gap),
            missing("place", "slide", f"the slider at the {spec['place']}", "no slider"),
            wrong_choice(spec, rng, "place", tuple(SLIDES), "slide", "the slider"),
            wrong_colour(spec, rng, "tab", TABS, "slide", "pull tab", spec["tape"]),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        size = canvas.size
        middle = 0.5 + 0.01 * chance("x")
        ramp = np.arange(size, dtype=np.float32)
        weave = 0.05 * np.sin(ramp * 2 * np.pi / max(3.0, size / 90))[:, None]
        weave = weave * np.sin(ramp * 2 * np.pi / max(3.0, size / 110))[None]
        weave = weave + 0.03 * grain(chance.field("thread"), size)
        weave += 0.03 * value_noise(chance.field("cloud"), size, 5, 2)
        tint = shade(spec["tape"], chance("tape"), chance("hue"))
        for side in (-1, 1):
            inner, outer = middle + side * 0.012, middle + side * (0.2 + 0.006 * chance("wide"))
            left, right = sorted((inner, outer))
            canvas.paint(
                canvas.shape(box(left, 0.03, right, 0.97)), tint, texture=weave, bevel=0.012
            )
            seam = np.array(((middle + side * 0.13, 0.035), (middle + side * 0.13, 0.965)))
            canvas.paint(canvas.stroke(seam, 0.006), tint * 0.72, opacity=0.8)
            cord = np.array(((middle + side * 0.045, 0.035), (middle + side * 0.045, 0.965)))
            canvas.paint(canvas.stroke(cord, 0.03), tint * 1.06, texture=weave, bevel=0.012)
        metal = shade(spec["teeth"], chance("metal"))
        pitch = 0.88 / TEETH
        for k in range(TEETH):
            if 0 <= spec["gap"] <= k < spec["gap"] + 2:
                continue
            y = 0.06 + pitch * (k + 0.5) + 0.0012 * chance("tooth", k)
            side = -1 if k % 2 else 1
            near, far = middle - side * 0.028, middle + side * 0.058
            left, right = sorted((near, far))
            tooth = canvas.shape(box(left, y - 0.52 * pitch, right, y + 0.52 * pitch, 0.006))
            tone = metal * (1 + 0.06 * chance("tone", k))
            canvas.paint(tooth, tone, bevel=0.009, gloss=0.5, shadow=0.003)
        if spec["place"]:
            self._slider(canvas, spec, chance, middle, metal)

    def _slider(
        self, canvas: Canvas, spec: Spec, chance: Chance, x: float, metal: np.ndarray
    ) -> None:
        y = SLIDES[spec["place"]] + 0.008 * chance("slide")
        shine = brushed(chance.field("shine"), canvas.size) * 0.04
        body = np.array(
            ((x - 0.075, y - 0.07), (x + 0.075, y - 0.07), (x + 0.055, y + 0.06),
             (x + 0.03, y + 0.075), (x - 0.03, y + 0.075), (x - 0.055, y + 0.06))
        )  # fmt: skip
        canvas.paint(
            canvas.shape(body), metal * 0.92, bevel=0.025, gloss=0.6, texture=shine, shadow=0.012
        )
        swing = 0.18 * chance("swing")
        tab = turned(box(x - 0.032, y - 0.01, x + 0.032, y + 0.1, 0.03), x, y, swing)
        eye = turned(disc(x, y + 0.075, 0.012), x, y, swing)
        outline = canvas.shape(tab, eye)
        tint = shade(spec["tab"], chance("tab"), chance("tab hue"))
        canvas.paint(outline, tint, bevel=0.018, gloss=0.4, shadow=0.012)
        bridge = canvas.shape(box(x - 0.018, y - 0.03, x + 0.018, y + 0.02, 0.012))
        canvas.paint(bridge, metal, bevel=0.014, gloss=0.6)


class BottleCap(RecipeFamily):
    """A crown cap from above: lacquer, printed rings, a logo."""

    name = "bottle cap"
    plural = "bottle caps"
    form_key = "press"
    finish_key = "lacquer"

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        cap = pick(rng, (*VIVID, "white", "black", "grey"))
        logo = pick(rng, (*VIVID, "white", "black"), cap)
        return {"cap": cap, "logo": logo, "form": pick(rng, LOGOS), "rings": int(rng.integers(4))}

    def steps(self, spec: Spec) -> list[Step]:
        logo = f"{spec['logo']} {spec['form']}" if spec["logo"] else "none"
        return [
            Step(
                "lacquer",
                ("Lacquer the tinplate.", "Coat the sheet with lacquer."),
                (f"cap: {spec['cap']}",),
            ),
            Step(
                "print",
                ("Print the top.", "Go through the printing press."),
                (f"logo: {logo}", f"printed rings: {spec['rings'] or 'none'}"),
            ),
            Step("press", ("Press the crown.", "Punch and crimp the crown.")),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        form = pick(rng, LOGOS, spec["form"])
        other = pick(rng, (*VIVID, "white", "black"), spec["logo"], spec["cap"])
        right = article(f"{spec['logo']} {spec['form']} logo")
        caps = (*VIVID, "white", "black", "grey")
        return [
            wrong_colour(spec, rng, "cap", caps, "lacquer", "cap", spec["logo"]),
            Fault(
                {"logo": other}, "wrong colour", "print", right,
                article(f"{other} {spec['form']} logo"),
            ),
            Fault(
                {"form": form}, "swapped parts", "print", right,
                article(f"{spec['logo']} {form} logo"),
            ),
            missing("logo", "print", right, "no logo"),
            miscount(spec, rng, "rings", "print", "printed ring", 0, 3),
        ]  # fmt: skip

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        size = canvas.size
        x, y = 0.5 + 0.01 * chance.pair("at")
        r = 0.41 + 0.012 * chance("radius")
        spin = chance("spin") * np.pi
        t = np.linspace(0, 2 * np.pi, 336, endpoint=False)
        wave = 1 + 0.045 * np.cos(21 * (t - spin))
        edge = np.stack((x + r * wave * np.cos(t), y + r * wave * np.sin(t)), 1)
        soft = 0.03 * value_noise(chance.field("soft"), size, 5, 2)
        soft += 0.012 * grain(chance.field("grain"), size)
        tint = shade(spec["cap"], chance("cap"), chance("hue"))
        skirt = canvas.shape(edge)
        canvas.paint(skirt, tint * 0.9, bevel=0.06, gloss=0.5, texture=soft)
        for k in range(21):
            turn = spin + (2 * k + 1) * np.pi / 21
            way = np.array((np.cos(turn), np.sin(turn))) * r
            groove = np.add((way * 0.86, way * 0.94), (x, y))
            canvas.paint(canvas.stroke(groove, 0.012), tint * 0.55, opacity=0.7)
        canvas.paint(canvas.shape(disc(x, y, r * 0.82)), tint, bevel=0.05, gloss=0.4, texture=soft)
        ink = shade(spec["logo"] or "white", chance("logo"), chance("logo hue"))
        dark = tint.mean() < 120
        line = np.minimum(tint * 1.8 + 70, 255) if dark else tint * 0.45
        for k in range(spec["rings"]):
            outer = r * (0.76 - 0.075 * k)
            ring = canvas.shape(disc(x, y, outer), disc(x, y, outer - 0.014))
            canvas.paint(ring, line, texture=soft)
        if spec["logo"]:
            canvas.paint(canvas.shape(_logo(spec["form"], x, y, 0.47 * r)), ink, texture=soft)
        canvas.glow(x - 0.14, y - 0.17, 0.12, 34)


def _logo(form: str, x: float, y: float, r: float) -> np.ndarray:
    """Outline of a logo about (x, y) that reaches r."""
    if form == "star":
        t = np.arange(10) * np.pi / 5 - np.pi / 2
        reach = np.where(np.arange(10) % 2, 0.42 * r, r)
        return np.stack((x + reach * np.cos(t), y + reach * np.sin(t)), 1)
    if form == "square":
        return box(x - 0.72 * r, y - 0.72 * r, x + 0.72 * r, y + 0.72 * r)
    if form == "triangle":
        return regular(x, y + 0.1 * r, r, 3, -np.pi / 2)
    return disc(x, y, 0.8 * r)
