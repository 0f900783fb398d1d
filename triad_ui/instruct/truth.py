"""What is so of a part, and the phrases in which every task tells it.

Facts come from here and from nothing else. Knows no pictures and no model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from triad_ui.instruct.attributes import Attribute
from triad_ui.records import Label, ManufacturingProcess

Exchange = tuple[str, str]
"""A question and its answer."""

ARTICLES = ("a", "an", "the")
MASS_KINDS = ("abrasion", "contamination", "discoloration")


@dataclass(frozen=True, slots=True)
class Truth:
    """What is so. The fields of a fault are empty for a normal part.

    kind: its name. location: 3x3 name. step: number of the contradicted step. expected, observed:
    noun phrases of a logical fault. one_shot: whether a known-good picture is shown.
    reference_agrees: False when that picture shows another product than the one ordered.
    seen: what the part has, by the step that gives it; empty when nobody has described it.
    extent: x0, y0, x1, y1 of the fault as shares 0..1 of the picture. grey: the camera sees no
    colours. pictured: False when the part is told in words only.
    """

    label: Label
    product: str
    process: ManufacturingProcess | None
    kind: str = ""
    location: str | None = None
    step: int | None = None
    expected: str = ""
    observed: str = ""
    one_shot: bool = False
    reference_agrees: bool = True
    seen: tuple[Attribute, ...] = ()
    extent: tuple[float, float, float, float] | None = None
    grey: bool = False
    pictured: bool = True

    @property
    def defective(self) -> bool:
        """Whether there is a fault to speak of."""
        return self.label == "defective"

    @property
    def contradicts(self) -> bool:
        """Whether the fault is a deviation that a given process names."""
        return bool(self.expected) and self.process is not None and self.step is not None

    @property
    def apart(self) -> tuple[list[str], list[str]]:
        """Words of what is expected and not observed, and the other way round, but articles."""
        expected, observed = (
            [word for word in words_in(text) if word not in ARTICLES]
            for text in (self.expected, self.observed)
        )
        return (
            [word for word in expected if word not in observed],
            [word for word in observed if word not in expected],
        )

    @property
    def tellable(self) -> tuple[Attribute, ...]:
        """What of `seen` this picture can show: a grey one shows no colours."""
        return tuple(a for a in self.seen if not (self.grey and a.coloured))


def words_in(text: str) -> list[str]:
    """Words and numbers of a text, in small letters."""
    return re.findall(r"[a-z]+|\d+", text.lower())


def one(rng: np.random.Generator, *choices: str) -> str:
    """Pick one of the wordings."""
    return choices[int(rng.integers(len(choices)))]


def with_article(phrase: str) -> str:
    """Put "a" or "an" before a phrase that takes one."""
    if phrase.startswith(("a ", "an ", "the ", "no ", "only ")) or phrase[:1].isdigit():
        return phrase
    if phrase.endswith("s") or phrase in MASS_KINDS:
        return phrase
    return ("an " if phrase[:1] in "aeiou" else "a ") + phrase


def several(kind: str) -> bool:
    """Whether a kind of fault stands for several things ("swapped parts")."""
    return kind.endswith("s")


def this_is(kind: str) -> str:
    """ "This is a dent", "These are swapped parts"."""
    return f"{'These are' if several(kind) else 'This is'} {with_article(kind)}"


def there_is(kind: str) -> str:
    """ "There is a dent", "There are swapped parts"."""
    return f"There {'are' if several(kind) else 'is'} {with_article(kind)}"


def place(truth: Truth) -> str:
    """ "at the top left", "in the center", "on the part" when nobody knows."""
    if truth.location is None:
        return "on the part"
    return f"{'in' if truth.location == 'center' else 'at'} the {truth.location}"


def at(truth: Truth) -> str:
    """The place with a space before it; "" when nobody knows."""
    return f" {place(truth)}" if truth.location else ""


def step_text(truth: Truth) -> str:
    """The words of the contradicted step without a full stop; "" without one."""
    if truth.process is None or truth.step is None:
        return ""
    return truth.process.steps[truth.step - 1].text.rstrip(".")


def against(truth: Truth) -> str:
    """What a normal part was held against."""
    if truth.process is not None and truth.one_shot and truth.reference_agrees:
        return "the reference and the process"
    if truth.process is not None:
        return "the process"
    return "the reference" if truth.one_shot else "what such a part should look like"


def capital(text: str) -> str:
    """The same with a capital first."""
    return text[:1].upper() + text[1:]
