"""What a procedural product is: a configuration, its process text, its picture.

A family draws a `Spec` (what the process orders), tells it as a process, and renders it. A logical
defect is a second spec that disobeys the first; its mask is where the two renderings differ.
Knows nothing of surface defects, cameras or training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from triad_ui.records import ManufacturingProcess

Spec = Mapping[str, Any]
"""A product configuration: colours by name, counts, layout, text, material."""


@dataclass(frozen=True, slots=True, eq=False)
class Rendering:
    """A product on its own: rgb uint8 (S, S, 3); foreground bool (S, S), True on the product."""

    rgb: np.ndarray
    foreground: np.ndarray


@dataclass(frozen=True, slots=True)
class LogicalDefect:
    """A spec that disobeys the process.

    spec: what is there instead. kind: "wrong colour", "missing part", "extra part",
    "swapped parts", "wrong count", "wrong position", "wrong text" ... step: number of the
    contradicted process step.
    expected, observed: short noun phrases ("a green inner wire", "a red inner wire").
    """

    spec: Spec
    kind: str
    step: int
    expected: str
    observed: str


class Family(Protocol):
    """One kind of product. All randomness comes from the generators that are passed in."""

    name: str
    plural: str
    aligned: bool
    """True: photographed in a fixture, references line up; False: lies or runs freely."""

    def draw_spec(self, rng: np.random.Generator) -> Spec:
        """Draw a configuration, as a factory would order one."""
        ...

    def process(self, spec: Spec, rng: np.random.Generator) -> ManufacturingProcess:
        """Tell the spec as 3 to 6 short steps with checkable attributes, in varied words."""
        ...

    def logical_defect(self, spec: Spec, rng: np.random.Generator) -> LogicalDefect:
        """Disobey one step. The change must be visible at 384 px."""
        ...

    def surface_step(self, kind: str, spec: Spec) -> int:
        """Number of the step in which a surface defect of this kind would arise."""
        ...

    def render(self, spec: Spec, rng: np.random.Generator, size: int) -> Rendering:
        """Draw the product, size x size. Small natural variation comes from `rng` only, drawn in an
        order that does not depend on `spec`, so that two specs with equal generator states differ
        only where the specs do."""
        ...

    def paint(self, spec: Spec, rng: np.random.Generator, size: int) -> Rendering:
        """What `render` draws from the same state, in plain paint without light and texture."""
        ...
