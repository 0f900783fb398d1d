"""Printed paper: an adhesive label with band, word, squares and bar code."""

from __future__ import annotations

from typing import Any

import numpy as np

from triad_ui.synthesis.families.drawing import Canvas, box, grain, value_noise
from triad_ui.synthesis.families.faults import (
    miscount,
    missing,
    wrong_choice,
    wrong_colour,
    wrong_text,
)
from triad_ui.synthesis.families.palette import VIVID, ink_on, pick, shade
from triad_ui.synthesis.families.recipe import Chance, Fault, RecipeFamily, Step
from triad_ui.synthesis.product import Spec

WORDS = ("MILK", "SALT", "TEA", "RICE", "SOAP", "OIL", "SUGAR", "COCOA")
PAPERS = ("white", "yellow", "grey", "black", "brown")
BARS = 26


class PaperLabel(RecipeFamily):
    """A die-cut label: paper, coloured band with a word, squares, a bar code at one side."""

    name = "label"
    plural = "labels"
    form_key = "cut"
    finish_key = "print"

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        paper = pick(rng, PAPERS)
        return {
            "paper": paper,
            "band": pick(rng, VIVID, paper),
            "side": pick(rng, ("top", "bottom")),
            "word": pick(rng, WORDS),
            "squares": int(rng.integers(2, 5)),
            "bars": pick(rng, ("left", "right")),
        }

    def steps(self, spec: Spec) -> list[Step]:
        return [
            Step("paper", ("Cut the paper web.", "Load the paper."), (f"paper: {spec['paper']}",)),
            Step(
                "print",
                ("Print the band and the word.", "Print band and word in one pass."),
                (f"band: {spec['band']}", f"band at: {spec['side']}", f"word: {spec['word']}"),
            ),
            Step(
                "code",
                ("Add squares and code.", "Overprint the squares and the code."),
                (
                    f"squares: {spec['squares']}",
                    f"bar code at: {spec['bars']}" if spec["bars"] else "no bar code",
                ),
            ),
            Step("cut", ("Die-cut the label.", "Cut the outline.")),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        bars = f"the bar code at the {spec['bars']}"
        return [
            wrong_colour(spec, rng, "paper", PAPERS, "paper", "paper", spec["band"]),
            wrong_colour(spec, rng, "band", VIVID, "print", "band", spec["paper"]),
            wrong_choice(spec, rng, "side", ("top", "bottom"), "print", "the band"),
            wrong_text(spec, rng, "word", WORDS, "print", "word"),
            miscount(spec, rng, "squares", "code", "square", 1, 4),
            missing("bars", "code", bars, "no bar code"),
            wrong_choice(spec, rng, "bars", ("left", "right"), "code", "the bar code"),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        size = canvas.size
        fibre = 0.014 * grain(chance.field("grain"), size)
        fibre += 0.02 * value_noise(chance.field("fibre"), size, 36, 2)
        left, right = 0.07 + 0.006 * chance("left"), 0.93 + 0.006 * chance("right")
        paper = canvas.shape(box(left, 0.16, right, 0.84, 0.045))
        tint = shade(spec["paper"], chance("paper"), chance("hue"))
        canvas.paint(paper, tint, texture=fibre, bevel=0.006)
        ink = ink_on(spec["paper"])
        shift = 0.004 * chance.pair("register")
        top = (0.2 if spec["side"] == "top" else 0.55) + shift[1]
        band = canvas.shape(box(left, top, right, top + 0.25))
        canvas.paint(band, shade(spec["band"], chance("band"), chance("band hue")), texture=fibre)
        for y in (top - 0.012, top + 0.254):
            canvas.paint(canvas.shape(box(left, y, right, y + 0.007)), ink, opacity=0.8)
        word = canvas.lettering(spec["word"], 0.5 + shift[0], top + 0.125, 0.13, bold=1.4)
        canvas.paint(word, ink_on(spec["band"]), opacity=0.95)
        low = (0.64 if spec["side"] == "top" else 0.355) + shift[1]
        away = 1 if spec["bars"] == "left" else -1
        for k in range(spec["squares"]):
            x = 0.5 + away * (0.03 + 0.092 * k) + shift[0]
            square = canvas.shape(box(x - 0.037, low - 0.037, x + 0.037, low + 0.037))
            canvas.paint(square, shade(spec["band"], chance("band"), chance("band hue")))
        if spec["bars"]:
            start = 0.13 if spec["bars"] == "left" else 0.57
            panel = canvas.shape(box(start, low - 0.095, start + 0.3, low + 0.095))
            canvas.paint(panel, (246, 246, 244), texture=fibre)
            for k in range(BARS):
                x = start + 0.02 + 0.26 * k / BARS
                wide = 0.0045 + 0.0022 * chance("bar", k)
                bar = canvas.shape(box(x, low - 0.075, x + wide, low + 0.075))
                canvas.paint(bar, (30, 30, 32))
