"""Fasteners: a lying screw with a locking patch, and a row of coloured washers."""

from __future__ import annotations

from typing import Any

import numpy as np

from triad_ui.synthesis.families.drawing import Canvas, box, brushed, disc, value_noise
from triad_ui.synthesis.families.faults import (
    missing,
    one_wrong_colour,
    two_swapped,
    wrong_choice,
    wrong_colour,
)
from triad_ui.synthesis.families.palette import (
    METALS,
    NAMED,
    VIVID,
    article,
    listed,
    pick,
    pick_several,
    shade,
)
from triad_ui.synthesis.families.recipe import Chance, Fault, RecipeFamily, Step
from triad_ui.synthesis.product import Spec


class Screw(RecipeFamily):
    """A screw on its side: head form, coloured collar, coloured patch on the thread."""

    name = "screw"
    plural = "screws"
    form_key = "roll"
    finish_key = "patch"
    heads = ("round", "flat", "countersunk")

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        return {
            "metal": pick(rng, tuple(METALS)),
            "head": pick(rng, self.heads),
            "patch": pick(rng, VIVID),
            "place": pick(rng, ("tip", "middle")),
            "collar": pick(rng, (*VIVID, "white", "black")),
        }

    def steps(self, spec: Spec) -> list[Step]:
        patch = f"{spec['patch']} patch at the {spec['place']}" if spec["patch"] else "no patch"
        return [
            Step(
                "head",
                ("Cold-form the head.", "Upset the head."),
                (f"metal: {spec['metal']}", f"head: {spec['head']}"),
            ),
            Step("roll", ("Roll the thread.", "Cut the thread.")),
            Step(
                "collar",
                ("Go through the collar station.", "Assemble the collar."),
                (f"collar: {spec['collar'] or 'none'}",),
            ),
            Step(
                "patch",
                ("Apply thread lock.", "Coat the thread."),
                (patch,),
            ),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        patch = article(f"{spec['patch']} patch")
        collar = article(f"{spec['collar']} collar")
        head = pick(rng, self.heads, spec["head"])
        return [
            wrong_colour(spec, rng, "patch", VIVID, "patch", "patch"),
            missing("patch", "patch", patch, "no patch"),
            wrong_choice(spec, rng, "place", ("tip", "middle"), "patch", "the patch"),
            wrong_colour(spec, rng, "collar", (*VIVID, "white", "black"), "collar", "collar"),
            missing("collar", "collar", collar, "no collar"),
            wrong_colour(spec, rng, "metal", tuple(METALS), "head", "metal"),
            Fault(
                {"head": head}, "swapped parts", "head", f"a {spec['head']} head", f"a {head} head"
            ),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        y = 0.5 + 0.01 * chance("y")
        core = 0.075 + 0.004 * chance("core")
        metal = shade(spec["metal"], chance("metal"))
        finish = brushed(chance.field("brushed"), canvas.size) * 0.05
        pitch = 0.036
        flanks = []
        for side in (-1, 1):
            points = []
            for k in range(19):
                x = 0.26 + pitch * k
                lift = core * (1.28 if k < 17 else 1.0)
                shift = 0.25 * pitch * side
                points += [(x + shift, y + side * core), (x + shift + pitch / 2, y + side * lift)]
            flanks.append(np.array(points))
        tip = np.array(((0.945, y - core * 0.6), (0.955, y), (0.945, y + core * 0.6)))
        thread = canvas.shape(np.concatenate((flanks[0], tip, flanks[1][::-1])))
        shank = canvas.shape(box(0.14, y - core, 0.34, y + core))
        canvas.paint(shank, metal, bevel=core * 0.9, texture=finish, gloss=0.5)
        canvas.paint(thread, metal, bevel=core * 0.9, texture=finish, gloss=0.5)
        ridges = np.zeros((canvas.size, canvas.size), np.float32)
        for k in range(18):
            x = 0.26 + pitch * (k + 0.5)
            slant = np.array(
                ((x + 0.25 * pitch, y - core * 1.2), (x - 0.25 * pitch, y + core * 1.2))
            )
            line = canvas.stroke(slant[::-1], 0.011)
            ridges[line.window] = np.maximum(ridges[line.window], line.alpha)
        canvas.paint(thread.part(ridges), np.minimum(metal * 1.25 + 20, 255), opacity=0.6)
        if spec["patch"]:
            start = {"middle": 0.48, "tip": 0.74}[spec["place"]] + 0.01 * chance("patch at")
            ramp = np.broadcast_to(np.arange(canvas.size) / canvas.size, (canvas.size,) * 2)
            tint = shade(spec["patch"], chance("patch"), chance("hue"))
            patch = thread.part((ramp > start) & (ramp < start + 0.17))
            canvas.paint(patch, tint * 0.95, opacity=0.88)
            canvas.paint(patch.part(ridges), np.minimum(tint * 1.25 + 16, 255), opacity=0.6)
        if spec["collar"]:
            ring = canvas.shape(box(0.2, y - 0.17, 0.25, y + 0.17, 0.012))
            tint = shade(spec["collar"], chance("collar"), chance("collar hue"))
            canvas.paint(ring, tint, bevel=0.02, gloss=0.3, shadow=0.01)
        wide = 0.21
        outline = {
            "flat": box(0.06, y - wide, 0.16, y + wide, 0.012),
            "countersunk": np.array(
                ((0.05, y - wide), (0.08, y - wide), (0.2, y - core), (0.2, y + core),
                 (0.08, y + wide), (0.05, y + wide))
            ),
            "round": _dome(y, wide),
        }[spec["head"]]  # fmt: skip
        head = canvas.shape(outline)
        canvas.paint(head, metal, bevel=0.05, texture=finish, gloss=0.6)


def _dome(y: float, wide: float) -> np.ndarray:
    """Outline of a half-round head, flat on the right."""
    t = np.linspace(np.pi / 2, 1.5 * np.pi, 30)
    return np.stack((0.17 + 0.12 * np.cos(t), y + wide * np.sin(t)), 1)


class WasherSet(RecipeFamily):
    """Washers side by side in two rows, each of its own colour."""

    name = "washer set"
    plural = "washer sets"
    form_key = "punch"
    finish_key = "coat"

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        count = int(rng.integers(4, 7))
        card = pick(rng, ("white", "black", "brown"))
        coats = [name for name in NAMED if name != card]  # a washer stands out from its card
        return {
            "washers": pick_several(rng, coats, count),
            "card": card,
        }

    def steps(self, spec: Spec) -> list[Step]:
        half = (len(spec["washers"]) + 1) // 2
        upper, lower = spec["washers"][:half], spec["washers"][half:]
        return [
            Step("card", ("Cut the card.", "Print the card."), (f"card: {spec['card']}",)),
            Step("punch", ("Punch the washers.", "Stamp the washers from sheet.")),
            Step(
                "coat",
                ("Coat and mount them, left to right.", "Mount the coated washers."),
                (f"upper row: {listed(upper)}", f"lower row: {listed(lower)}"),
            ),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        washers = spec["washers"]
        half = (len(washers) + 1) // 2
        nouns = [
            f"washer in the {'upper' if k < half else 'lower'} row" for k in range(len(washers))
        ]
        k = int(rng.integers(len(washers)))
        gap = tuple("" if i == k else name for i, name in enumerate(washers))
        right = article(f"{washers[k]} {nouns[k]}")
        cards = ("white", "black", "brown")
        gone = f"the {washers[k]} washer missing"
        return [
            *two_swapped(spec, rng, "washers", "coat", nouns),
            missing("washers", "coat", right, gone, gap),
            one_wrong_colour(spec, rng, "washers", tuple(NAMED), "coat", nouns, spec["card"]),
            wrong_colour(spec, rng, "card", cards, "card", "card"),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        paper = value_noise(chance.field("paper"), canvas.size, 40, 2) * 0.02
        tint = shade(spec["card"], chance("card")) * 0.9 + 10
        canvas.paint(
            canvas.shape(box(0.05, 0.16, 0.95, 0.84, 0.02)), tint, texture=paper, bevel=0.008
        )
        half = (len(spec["washers"]) + 1) // 2
        for k, name in enumerate(spec["washers"]):
            x = 0.5 + 0.28 * (k % half - (half - 1) / 2)
            x, y = np.array((x, 0.34 if k < half else 0.66)) + 0.006 * chance.pair("washer", k)
            canvas.paint(canvas.shape(disc(x, y, 0.05)), tint * 0.6)
            if name:
                coat = shade(name, chance("coat", k), chance("hue", k))
                ring = canvas.shape(disc(x, y, 0.122), disc(x, y, 0.052))
                canvas.paint(ring, coat, bevel=0.02, gloss=0.4, shadow=0.01)
