"""Surface defects: where on a product one is painted, and that it can be seen.

Chooses a place, a size and a painter, redraws what cannot be seen, and returns the pixels that
really changed as the mask. Knows nothing of families, cameras or processes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from triad_ui.synthesis import blend, marks, spots
from triad_ui.synthesis.fields import Site
from triad_ui.synthesis.marks import Paint

_PAINTERS: dict[str, Callable[[Site, np.random.Generator], Paint]] = {
    "scratch": marks.scratch,
    "crack": marks.crack,
    "loose thread": marks.loose_thread,
    "abrasion": marks.abrasion,
    "dent": spots.dent,
    "stain": spots.stain,
    "hole": spots.hole,
    "contamination": spots.contamination,
    "discoloration": spots.discoloration,
    "bubble": spots.bubble,
    "burr": spots.burr,
    "chip": spots.chip,
    "print smear": blend.print_smear,
    "texture fault": blend.texture_fault,
    "pasted patch": blend.pasted_patch,
}
SURFACE_KINDS: tuple[str, ...] = tuple(_PAINTERS)

_SIZES = {  # smallest and largest extent as a share of the picture's side
    "scratch": (0.08, 0.32),
    "crack": (0.08, 0.32),
    "loose thread": (0.06, 0.22),
    "burr": (0.06, 0.18),
    "chip": (0.06, 0.24),
    "hole": (0.03, 0.16),
    "dent": (0.05, 0.27),
    "pasted patch": (0.07, 0.27),
    "discoloration": (0.07, 0.28),
    "texture fault": (0.08, 0.28),
    "print smear": (0.06, 0.28),
    "abrasion": (0.06, 0.28),
    "bubble": (0.05, 0.22),
}
_AT_EDGE = ("burr", "chip")
_CHANGED = 8.0  # grey levels of the strongest channel from which a pixel counts as changed
_TRIES = 12


@dataclass(frozen=True, slots=True, eq=False)
class Damage:
    """A damaged product: rgb uint8 (S, S, 3); mask bool (S, S), what changed; foreground bool
    (S, S), the product as it is now, with what broke off taken away and what stands out added."""

    rgb: np.ndarray
    mask: np.ndarray
    foreground: np.ndarray


def apply(
    kind: str, rgb: np.ndarray, foreground: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Paint one defect of a kind: (rgb uint8 (S, S, 3), mask bool (S, S)); see `damage`."""
    done = damage(kind, rgb, foreground, rng)
    return done.rgb, done.mask


def damage(kind: str, rgb: np.ndarray, foreground: np.ndarray, rng: np.random.Generator) -> Damage:
    """Paint one visible defect of 2 % to 32 %, rarely 50 %, of the side on the product.

    rgb: uint8 (S, S, 3). foreground: bool (S, S) with at least one pixel. KeyError for a kind that
    is not one of SURFACE_KINDS, ValueError for an empty foreground.
    """
    painter = _PAINTERS[kind]
    if not foreground.any():
        raise ValueError("The foreground is empty; a defect needs a product to lie on.")
    best: tuple[float, Damage] | None = None
    for attempt in range(_TRIES):
        site, (x0, y0) = _choose_site(kind, rgb, foreground, rng, 1 + 0.18 * attempt)
        result, visible = _settle(painter(site, rng), site, rgb, foreground, (x0, y0))
        if best is None or visible > best[0]:
            best = visible, result
        if visible >= 1:
            break
    return best[1]


def _choose_site(
    kind: str, rgb: np.ndarray, foreground: np.ndarray, rng: np.random.Generator, strength: float
) -> tuple[Site, tuple[int, int]]:
    side = rgb.shape[0]
    low, high = _SIZES.get(kind, (0.035, 0.27))
    radius = 0.5 * side * (low + (high - low) * rng.random() ** 1.15)
    radius *= 1.6 if rng.random() < 0.12 else 1.0  # now and then a gross one
    # a defect larger than the part would not read as one on it
    radius = max(0.01 * side, min(radius, 0.35 * np.sqrt(np.count_nonzero(foreground))))
    outward = None
    place = _edge_place(foreground, rng) if kind in _AT_EDGE else None
    if place is not None:
        (cx, cy), outward = place
    else:
        cx, cy = _inner_place(foreground, rng)
    reach = int(np.ceil(1.7 * radius)) + 4
    x0, y0 = max(0, cx - reach), max(0, cy - reach)
    window = np.s_[y0 : min(side, cy + reach + 1), x0 : min(side, cx + reach + 1)]
    site = Site(
        rgb=rgb[window].astype(np.float32),
        inside=foreground[window],
        centre=(float(cx - x0), float(cy - y0)),
        radius=radius,
        unit=side / 384.0,
        strength=strength,
        whole=rgb,
        product=foreground,
        outward=outward,
    )
    return site, (x0, y0)


def _inner_place(foreground: np.ndarray, rng: np.random.Generator) -> tuple[int, int]:
    side = foreground.shape[0]
    small = cv2.resize(foreground.view(np.uint8), (96, 96), interpolation=cv2.INTER_AREA)
    small[:7], small[-7:], small[:, :7], small[:, -7:] = 0, 0, 0, 0
    core = cv2.erode(small, np.ones((3, 3), np.uint8))
    spots = np.flatnonzero(core if core.any() else small)
    if not len(spots):
        ys, xs = np.nonzero(foreground)
        pick = int(rng.integers(len(ys)))
        return int(xs[pick]), int(ys[pick])
    spot = int(spots[rng.integers(len(spots))])
    scale = side / 96
    x, y = (spot % 96 + rng.random()) * scale, (spot // 96 + rng.random()) * scale
    return int(x), int(y)


def _edge_place(
    foreground: np.ndarray, rng: np.random.Generator
) -> tuple[tuple[int, int], tuple[float, float]] | None:
    """A place on the product's outline away from the frame, and the direction out of it."""
    side = foreground.shape[0]
    solid = foreground.view(np.uint8)
    rim = solid - cv2.erode(solid, np.ones((3, 3), np.uint8))
    margin = side // 24
    rim[:margin], rim[-margin:], rim[:, :margin], rim[:, -margin:] = 0, 0, 0, 0
    spots = np.flatnonzero(rim)
    if len(spots) < side // 8:
        return None
    spot = int(spots[rng.integers(len(spots))])
    x, y = spot % side, spot // side
    reach = max(3, side // 32)
    box = solid[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
    ys, xs = np.nonzero(box)
    dx = x - max(0, x - reach) - xs.mean()
    dy = y - max(0, y - reach) - ys.mean()
    norm = float(np.hypot(dx, dy))
    return ((x, y), (float(dx / norm), float(dy / norm))) if norm > 0.2 else None


def _settle(
    paint: Paint, site: Site, rgb: np.ndarray, foreground: np.ndarray, corner: tuple[int, int]
) -> tuple[Damage, float]:
    """Put the window back; how well the change is seen: 1 and more is enough."""
    x0, y0 = corner
    height, width = site.shape
    window = np.s_[y0 : y0 + height, x0 : x0 + width]
    allowed = site.inside if paint.beyond is None else site.inside | paint.beyond
    after = np.where(allowed[..., None], np.clip(paint.rgb, 0, 255), site.rgb)
    change = np.abs(after - site.rgb).max(axis=2)
    changed = change > _CHANGED
    product = allowed
    if paint.gone is not None:
        gone = paint.gone & site.inside
        changed |= gone
        change = np.where(gone, 60.0, change)
        product = allowed & ~gone
    changed = cv2.morphologyEx(changed.view(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    changed = changed.astype(bool) & (site.inside | product)
    pixels = int(np.count_nonzero(changed))
    out, mask, solid = rgb.copy(), np.zeros(rgb.shape[:2], bool), foreground.copy()
    out[window], mask[window], solid[window] = np.round(after), changed, product
    if pixels < 25 * site.unit**2:
        return Damage(out, mask, solid), 0.0
    if paint.gone is not None and gone.sum() > 0.3 * pixels:
        return Damage(out, mask, solid), 1.0
    return Damage(out, mask, solid), _visibility(site, after.astype(np.float32), changed)


def _visibility(site: Site, after: np.ndarray, changed: np.ndarray) -> float:
    """How well a change is seen through a lens, against the texture that is there: 1 is enough."""
    before, after = (cv2.GaussianBlur(x, (0, 0), 0.9 * site.unit) for x in (site.rgb, after))
    old, new = before[changed], after[changed]
    busy = float(old.mean(axis=1).std())
    small = min(1.0, np.sqrt(len(old) / (160 * site.unit**2)))  # the smaller, the stronger
    strong = float(np.abs(new - old).max(axis=1).mean())
    seen = small * strong / max(18.0, 0.8 * busy)
    if busy < 8:
        return seen
    # noise in the place of other noise is no fault: the tone or the roughness has to change, or
    # else the change must be far above the texture
    tone = small * float(np.abs(new.mean(axis=0) - old.mean(axis=0)).max()) / max(16.0, 0.8 * busy)
    rough = np.log((float(new.mean(axis=1).std()) + 3) / (busy + 3)) / np.log(1.6)
    return min(seen, max(tone, abs(rough), 0.4 * seen))
