"""Two small families, so that the other files are tested without the real ones."""

from __future__ import annotations

import cv2
import numpy as np

from triad_ui.records import ManufacturingProcess, ProcessStep
from triad_ui.synthesis.product import LogicalDefect, Rendering, Spec

COLOURS = {"red": (190, 50, 45), "green": (50, 150, 70), "blue": (50, 80, 180)}


class Disc:
    """A coloured disc with some pins, in a fixture."""

    name, plural, aligned = "disc", "discs", True

    def draw_spec(self, rng: np.random.Generator) -> Spec:
        return {"colour": str(rng.choice(sorted(COLOURS))), "pins": int(rng.integers(3, 6))}

    def process(self, spec: Spec, rng: np.random.Generator) -> ManufacturingProcess:
        steps = (
            ProcessStep(1, "Mould the disc.", (f"colour: {spec['colour']}",)),
            ProcessStep(2, "Set the pins.", (f"pins: {spec['pins']}",)),
            ProcessStep(3, "Pack."),
        )
        return ManufacturingProcess(self.name, self.name, self.plural, steps)

    def logical_defect(self, spec: Spec, rng: np.random.Generator) -> LogicalDefect:
        if rng.random() < 0.5:
            other = str(rng.choice(sorted(set(COLOURS) - {spec["colour"]})))
            said = f"a {spec['colour']} disc", f"a {other} disc"
            return LogicalDefect({**spec, "colour": other}, "wrong colour", 1, *said)
        count = spec["pins"] - 1
        said = f"{spec['pins']} pins", f"{count} pins"
        return LogicalDefect({**spec, "pins": count}, "missing part", 2, *said)

    def surface_step(self, kind: str, spec: Spec) -> int:
        return 1 if kind in ("bubble", "crack", "chip", "burr") else 3

    def render(self, spec: Spec, rng: np.random.Generator, size: int) -> Rendering:
        rgb = np.zeros((size, size, 3), np.float32)
        solid = np.zeros((size, size), np.uint8)
        jitter = rng.normal(0, 0.004, (8, 2))
        cv2.circle(solid, (size // 2, size // 2), int(0.36 * size), 1, -1)
        rgb[solid > 0] = COLOURS[spec["colour"]]
        for k in range(spec["pins"]):
            turn = 2 * np.pi * k / 6
            x = size * (0.5 + 0.22 * np.cos(turn) + jitter[k, 0])
            y = size * (0.5 + 0.22 * np.sin(turn) + jitter[k, 1])
            cv2.circle(rgb, (int(x), int(y)), int(0.05 * size), (215, 210, 200), -1)
        rgb += rng.normal(0, 2, (size, size, 1))
        return Rendering(np.clip(rgb, 0, 255).astype(np.uint8), solid.astype(bool))


class Weave:
    """A cloth that fills the frame and runs freely."""

    name, plural, aligned = "weave", "weaves", False

    def draw_spec(self, rng: np.random.Generator) -> Spec:
        return {"colour": str(rng.choice(sorted(COLOURS))), "stripe": bool(rng.random() < 0.5)}

    def process(self, spec: Spec, rng: np.random.Generator) -> ManufacturingProcess:
        steps = (
            ProcessStep(1, "Dye the yarn.", (f"colour: {spec['colour']}",)),
            ProcessStep(2, "Weave.", ("stripe" if spec["stripe"] else "no stripe",)),
            ProcessStep(3, "Roll up."),
        )
        return ManufacturingProcess(self.name, self.name, self.plural, steps)

    def logical_defect(self, spec: Spec, rng: np.random.Generator) -> LogicalDefect:
        words = {True: "a stripe", False: "no stripe"}
        other = not spec["stripe"]
        said = words[spec["stripe"]], words[other]
        kind = "extra part" if other else "missing part"
        return LogicalDefect({**spec, "stripe": other}, kind, 2, *said)

    def surface_step(self, kind: str, spec: Spec) -> int:
        return 2

    def render(self, spec: Spec, rng: np.random.Generator, size: int) -> Rendering:
        phase = rng.uniform(0, 6.28, 2)
        wave = np.sin(np.arange(size) * 2 * np.pi / (size / 60))
        rgb = np.empty((size, size, 3), np.float32)
        rgb[:] = COLOURS[spec["colour"]]
        rgb += (14 * np.outer(np.roll(wave, int(phase[0])), np.roll(wave, int(phase[1]))))[
            ..., None
        ]
        if spec["stripe"]:
            rgb[:, int(0.6 * size) : int(0.7 * size)] += 45
        rgb += rng.normal(0, 3, (size, size, 1))
        return Rendering(np.clip(rgb, 0, 255).astype(np.uint8), np.ones((size, size), bool))


FAMILIES = {"disc": Disc(), "weave": Weave()}
