"""What is known of a part beside pictures: how it is made, and how its defects look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from triad_ui.records.evidence import Scale


@dataclass(frozen=True, slots=True)
class ProcessStep:
    """One numbered step of a process (1-based) and the attributes that it gives the part."""

    number: int
    text: str
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ManufacturingProcess:
    """How a product is made: numbered steps with checkable attributes.

    name: key in the library ("cable"). product, plural: as written in a question ("cable",
    "cables"). version: 1, 2, ... of that name. source: "library" (assets/), "saved", "pasted".
    """

    name: str
    product: str
    plural: str
    steps: tuple[ProcessStep, ...]
    version: int = 1
    source: Literal["library", "saved", "pasted"] = "library"

    @property
    def text(self) -> str:
        """The steps as the model reads them and as a person edits them: one numbered line each."""
        return "\n".join(
            f"{step.number}. {step.text}"
            + (f" ({'; '.join(step.attributes)})" if step.attributes else "")
            for step in self.steps
        )


@dataclass(frozen=True, slots=True)
class DefectDescription:
    """How a defect of a product looks, for experts that compare images with text.

    kind: its short name ("scratch"), shown beside its similarity. text: the description in words.
    source: typed by a person, or written by the chat model.
    """

    kind: str
    text: str
    source: Literal["typed", "model"] = "typed"


@dataclass(frozen=True, slots=True)
class Subject:
    """What an expert is told of a part beside pictures.

    product: its name as a noun. defects: descriptions of its known defects. scale: a stored scale
    of this expert for this product, used where there are no references to take one from.
    """

    product: str = "part"
    defects: tuple[DefectDescription, ...] = ()
    scale: Scale | None = None
