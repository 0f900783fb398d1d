"""Front panels: push buttons, a row of plug-in fuses."""

from __future__ import annotations

from typing import Any

import numpy as np

from triad_ui.synthesis.families.drawing import Canvas, box, disc, grain
from triad_ui.synthesis.families.faults import (
    missing,
    one_wrong_colour,
    two_swapped,
    wrong_choice,
    wrong_colour,
    wrong_text,
)
from triad_ui.synthesis.families.palette import article, ink_on, listed, pick, pick_several, shade
from triad_ui.synthesis.families.recipe import Chance, Fault, RecipeFamily, Step
from triad_ui.synthesis.product import Spec

BUTTONS = ("red", "green", "blue", "yellow", "orange", "purple", "white", "black")
SIX = tuple(
    f"{row} {column}" for row in ("top", "bottom") for column in ("left", "middle", "right")
)
WORDS = ("PUMP", "LIGHT", "DOOR", "MIXER", "CRANE", "VALVE")


class ButtonPanel(RecipeFamily):
    """Six coloured push buttons under a printed word."""

    name = "button panel"
    plural = "button panels"
    form_key = "mill"
    finish_key = "print"

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        return {
            "panel": pick(rng, ("grey", "black", "white", "brown")),
            "buttons": pick_several(rng, BUTTONS[:6], 6),
            "text": pick(rng, WORDS),
        }

    def steps(self, spec: Spec) -> list[Step]:
        top, bottom = listed(spec["buttons"][:3]), listed(spec["buttons"][3:])
        return [
            Step(
                "mill",
                ("Mill and paint the panel.", "Cut the front panel."),
                (f"panel: {spec['panel']}",),
            ),
            Step(
                "print",
                ("Print the title.", "Screen-print it."),
                (f"title: {spec['text'] or 'none'}",),
            ),
            Step(
                "fit",
                ("Fit the buttons.", "Snap in the buttons, left to right."),
                (f"top row: {top}", f"bottom row: {bottom}"),
            ),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        places = [f"{place} button" for place in SIX]
        k = int(rng.integers(6))
        gap = tuple("" if i == k else name for i, name in enumerate(spec["buttons"]))
        right = article(f"{spec['buttons'][k]} {places[k]}")
        return [
            *two_swapped(spec, rng, "buttons", "fit", places),
            missing("buttons", "fit", right, f"no {places[k]}", gap),
            one_wrong_colour(spec, rng, "buttons", BUTTONS, "fit", places, spec["panel"]),
            wrong_text(spec, rng, "text", WORDS, "print", "title"),
            missing("text", "print", f"the title {spec['text']}", "no title"),
            wrong_colour(spec, rng, "panel", ("grey", "black", "white", "brown"), "mill", "panel"),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        paint = grain(chance.field("paint"), canvas.size) * 0.02
        tint = shade(spec["panel"], chance("panel"), chance("hue"))
        body = canvas.shape(box(0.06, 0.1, 0.94, 0.9, 0.04))
        canvas.paint(body, tint, bevel=0.02, texture=paint)
        for x in (0.105, 0.895):
            for y in (0.145, 0.855):
                canvas.paint(canvas.shape(disc(x, y, 0.02)), (176, 178, 182), bevel=0.01)
                slot = np.array(((x - 0.012, y - 0.008), (x + 0.012, y + 0.008)))
                canvas.paint(canvas.stroke(slot, 0.007), (70, 70, 74))
        if spec["text"]:
            title = canvas.lettering(spec["text"], 0.5, 0.215, 0.095, bold=1.3)
            canvas.paint(title, ink_on(spec["panel"]))
        for k, name in enumerate(spec["buttons"]):
            x, y = 0.25 + 0.25 * (k % 3), 0.44 + 0.27 * (k // 3)
            canvas.paint(canvas.shape(disc(x, y, 0.112)), (186, 188, 192), bevel=0.015, gloss=0.4)
            canvas.paint(canvas.shape(disc(x, y, 0.098)), (30, 30, 32))
            if name:
                cap = shade(name, chance("button", k), chance("button hue", k))
                knob = canvas.shape(disc(x, y, 0.09))
                canvas.paint(knob, cap, bevel=0.03, gloss=0.5)
                canvas.paint(canvas.shape(disc(x, y, 0.062)), cap, bevel=0.02, depth=-0.6)


class FuseBox(RecipeFamily):
    """Blade fuses of different colours side by side in a holder."""

    name = "fuse box"
    plural = "fuse boxes"
    form_key = "mould"
    finish_key = "fit"

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        count = int(rng.integers(4, 7))
        pool = ("red", "green", "blue", "yellow", "orange", "purple", "white", "brown")
        return {
            "holder": pick(rng, ("black", "grey")),
            "fuses": pick_several(rng, pool, count),
            "clip": pick(rng, ("left", "right")),
        }

    def steps(self, spec: Spec) -> list[Step]:
        return [
            Step(
                "mould",
                ("Mould the holder.", "Injection-mould the holder with its clip."),
                (f"holder: {spec['holder']}", f"yellow clip: {spec['clip']} end"),
            ),
            Step(
                "fit",
                ("Plug in the fuses, left to right.", "Insert fuses from the left."),
                (f"fuses: {listed(spec['fuses'])}",),
            ),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        fuses = spec["fuses"]
        places = [f"fuse in place {k + 1}" for k in range(len(fuses))]
        k = int(rng.integers(len(fuses)))
        gap = tuple("" if i == k else name for i, name in enumerate(fuses))
        right = article(f"{fuses[k]} {places[k]}")
        pool = ("red", "green", "blue", "yellow", "orange", "purple", "white", "brown")
        return [
            *two_swapped(spec, rng, "fuses", "fit", places),
            *two_swapped(spec, rng, "fuses", "fit", places),
            missing("fuses", "fit", right, f"no {places[k]}", gap),
            one_wrong_colour(spec, rng, "fuses", pool, "fit", places),
            wrong_choice(spec, rng, "clip", ("left", "right"), "mould", "the yellow clip"),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        matte = grain(chance.field("matte"), canvas.size) * 0.02
        tint = shade(spec["holder"], chance("holder"))
        pitch = 0.128 + 0.002 * chance("pitch")
        half = pitch * len(spec["fuses"]) / 2 + 0.02
        side = -1 if spec["clip"] == "left" else 1
        x = 0.5 + side * (half + 0.025)
        canvas.paint(
            canvas.shape(box(x - 0.05, 0.4, x + 0.05, 0.6, 0.02)), shade("yellow"), bevel=0.02
        )
        holder = canvas.shape(box(0.5 - half, 0.24, 0.5 + half, 0.76, 0.025))
        canvas.paint(holder, tint, bevel=0.02, texture=matte)
        for k, name in enumerate(spec["fuses"]):
            x = 0.5 + pitch * (k - (len(spec["fuses"]) - 1) / 2)
            slot = canvas.shape(box(x - 0.05, 0.3, x + 0.05, 0.7, 0.01))
            canvas.paint(slot, (20, 20, 22), bevel=0.015, depth=-1)
            for y in (0.33, 0.64):
                contact = canvas.shape(box(x - 0.03, y, x + 0.03, y + 0.03))
                canvas.paint(contact, (196, 164, 96), bevel=0.01)
            if name:
                y = 0.5 + 0.006 * chance("fuse", k)
                fuse = canvas.shape(box(x - 0.046, y - 0.165, x + 0.046, y + 0.165, 0.014))
                cap = shade(name, chance("cap", k), chance("cap hue", k))
                canvas.paint(fuse, cap, bevel=0.022, gloss=0.4, shadow=0.01)
                canvas.paint(
                    canvas.shape(box(x - 0.026, y - 0.1, x + 0.026, y + 0.1, 0.01)), cap * 0.72
                )
                wire = np.array(
                    ((x, y - 0.09), (x + 0.012, y - 0.02), (x - 0.012, y + 0.02), (x, y + 0.09))
                )
                canvas.paint(canvas.stroke(wire, 0.01), (206, 208, 212))
