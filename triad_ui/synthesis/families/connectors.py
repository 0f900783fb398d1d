"""A pin connector: a housing with a latch and rows of pins."""

from __future__ import annotations

from typing import Any

import numpy as np

from triad_ui.synthesis.families.drawing import Canvas, box, brushed, grain, value_noise
from triad_ui.synthesis.families.palette import VIVID, article, pick, shade
from triad_ui.synthesis.families.recipe import Chance, Fault, RecipeFamily, Step
from triad_ui.synthesis.product import Spec


class PinConnector(RecipeFamily):
    """A rectangular housing with rows of pins and a latch on one side."""

    name = "pin connector"
    plural = "pin connectors"
    form_key = "mould"
    finish_key = "pins"

    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        return {
            "housing": pick(rng, ("white", "black", "blue", "green", "red", "grey")),
            "rows": int(rng.integers(2, 4)),
            "columns": int(rng.integers(3, 6)),
            "metal": pick(rng, ("gold", "silver")),
            "lost": (),
            "latch": pick(rng, ("top", "bottom")),
        }

    def steps(self, spec: Spec) -> list[Step]:
        rows, columns = spec["rows"], spec["columns"]
        count = rows * columns - len(spec["lost"])
        return [
            Step(
                "mould",
                ("Mould the housing with its latch.", "Injection-mould the housing."),
                (f"housing: {spec['housing']}", f"latch: {spec['latch']}"),
            ),
            Step(
                "pins",
                (f"Press in {spec['metal']} pins.", f"Insert the {spec['metal']} pins."),
                (f"pins: {count}", f"holes: {rows} rows of {columns}"),
            ),
        ]

    def faults(self, spec: Spec, rng: np.random.Generator) -> list[Fault]:
        count = spec["rows"] * spec["columns"]
        lost = tuple(int(i) for i in rng.permutation(count)[: int(rng.integers(1, 3))])
        housing = pick(rng, VIVID, spec["housing"])
        latch = "bottom" if spec["latch"] == "top" else "top"
        return [
            Fault(
                {"lost": lost}, "missing part", "pins", f"{count} pins", f"{count - len(lost)} pins"
            ),
            Fault(
                {"housing": housing},
                "wrong colour",
                "mould",
                article(f"{spec['housing']} housing"),
                article(f"{housing} housing"),
            ),
            Fault(
                {"latch": latch},
                "wrong position",
                "mould",
                f"the latch at the {spec['latch']}",
                f"the latch at the {latch}",
            ),
        ]

    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        matte = grain(chance.field("matte"), canvas.size) * 0.015
        matte += value_noise(chance.field("cloud"), canvas.size, 4) * 0.02
        tint = shade(spec["housing"], chance("housing"), chance("hue"))
        pitch = 0.155 + 0.004 * chance("pitch")
        half_w = pitch * spec["columns"] / 2 + 0.05
        half_h = pitch * spec["rows"] / 2 + 0.05
        way = -1 if spec["latch"] == "top" else 1
        edge = 0.5 + way * (half_h + 0.04)
        latch = canvas.shape(box(0.38, edge - 0.06, 0.62, edge + 0.06, 0.015))
        canvas.paint(latch, tint, bevel=0.02, texture=matte)
        outline = box(0.5 - half_w, 0.5 - half_h, 0.5 + half_w, 0.5 + half_h, 0.03)
        canvas.paint(canvas.shape(outline), tint, bevel=0.03, texture=matte, gloss=0.2)
        metal = np.array((222, 184, 90) if spec["metal"] == "gold" else (206, 209, 214), np.float32)
        shine = brushed(chance.field("shine"), canvas.size) * 0.06
        for k in range(spec["rows"] * spec["columns"]):
            row, column = divmod(k, spec["columns"])
            x = 0.5 + pitch * (column - (spec["columns"] - 1) / 2)
            y = 0.5 + pitch * (row - (spec["rows"] - 1) / 2)
            hole = canvas.shape(box(x - 0.056, y - 0.056, x + 0.056, y + 0.056, 0.01))
            canvas.paint(hole, tint * 0.32, bevel=0.015, depth=-1)
            if k not in spec["lost"]:
                x, y = np.array((x, y)) + 0.004 * chance.pair("pin", k)
                pin = canvas.shape(box(x - 0.036, y - 0.036, x + 0.036, y + 0.036, 0.008))
                canvas.paint(pin, metal, bevel=0.018, gloss=0.5, texture=shine)
