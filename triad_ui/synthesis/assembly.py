"""Parts that no plant makes: plain shapes put together at random, called by nouns at random.

To train what reads a process against a picture, never to judge it. In a family a noun always means
the same thing, so that a product never met before leaves a model with words it can't place. Here
the ring may be called a collar, a rim or a gasket, and what is left to go by is what is written of
it. Not among the catalogue's families.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from triad_ui.synthesis.assembly_layout import (
    AROUND,
    CORNERS,
    CUPS,
    FORMS,
    GRID,
    LAYOUTS,
    ORDERS,
    SPREAD,
    STRIPS,
    form_of,
    place,
)
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
from triad_ui.synthesis.families.palette import (
    METALS,
    NAMED,
    anywhere,
    article,
    listed,
    pick,
    shade,
)
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
LIST, TALLY, ALL, SUMS, ONE, NUMBER = "list", "tally", "all", "sums", "one", "number"
"""How items are told: one by one, and with their number; all alike; so many of each colour; alike
but for one; by their number alone."""
OUTLINES = ("plate", "disc", "hexagon", "field")
ROUND = ("disc", "disc", "field", "field")
"""Outlines of what has items all around: one with corners repeats itself around its middle too."""
ANY_SHADE, RELIEF = 0.6, 0.4
"""Shares: of assemblies in any shades that are called as their colours are, of numbered items in
the colour of their base."""
MAKING = ("Make", "Form", "Mould", "Cut", "Press", "Dye", "Coat")
FITTING = ("Fit", "Place", "Insert", "Set", "Mount", "Lay", "Add")


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
        told = (LIST, LIST, TALLY, ALL, SUMS, SUMS)[int(rng.integers(6))]
        across = int(rng.integers(3, 8))
        if how == SPREAD:
            told, count = ONE, across * int(rng.integers(3, 8))
        elif how == AROUND:
            told, count = NUMBER, int(rng.integers(2, 10))
        main = pick(rng, colours, ground)
        if told == NUMBER and rng.random() < RELIEF:
            main = ground
        if told in (LIST, TALLY):
            items = tuple(pick(rng, colours, ground) for _ in range(count))
        elif told == SUMS and rng.random() < 0.5:
            odd = int(rng.integers(1, count + 1)) if count > 1 else 0
            items = (main,) * (count - odd) + (pick(rng, colours, ground, main),) * odd
            items = tuple(items[int(k)] for k in rng.permutation(count))
        else:
            items = (main,) * count
        noun = ITEMS[int(rng.integers(len(ITEMS)))]
        return {
            "ground": ground, "items": items, "how": how, "told": told,
            "band": pick(rng, colours, ground), "mark": pick(rng, colours, ground),
            "corner": tuple(CORNERS)[int(rng.integers(len(CORNERS)))], "across": across,
            "ends": bool(rng.random() < 0.3),
            "base": BASES[int(rng.integers(len(BASES)))], "noun": noun,
            "hoop": BANDS[int(rng.integers(len(BANDS)))],
            "tag": MARKS[int(rng.integers(len(MARKS)))],
            "form": FORMS[int(rng.integers(len(FORMS)))],
            "outline": (ROUND if how == AROUND else OUTLINES)[int(rng.integers(4))],
            "spread": float(rng.uniform(0.85, 1.45)), "any": bool(rng.random() < ANY_SHADE),
        }  # fmt: skip

    def steps(self, spec: Spec) -> list[Step]:
        noun, plural = spec["noun"], spec["noun"] + "s"
        order = ORDERS[spec["how"]]
        items = spec["items"]
        there = [colour for colour in items if colour]
        kinds = list(dict.fromkeys(there))
        told: tuple[str, ...]
        if not there:
            told = (f"{plural}: none",)
        elif spec["told"] == ONE:
            main = max(kinds, key=there.count)
            odd = next((colour or "left out" for colour in items if colour != main), "")
            told = (f"{plural}: {main}, one {odd}" if odd else f"all {plural}: {main}",)
        elif spec["told"] == NUMBER:
            told = (f"{plural} {order[0]}: {len(there)}",)
        elif spec["told"] == SUMS:
            told = (f"{plural}: " + ", ".join(f"{there.count(k)} {k}" for k in kinds),)
        elif spec["told"] == ALL and len(kinds) == 1:
            told = (f"{plural}: {len(there)}", f"all {plural}: {there[0]}")
        elif spec["told"] == TALLY:
            told = (f"{plural}: {len(there)}", f"{order[0]}: {listed(items)}")
        else:
            told = (f"{plural}: {listed(items)}",)
        fitted = tuple(f"{verb} the {plural}, {way}." for verb in FITTING[:4] for way in order)
        if told[0].startswith(f"{plural}: none"):
            fitted = (f"Leave the {noun} places.",)
        mark = f"{spec['mark']} {spec['tag']}: {spec['corner'] or 'none'}"
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
        items = list(spec["items"])
        if spec["told"] == NUMBER:
            return self._other_number(spec, rng) + self._of_others(spec, rng)
        k = int(rng.integers(len(items)))
        wrong, less = items.copy(), items.copy()
        wrong[k] = pick(rng, colours, ground, *items)
        less[k] = ""
        if spec["told"] == SUMS and len(items) > 3 and rng.random() < 0.3:
            less[k - 1] = ""
        whole = f"{len(items)} {noun}s"
        lacking = missing("items", "items", whole, f"no {noun} in place {k + 1}", tuple(less))
        found = [
            Fault({"items": tuple(wrong)}, "wrong colour", "items",
                  article(f"{items[k]} {noun}"), article(f"{wrong[k]} {noun}")),
            lacking,
            *self._of_others(spec, rng),
        ]  # fmt: skip
        if spec["told"] == ONE:  # of many like items one that misses is the fault to be found
            found += [lacking] * 2
        if spec["told"] in (ALL, ONE, SUMS):
            main = max(set(items), key=items.count)
            other = pick(rng, colours, ground, *items)
            changed = tuple(other if colour == main else colour for colour in items)
            found.append(Fault({"items": changed}, "wrong colour", "items",
                               f"{main} {noun}s", f"{other} {noun}s"))  # fmt: skip
        if len(set(items)) > 1 and spec["told"] in (LIST, TALLY):
            other = next(i for i, colour in enumerate(items) if colour != items[k])
            swapped = items.copy()
            swapped[k], swapped[other] = swapped[other], swapped[k]
            expected, observed = (article(f"{items[i]} {noun}") for i in (k, other))
            changes = {"items": tuple(swapped)}
            found.append(Fault(changes, "swapped parts", "items", expected, observed))
        return found

    @staticmethod
    def _of_others(spec: Spec, rng: np.random.Generator) -> list[Fault]:
        """Faults of all but the items."""
        colours, ground, hoop, tag = tuple(NAMED), spec["ground"], spec["hoop"], spec["tag"]
        moved = pick(rng, tuple(CORNERS), spec["corner"])
        items = spec["items"]
        return [
            wrong_colour(spec, rng, "ground", colours, "base", spec["base"], *items, spec["band"],
                         spec["mark"]),
            wrong_colour(spec, rng, "band", colours, "band", hoop, ground),
            wrong_colour(spec, rng, "mark", colours, "mark", tag, ground, *items),
            missing("band", "band", article(f"{spec['band']} {hoop}"), f"no {hoop}"),
            missing("corner", "mark", article(f"{spec['mark']} {tag}"), f"no {tag}"),
            Fault({"corner": moved}, "wrong position", "mark",
                  f"the {tag} at the {spec['corner']}", f"the {tag} at the {moved}"),
        ]  # fmt: skip

    @staticmethod
    def _other_number(spec: Spec, rng: np.random.Generator) -> list[Fault]:
        """One item more or less."""
        items, noun = spec["items"], spec["noun"]
        more = len(items) < 2 or rng.random() < 0.5
        changed = items + items[:1] if more else items[1:]
        told = [f"{len(some)} {noun}{'' if len(some) == 1 else 's'}" for some in (items, changed)]
        return [Fault({"items": changed}, "wrong count", "items", *told)]

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
        tint = _tint(canvas, spec, chance, spec["ground"], "ground")
        flat = spec["outline"] == "field"
        canvas.paint(canvas.shape(outline), tint, bevel=0.0 if flat else 0.02, texture=skin)
        if spec["band"]:
            self._band(canvas, spec, chance)
        if spec["how"] == CUPS:
            for k in range(len(spec["items"])):
                x, y, r = place(spec, k)
                hollow = _tint(canvas, spec, chance, spec["ground"], "hollow") * 0.7
                canvas.paint(canvas.shape(disc(x, y, r * 1.15)), hollow, bevel=0.02, depth=-1.0)
        for k, colour in enumerate(spec["items"]):
            if colour:
                x, y, r = place(spec, k)
                x, y = np.array((x, y)) + 0.006 * chance.pair("item", k)
                tint = _tint(canvas, spec, chance, colour, "item", k)
                outline = form_of(spec["form"], x, y, r)
                if spec["how"] == STRIPS:
                    high = 0.1 + 0.14 * spec["spread"]
                    outline = (box(x - r, 0.5 - high, x + r, 0.5 + high),)
                elif spec["how"] == CUPS and spec["form"] in ("bar", "square", "triangle"):
                    outline = (ellipse(x, y, r * 0.8, r),)
                canvas.paint(canvas.shape(*outline), tint, bevel=0.015, gloss=0.2, shadow=0.01)
        if not spec["corner"]:
            return
        dx, dy = CORNERS[spec["corner"]]
        far = 0.225 if spec["outline"] in ("disc", "hexagon") else 0.3
        x, y = 0.5 + far * dx + 0.01 * chance("mx"), 0.5 + far * dy + 0.01 * chance("my")
        tint = _tint(canvas, spec, chance, spec["mark"], "mark")
        canvas.paint(canvas.shape(regular(x, y, 0.042, 4 + int(2 + 2 * chance("sides")))), tint,
                     bevel=0.008)  # fmt: skip

    def _band(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        tint = _tint(canvas, spec, chance, spec["band"], "band")
        wide = 0.025 + 0.01 * chance("wide")
        if spec["ends"]:
            for side in (0.1, 0.9):
                low = box(side - 2 * wide, 0.22, side + 2 * wide, 0.78, 0.01)
                canvas.paint(canvas.shape(low), tint, bevel=0.008)
            return
        if spec["outline"] == "plate":
            line = box(0.145, 0.145, 0.855, 0.855, 0.03)
        elif spec["outline"] == "field":
            line = np.array(((-0.05, 0.12), (1.05, 0.12)))
        else:
            line = disc(0.5, 0.5, 0.37)
        closed = spec["outline"] != "field"
        canvas.paint(canvas.stroke(line, wide, closed), tint, bevel=0.006)


def _tint(canvas: Canvas, spec: Spec, chance: Chance, colour: str, *which: str | int) -> np.ndarray:
    """A shade of a colour, which is nearly the same wherever a part has it: some shade that is
    called so where the spec says "any"."""
    own = chance("light", *which)
    if canvas.plain or colour in METALS or not spec["any"]:
        return shade(colour, own, chance("hue", *which))
    way = (chance(name, colour) for name in ("any hue", "any light", "any strength"))
    return anywhere(colour, *way) * (1 + 0.06 * own)
