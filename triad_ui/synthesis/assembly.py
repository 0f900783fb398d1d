"""Parts that no plant makes: plain shapes put together at random, called by nouns at random.

To train what reads a process against a picture, never to judge it. In a family a noun always means
the same thing, so that a product never met before leaves a model with words it can't place. Here
the ring may be called a collar, a rim or a gasket, and what is left to go by is what is written of
it. Not among the catalogue's families.
"""

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
    regular,
    value_noise,
)
from triad_ui.synthesis.families.faults import missing, wrong_colour
from triad_ui.synthesis.families.palette import METALS, NAMED, article, listed, pick, shade
from triad_ui.synthesis.families.recipe import Chance, Fault, RecipeFamily, Step
from triad_ui.synthesis.product import Spec

BASES = (
    "base", "body", "plate", "shell", "housing", "frame", "board", "sheet", "ground", "panel",
    "case", "block", "lid", "tray", "cloth", "web", "blank", "cover", "holder", "carrier", "foil",
    "film", "card", "crate", "hull", "core", "disc", "flange", "bracket",
)  # fmt: skip
ITEMS = (
    "pin", "stud", "bead", "plug", "rivet", "key", "pad", "knob", "cell", "insert", "clamp",
    "bolt", "spring", "lamp", "valve", "tile", "dot", "bush", "cap", "button", "bearing",
    "magnet", "roller", "diode", "contact", "nozzle", "filter", "terminal", "grommet", "spacer",
    "tab", "seed", "ball", "eyelet",
)  # fmt: skip
BANDS = (
    "ring", "rim", "seal", "gasket", "border", "edge", "collar", "hoop", "strap", "tape",
    "sleeve", "belt", "cord", "lining", "seam", "stripe",
)  # fmt: skip
MARKS = (
    "mark", "dot", "clip", "stamp", "notch", "sticker", "patch", "tag", "spot", "latch",
    "imprint", "arrow", "wedge", "drop", "flag", "slider", "hand",
)  # fmt: skip
ROW, COLUMN, CIRCLE, GRID = "left to right", "top to bottom", "clockwise from the top", "row by row"
STRIPS, CUPS = "side by side", "in the cups"
LAYOUTS = (ROW, COLUMN, CIRCLE, GRID, STRIPS, CUPS)
ORDERS = {
    ROW: ("from the left", "left to right"),
    COLUMN: ("from the top", "top to bottom"),
    CIRCLE: ("clockwise from the top",),
    GRID: ("row by row",),
    STRIPS: ("from the left", "side by side, left to right", "left to right"),
    CUPS: ("in the cups", "row by row"),
}
CORNERS = {
    "top left": (-1, -1), "top right": (1, -1), "bottom left": (-1, 1), "bottom right": (1, 1),
}  # fmt: skip
MAKING = ("Make", "Form", "Mould", "Cut", "Press", "Dye", "Coat")
FITTING = ("Fit", "Place", "Insert", "Set", "Mount", "Lay", "Add")
FORMS = ("disc", "square", "triangle", "hexagon", "bar", "hollow")


class Assembly(RecipeFamily):
    """A base with a few like items, a band around them and a mark in a corner."""

    name = "assembly"
    plural = "assemblies"
    form_key = "base"
    finish_key = "band"

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        colours = tuple(NAMED)
        ground = pick(rng, (*colours, *METALS) if rng.random() < 0.3 else colours)
        how = LAYOUTS[int(rng.integers(len(LAYOUTS)))]
        count = 1 + int(rng.integers(6))
        if how in (GRID, CUPS):
            count = 4 + 2 * int(rng.integers(2 if how == GRID else 4))
        elif how == STRIPS:
            count = 3 + int(rng.integers(6))
        told = ("list", "list", "all", "sums")[int(rng.integers(4))]
        main = pick(rng, colours, ground)
        if told == "list":
            items = tuple(pick(rng, colours, ground) for _ in range(count))
        elif told == "sums":
            odd = int(rng.integers(1, count + 1)) if count > 1 else 0
            items = (main,) * (count - odd) + (pick(rng, colours, ground, main),) * odd
            items = tuple(items[int(k)] for k in rng.permutation(count))
        else:
            items = (main,) * count
        noun = ITEMS[int(rng.integers(len(ITEMS)))]
        return {
            "ground": ground, "items": items, "how": how, "told": told,
            "band": pick(rng, colours, ground), "mark": pick(rng, colours, ground),
            "corner": tuple(CORNERS)[int(rng.integers(4))],
            "base": BASES[int(rng.integers(len(BASES)))], "noun": noun,
            "hoop": BANDS[int(rng.integers(len(BANDS)))],
            "tag": MARKS[int(rng.integers(len(MARKS)))],
            "form": FORMS[int(rng.integers(len(FORMS)))],
            "outline": ("plate", "disc", "hexagon", "field")[int(rng.integers(4))],
            "spread": float(rng.uniform(0.85, 1.45)),
        }  # fmt: skip

    def steps(self, spec: Spec) -> list[Step]:
        noun, plural = spec["noun"], spec["noun"] + "s"
        order = ORDERS[spec["how"]]
        there = [colour for colour in spec["items"] if colour]
        if not there:
            told: tuple[str, ...] = (f"{plural}: none",)
        elif spec["told"] == "sums":
            kinds = list(dict.fromkeys(there))
            told = (f"{plural}: " + ", ".join(f"{there.count(k)} {k}" for k in kinds),)
        elif spec["told"] == "all" and len(set(there)) == 1:
            told = (f"{plural}: {len(there)}", f"all {plural}: {there[0]}")
        else:
            told = (f"{plural}: {listed(spec['items'])}",)
        fitted = tuple(f"{verb} the {plural}, {way}." for verb in FITTING[:4] for way in order)
        if told[0].startswith(f"{plural}: none"):
            fitted = (f"Leave the {noun} places.",)
        mark = f"{spec['mark']} {spec['tag']}: {spec['corner']}"
        return [
            Step("base", tuple(f"{verb} the {spec['base']}." for verb in MAKING),
                 (f"{spec['base']}: {spec['ground']}",)),
            Step("items", fitted, told),
            Step("band", tuple(f"{verb} the {spec['hoop']}." for verb in (*FITTING, *MAKING)),
                 (f"{spec['hoop']}: {spec['band'] or 'none'}",)),
            Step("mark", tuple(f"{verb} the {spec['tag']}." for verb in FITTING), (mark,)),
        ]  # fmt: skip

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        colours, noun, ground = tuple(NAMED), spec["noun"], spec["ground"]
        tag = spec["tag"]
        items = list(spec["items"])
        k = int(rng.integers(len(items)))
        wrong, less = items.copy(), items.copy()
        wrong[k] = pick(rng, colours, ground, *items)
        less[k] = ""
        whole = f"{len(items)} {noun}s"
        moved = pick(rng, tuple(CORNERS), spec["corner"])
        found = [
            Fault({"items": tuple(wrong)}, "wrong colour", "items",
                  article(f"{items[k]} {noun}"), article(f"{wrong[k]} {noun}")),
            missing("items", "items", whole, f"no {noun} in place {k + 1}", tuple(less)),
            wrong_colour(spec, rng, "ground", colours, "base", spec["base"], *items, spec["band"],
                         spec["mark"]),
            wrong_colour(spec, rng, "band", colours, "band", spec["hoop"], ground),
            missing("band", "band", article(f"{spec['band']} {spec['hoop']}"),
                    f"no {spec['hoop']}"),
            Fault({"corner": moved}, "wrong position", "mark",
                  f"the {tag} at the {spec['corner']}", f"the {tag} at the {moved}"),
        ]  # fmt: skip
        if len(set(items)) > 1 and spec["told"] == "list":
            other = next(i for i, colour in enumerate(items) if colour != items[k])
            swapped = items.copy()
            swapped[k], swapped[other] = swapped[other], swapped[k]
            expected, observed = (article(f"{items[i]} {noun}") for i in (k, other))
            changes = {"items": tuple(swapped)}
            found.append(Fault(changes, "swapped parts", "items", expected, observed))
        return found

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        size, half = canvas.size, 0.4 + 0.04 * chance("half")
        metal = spec["ground"] in METALS
        rough = 0.01 + 0.02 * abs(chance("rough"))
        skin = (brushed if metal else grain)(chance.field("skin"), size) * rough
        skin = skin + value_noise(chance.field("blotch"), size, 8, 2) * 0.02
        outline = {
            "plate": box(0.5 - half, 0.5 - half, 0.5 + half, 0.5 + half, 0.04),
            "disc": disc(0.5, 0.5, half + 0.03),
            "hexagon": regular(0.5, 0.5, half + 0.06, 6, 0.2 * chance("turn")),
            "field": box(-0.1, -0.1, 1.1, 1.1),
        }[spec["outline"]]
        tint = shade(spec["ground"], chance("ground"), chance("hue"))
        flat = spec["outline"] == "field"
        canvas.paint(canvas.shape(outline), tint, bevel=0.0 if flat else 0.02, texture=skin)
        if spec["band"]:
            self._band(canvas, spec, chance)
        if spec["how"] == CUPS:
            for k in range(len(spec["items"])):
                x, y, r = self._place(spec, k)
                hollow = shade(spec["ground"], -0.6) * 0.75
                canvas.paint(canvas.shape(disc(x, y, r * 1.15)), hollow, bevel=0.02, depth=-1.0)
        for k, colour in enumerate(spec["items"]):
            if colour:
                x, y, r = self._place(spec, k)
                x, y = np.array((x, y)) + 0.006 * chance.pair("item", k)
                tint = shade(colour, chance("tint", k), chance("tone", k))
                outline = _form(spec["form"], x, y, r)
                if spec["how"] == STRIPS:
                    high = 0.1 + 0.14 * spec["spread"]
                    outline = (box(x - r, 0.5 - high, x + r, 0.5 + high),)
                elif spec["how"] == CUPS and spec["form"] in ("bar", "square", "triangle"):
                    outline = (ellipse(x, y, r * 0.8, r),)
                canvas.paint(canvas.shape(*outline), tint, bevel=0.015, gloss=0.2, shadow=0.01)
        dx, dy = CORNERS[spec["corner"]]
        far = 0.225 if spec["outline"] in ("disc", "hexagon") else 0.3
        x, y = 0.5 + far * dx + 0.01 * chance("mx"), 0.5 + far * dy + 0.01 * chance("my")
        tint = shade(spec["mark"], chance("mark"), chance("mark hue"))
        canvas.paint(canvas.shape(regular(x, y, 0.042, 4 + int(2 + 2 * chance("sides")))), tint,
                     bevel=0.008)  # fmt: skip

    def _band(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        tint = shade(spec["band"], chance("band"), chance("band hue"))
        wide = 0.025 + 0.01 * chance("wide")
        if spec["outline"] == "plate":
            line = box(0.145, 0.145, 0.855, 0.855, 0.03)
        elif spec["outline"] == "field":
            line = np.array(((-0.05, 0.12), (1.05, 0.12)))
        else:
            line = disc(0.5, 0.5, 0.37)
        closed = spec["outline"] != "field"
        canvas.paint(canvas.stroke(line, wide, closed), tint, bevel=0.006)

    @staticmethod
    def _place(spec: Spec, k: int) -> tuple[float, float, float]:
        """Centre and radius of an item."""
        count, spread = len(spec["items"]), spec["spread"]
        if spec["how"] == CIRCLE:
            way = 2 * np.pi * k / count - np.pi / 2
            far = 0.14 * spread
            return 0.5 + far * np.cos(way), 0.5 + far * np.sin(way), 0.055 * spread
        if spec["how"] == STRIPS:
            wide = 0.4 * spread / count
            return 0.5 + wide * (k - (count - 1) / 2), 0.5, wide / 2 * 0.94
        if spec["how"] == CUPS:
            across = count // 2
            gap = min(0.16, 0.42 / across) * spread
            x = 0.5 + gap * (k % across - (across - 1) / 2)
            return x, 0.5 + gap * (k // across - 0.5), gap * 0.4
        if spec["how"] == GRID:
            across = count // 2
            gap = 0.36 / across * spread
            x = 0.5 + gap * (k % across - (across - 1) / 2)
            return x, 0.5 + 0.14 * spread * (k // across - 0.5), 0.05 * spread
        along = 0.5 + 0.36 * spread / max(count, 3) * (k - (count - 1) / 2)
        r = min(0.06, 0.15 / max(count, 3) + 0.01) * spread
        return (along, 0.5, r) if spec["how"] == ROW else (0.5, along, r)


def _form(form: str, x: float, y: float, r: float) -> tuple[np.ndarray, ...]:
    """Outlines of an item."""
    if form == "square":
        return (box(x - r * 0.9, y - r * 0.9, x + r * 0.9, y + r * 0.9, 0.01),)
    if form == "bar":
        return (box(x - r * 0.5, y - r * 1.1, x + r * 0.5, y + r * 1.1, 0.008),)
    if form == "hollow":
        return disc(x, y, r), disc(x, y, r * 0.45)
    sides = {"triangle": 3, "hexagon": 6}.get(form)
    return (regular(x, y, r, sides, -np.pi / 2) if sides else disc(x, y, r),)
