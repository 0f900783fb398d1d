"""Colours that a person can name, and their shades.

Ten names, far enough apart that a wrong one is seen. A shade stays within its name.
Knows nothing of products.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np

NAMED: dict[str, tuple[int, int, int]] = {
    "red": (198, 34, 40),
    "green": (42, 148, 68),
    "blue": (42, 88, 196),
    "yellow": (240, 205, 52),
    "orange": (238, 120, 28),
    "purple": (128, 62, 164),
    "white": (238, 238, 234),
    "black": (38, 38, 42),
    "grey": (138, 141, 146),
    "brown": (116, 72, 42),
}
"""Name -> sRGB 0..255."""

VIVID = ("red", "green", "blue", "yellow", "orange", "purple")
LIGHT = ("white", "yellow", "orange", "grey")
Span = tuple[float, float]
REGIONS: dict[str, tuple[Span, Span, Span]] = {
    "red": ((-0.02, 0.015), (0.3, 0.55), (0.5, 0.95)),
    "green": ((0.26, 0.45), (0.18, 0.6), (0.3, 0.9)),
    "blue": ((0.54, 0.66), (0.22, 0.65), (0.4, 0.95)),
    "yellow": ((0.12, 0.165), (0.42, 0.7), (0.65, 1.0)),
    "orange": ((0.05, 0.095), (0.45, 0.62), (0.75, 1.0)),
    "purple": ((0.72, 0.84), (0.25, 0.6), (0.25, 0.8)),
    "white": ((0.07, 0.16), (0.85, 0.97), (0.0, 0.5)),
    "black": ((0.05, 0.65), (0.06, 0.19), (0.0, 0.15)),
    "grey": ((0.05, 0.65), (0.32, 0.72), (0.0, 0.1)),
    "brown": ((0.03, 0.1), (0.18, 0.58), (0.25, 0.55)),
}
"""Name -> spans of hue, lightness and saturation, 0..1, in which a colour is still called so."""
METALS: dict[str, tuple[int, int, int]] = {
    "steel": (172, 176, 182),
    "brass": (206, 170, 88),
    "copper": (196, 118, 72),
    "black oxide": (62, 62, 68),
}
"""Bare metals by name -> sRGB 0..255."""


def shade(name: str, first: float = 0.0, second: float = 0.0) -> np.ndarray:
    """Give a shade of a named colour or metal.

    first, second: -1..1, brightness and hue within the name. Returns float32 (3,), 0..255.
    """
    red, green, blue = (NAMED.get(name) or METALS[name])[:3]
    hue, light, strength = colorsys.rgb_to_hls(red / 255, green / 255, blue / 255)
    light = float(np.clip(light * (1 + 0.09 * first), 0, 0.96))
    hue = (hue + 0.012 * second) % 1.0
    return np.array(colorsys.hls_to_rgb(hue, light, strength), np.float32) * 255


def anywhere(name: str, hue: float, light: float, strength: float) -> np.ndarray:
    """Give any shade that a person would call so, a tan as well as a dark brown.

    hue, light, strength: -1..1, where in `REGIONS`. Returns float32 (3,), 0..255.
    """
    way = (hue, light, strength)
    picked = [a + (b - a) * (1 + at) / 2 for (a, b), at in zip(REGIONS[name], way, strict=True)]
    return np.array(colorsys.hls_to_rgb(picked[0] % 1.0, *picked[1:]), np.float32) * 255


def ink_on(name: str) -> np.ndarray:
    """Give the ink that reads well on a colour: float32 (3,), nearly black or nearly white."""
    red, green, blue = NAMED.get(name) or METALS[name]
    dark_ground = 0.3 * red + 0.59 * green + 0.11 * blue < 120
    return np.array((236, 236, 232) if dark_ground else (34, 34, 38), np.float32)


def pick(rng: np.random.Generator, options: Sequence[str], *used: str) -> str:
    """Pick one of the options that is not used yet (a used one if none is left)."""
    free = [option for option in options if option not in used] or list(options)
    return free[int(rng.integers(len(free)))]


def pick_several(rng: np.random.Generator, options: Sequence[str], count: int) -> tuple[str, ...]:
    """Pick `count` different options, in random order; count <= len(options)."""
    return tuple(options[int(k)] for k in rng.permutation(len(options))[:count])


def article(words: str) -> str:
    """Put "a" or "an" before words."""
    return f"{'an' if words[:1] in 'aeio' else 'a'} {words}"


def listed(names: Sequence[str]) -> str:
    """Name what lies in each place, "none" for an empty one: "red, none, blue"."""
    return ", ".join(name or "none" for name in names)


def code(rng: np.random.Generator) -> str:
    """Draw a short printed code: a letter and two digits, such as "K47"."""
    letter = "ABCDEHKLMNPRTUX"[int(rng.integers(15))]
    return f"{letter}{int(rng.integers(2, 10))}{int(rng.integers(0, 10))}"
