"""Sheets: a drilled metal plate with a painted corner, and perforated sheet metal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from triad_ui.synthesis.families.drawing import Canvas, box, brushed, disc, grain, value_noise
from triad_ui.synthesis.families.faults import missing, wrong_choice, wrong_colour
from triad_ui.synthesis.families.palette import METALS, NAMED, VIVID, pick, shade
from triad_ui.synthesis.families.recipe import Chance, Fault, RecipeFamily, Step
from triad_ui.synthesis.product import Spec

COATS = tuple(name for name in NAMED if name != "black")
CORNERS = ("top left", "top right", "bottom left", "bottom right")


class DrilledPlate(RecipeFamily):
    """A metal plate with rows of holes and one painted corner."""

    name = "drilled plate"
    plural = "drilled plates"
    form_key = "drill"
    finish_key = "paint"

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        return {
            "metal": pick(rng, tuple(METALS)),
            "rows": int(rng.integers(2, 5)),
            "columns": int(rng.integers(2, 5)),
            "closed": (),
            "paint": pick(rng, VIVID),
            "corner": pick(rng, CORNERS),
        }

    def steps(self, spec: Spec) -> list[Step]:
        rows, columns = spec["rows"], spec["columns"]
        count = rows * columns - len(spec["closed"])
        return [
            Step(
                "cut",
                ("Cut and brush the plate.", "Shear the plate to size."),
                (f"metal: {spec['metal']}",),
            ),
            Step(
                "drill",
                ("Drill the holes on the grid.", "Drill and deburr."),
                (f"holes: {count}", f"grid: {rows} x {columns}"),
            ),
            Step(
                "paint",
                ("Paint one corner.", "Mark a corner with paint."),
                (f"{spec['paint']} corner: {spec['corner']}",),
            ),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        count = spec["rows"] * spec["columns"]
        k, other = (int(i) for i in rng.permutation(count)[:2])
        return [
            missing("closed", "drill", f"{count} holes", f"{count - 1} holes", (k,)),
            missing("closed", "drill", f"{count} holes", f"{count - 2} holes", (k, other)),
            wrong_colour(spec, rng, "metal", tuple(METALS), "cut", "metal"),
            wrong_colour(spec, rng, "paint", VIVID, "paint", "corner"),
            wrong_choice(spec, rng, "corner", CORNERS, "paint", "the paint"),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        metal = shade(spec["metal"], chance("metal"))
        finish = brushed(chance.field("brushed"), canvas.size) * 0.06
        finish += value_noise(chance.field("cloud"), canvas.size, 4, 2) * 0.05
        rows, columns = spec["rows"], spec["columns"]
        holes = []
        for k in range(rows * columns):
            x = 0.5 + 0.8 / columns * (k % columns - (columns - 1) / 2)
            y = 0.5 + 0.8 / rows * (k // columns - (rows - 1) / 2)
            x, y = np.array((x, y)) + 0.004 * chance.pair("hole", k)
            if k not in spec["closed"]:
                holes.append(disc(x, y, 0.062))
        plate = canvas.shape(box(0.05, 0.05, 0.95, 0.95, 0.03), *holes)
        canvas.paint(plate, metal, bevel=0.012, texture=finish, gloss=0.3)
        ramp = np.arange(canvas.size, dtype=np.float32) / canvas.size
        across = ramp if "left" in spec["corner"] else 1 - ramp
        down = ramp if "top" in spec["corner"] else 1 - ramp
        edge = 0.36 + 0.01 * chance("edge") - across[None] - down[:, None]
        corner = plate.part(np.clip(edge * canvas.size, 0, 1))
        tint = shade(spec["paint"], chance("paint"), chance("hue"))
        canvas.paint(corner, tint, texture=finish * 0.4, opacity=0.95)


class PerforatedSheet(RecipeFamily):
    """Painted sheet metal full of round, square or diamond holes."""

    name = "perforated sheet"
    plural = "perforated sheets"
    aligned = False
    form_key = "punch"
    finish_key = "coat"
    forms = ("round", "square", "diamond")

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        return {
            "coat": pick(rng, COATS),
            "form": pick(rng, self.forms),
            "count": int(rng.integers(3, 6)),
            "odd": "",
        }

    def steps(self, spec: Spec) -> list[Step]:
        odd = f", one {spec['odd']}" if spec["odd"] else " only"
        return [
            Step(
                "punch",
                ("Punch the sheet in a regular grid.", "Perforate the sheet."),
                (f"holes: {spec['form']}{odd}",),
            ),
            Step("level", ("Level and degrease it.", "Roll it flat.")),
            Step("coat", ("Powder-coat it.", "Coat the sheet."), (f"coat: {spec['coat']}",)),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        wrong = pick(rng, self.forms, spec["form"])
        right = f"only {spec['form']} holes"
        return [
            missing("odd", "punch", right, "a closed hole", "closed"),
            Fault({"odd": wrong}, "swapped parts", "punch", right, f"a {wrong} hole"),
            wrong_colour(spec, rng, "coat", COATS, "coat", "coat"),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        size, count = canvas.size, spec["count"]
        ramp = (np.arange(size, dtype=np.float32) + 0.5) / size * count
        v = (ramp + 0.3 * chance("v"))[:, None]
        u = (ramp + 0.3 * chance("u"))[None]
        one = (np.floor(v) == count // 2) & (np.floor(u) == count // 2)
        v, u = v % 1 - 0.5, u % 1 - 0.5
        wide = 0.32 + 0.02 * chance("wide")
        levels: dict[str, Callable[[], np.ndarray]] = {
            "round": lambda: wide - np.hypot(u, v),
            "square": lambda: wide - np.maximum(np.abs(u), np.abs(v)),
            "diamond": lambda: 1.35 * wide - np.abs(u) - np.abs(v),
            "closed": lambda: np.full((size, size), -1, np.float32),
        }
        level = levels[spec["form"]]()
        if spec["odd"]:
            level = np.where(one, levels[spec["odd"]](), level)
        pixels = level * (size / count)
        hole = np.clip(pixels + 0.5, 0, 1)
        rim = np.exp(-((pixels / (0.008 * size)) ** 2)) * np.sign(u + v) * 0.3
        light = 0.96 + rim + 0.025 * grain(chance.field("grain"), size)
        light += 0.05 * value_noise(chance.field("cloud"), size, 3, 2)
        tint = shade(spec["coat"], chance("coat"), chance("hue"))
        canvas.fill(tint, light * (1 - hole), (26 + 12 * (u + v)) * hole)
