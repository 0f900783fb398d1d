"""The faults that most families share, in words that fit the spec.

A `slot` is a field of the spec: a colour by name, or a tuple of them.
Knows nothing of how a product looks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from triad_ui.synthesis.families.palette import article, pick
from triad_ui.synthesis.families.recipe import Fault
from triad_ui.synthesis.product import Spec


def wrong_colour(
    spec: Spec,
    rng: np.random.Generator,
    slot: str,
    options: Sequence[str],
    key: str,
    noun: str,
    *used: str,
) -> Fault:
    """Put another of the options, none of `used`, into a slot; plurals take no article."""
    wrong = pick(rng, options, spec[slot], *used)
    expected, observed = f"{spec[slot]} {noun}", f"{wrong} {noun}"
    if not noun.endswith("s") and noun not in ("metal", "foil", "glass", "wood", "paper", "teeth"):
        expected, observed = article(expected), article(observed)
    return Fault({slot: wrong}, "wrong colour", key, expected, observed)


def one_wrong_colour(
    spec: Spec,
    rng: np.random.Generator,
    slot: str,
    options: Sequence[str],
    key: str,
    nouns: Sequence[str],
    *used: str,
) -> Fault:
    """Put another colour into one place of a tuple; nouns name the places ("left button")."""
    names = list(spec[slot])
    k = int(rng.integers(len(names)))
    expected = article(f"{names[k]} {nouns[k]}")
    names[k] = pick(rng, options, *names, *used)
    observed = article(f"{names[k]} {nouns[k]}")
    return Fault({slot: tuple(names)}, "wrong colour", key, expected, observed)


def two_swapped(
    spec: Spec, rng: np.random.Generator, slot: str, key: str, nouns: Sequence[str]
) -> list[Fault]:
    """Swap two different entries of a tuple; no fault if all entries are alike."""
    names = list(spec[slot])
    pairs = [
        (i, j) for i in range(len(names)) for j in range(i) if names[i] != names[j]
    ]  # fmt: skip
    if not pairs:
        return []
    i, j = pairs[int(rng.integers(len(pairs)))]
    expected = article(f"{names[i]} {nouns[i]}")
    observed = article(f"{names[j]} {nouns[i]}")
    names[i], names[j] = names[j], names[i]
    return [Fault({slot: tuple(names)}, "swapped parts", key, expected, observed)]


def missing(slot: str, key: str, expected: str, observed: str, empty: object = "") -> Fault:
    """Leave out what the slot holds."""
    return Fault({slot: empty}, "missing part", key, expected, observed)


def miscount(
    spec: Spec, rng: np.random.Generator, slot: str, key: str, noun: str, low: int, high: int
) -> Fault:
    """Change a count by one, within low..high (both inclusive)."""
    count = spec[slot]
    options = [k for k in (count - 1, count + 1) if low <= k <= high]
    other = options[int(rng.integers(len(options)))]
    expected, observed = (f"{k} {noun}{'' if k == 1 else 's'}" for k in (count, other))
    return Fault({slot: other}, "wrong count", key, expected, observed)


def wrong_choice(
    spec: Spec, rng: np.random.Generator, slot: str, options: Sequence[str], key: str, noun: str
) -> Fault:
    """Put a part in another of the named places."""
    wrong = pick(rng, options, spec[slot])
    expected, observed = f"{noun} at the {spec[slot]}", f"{noun} at the {wrong}"
    return Fault({slot: wrong}, "wrong position", key, expected, observed)


def wrong_text(
    spec: Spec, rng: np.random.Generator, slot: str, options: Sequence[str], key: str, noun: str
) -> Fault:
    """Print another text; noun says what it is ("title")."""
    wrong = pick(rng, options, spec[slot])
    expected, observed = f"the {noun} {spec[slot]}", f"the {noun} {wrong}"
    return Fault({slot: wrong}, "wrong text", key, expected, observed)
