"""Pills: a two-coloured printed capsule, and a tablet with score line and imprint."""

from __future__ import annotations

from typing import Any

import numpy as np

from triad_ui.synthesis.families.drawing import Canvas, box, grain, value_noise
from triad_ui.synthesis.families.palette import article, code, ink_on, pick, pick_several, shade
from triad_ui.synthesis.families.recipe import Chance, Fault, RecipeFamily, Step
from triad_ui.synthesis.product import Spec

SHELLS = ("red", "green", "blue", "yellow", "orange", "purple", "white", "black", "brown")
TABLETS = ("white", "yellow", "orange", "blue", "green", "purple", "red")


class Capsule(RecipeFamily):
    """A lying hard capsule: cap on the left, body on the right, a printed code."""

    name = "capsule"
    plural = "capsules"
    form_key = "join"
    finish_key = "print"

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        cap, body = pick_several(rng, SHELLS, 2)
        return {"cap": cap, "body": body, "text": code(rng), "turned": False}

    def steps(self, spec: Spec) -> list[Step]:
        return [
            Step(
                "mould",
                ("Dip-mould the gelatin halves.", "Form the two shell halves."),
                (f"left half: {spec['cap']}", f"right half: {spec['body']}"),
            ),
            Step("join", ("Fill and close the capsule.", "Dose the powder, join the halves.")),
            Step(
                "print",
                ("Print the code on the right half.", "Mark the right half."),
                (f"print: {spec['text'] or 'none'}",),
            ),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        half = ("cap", "body")[int(rng.integers(2))]
        side = "left" if half == "cap" else "right"
        wrong = pick(rng, SHELLS, spec["cap"], spec["body"])
        return [
            Fault(
                {half: wrong},
                "wrong colour",
                "mould",
                article(f"{spec[half]} {side} half"),
                article(f"{wrong} {side} half"),
            ),
            Fault(
                {"cap": spec["body"], "body": spec["cap"]},
                "swapped parts",
                "mould",
                article(f"{spec['cap']} left half"),
                "the halves swapped",
            ),
            Fault({"text": ""}, "missing part", "print", f"the print {spec['text']}", "no print"),
            _other_text(spec, rng),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        soft = value_noise(chance.field("soft"), canvas.size, 5) * 0.02
        soft += grain(chance.field("grain"), canvas.size) * 0.01
        y = 0.5 + 0.01 * chance("y")
        half = 0.165 + 0.01 * chance("girth")
        middle = 0.47 + 0.01 * chance("seam")
        across = np.broadcast_to(np.arange(canvas.size) / canvas.size, (canvas.size,) * 2)
        body = canvas.shape(box(0.06, y - half, 0.94, y + half, half))
        wide = half * 1.045
        cap = canvas.shape(box(0.055, y - wide, 0.945, y + wide, wide))
        tint = shade(spec["body"], chance("body"), chance("body hue"))
        right = body.part(across >= middle - 0.02)
        canvas.paint(right, tint, bevel=half * 0.95, gloss=0.5, texture=soft, form=body)
        tint = shade(spec["cap"], chance("cap"), chance("cap hue"))
        left = cap.part(across < middle)
        canvas.paint(left, tint, bevel=half * 0.95, gloss=0.5, texture=soft, form=cap)
        rim = canvas.stroke(np.array(((middle, y - wide), (middle, y + wide))), 0.008)
        canvas.paint(rim, tint * 0.6, opacity=0.7)
        shine = canvas.stroke(np.array(((0.2, y - 0.55 * half), (0.8, y - 0.55 * half))), 0.02)
        canvas.paint(shine, (255, 255, 255), opacity=0.3)
        if spec["text"]:
            letters = canvas.lettering(spec["text"], middle + 0.22, y + 0.02, 0.125, bold=1.4)
            canvas.paint(letters, ink_on(spec["body"]), opacity=0.9)


class Tablet(RecipeFamily):
    """A pressed round tablet with a score line or cross and an imprint."""

    name = "tablet"
    plural = "tablets"
    form_key = "press"
    finish_key = "coat"

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        return {
            "colour": pick(rng, TABLETS),
            "score": ("line", "cross", "none")[int(rng.integers(3))],
            "text": code(rng),
            "long": bool(rng.integers(2)),
        }

    def steps(self, spec: Spec) -> list[Step]:
        form = "oval" if spec["long"] else "round"
        return [
            Step(
                "press",
                ("Press the powder into a tablet.", "Compress the granulate."),
                (f"shape: {form}", f"score: {spec['score']}"),
            ),
            Step("coat", ("Film-coat it.", "Coat the tablet."), (f"coat: {spec['colour']}",)),
            Step(
                "imprint",
                ("Print the imprint.", "Imprint it."),
                (f"imprint: {spec['text'] or 'none'}",),
            ),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        wrong = pick(rng, TABLETS, spec["colour"])
        scored = spec["score"] != "none"
        other = "none" if scored else "cross"
        names = {"none": "no score", "line": "a score line", "cross": "a score cross"}
        return [
            Fault(
                {"colour": wrong},
                "wrong colour",
                "coat",
                article(f"{spec['colour']} coat"),
                article(f"{wrong} coat"),
            ),
            Fault(
                {"score": other},
                "missing part" if scored else "extra part",
                "press",
                names[spec["score"]],
                names[other],
            ),
            Fault(
                {"text": ""}, "missing part", "imprint", f"the imprint {spec['text']}", "no imprint"
            ),
            _other_text(spec, rng, "imprint"),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        speck = grain(chance.field("grain"), canvas.size) * 0.025
        speck += value_noise(chance.field("cloud"), canvas.size, 40, 2) * 0.02
        x, y = 0.5 + 0.01 * chance.pair("at")
        r = 0.4 + 0.02 * chance("radius")
        high = r * (0.62 if spec["long"] else 1.0)
        outline = box(x - r, y - high, x + r, y + high, high)
        tint = shade(spec["colour"], chance("tint"), chance("hue"))
        canvas.paint(canvas.shape(outline), tint, bevel=0.12, texture=speck, gloss=0.1)
        reach = high * 0.86
        ends = {"line": ((0, 1),), "cross": ((0, 1), (1, 0)), "none": ()}[spec["score"]]
        for dx, dy in ends:
            line = np.array(((x - dx * reach, y - dy * reach), (x + dx * reach, y + dy * reach)))
            canvas.paint(canvas.stroke(line + 0.007, 0.022), np.minimum(tint * 1.3 + 20, 255))
            canvas.paint(canvas.stroke(line, 0.022), tint * 0.55)
        if spec["text"]:
            letters, digits = spec["text"][:1], spec["text"][1:]
            dy = high * 0.4 if spec["score"] == "cross" else 0.0
            for part, side in ((letters, -1), (digits, 1)):
                mark = canvas.lettering(part, x + side * r * 0.42, y - dy, 0.16, bold=1.2)
                canvas.paint(mark, ink_on(spec["colour"]), opacity=0.8)


def _other_text(spec: Spec, rng: np.random.Generator, key: str = "print") -> Fault:
    wrong = code(rng)
    while spec["text"] and sum(a != b for a, b in zip(wrong, spec["text"])) < 3:
        wrong = code(rng)
    expected, observed = f"the {key} {spec['text']}", f"the {key} {wrong}"
    return Fault({"text": wrong}, "wrong text", key, expected, observed)
