"""Filled packs: a blister pack of pills, an egg carton."""

from __future__ import annotations

from typing import Any

import numpy as np

from triad_ui.synthesis.families.drawing import (
    Canvas,
    box,
    brushed,
    disc,
    ellipse,
    grain,
    turned,
    value_noise,
)
from triad_ui.synthesis.families.faults import missing, wrong_colour
from triad_ui.synthesis.families.palette import VIVID, article, pick, shade
from triad_ui.synthesis.families.recipe import Chance, Fault, RecipeFamily, Step
from triad_ui.synthesis.product import Spec

PILLS = (*VIVID, "white", "brown")
FOILS = ("grey", "blue", "green", "white")


class BlisterPack(RecipeFamily):
    """Rows of pills in clear pockets on foil."""

    name = "blister pack"
    plural = "blister packs"
    form_key = "form"
    finish_key = "seal"

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        rows, columns = int(rng.integers(2, 4)), int(rng.integers(3, 6))
        pill = pick(rng, PILLS)
        return {
            "rows": rows,
            "columns": columns,
            "pill": pill,
            "foil": pick(rng, FOILS, pill),
            "gone": (),
            "odd": ("", -1),
        }

    def steps(self, spec: Spec) -> list[Step]:
        rows, columns = spec["rows"], spec["columns"]
        return [
            Step(
                "form",
                ("Thermoform the pockets.", "Form the pockets in film."),
                (f"pockets: {rows} rows of {columns}",),
            ),
            Step(
                "fill",
                ("Drop the pills into the pockets.", "Fill the pockets."),
                (_filled("pills", rows * columns, spec["pill"], spec["gone"], spec["odd"][0]),),
            ),
            Step(
                "seal",
                ("Seal with foil.", "Weld on the lidding foil."),
                (f"foil: {spec['foil']}",),
            ),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        count = spec["rows"] * spec["columns"]
        k, other = (int(i) for i in rng.permutation(count)[:2])
        wrong = pick(rng, PILLS, spec["pill"])
        right = f"{count} {spec['pill']} pills"
        return [
            missing("gone", "fill", right, "an empty pocket", (k,)),
            missing("gone", "fill", right, "two empty pockets", (k, other)),
            Fault({"odd": (wrong, k)}, "wrong colour", "fill", right, f"{article(wrong)} pill"),
            wrong_colour(spec, rng, "pill", PILLS, "fill", "pills", spec["foil"]),
            wrong_colour(spec, rng, "foil", FOILS, "seal", "foil", spec["pill"]),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        foil = shade(spec["foil"], chance("foil"), chance("hue")) * 0.8 + 40
        texture = brushed(chance.field("foil"), canvas.size, upright=True) * 0.05
        texture += value_noise(chance.field("cloud"), canvas.size, 7, 2) * 0.06
        rows, columns = spec["rows"], spec["columns"]
        pitch = min(0.85 / columns, 0.76 / rows) + 0.002 * chance("pitch")
        wide, high = pitch * columns / 2 + 0.03, pitch * rows / 2 + 0.03
        outline = box(0.5 - wide, 0.5 - high, 0.5 + wide, 0.5 + high, 0.04)
        canvas.paint(canvas.shape(outline), foil, bevel=0.015, texture=texture)
        for k in range(rows * columns):
            x = 0.5 + pitch * (k % columns - (columns - 1) / 2)
            y = 0.5 + pitch * (k // columns - (rows - 1) / 2)
            pocket = canvas.shape(disc(x, y, 0.43 * pitch))
            canvas.paint(pocket, np.minimum(foil * 1.04, 255), bevel=0.025, gloss=0.6)
            if k not in spec["gone"]:
                name = spec["odd"][0] if k == spec["odd"][1] else spec["pill"]
                px, py = np.array((x, y)) + 0.006 * chance.pair("pill", k)
                pill = canvas.shape(disc(px, py, 0.33 * pitch))
                tint = shade(name, chance("pill", k), chance("pill hue"))
                canvas.paint(pill, tint, bevel=0.035, shadow=0.006)
            canvas.glow(x - 0.17 * pitch, y - 0.2 * pitch, 0.1 * pitch, 90)


class EggCarton(RecipeFamily):
    """A pulp carton with two rows of eggs."""

    name = "egg carton"
    plural = "egg cartons"
    form_key = "mould"
    finish_key = "print"
    cartons = ("grey", "blue", "green", "purple", "yellow", "red")

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        return {
            "carton": pick(rng, self.cartons),
            "columns": int(rng.integers(3, 6)),
            "eggs": pick(rng, ("white", "brown")),
            "gone": (),
            "odd": -1,
            "stamp": pick(rng, ("red", "blue", "black", "green")),
        }

    def steps(self, spec: Spec) -> list[Step]:
        count = 2 * spec["columns"]
        odd = "" if spec["odd"] < 0 else "brown" if spec["eggs"] == "white" else "white"
        return [
            Step(
                "mould",
                ("Mould the carton from pulp.", "Press the pulp carton."),
                (f"carton: {spec['carton']}", f"cups: {count}"),
            ),
            Step(
                "fill",
                ("Lay the eggs in the cups.", "Fill the cups."),
                (_filled("eggs", count, spec["eggs"], spec["gone"], odd),),
            ),
            Step(
                "print", ("Stamp a dot on each egg.", "Dot the eggs."), (f"dots: {spec['stamp']}",)
            ),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        count = 2 * spec["columns"]
        k, other = (int(i) for i in rng.permutation(count)[:2])
        wrong = "brown" if spec["eggs"] == "white" else "white"
        right = f"{count} {spec['eggs']} eggs"
        return [
            missing("gone", "fill", right, "an empty cup", (k,)),
            missing("gone", "fill", right, f"{count - 2} eggs", (k, other)),
            Fault({"odd": k}, "wrong colour", "fill", right, f"{article(wrong)} egg"),
            wrong_colour(spec, rng, "carton", self.cartons, "mould", "carton"),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        pulp = grain(chance.field("pulp"), canvas.size) * 0.05
        pulp += value_noise(chance.field("fibre"), canvas.size, 30, 2) * 0.05
        tint = shade(spec["carton"], chance("carton"), chance("hue")) * 0.75 + 36
        columns = spec["columns"]
        pitch = min(0.24, 0.9 / columns) + 0.002 * chance("pitch")
        wide, high = pitch * columns / 2 + 0.025, 1.25 * pitch + 0.025
        body = canvas.shape(box(0.5 - wide, 0.5 - high, 0.5 + wide, 0.5 + high, 0.05))
        canvas.paint(body, tint, bevel=0.025, texture=pulp)
        shell = {"white": (240, 234, 222), "brown": (188, 128, 84)}
        for k in range(2 * columns):
            x = 0.5 + pitch * (k % columns - (columns - 1) / 2)
            y = 0.5 + 1.24 * pitch * (k // columns - 0.5)
            cup = canvas.shape(disc(x, y, 0.48 * pitch))
            canvas.paint(cup, tint * 0.55, bevel=0.05, depth=-1, texture=pulp)
            if k in spec["gone"]:
                continue
            name = {"white": "brown", "brown": "white"}[spec["eggs"]]
            name = name if k == spec["odd"] else spec["eggs"]
            x, y = np.array((x, y)) + 0.006 * chance.pair("egg", k)
            tone = np.array(shell[name]) * (1 + 0.05 * chance("tone", k))
            egg = ellipse(x, y, 0.4 * pitch, 0.52 * pitch)
            egg[:, 0] += 0.2 * (egg[:, 0] - x) * (egg[:, 1] - y) / (0.5 * pitch)  # slim at the top
            egg = turned(egg, x, y, 0.3 * chance("turn", k))
            canvas.paint(canvas.shape(egg), tone, bevel=0.07, shadow=0.008)
            canvas.glow(x - 0.03, y - 0.1 * pitch, 0.04, 34)
            dot = canvas.shape(
                ellipse(x + 0.08 * pitch, y + 0.3 * pitch, 0.09 * pitch, 0.065 * pitch)
            )
            canvas.paint(dot, shade(spec["stamp"]), opacity=0.8)


def _filled(noun: str, places: int, colour: str, gone: tuple[int, ...], odd: str) -> str:
    """Tell how many of which colour lie in the places, and what differs."""
    told = f"{noun}: {places - len(gone)} {colour}"
    return f"{noun}: {places - 1} {colour}, 1 {odd}" if odd else told
