"""Defects made from the product itself: displaced patches and smeared print.

`texture_fault` follows NSA (Schlueter et al., 2022): a patch from elsewhere, resized, blended so
that no seam shows. `pasted_patch` follows CutPaste (Li et al., 2021): a rectangle or a scar pasted
with a hard edge.
Knows nothing of masks or visibility.
"""

from __future__ import annotations

import cv2
import numpy as np

from triad_ui.synthesis.fields import Site, blob, contrasting, mix, smooth_noise, soft
from triad_ui.synthesis.marks import Paint


def _elsewhere(site: Site, rng: np.random.Generator, turn: float, scale: float) -> np.ndarray:
    """A window of the site's shape seen around another place of the product, float32 (h, w, 3)."""
    height, width = site.shape
    coarse = site.product[::8, ::8]
    spots = np.flatnonzero(coarse)
    spot = int(spots[rng.integers(len(spots))])
    cx, cy = 8 * (spot % coarse.shape[1]), 8 * (spot // coarse.shape[1])
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    matrix = np.float32([[cos, -sin, 0], [sin, cos, 0]])
    matrix[:, 2] = np.float32([cx, cy]) - matrix[:, :2] @ np.float32(site.centre)
    how = cv2.WARP_INVERSE_MAP
    edge = cv2.BORDER_REFLECT_101
    taken = cv2.warpAffine(
        site.whole, matrix, (width, height), flags=cv2.INTER_LINEAR | how, borderMode=edge
    ).astype(np.float32)
    if site.product.all():
        return taken
    # what lies beside the product is not part of it: the place's own pixels stay there
    solid = cv2.warpAffine(
        site.product.view(np.uint8),
        matrix,
        (width, height),
        flags=cv2.INTER_NEAREST | how,
        borderMode=edge,
    )
    return np.where(solid[..., None] > 0, taken, site.rgb)


def texture_fault(site: Site, rng: np.random.Generator) -> Paint:
    """A displaced, turned or resized piece of the product, blended without a seam (NSA)."""
    taken = _elsewhere(site, rng, rng.uniform(0.3, 5.9), rng.uniform(0.6, 1.6))
    # low tones from here, detail from there: what a Poisson blend amounts to, at a tenth the cost
    coarse = max(2.0 * site.unit, 0.5 * site.radius)
    mine, theirs = (_blur(image, coarse) for image in (site.rgb, taken))
    keep = rng.uniform(0.0, 0.6) if site.strength == 1 else 1.0
    patch = mine * (1 - keep) + theirs * keep + (taken - theirs) * rng.uniform(1.0, 1.5)
    if site.strength > 1.3:  # a plain surface has no detail to displace
        patch = patch + np.float32(rng.choice([-1, 1]) * 24 * site.strength)
        patch = patch + 12 * site.strength * smooth_noise(*site.shape, rng, 8)[..., None]
    return Paint(mix(site.rgb, patch, soft(blob(site, rng, 0.15, 2.5), rng.uniform(0.15, 0.5))))


def pasted_patch(site: Site, rng: np.random.Generator) -> Paint:
    """A rectangle or a long scar from elsewhere, pasted with a hard edge (CutPaste)."""
    taken = _elsewhere(site, rng, rng.uniform(-0.8, 0.8), 1.0)
    taken = taken * rng.uniform(0.75, 1.3, 3).astype(np.float32)
    if site.strength > 1:
        taken = taken + np.float32(rng.choice([-1, 1]) * 35 * (site.strength - 0.5))
    x, y = site.grid()
    angle = rng.uniform(-0.8, 0.8)
    u = np.abs(np.cos(angle) * x + np.sin(angle) * y)
    v = np.abs(np.cos(angle) * y - np.sin(angle) * x)
    slim = rng.uniform(0.15, 0.3) if rng.random() < 0.4 else rng.uniform(0.45, 0.95)
    half = (0.9 * site.radius, max(1.5 * site.unit, 0.9 * slim * site.radius))
    if rng.random() < 0.5:
        half = half[::-1]
    return Paint(mix(site.rgb, taken, np.float32((u < half[0]) & (v < half[1]))))


def print_smear(site: Site, rng: np.random.Generator) -> Paint:
    """Wet ink or paint dragged one way: the content is smeared and a streaky trail is left."""
    angle = rng.uniform(0, 2 * np.pi)
    field = blob(site, rng, 0.15, 3.0)
    area = soft(field, 0.35)
    length = max(5, int(site.radius * rng.uniform(0.5, 1.0)) | 1)
    centre = (length - 1) / 2
    kernel = np.zeros((length, length), np.float32)
    end = centre * np.array([np.cos(angle), np.sin(angle)])
    cv2.line(
        kernel,
        np.intp(np.round(centre - end)).tolist(),
        np.intp(np.round(centre + end)).tolist(),
        1.0,
    )
    kernel /= kernel.sum()
    dragged = cv2.filter2D(site.rgb, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    rough = rng.standard_normal(site.shape, dtype=np.float32)
    streaks = cv2.filter2D(_blur(rough, 0.8 * site.unit), -1, kernel)
    streaks = np.clip(streaks / (streaks.std() + 1e-6) * 0.35 + 0.55, 0, 1)
    ink = contrasting(site.local_colour(), rng, site.strength)
    x, y = site.grid()
    ahead = (np.cos(angle) * x + np.sin(angle) * y) / site.radius
    fade = np.clip(0.75 - 0.5 * ahead, 0.15, 1).astype(np.float32)
    rgb = mix(site.rgb, dragged, area)
    return Paint(mix(rgb, ink, area * streaks * fade * rng.uniform(0.6, 1.0)))


def _blur(image: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
