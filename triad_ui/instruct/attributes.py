"""A process step's attributes -> plain phrases and sentences of what is seen on a part.

An attribute is written in a process as "name: value" ("ring: red", "holes: 3", "LEDs: red, none,
blue", "chip: top left") or as a phrase by itself ("no seams"). The same writing tells what was
ordered and what is there, so that two texts can be held against each other.
Knows no pictures and no family of products.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from triad_ui.records import ManufacturingProcess

Sort = Literal["none", "count", "counted", "list", "place", "text", "quality", "phrase"]

MASS = ("metal", "glass", "foil", "wood", "paper")
COLOURS = (
    "red", "green", "blue", "yellow", "orange", "purple", "white", "black", "grey", "brown",
    "steel", "brass", "copper", "tinned", "gold", "silver", "reddish", "milk",
)  # fmt: skip
"""Words that only a colour camera can tell; metals go by their colour."""
SIDES = ("left", "right", "top", "bottom", "middle", "tip", "center")


@dataclass(frozen=True, slots=True)
class Attribute:
    """step: number of the process step it belongs to (1-based). name: "" for a phrase by itself.
    value: as written in the process."""

    step: int
    name: str
    value: str

    @property
    def sort(self) -> Sort:
        """How it is told; judged by its writing alone."""
        return _sort(self.name, self.value)

    @property
    def phrase(self) -> str:
        """A noun phrase: "a red ring", "no ring", "3 holes", "the chip at the top left"."""
        return _phrase(self)

    @property
    def coloured(self) -> bool:
        """Whether it speaks of a colour."""
        words = re.findall(r"[a-z]+", f"{self.name} {self.value}".lower())
        return any(word in COLOURS for word in words)

    @property
    def written(self) -> str:
        """As in the process: "ring: red"."""
        return f"{self.name}: {self.value}" if self.name else self.value


def attribute(step: int, text: str) -> Attribute:
    """Read one attribute as a process writes it."""
    name, colon, value = text.partition(":")
    return Attribute(step, name.strip(), value.strip()) if colon else Attribute(step, "", text)


def attributes_of(process: ManufacturingProcess) -> tuple[Attribute, ...]:
    """All attributes of a process, in the order of its steps."""
    return tuple(attribute(step.number, text) for step in process.steps for text in step.attributes)


def paired(
    ordered: Sequence[Attribute], shown: Sequence[Attribute]
) -> list[tuple[Attribute | None, Attribute | None]]:
    """What was ordered beside what is there, by step and name; None where one side has nothing.

    What finds no name of its own pairs with what is left over in its step ("all stripes: red" with
    "stripes: red, one blue"). Both must come from the same steps.
    """
    left = list(shown)
    found: dict[int, Attribute] = {}
    for by_name in (True, False):
        for index, wanted in enumerate(ordered):
            near = [a for a in left if a.step == wanted.step]
            near = [a for a in near if a.name == wanted.name] if by_name else near
            if index not in found and near:
                found[index] = near[0]
                left.remove(near[0])
    pairs: list[tuple[Attribute | None, Attribute | None]]
    pairs = [(wanted, found.get(index)) for index, wanted in enumerate(ordered)]
    return [*pairs, *((None, extra) for extra in left)]


def differing(
    ordered: Sequence[Attribute], shown: Sequence[Attribute]
) -> list[tuple[Attribute | None, Attribute | None]]:
    """Only those pairs that differ."""
    return [
        (wanted, there)
        for wanted, there in paired(ordered, shown)
        if wanted is None or there is None or wanted.written != there.written
    ]


def sentence(seen: Attribute, rng: np.random.Generator) -> str:
    """One sentence that tells an attribute as seen, in varied wording."""
    phrase, name, value = seen.phrase, seen.name, seen.value
    be = "are" if is_plural(name) else "is"
    there = f"There {'are' if is_plural(phrase_head(phrase)) else 'is'} {phrase}."
    several = value.replace(" none", " nothing") if seen.sort == "list" else value
    choices = {
        "none": (there, f"I see {phrase}.", f"It has {phrase}.", f"{_capital(name)}: none."),
        "count": (there, f"I count {phrase}.", f"It has {phrase}.", f"{_capital(name)}: {value}."),
        "counted": (f"I count {phrase}.", f"It has {phrase}.", f"{_capital(name)}: {value}."),
        "list": (f"{_capital(name)}: {value}.", f"{_capital(name)}, I see {several}.",
                 f"{_capital(name)}: {several}."),
        "place": (f"{_capital(phrase.replace(' at ', ' is at ', 1))}.", f"I see {phrase}.",
                  f"{_capital(name)}: {value}."),
        "text": (f"{_capital(f'the {name}')} {'read' if be == 'are' else 'reads'} {value}.",
                 f"The {name} {be} {value}.", f"I read {phrase}.", f"{_capital(name)}: {value}."),
        "quality": (f"The {name} {be} {value}.", there, f"I see {phrase}.", f"It has {phrase}.",
                    f"{_capital(name)}: {value}."),
        "phrase": (there, f"I see {phrase}.", f"It has {phrase}."),
    }[seen.sort]  # fmt: skip
    if name.startswith("all ") or value.endswith(" only") or ", one " in value:
        choices = (f"I see {phrase}.", f"It has {phrase}.", there)
    return choices[int(rng.integers(len(choices)))]


def is_plural(noun: str) -> bool:
    """Whether a noun (phrase) without "of" stands for several."""
    head = re.split(r" (?:of|at|around|from) ", noun)[0]
    return head.endswith(("s", "teeth")) and not head.endswith("ss")


def phrase_head(phrase: str) -> str:
    """What decides the verb: "3 holes" is several, "no ring" and "a red ring" are one."""
    first = phrase.split()[0]
    if first in ("a", "an", "the", "1", "one"):
        return "one"
    if first.isdigit():
        return "holes"
    return phrase.split(",")[0].split(" from ")[0]


def article(phrase: str) -> str:
    """Put "a" or "an" before a phrase."""
    return f"{'an' if phrase[:1].lower() in 'aeio' else 'a'} {phrase}"


def _sort(name: str, value: str) -> Sort:
    if not name:
        return "phrase"
    if value == "none":
        return "none"
    if value.isdigit():
        return "count"
    if re.match(r"\d+ ", value):
        return "counted"
    if name.endswith(" at") or value.split()[-1] == "end" or set(value.split()) <= set(SIDES):
        return "place"
    if name.endswith(("row", "right", "top")) or ("," in value and ", one " not in value):
        return "list"
    if re.fullmatch(r"[A-Z]\d\d|[A-Z]{3,}", value) or name in (
        "unit",
        "text",
        "title",
        "code",
        "word",
    ):
        return "text"
    return "quality"


def _phrase(seen: Attribute) -> str:
    name, value = seen.name, seen.value
    sort = seen.sort
    if sort == "phrase":
        bare = value.startswith(("a ", "an ", "no ", "the ")) or is_plural(value)
        return value if bare else article(value)
    if sort == "none":
        return f"no {name}"
    if sort == "count":
        return f"{value} {_singular(name) if value == '1' else name}"
    if sort == "counted":
        return _counted(name, value)
    if sort == "place":
        return f"the {name.removesuffix(' at')} at the {value}"
    if sort == "list":
        return f"{name}: {value}"
    if sort == "text":
        return f"the {name} {value}"
    if name.startswith("all "):
        return f"only {value} {name[4:]}"
    if value.endswith(" only"):
        return f"only {value.removesuffix(' only')} {name}"
    first, comma, rest = value.partition(",")
    told = f"{first} {name}{comma}{rest}"
    return told if is_plural(name) or name in MASS else article(told)


def _counted(name: str, value: str) -> str:
    """ "3 rows of 5" pockets, "14 white, 1 yellow" pills, a "3 x 4" grid."""
    if " x " in value:
        return article(f"{value} {name}")
    first, comma, rest = value.partition(", ")
    one = first.startswith("1 ")
    told = f"{first} {_singular(name) if one else name}"
    return f"{told} and {rest}" if comma else told


def _singular(name: str) -> str:
    head, space, rest = name.partition(" ")
    return (
        f"{head.removesuffix('s')}{space}{rest}" if head.endswith("s") else name.removesuffix("s")
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
