"""Bottles: a labelled bottle seen from the side, and a bottle mouth seen from above."""

from __future__ import annotations

from typing import Any

import numpy as np

from triad_ui.synthesis.families.drawing import Canvas, box, disc, ellipse, grain, value_noise
from triad_ui.synthesis.families.palette import VIVID, article, code, ink_on, pick, shade
from triad_ui.synthesis.families.recipe import Chance, Fault, RecipeFamily, Step
from triad_ui.synthesis.product import Spec

DRINKS = ("red", "orange", "yellow", "green", "purple", "brown", "white")
CAPS = ("red", "green", "blue", "yellow", "white", "black", "orange")
LEVELS = {"low": 0.66, "half": 0.5, "full": 0.29}


class Bottle(RecipeFamily):
    """A standing bottle: drink, cap, label with a printed code."""

    name = "bottle"
    plural = "bottles"
    form_key = "blow"
    finish_key = "label"

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        drink = pick(rng, DRINKS)
        return {
            "drink": drink,
            "cap": pick(rng, CAPS),
            "label": pick(rng, (*VIVID, "white", "black"), drink),
            "text": code(rng),
            "level": pick(rng, ("full", "full", "half")),
        }

    def steps(self, spec: Spec) -> list[Step]:
        return [
            Step("blow", ("Blow the clear bottle.", "Form the bottle.", "Rinse the bottle.")),
            Step(
                "fill",
                ("Fill in the drink.", "Dose the drink."),
                (f"drink: {spec['drink']}", f"level: {spec['level']}"),
            ),
            Step(
                "cap",
                ("Close the bottle.", "Go through the capping station."),
                (f"cap: {spec['cap'] or 'none'}",),
            ),
            Step(
                "label",
                ("Label the bottle.", "Go through the labeller."),
                (f"label: {spec['label']}", f"text: {spec['text']}")
                if spec["label"]
                else ("label: none",),
            ),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        cap = pick(rng, CAPS, spec["cap"])
        drink = pick(rng, DRINKS, spec["drink"], spec["label"])
        label = pick(rng, (*VIVID, "white", "black"), spec["label"], spec["drink"])
        level = pick(rng, ("low", "half" if spec["level"] == "full" else "low"))
        text = code(rng)
        while spec["text"] and sum(a != b for a, b in zip(text, spec["text"])) < 3:
            text = code(rng)
        right_cap = article(f"{spec['cap']} cap")
        right_label = article(f"{spec['label']} label")
        return [
            Fault({"cap": cap}, "wrong colour", "cap", right_cap, article(f"{cap} cap")),
            Fault({"cap": ""}, "missing part", "cap", right_cap, "no cap"),
            Fault(
                {"drink": drink},
                "wrong colour",
                "fill",
                article(f"{spec['drink']} drink"),
                article(f"{drink} drink"),
            ),
            Fault(
                {"level": level},
                "wrong count",
                "fill",
                "a full bottle" if spec["level"] == "full" else "a half full bottle",
                "a half full bottle" if level == "half" else "a bottle filled too low",
            ),
            Fault(
                {"label": label}, "wrong colour", "label", right_label, article(f"{label} label")
            ),
            Fault({"label": ""}, "missing part", "label", right_label, "no label"),
            Fault(
                {"text": text},
                "wrong text",
                "label",
                f"the text {spec['text']}",
                f"the text {text}",
            ),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        size = canvas.size
        middle = 0.5 + 0.01 * chance("x")
        wide = 0.235 + 0.012 * chance("wide")
        across = (np.arange(size, dtype=np.float32) / size - middle) / wide
        round_shade = (
            -0.5 * across**2 - 0.12 * across + 0.35 * np.exp(-(((across + 0.55) / 0.13) ** 2))
        )
        round_shade = np.broadcast_to(round_shade[None], (size, size))
        soft = round_shade + value_noise(chance.field("soft"), size, 4) * 0.015
        right = np.array(
            (
                (0.065, 0.1), (0.068, 0.2), (0.09, 0.25), (0.17, 0.31), (wide - 0.01, 0.36),
                (wide, 0.42), (wide, 0.9), (wide - 0.02, 0.945), (wide - 0.05, 0.955),
            )
        )  # fmt: skip
        outline = np.add(np.concatenate((right, right[::-1] * (-1, 1))), (middle, 0))
        glass = canvas.shape(outline)
        canvas.paint(glass, (204, 216, 218), texture=soft, bevel=0.02, depth=0.6)
        level = LEVELS[spec["level"]] + 0.006 * chance("level")
        inner = (outline - (middle, 0.53)) * (0.93, 0.97) + (middle, 0.53)
        inner[:, 1] = np.maximum(inner[:, 1], level)
        drink = shade(spec["drink"], chance("drink"), chance("drink hue"))
        at_level = np.interp(level, right[:, 1], right[:, 0]) * 0.93
        inner[:, 0] = np.where(
            inner[:, 1] <= level + 1e-6,
            np.clip(inner[:, 0], middle - at_level, middle + at_level),
            inner[:, 0],
        )
        canvas.paint(canvas.shape(inner), drink, texture=soft)
        canvas.paint(
            canvas.shape(ellipse(middle, level, at_level, 0.014)), np.minimum(drink * 1.2 + 16, 255)
        )
        if spec["label"]:
            paper = shade(spec["label"], chance("label"), chance("label hue"))
            sheet = canvas.shape(box(middle - wide, 0.56, middle + wide, 0.8))
            canvas.paint(sheet, paper, texture=soft * 0.6)
            ink = ink_on(spec["label"])
            for y in (0.58, 0.78):
                line = canvas.shape(box(middle - wide, y - 0.004, middle + wide, y + 0.004))
                canvas.paint(line, ink, opacity=0.7)
            canvas.paint(canvas.lettering(spec["text"], middle, 0.68, 0.115, bold=1.4), ink)
        if spec["cap"]:
            cap = shade(spec["cap"], chance("cap"), chance("cap hue"))
            canvas.paint(
                canvas.shape(box(middle - 0.088, 0.035, middle + 0.088, 0.15, 0.014)),
                cap,
                bevel=0.03,
                gloss=0.3,
                shadow=0.006,
            )
            for k in range(11):
                x = middle - 0.075 + 0.015 * k
                canvas.paint(canvas.shape(box(x, 0.055, x + 0.006, 0.145)), cap * 0.6)
        else:
            canvas.paint(
                canvas.shape(ellipse(middle, 0.1, 0.065, 0.014)), (120, 134, 138), bevel=0.006
            )


class BottleMouth(RecipeFamily):
    """The mouth of an open bottle from above: glass rim, thread ring, sealing ring."""

    name = "bottle mouth"
    plural = "bottle mouths"
    form_key = "press"
    finish_key = "seal"

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        glass = pick(rng, ("brown", "green", "blue", "grey", "purple"))
        return {
            "glass": glass,
            "seal": pick(rng, (*VIVID, "white", "black"), glass),
            "notches": int(rng.integers(3, 7)),
        }

    def steps(self, spec: Spec) -> list[Step]:
        return [
            Step(
                "press",
                ("Press the neck from glass.", "Blow the glass neck."),
                (f"glass: {spec['glass']}", f"lugs around the neck: {spec['notches']}"),
            ),
            Step("anneal", ("Anneal the rim.", "Fire-polish the rim.")),
            Step(
                "seal",
                ("Seat the seal.", "Seal the rim."),
                (f"sealing ring: {spec['seal'] or 'none'}",),
            ),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        glass = pick(rng, ("brown", "green", "blue", "grey", "purple"), spec["glass"], spec["seal"])
        seal = pick(rng, (*VIVID, "white", "black"), spec["seal"], spec["glass"])
        count = spec["notches"]
        other = count + (1 if rng.integers(2) else -1)
        right = article(f"{spec['seal']} sealing ring")
        return [
            Fault(
                {"glass": glass},
                "wrong colour",
                "press",
                f"{spec['glass']} glass",
                f"{glass} glass",
            ),
            Fault({"seal": seal}, "wrong colour", "seal", right, article(f"{seal} sealing ring")),
            Fault({"seal": ""}, "missing part", "seal", right, "no sealing ring"),
            Fault({"notches": other}, "wrong count", "press", f"{count} lugs", f"{other} lugs"),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        x, y = 0.5 + 0.01 * chance.pair("at")
        r = 0.385 + 0.012 * chance("radius")
        tint = shade(spec["glass"], chance("glass"), chance("hue")) * 0.8
        soft = value_noise(chance.field("soft"), canvas.size, 6) * 0.05
        soft += grain(chance.field("grain"), canvas.size) * 0.015
        turn = 0.1 * chance("turn")
        for k in range(spec["notches"]):
            angle = turn + 2 * np.pi * k / spec["notches"]
            lug = ellipse(x + r * np.cos(angle), y + r * np.sin(angle), 0.058, 0.1, angle)
            canvas.paint(canvas.shape(lug), tint, bevel=0.03, gloss=0.5, texture=soft)
        canvas.paint(canvas.shape(disc(x, y, r)), tint, bevel=0.05, gloss=0.8, texture=soft)
        canvas.paint(
            canvas.shape(disc(x, y, r * 0.9), disc(x, y, r * 0.74)), tint * 1.3, bevel=0.03, gloss=1
        )
        if spec["seal"]:
            ring = canvas.shape(disc(x, y, r * 0.88), disc(x, y, r * 0.66))
            seal = shade(spec["seal"], chance("seal"), chance("seal hue"))
            canvas.paint(ring, seal, bevel=0.035, gloss=0.4, shadow=0.008)
        canvas.paint(canvas.shape(disc(x, y, r * 0.64)), tint * 0.3, bevel=0.1, depth=-0.8)
        canvas.paint(canvas.shape(disc(x, y, r * 0.42)), tint * 0.2 + 6, bevel=0.08, depth=-0.6)
        canvas.glow(x + 0.05, y + 0.06, 0.07, 26)
