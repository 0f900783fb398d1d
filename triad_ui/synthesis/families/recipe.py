"""What all families share: a spec becomes numbered steps, a fault becomes a second spec.

A family lists its steps by key; numbers follow from the list, so a text and a fault always agree.
Knows nothing of how a product looks.
"""

from __future__ import annotations

import zlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from triad_ui.records import ManufacturingProcess, ProcessStep
from triad_ui.synthesis.families.drawing import Canvas, FlatCanvas
from triad_ui.synthesis.product import LogicalDefect, Rendering, Spec

PRELUDES: dict[str, tuple[str, ...]] = {
    "stock": ("Take clean material from stock.", "Fetch the material.", "Check incoming material."),
    "machine": ("Set up the machine.", "Warm up the line.", "Clean the tools."),
}
TAILS = (
    "Inspect and pack.",
    "Clean, check and pack.",
    "Pack carefully.",
    "Final check, then pack.",
)

ARISES: dict[str, str] = {
    **dict.fromkeys(("crack", "dent", "hole", "bubble", "burr", "chip"), "form"),
    **dict.fromkeys(("texture fault", "pasted patch"), "form"),
    **dict.fromkeys(("stain", "discoloration", "print smear"), "finish"),
    "loose thread": "thread",
    **dict.fromkeys(("scratch", "abrasion", "contamination"), "pack"),
}
"""Where a surface defect arises: in shaping, in colouring or printing, where thread is worked, or
in handling at the end, which cleans and checks. Kinds not named here go by their words."""
FORMING = ("crack", "hole", "dent", "bubble", "bent", "deform", "chip", "missing", "pit", "burr")
FORMING += ("broken", "cut", "fold", "tear", "squeeze", "void", "melt", "crush", "bite", "swap")
FINISHING = ("color", "colour", "print", "paint", "glue", "rough", "faded", "rust", "burn", "spot")
FINISHING += ("stain", "smear", "oil", "blur", "corrosion", "discol", "drip", "bleed")

_TURNABLE = {
    "missing part": "extra part",
    "extra part": "missing part",
    "wrong colour": "wrong colour",
}


@dataclass(frozen=True, slots=True)
class Step:
    """A step by key: alternative wordings and the attributes it gives the part."""

    key: str
    wordings: tuple[str, ...]
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """A possible disobedience: what changes in the spec, its kind, the key of the step, words."""

    changes: Mapping[str, Any]
    kind: str
    key: str
    expected: str
    observed: str


@dataclass(frozen=True, slots=True, eq=False)
class Chance:
    """Random numbers drawn up front and found by name, whatever the spec asks for."""

    numbers: np.ndarray
    seed: int
    cache: dict[str, int] = field(default_factory=dict)

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Chance:
        """Draw all numbers at once: the generator moves on equally for every spec."""
        return cls(rng.uniform(-1, 1, 1021), int(rng.integers(2**31)))

    def __call__(self, *name: str | int) -> float:
        """Give the number -1..1 of that name."""
        return float(self.numbers[zlib.crc32(repr(name).encode()) % len(self.numbers)])

    def pair(self, *name: str | int) -> np.ndarray:
        """Give two numbers -1..1 of that name, (2,)."""
        return np.array((self(*name, "x"), self(*name, "y")))

    def field(self, name: str) -> np.random.Generator:
        """Give a generator for a texture of that name."""
        return np.random.default_rng((self.seed, zlib.crc32(name.encode())))


class RecipeFamily:
    """A family told by `choose`, `steps`, `faults` and `draw`; see `product.Family`.

    form_key, finish_key: the steps in which the part is shaped and coloured or printed.
    thread_key: the step that works thread; without one a loose thread is a fibre that finishing
    left.
    """

    name = ""
    plural = ""
    aligned = True
    form_key = ""
    finish_key = ""
    thread_key = ""

    @abstractmethod
    def choose(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw what is ordered."""

    @abstractmethod
    def steps(self, spec: Spec) -> Sequence[Step]:
        """List the family's own steps, 2 to 4 of them."""

    @abstractmethod
    def faults(self, spec: Spec, rng: np.random.Generator) -> Sequence[Fault]:
        """List possible disobediences, at least one."""

    @abstractmethod
    def draw(self, canvas: Canvas, spec: Spec, chance: Chance) -> None:
        """Paint the product."""

    def draw_spec(self, rng: np.random.Generator) -> Spec:
        """Draw a configuration, with or without a preparing step before it.

        Up to one in four orders what would else be a fault ("ring: none", "one left out"), so that
        such words alone never tell good from bad; `twin` is then the way back to the usual part.
        """
        prelude = ("", "", *PRELUDES)[int(rng.integers(2 + len(PRELUDES)))]
        spec = {**self.choose(rng), "prelude": prelude, "twin": None}
        fault = self._fault(spec, rng)
        if rng.random() > 0.25 or fault.kind not in _TURNABLE:
            return spec
        back = {slot: spec[slot] for slot in fault.changes}
        kind = _TURNABLE[fault.kind]
        twin = Fault(back, kind, fault.key, fault.observed, fault.expected)
        return {**spec, **fault.changes, "twin": twin}

    def _all_steps(self, spec: Spec) -> list[Step]:
        prelude = spec["prelude"]
        before = [Step("prelude", PRELUDES[prelude])] if prelude else []
        return [*before, *self.steps(spec), Step("pack", TAILS)]

    def number(self, spec: Spec, key: str) -> int:
        """Number (1-based) of the step with that key; of the last step for an unknown key."""
        keys = [step.key for step in self._all_steps(spec)]
        return keys.index(key) + 1 if key in keys else len(keys)

    def process(self, spec: Spec, rng: np.random.Generator) -> ManufacturingProcess:
        """Tell the spec as 3 to 6 numbered steps."""
        told = tuple(
            ProcessStep(k, step.wordings[int(rng.integers(len(step.wordings)))], step.attributes)
            for k, step in enumerate(self._all_steps(spec), start=1)
        )
        return ManufacturingProcess(self.name.replace(" ", "_"), self.name, self.plural, told)

    def logical_defect(self, spec: Spec, rng: np.random.Generator) -> LogicalDefect:
        """Pick a kind of fault, then one fault of that kind."""
        fault = spec["twin"] or self._fault(spec, rng)
        number = self.number(spec, fault.key)
        changed = {**spec, **fault.changes, "twin": None}
        return LogicalDefect(changed, fault.kind, number, fault.expected, fault.observed)

    def _fault(self, spec: Spec, rng: np.random.Generator) -> Fault:
        faults = self.faults(spec, rng)
        kinds = sorted({fault.kind for fault in faults})
        kind = kinds[int(rng.integers(len(kinds)))]
        fitting = [fault for fault in faults if fault.kind == kind]
        return fitting[int(rng.integers(len(fitting)))]

    def surface_step(self, kind: str, spec: Spec) -> int:
        """Number of the step in which it arises; see `ARISES`."""
        kind = kind.lower()
        stage = ARISES.get(kind) or (
            "form"
            if any(word in kind for word in FORMING)
            else "finish"
            if any(word in kind for word in FINISHING)
            else "pack"
        )
        keys = {
            "form": self.form_key,
            "finish": self.finish_key,
            "thread": self.thread_key or self.finish_key,
        }
        return self.number(spec, keys.get(stage, "pack"))

    def render(self, spec: Spec, rng: np.random.Generator, size: int) -> Rendering:
        """Draw the product, size x size."""
        return self._drawn(Canvas(size), spec, rng)

    def paint(self, spec: Spec, rng: np.random.Generator, size: int) -> Rendering:
        """The paint of what `render` draws from the same numbers, without light and texture."""
        return self._drawn(FlatCanvas(size), spec, rng)

    def _drawn(self, canvas: Canvas, spec: Spec, rng: np.random.Generator) -> Rendering:
        self.draw(canvas, spec, Chance.drawn(rng))
        return Rendering(canvas.pixels(), canvas.cover > 0.5)
