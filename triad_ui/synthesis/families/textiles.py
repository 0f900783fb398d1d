"""Cloth that fills the frame: striped woven fabric, and a tufted carpet with a repeated motif."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from triad_ui.synthesis.families.drawing import Canvas, grain, value_noise
from triad_ui.synthesis.families.palette import NAMED, article, pick, pick_several, shade
from triad_ui.synthesis.families.recipe import Chance, Fault, RecipeFamily, Step
from triad_ui.synthesis.product import Spec


class WovenFabric(RecipeFamily):
    """Plain-woven cloth with coloured stripes."""

    name = "woven fabric"
    plural = "woven fabrics"
    aligned = False
    form_key = "weave"
    thread_key = "weave"
    finish_key = "dye"

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        ground, stripe = pick_several(rng, tuple(NAMED), 2)
        return {
            "ground": ground,
            "stripe": stripe,
            "stripes": int(rng.integers(4, 8)),
            "upright": bool(rng.integers(2)),
            "odd": "",
        }

    def steps(self, spec: Spec) -> list[Step]:
        stripes = _told("stripes", spec["stripe"], spec["odd"], spec["ground"])
        return [
            Step(
                "dye",
                ("Dye the ground yarn.", "Wind the dyed ground yarn on the loom."),
                (f"ground: {spec['ground']}",),
            ),
            Step(
                "stripe",
                ("Lay in the stripe yarn.", "Add the stripe threads."),
                (stripes,),
            ),
            Step("weave", ("Weave the cloth.", "Weave it.", "Plain-weave the cloth.")),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        wrong, odd = (pick(rng, tuple(NAMED), spec["stripe"], spec["ground"]) for _ in range(2))
        ground = pick(rng, tuple(NAMED), spec["stripe"], spec["ground"])
        right = f"{spec['stripe']} stripes"
        return [
            Fault({"stripe": wrong}, "wrong colour", "stripe", right, f"{wrong} stripes"),
            Fault({"odd": odd}, "wrong colour", "stripe", right, f"{article(odd)} stripe"),
            Fault(
                {"odd": spec["ground"]},
                "missing part",
                "stripe",
                "evenly spaced stripes",
                "a missing stripe",
            ),
            Fault(
                {"ground": ground},
                "wrong colour",
                "dye",
                article(f"{spec['ground']} ground"),
                article(f"{ground} ground"),
            ),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        size = canvas.size
        threads = 44 + int(8 * chance("threads"))
        rows, columns = _wavy_grid(chance, size, 0.004)
        along = columns if spec["upright"] else rows
        place = along * spec["stripes"] + 0.35 * chance("phase")
        wide = 0.2 + 0.04 * chance("wide")
        sharp = threads / spec["stripes"] * 1.5
        number = np.floor(place)
        blend = np.clip((wide - np.abs(place - number - 0.5)) * sharp, 0, 1)
        ground = shade(spec["ground"], chance("ground"), chance("hue"))
        stripe = shade(spec["stripe"], chance("stripe"), chance("stripe hue"))
        if spec["odd"] == spec["ground"]:
            odd = ground
        else:
            odd = shade(spec["odd"] or spec["stripe"], chance("stripe"), chance("stripe hue"))
        is_odd = number == spec["stripes"] // 2
        u, v = columns * threads, rows * threads
        at_u, at_v = np.floor(u), np.floor(v)
        over = np.bitwise_and((at_u + at_v).astype(np.int32), 1)
        wave_u, wave_v = np.sin(np.pi * (u - at_u)), np.sin(np.pi * (v - at_v))
        across, along_thread = np.where(over, wave_v, wave_u), np.where(over, wave_u, wave_v)
        light = 0.62 + 0.5 * across * (0.7 + 0.3 * along_thread)
        light += 0.05 * grain(chance.field("fibre"), size)
        light += 0.05 * value_noise(chance.field("cloud"), size, 4)
        light += np.float32(0.05) * over - np.float32(0.025)
        canvas.fill(_mixed(ground, stripe, odd, blend, is_odd), light, 6)


class Carpet(RecipeFamily):
    """A tufted carpet with rows of one motif: dots, squares or diamonds."""

    name = "carpet"
    plural = "carpets"
    aligned = False
    form_key = "tuft"
    thread_key = "tuft"
    finish_key = "dye"
    patterns = ("dots", "squares", "diamonds")

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        pile, motif = pick_several(rng, tuple(NAMED), 2)
        return {
            "pile": pile,
            "motif": motif,
            "pattern": pick(rng, self.patterns),
            "count": int(rng.integers(3, 6)),
            "odd": "",
        }

    def steps(self, spec: Spec) -> list[Step]:
        motif = _told(spec["pattern"], spec["motif"], spec["odd"], spec["pile"])
        return [
            Step("dye", ("Dye the pile yarn.", "Dye the pile."), (f"pile: {spec['pile']}",)),
            Step(
                "tuft",
                ("Tuft the pattern in rows.", "Tuft the motif."),
                (motif,),
            ),
            Step("shear", ("Shear the pile evenly.", "Glue the backing.")),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        motif, odd = (pick(rng, tuple(NAMED), spec["motif"], spec["pile"]) for _ in range(2))
        pile = pick(rng, tuple(NAMED), spec["motif"], spec["pile"])
        one = spec["pattern"].removesuffix("s")
        right = f"{spec['motif']} {spec['pattern']}"
        return [
            Fault({"motif": motif}, "wrong colour", "tuft", right, f"{motif} {spec['pattern']}"),
            Fault({"odd": odd}, "wrong colour", "tuft", right, article(f"{odd} {one}")),
            Fault({"odd": spec["pile"]}, "missing part", "tuft", right, f"a missing {one}"),
            Fault(
                {"pile": pile},
                "wrong colour",
                "dye",
                article(f"{spec['pile']} pile"),
                article(f"{pile} pile"),
            ),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        size, count = canvas.size, spec["count"]
        rows, columns = _wavy_grid(chance, size, 0.012)
        v, u = rows * count + 0.4 * chance("v"), columns * count + 0.4 * chance("u")
        middle = count // 2
        at_v, at_u = np.floor(v), np.floor(u)
        is_odd = (at_v == middle) & (at_u == middle)
        v, u = v - at_v - 0.5, u - at_u - 0.5
        if spec["pattern"] == "dots":
            level = 0.34 - np.hypot(u, v)
        elif spec["pattern"] == "squares":
            level = 0.3 - np.maximum(np.abs(u), np.abs(v))
        else:
            level = 0.42 - np.abs(u) - np.abs(v)
        ragged = level * size / count + 1.6 * grain(chance.field("ragged"), size)
        blend = np.clip(ragged * 0.5 + 0.5, 0, 1)
        pile = shade(spec["pile"], chance("pile"), chance("hue"))
        motif = shade(spec["motif"], chance("motif"), chance("motif hue"))
        if spec["odd"] == spec["pile"]:
            odd = pile
        else:
            odd = shade(spec["odd"] or spec["motif"], chance("motif"), chance("motif hue"))
        tufts = cv2.GaussianBlur(grain(chance.field("tufts"), size), (0, 0), 1.5) * 0.7
        light = 0.86 + tufts + 0.08 * value_noise(chance.field("cloud"), size, 5)
        canvas.fill(_mixed(pile, motif, odd, blend, is_odd), light)


def _mixed(
    ground: np.ndarray, motif: np.ndarray, odd: np.ndarray, blend: np.ndarray, is_odd: np.ndarray
) -> list[np.ndarray]:
    """Three planes (S, S): the ground, the motif where blend is 1, the odd one where it is odd."""
    return [
        low + blend * np.where(is_odd, other - low, high - low)
        for low, high, other in zip(ground, motif, odd)
    ]


def _told(noun: str, colour: str, odd: str, ground: str) -> str:
    """Tell a repeated motif and the one that differs, if any."""
    if not odd:
        return f"all {noun}: {colour}"
    return f"{noun}: {colour}, one {'left out' if odd == ground else odd}"


def _wavy_grid(chance: Chance, size: int, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns 0..1 of a slightly distorted cloth: two float32 (size, size)."""
    ramp = (np.arange(size, dtype=np.float32) + 0.5) / size
    rows = ramp[:, None] + strength * value_noise(chance.field("rows"), size, 3, 1)
    columns = ramp[None] + strength * value_noise(chance.field("columns"), size, 3, 1)
    return rows, columns
