"""CoT-M's third mode: what is seen on a part, told in words, beside the process that ordered it.

No picture is drawn: a family's spec is ordered, the same or another one is told attribute by
attribute (Triad, section 3.4, mode c), and the truth of the two follows. Thousands a second, so
that a language model can learn to hold text against text.
Knows no family by name: whatever draws specs, tells them and disobeys them will do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from triad_ui.instruct.attributes import Attribute, article, attributes_of, sentence
from triad_ui.instruct.dialogue import Truth
from triad_ui.records import LOCATIONS, Label, ManufacturingProcess

Spec = Mapping[str, Any]

SURFACE = (
    "scratch", "crack", "dent", "stain", "hole", "burr", "chip", "bubble", "discoloration",
    "contamination", "abrasion",
)  # fmt: skip
_NO_ARTICLE = ("discoloration", "contamination", "abrasion")
SOUND = (
    "The surface is clean.", "The surface is sound.", "I see no scratch, crack or stain.",
    "Nothing is damaged.", "The surface shows nothing else.",
)  # fmt: skip


class Disobedience(Protocol):
    """A spec that is there instead of the ordered one; see `synthesis.product.LogicalDefect`."""

    @property
    def spec(self) -> Spec:
        """What is there."""
        ...

    @property
    def kind(self) -> str:
        """Name of the fault."""
        ...

    @property
    def step(self) -> int:
        """Number of the contradicted step."""
        ...

    @property
    def expected(self) -> str:
        """Noun phrase."""
        ...

    @property
    def observed(self) -> str:
        """Noun phrase."""
        ...


class Orderable(Protocol):
    """What a text case needs of a family; see `synthesis.product.Family`."""

    name: str
    plural: str

    def draw_spec(self, rng: np.random.Generator) -> Spec:
        """Draw a configuration."""
        ...

    def process(self, spec: Spec, rng: np.random.Generator) -> ManufacturingProcess:
        """Tell it as steps."""
        ...

    def logical_defect(self, spec: Spec, rng: np.random.Generator) -> Disobedience:
        """Disobey one step."""
        ...

    def surface_step(self, kind: str, spec: Spec) -> int:
        """Step in which a surface defect arises."""
        ...


@dataclass(frozen=True, slots=True)
class TextCase:
    """process: what was ordered. seen: sentences, what is there. label, step, expected, observed,
    kind, location: the truth as in `dialogue.Truth`; step None and the others empty when normal.
    attributes: what is there, as data; ordered: what was ordered. product: its name."""

    process: ManufacturingProcess
    seen: tuple[str, ...]
    label: Label
    step: int | None
    expected: str
    observed: str
    kind: str = ""
    location: str | None = None
    product: str = ""
    attributes: tuple[Attribute, ...] = ()
    ordered: tuple[Attribute, ...] = ()

    @property
    def text(self) -> str:
        """What is seen as one paragraph."""
        return " ".join(self.seen)

    @property
    def truth(self) -> Truth:
        """The same as the truth of a part without pictures."""
        return Truth(
            self.label, self.product, self.process, self.kind, self.location, self.step,
            self.expected, self.observed,
        )  # fmt: skip


def text_case(
    rng: np.random.Generator,
    families: Sequence[Orderable],
    *,
    defective: float = 0.5,
    surface: float = 0.0,
) -> TextCase:
    """Draw a case from specs alone.

    rng decides all. defective: probability that one attribute differs from what is ordered.
    surface: probability that a part as ordered is told with a surface defect. Half of the parts as
    ordered were ordered with what would else be a fault, so that no word by itself tells good from
    bad. ValueError without any family.
    """
    if not families:
        raise ValueError("There is no family to draw from; pass at least one.")
    family = families[int(rng.integers(len(families)))]
    spec = shown = family.draw_spec(rng)
    label: Label = "normal"
    step, expected, observed, kind, location = None, "", "", "", None
    if rng.random() < defective:
        fault = family.logical_defect(spec, rng)
        label, step, kind = "defective", fault.step, fault.kind
        expected, observed, shown = fault.expected, fault.observed, fault.spec
    elif rng.random() < 0.5:
        spec = shown = family.logical_defect(spec, rng).spec
    process = family.process(spec, rng)
    attributes = attributes_of(family.process(shown, rng))
    told = [sentence(seen, rng) for seen in attributes]
    if rng.random() < 0.4:
        told = [told[int(k)] for k in rng.permutation(len(told))]
    if label == "normal" and rng.random() < surface:
        kind = SURFACE[int(rng.integers(len(SURFACE)))]
        label, step = "defective", family.surface_step(kind, spec)
        location = LOCATIONS[int(rng.integers(len(LOCATIONS)))]
        place = f"{'in' if location == 'center' else 'at'} the {location}"
        noun = kind if kind in _NO_ARTICLE else article(kind)
        mark = (f"There is {noun} {place}.", f"I see {noun} {place}.")[int(rng.integers(2))]
        told.insert(int(rng.integers(len(told) + 1)), mark)
    elif rng.random() < 0.25:
        told.append(SOUND[int(rng.integers(len(SOUND)))])
    return TextCase(
        process, tuple(told), label, step, expected, observed, kind, location, family.name,
        attributes, attributes_of(process),
    )  # fmt: skip
