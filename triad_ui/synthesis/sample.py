"""One training or demo case: a query, its references, the process, and the whole truth about it.

Everything follows from the seed, each matter from a stream of its own (`_stream`), so that one more
draw in one place changes nothing elsewhere. Knows nothing of questions, answers or models.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from triad_ui.instruct.attributes import Attribute, attributes_of
from triad_ui.records import LOCATIONS, Label, ManufacturingProcess
from triad_ui.synthesis import families as catalogue
from triad_ui.synthesis.camera import Station, draw_station, shoot
from triad_ui.synthesis.families.palette import METALS, NAMED
from triad_ui.synthesis.product import Family, LogicalDefect, Rendering, Spec
from triad_ui.synthesis.surface import SURFACE_KINDS, damage

Defect = Literal["none", "surface", "logical"]

_STREAMS = ("choice", "spec", "process", "logical", "surface", "station", "query", "query shot",
            "other process")  # fmt: skip
_REFERENCES = 100  # streams of the references start here, two each
_OTHER_SPEC_SHARE = 0.08  # of the good samples: references that show another product


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A case with its truth.

    process: what was ordered. query: uint8 (S, S, 3). references: pictures of parts said to be
    good. mask: bool (S, S), empty when normal. kind: "" when normal. location: one of LOCATIONS,
    the 3x3 cell of the mask's centroid, None when normal. step: number of the process step that
    the fault contradicts or in which it arose. logical: a deviation from the order, the surface is
    sound. flipped: the references deviate from the order too (defective), or show another
    product than the one ordered (normal): only the process tells. expected, observed: noun phrases
    of a logical defect, else "". attributes: what the part shown has, by the step that gives it;
    surface defects are not among them. grey: the camera sees no colours, so they cannot be told.
    """

    seed: int
    family: str
    plural: str
    process: ManufacturingProcess
    query: np.ndarray
    references: tuple[np.ndarray, ...]
    mask: np.ndarray
    label: Label
    kind: str = ""
    location: str | None = None
    step: int | None = None
    logical: bool = False
    expected: str = ""
    observed: str = ""
    flipped: bool = False
    attributes: tuple[Attribute, ...] = ()
    grey: bool = False

    @property
    def ordered(self) -> tuple[Attribute, ...]:
        """What the process orders; `instruct.attributes.paired` lines it up with `attributes`."""
        return attributes_of(self.process)


def make_sample(
    seed: int,
    *,
    size: int = 384,
    families: Sequence[str] | None = None,
    defect: Defect | None = None,
    references: int = 1,
    flip: bool | None = None,
    kind: str | None = None,
) -> Sample:
    """Draw a case of size x size pixels.

    families: names to choose from (all when None). defect: None is half "none", a quarter each of
    the others. flip: of a logical one, whether the references disobey the process as well; None is
    half of them. kind: the surface defect to draw; None is any. KeyError for an unknown name.
    """
    sample, _ = _draw(seed, size, families, defect, references, flip, kind)
    return sample


def make_pair(
    seed: int, *, size: int = 384, families: Sequence[str] | None = None, references: int = 1
) -> tuple[Sample, Sample]:
    """The same pictures under two processes: first defective (flipped), then normal.

    What `make_sample(defect="logical", flip=True)` gives, and its pictures again with the process
    that orders what is seen.
    """
    sample, good = _draw(seed, size, families, "logical", references, True, None)
    return sample, good


def location_of(mask: np.ndarray) -> str | None:
    """The 3x3 name of the centroid of a mask bool (H, W); None when it is empty."""
    ys, xs = np.nonzero(mask)
    if not len(ys):
        return None
    row = min(2, int(3 * (ys.mean() + 0.5) / mask.shape[0]))
    column = min(2, int(3 * (xs.mean() + 0.5) / mask.shape[1]))
    return LOCATIONS[3 * row + column]


def _stream(seed: int, name: str | int) -> np.random.Generator:
    number = _STREAMS.index(name) if isinstance(name, str) else name
    return np.random.Generator(np.random.PCG64([seed, number]))


def _draw(
    seed: int,
    size: int,
    families: Sequence[str] | None,
    defect: Defect | None,
    references: int,
    flip: bool | None,
    kind: str | None,
) -> tuple[Sample, Sample | None]:
    choice = _stream(seed, "choice")
    names = sorted(catalogue.FAMILIES) if families is None else list(families)
    family = catalogue.FAMILIES[names[int(choice.integers(len(names)))]]
    lots = choice.random(3)
    if defect is None:
        defect = "none" if lots[0] < 0.5 else "surface" if lots[0] < 0.75 else "logical"
    flipped = (lots[1] < 0.5 if flip is None else flip) if defect == "logical" else False
    if defect == "none":
        flipped = lots[2] < _OTHER_SPEC_SHARE if flip is None else flip
    spec = family.draw_spec(_stream(seed, "spec"))
    process = family.process(spec, _stream(seed, "process"))

    shown, mask, fault = spec, np.zeros((size, size), bool), None
    rendering = family.render(spec, _stream(seed, "query"), size)
    rgb, foreground = rendering.rgb, rendering.foreground
    reference_spec: Spec = spec
    name, step = "", None
    if defect == "logical":
        fault, other, mask = disobeyed(
            family, spec, rendering, _stream(seed, "logical"), lambda: _stream(seed, "query")
        )
        rgb, foreground = other.rgb, other.foreground
        shown, name, step = fault.spec, fault.kind, fault.step
        reference_spec = fault.spec if flipped else spec
    elif defect == "surface":
        rng = _stream(seed, "surface")
        drawn = SURFACE_KINDS[int(rng.integers(len(SURFACE_KINDS)))]
        name = kind or drawn
        done = damage(name, rgb, foreground, rng)
        rgb, foreground, mask = done.rgb, done.foreground, done.mask
        step = family.surface_step(name, spec)
    elif flipped:
        reference_spec = family.logical_defect(spec, _stream(seed, "logical")).spec

    station = draw_station(
        _stream(seed, "station"), rendering.rgb, rendering.foreground, aligned=family.aligned
    )
    # against a flipped order the absolute colour counts, which no grey camera shows; nor can one
    # say "a red ring" of what it sees
    coloured = fault is not None and (flipped or _names_colour(fault))
    if station.grey and (coloured or not _seen_in_grey(rendering.rgb, rgb, mask)):
        station = replace(station, grey=False)
    shot = shoot(station, rgb, foreground, mask, _stream(seed, "query shot"))
    sample = Sample(
        seed=seed,
        family=family.name,
        plural=family.plural,
        process=process,
        query=shot.rgb,
        references=tuple(
            _reference(family, reference_spec, station, seed, index, size)
            for index in range(references)
        ),
        mask=shot.mask,
        label="normal" if defect == "none" else "defective",
        kind=name,
        location=location_of(shot.mask),
        step=step,
        logical=defect == "logical",
        expected=fault.expected if fault else "",
        observed=fault.observed if fault else "",
        flipped=bool(flipped),
        attributes=attributes_of(family.process(shown, _stream(seed, "process"))),
        grey=station.grey,
    )
    if not (defect == "logical" and flipped):
        return sample, None
    return sample, replace(
        sample,
        process=family.process(shown, _stream(seed, "other process")),
        mask=np.zeros_like(shot.mask),
        label="normal",
        kind="",
        location=None,
        step=None,
        logical=False,
        expected="",
        observed="",
        flipped=False,
    )


def _reference(
    family: Family, spec: Spec, station: Station, seed: int, index: int, size: int
) -> np.ndarray:
    made = family.render(spec, _stream(seed, _REFERENCES + 2 * index), size)
    nothing = np.zeros((size, size), bool)
    rng = _stream(seed, _REFERENCES + 2 * index + 1)
    return shoot(station, made.rgb, made.foreground, nothing, rng).rgb


def disobeyed(
    family: Family, spec: Spec, made: Rendering, rng: np.random.Generator,
    again: Callable[[], np.random.Generator],
) -> tuple[LogicalDefect, Rendering, np.ndarray]:  # fmt: skip
    """A logical defect that can be seen, the part that has it, and where it differs from `made`,
    bool (S, S); the best of six draws. again: begins what `made` was rendered with anew."""
    best = None
    for _ in range(6):
        fault = family.logical_defect(spec, rng)
        other = family.render(fault.spec, again(), len(made.rgb))
        mask, seen = difference(made.rgb, made.foreground, other.rgb, other.foreground)
        if best is None or seen > best[0]:
            best = seen, (fault, other, mask)
        if seen >= 1:
            break
    return best[1]


def difference(
    rgb: np.ndarray, foreground: np.ndarray, other: np.ndarray, other_foreground: np.ndarray
) -> tuple[np.ndarray, float]:
    """Where two renderings differ, lightly closed, and how well that is seen (1 is enough)."""
    either = foreground | other_foreground
    gap = cv2.absdiff(rgb, other).max(axis=2)
    changed = ((gap > 12) & either) | (foreground != other_foreground)
    side = max(3, round(5 * rgb.shape[0] / 384) | 1)
    kernel = np.ones((side, side), np.uint8)
    changed = cv2.morphologyEx(changed.view(np.uint8), cv2.MORPH_CLOSE, kernel)
    # single pixels along edges are resampling, not a difference
    solid = cv2.morphologyEx(changed, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)).astype(bool)
    if not solid.any():
        return changed.astype(bool), 0.0
    area = float(solid.mean())
    return solid, min(area / 0.0006, float(gap[solid].mean()) / 16)


def _names_colour(fault: LogicalDefect) -> bool:
    words = f"{fault.expected} {fault.observed}".replace(",", "").split()
    return any(word in NAMED or word in METALS for word in words)


def _seen_in_grey(before: np.ndarray, after: np.ndarray, mask: np.ndarray) -> bool:
    if not mask.any():
        return True
    tones = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (before, after)]
    return float(cv2.absdiff(*tones)[mask].mean()) > 22
