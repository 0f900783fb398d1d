"""Surfaces that fill the frame: stitched leather, a glazed ceramic tile, a wood panel."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from triad_ui.synthesis.families.drawing import Canvas, box, disc, grain, regular, value_noise
from triad_ui.synthesis.families.faults import (
    miscount,
    missing,
    one_wrong_colour,
    wrong_colour,
)
from triad_ui.synthesis.families.palette import NAMED, VIVID, article, listed, pick, shade
from triad_ui.synthesis.families.recipe import Chance, Fault, RecipeFamily, Step
from triad_ui.synthesis.product import Spec

HIDES = ("brown", "black", "red", "blue", "green", "grey", "orange", "white")
QUARTERS = ("top left", "top right", "bottom left", "bottom right")


class Leather(RecipeFamily):
    """Grained leather with one or two stitched seams."""

    name = "leather"
    plural = "leather pieces"
    aligned = False
    form_key = "emboss"
    thread_key = "sew"
    finish_key = "dye"

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        hide = pick(rng, HIDES)
        return {
            "hide": hide,
            "thread": pick(rng, ("white", "yellow", "red", "blue", "black", "orange"), hide),
            "seams": int(rng.integers(1, 4)),
            "upright": bool(rng.integers(2)),
        }

    def steps(self, spec: Spec) -> list[Step]:
        thread = spec["thread"]
        return [
            Step("dye", ("Tan and dye the hide.", "Dye the hide."), (f"hide: {spec['hide']}",)),
            Step("emboss", ("Emboss the grain.", "Press in the grain.")),
            Step(
                "sew",
                ("Sew the seams.", "Stitch it."),
                (f"seams: {spec['seams']}", f"thread: {thread}") if thread else ("no seams",),
            ),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        threads = ("white", "yellow", "red", "blue", "black", "orange")
        return [
            wrong_colour(spec, rng, "thread", threads, "sew", "thread", spec["hide"]),
            wrong_colour(spec, rng, "hide", HIDES, "dye", "hide", spec["thread"]),
            miscount(spec, rng, "seams", "sew", "seam", 1, 3),
            missing("thread", "sew", f"{spec['thread']} stitches", "no stitches"),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        size = canvas.size
        cells = cv2.GaussianBlur(grain(chance.field("cells"), size), (0, 0), 0.009 * size)
        bumps = np.abs(cells) / (np.abs(cells).mean() + 1e-6)
        slope = cv2.Sobel(np.minimum(bumps, 1.6), cv2.CV_32F, 1, 1, ksize=3)
        light = 0.86 + 0.14 * np.minimum(bumps, 1.4) + 0.1 * slope
        light += 0.06 * value_noise(chance.field("cloud"), size, 3, 2)
        light += 0.02 * grain(chance.field("fine"), size)
        canvas.fill(shade(spec["hide"], chance("hide"), chance("hue")) * 0.9, light)
        if not spec["thread"]:
            return
        thread = shade(spec["thread"], chance("thread"), chance("thread hue"))
        dark = np.array(canvas.rgb.mean((0, 1))) * 0.5
        for seam in range(spec["seams"]):
            at = (0.2, 0.5, 0.8)[seam] + 0.02 * chance("seam", seam)
            for k in range(13):
                start = (k + 0.2) / 13
                line = np.array(((start, at), (start + 0.046, at + 0.003)))
                groove = np.array(((start - 0.02, at), (start + 0.06, at)))
                if spec["upright"]:
                    line, groove = line[:, ::-1], groove[:, ::-1]
                canvas.paint(canvas.stroke(groove, 0.028), dark, opacity=0.5)
                canvas.paint(canvas.stroke(line, 0.02), thread, bevel=0.012)


class CeramicTile(RecipeFamily):
    """A glazed tile with a border and a motif in each quarter."""

    name = "ceramic tile"
    plural = "ceramic tiles"
    form_key = "fire"
    finish_key = "glaze"
    forms = ("disc", "square", "diamond", "hexagon")

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        glaze = pick(rng, ("white", "grey", "yellow", "blue", "green"))
        motif = pick(rng, tuple(NAMED), glaze)
        return {
            "glaze": glaze,
            "border": pick(rng, tuple(NAMED), glaze, motif),
            "motifs": (motif,) * 4,
            "form": pick(rng, self.forms),
        }

    def steps(self, spec: Spec) -> list[Step]:
        same = len(set(spec["motifs"])) == 1
        motifs = spec["motifs"][0] if same else listed(spec["motifs"])
        return [
            Step("glaze", ("Glaze the blank.", "Pour on the glaze."), (f"glaze: {spec['glaze']}",)),
            Step(
                "decorate",
                ("Print a motif in each quarter.", "Stamp the four quarters."),
                (f"{spec['form']} motifs: {motifs}",),
            ),
            Step(
                "border",
                ("Paint the border.", "Line it."),
                (f"border: {spec['border'] or 'none'}",),
            ),
            Step("fire", ("Fire the tile.", "Fire it in the kiln.")),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        k = int(rng.integers(4))
        motif = spec["motifs"][0]
        gap = tuple("" if i == k else motif for i in range(4))
        nouns = [f"{place} motif" for place in QUARTERS]
        right = article(f"{motif} {nouns[k]}")
        glazes = ("white", "grey", "yellow", "blue", "green")
        used = (motif, spec["glaze"], spec["border"])
        return [
            missing("motifs", "decorate", right, f"no {nouns[k]}", gap),
            one_wrong_colour(spec, rng, "motifs", tuple(NAMED), "decorate", nouns, *used),
            wrong_colour(spec, rng, "border", tuple(NAMED), "border", "border", *used)
            if spec["border"]
            else _unordered_border(spec, rng, *used),
            missing("border", "border", article(f"{spec['border']} border"), "no border")
            if spec["border"]
            else wrong_colour(spec, rng, "glaze", glazes, "glaze", "glaze", *used),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        soft = value_noise(chance.field("soft"), canvas.size, 5, 2) * 0.03
        soft += grain(chance.field("grain"), canvas.size) * 0.008
        glaze = shade(spec["glaze"], chance("glaze"), chance("hue"))
        tile = canvas.shape(box(0.03, 0.03, 0.97, 0.97, 0.015))
        canvas.paint(tile, glaze, bevel=0.025, gloss=0.5, texture=soft)
        if spec["border"]:
            line = canvas.shape(box(0.075, 0.075, 0.925, 0.925), box(0.125, 0.125, 0.875, 0.875))
            canvas.paint(line, shade(spec["border"], chance("border")), texture=soft)
        for k, name in enumerate(spec["motifs"]):
            if not name:
                continue
            x, y = 0.32 + 0.36 * (k % 2), 0.32 + 0.36 * (k // 2)
            tint = shade(name, chance("motif"), chance("motif hue"))
            outline = {
                "disc": disc(x, y, 0.13),
                "square": box(x - 0.115, y - 0.115, x + 0.115, y + 0.115),
                "diamond": regular(x, y, 0.16, 4),
                "hexagon": regular(x, y, 0.14, 6),
            }[spec["form"]]
            canvas.paint(canvas.shape(outline), tint, texture=soft)
            canvas.paint(canvas.shape(regular(x, y, 0.06, 8)), glaze, texture=soft)
            canvas.paint(canvas.shape(disc(x, y, 0.026)), tint * 0.8)
        canvas.glow(0.3, 0.22, 0.2, 22)


def _unordered_border(spec: Spec, rng: np.random.Generator, *used: str) -> Fault:
    colour = pick(rng, tuple(NAMED), *used)
    observed = article(f"{colour} border")
    return Fault({"border": colour}, "extra part", "border", "no border", observed)


class WoodPanel(RecipeFamily):
    """Planed wood with coloured dowels and an inlaid strip."""

    name = "wood panel"
    plural = "wood panels"
    form_key = "plane"
    finish_key = "inlay"
    woods = ("light", "reddish", "dark")

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        return {
            "wood": pick(rng, self.woods),
            "dowels": int(rng.integers(2, 6)),
            "plugs": pick(rng, ("white", "black", "red", "blue", "green", "yellow")),
            "strip": pick(rng, (*VIVID, "white", "black")),
        }

    def steps(self, spec: Spec) -> list[Step]:
        return [
            Step("plane", ("Plane the panel.", "Saw and plane it."), (f"wood: {spec['wood']}",)),
            Step(
                "inlay",
                ("Finish the upper edge.", "Rout the upper edge."),
                (f"strip: {spec['strip'] or 'none'}",),
            ),
            Step(
                "plug",
                ("Drive the plugs in a row.", "Glue in the plugs."),
                (f"plugs: {spec['dowels']} {spec['plugs']}",),
            ),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        plugs = ("white", "black", "red", "blue", "green", "yellow")
        strip = article(f"{spec['strip']} strip")
        return [
            miscount(spec, rng, "dowels", "plug", "plug", 2, 5),
            wrong_colour(spec, rng, "plugs", plugs, "plug", "plugs"),
            wrong_colour(spec, rng, "strip", (*VIVID, "white", "black"), "inlay", "strip"),
            missing("strip", "inlay", strip, "no strip"),
            wrong_colour(spec, rng, "wood", self.woods, "plane", "wood"),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        size = canvas.size
        tones = {"light": (216, 178, 128), "reddish": (168, 92, 58), "dark": (92, 60, 42)}
        ramp = np.arange(size, dtype=np.float32) / size
        bend = value_noise(chance.field("bend"), size, 2, 2) * 0.05
        down = ramp[:, None] + bend * np.sin(2 * ramp + 2 * chance("turn"))[None]
        rings = np.sin(60 * down + 5 * np.sin(9 * down + 3 * chance("rings")))
        pores = cv2.blur(grain(chance.field("pores"), size), (size // 12 | 1, 1))
        light = 0.94 + 0.07 * rings + 0.16 * pores
        light += 0.04 * value_noise(chance.field("cloud"), size, 3, 2)
        canvas.fill(np.array(tones[spec["wood"]], np.float32), light)
        if spec["strip"]:
            tint = shade(spec["strip"], chance("strip"), chance("hue"))
            strip = canvas.shape(box(-0.02, 0.14, 1.02, 0.24))
            canvas.paint(strip, tint, texture=0.5 * (light - 0.94), bevel=0.006)
        for k in range(spec["dowels"]):
            x = 0.5 + 0.17 * (k - (spec["dowels"] - 1) / 2)
            x, y = np.array((x, 0.62)) + 0.006 * chance.pair("plug", k)
            tint = shade(spec["plugs"], chance("plug", k), chance("plug hue"))
            canvas.paint(canvas.shape(disc(x, y, 0.058)), (50, 34, 24), opacity=0.7)
            canvas.paint(canvas.shape(disc(x, y, 0.053)), tint, bevel=0.02, gloss=0.2)
