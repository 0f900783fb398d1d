"""Line-like defects: scratch, crack, loose thread, abrasion.

Each painter takes a `Site` and returns `Paint`. Knows nothing of masks or of whether the result
can be seen; `surface.py` checks that.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from triad_ui.synthesis.fields import Site, blob, contrasting, curve, mix, soft, stroke


@dataclass(frozen=True, slots=True, eq=False)
class Paint:
    """A painted window: rgb float32 (h, w, 3); gone, bool (h, w): product broken away there, the
    background shows; beyond, bool (h, w): new matter that may stand out over the background."""

    rgb: np.ndarray
    gone: np.ndarray | None = None
    beyond: np.ndarray | None = None


def scratch(site: Site, rng: np.random.Generator) -> Paint:
    """One to four nearly parallel grooves: a bright or dark core with a shaded flank."""
    angle = rng.uniform(0, 2 * np.pi)
    local = site.local_colour()
    core = contrasting(local, rng, site.strength)
    flank = np.clip(2 * local - core, 0, 255)
    normal = np.array([-np.sin(angle), np.cos(angle)])
    rgb = site.rgb
    for _ in range(1 + rng.geometric(0.6) if rng.random() < 0.6 else 1):
        length = 2 * site.radius * rng.uniform(0.5, 1.0)
        middle = np.array(site.centre) + normal * rng.normal(0, 0.12) * site.radius
        heading = angle + rng.normal(0, 0.06)
        start = middle - 0.5 * length * np.array([np.cos(heading), np.sin(heading)])
        points = curve(start, heading, length, rng.normal(0, 0.25), 0.01, rng)
        wide = site.unit * rng.uniform(0.9, 2.4) * min(1.6, site.strength)
        taper = np.sin(np.linspace(0.15, np.pi - 0.15, len(points))) ** 0.5
        groove = stroke(site.shape, points, wide * taper)
        if rng.random() < 0.7:
            side = stroke(site.shape, points + normal * wide, wide * taper)
            rgb = mix(rgb, flank, 0.45 * side)
        rgb = mix(rgb, core, groove * rng.uniform(0.7, 1.0))
    return Paint(rgb)


def crack(site: Site, rng: np.random.Generator) -> Paint:
    """A dark zigzag with branches, thin at its ends, with a faint lit lip."""
    local = site.local_colour()
    light = float(local.mean())
    dark = local * rng.uniform(0.1, 0.4) if light > 60 else np.minimum(local + 110, 255)
    lip = np.clip(local * 1.25 + 20, 0, 255)
    angle = rng.uniform(0, 2 * np.pi)
    length = 2 * site.radius
    start = np.array(site.centre) - 0.5 * length * np.array([np.cos(angle), np.sin(angle)])
    wide = site.unit * rng.uniform(1.0, 2.6) * min(1.5, site.strength)
    trunk = curve(start, angle, length, rng.normal(0, 0.5), 0.28, rng, steps=22)
    alpha = stroke(site.shape, trunk, wide * np.linspace(1.2, 0.45, len(trunk)))
    for _ in range(rng.integers(0, 4)):
        at = rng.integers(3, len(trunk) - 4)
        turn = rng.choice([-1, 1]) * rng.uniform(0.4, 1.1)
        part = length * rng.uniform(0.12, 0.4)
        twig = curve(trunk[at], angle + turn, part, 0.0, 0.3, rng, steps=9)
        grown = stroke(site.shape, twig, wide * np.linspace(0.8, 0.35, len(twig)))
        alpha = np.maximum(alpha, grown)
    shift = np.float32([[1, 0, wide * 0.9], [0, 1, wide * 0.9]])
    lit = cv2.warpAffine(alpha, shift, (site.shape[1], site.shape[0]))
    return Paint(mix(mix(site.rgb, lip, 0.35 * lit), dark, alpha * rng.uniform(0.8, 1.0)))


def loose_thread(site: Site, rng: np.random.Generator) -> Paint:
    """A curled fibre lying on the part, with its shadow; it may hang over the edge."""
    colour = contrasting(site.local_colour(), rng, site.strength)
    if rng.random() < 0.35:
        colour = rng.uniform(30, 230, 3) * 0.5 + colour * 0.5
    angle = rng.uniform(0, 2 * np.pi)
    length = site.radius * rng.uniform(2.0, 3.2)
    start = np.array(site.centre) - 0.4 * length * np.array([np.cos(angle), np.sin(angle)])
    bend = rng.choice([-1, 1]) * rng.uniform(0.6, 3.6)
    points = curve(start, angle, length, bend, 0.14, rng, steps=28)
    wide = site.unit * rng.uniform(1.1, 2.4)
    alpha = stroke(site.shape, points, np.full(len(points), wide))
    drop = wide * rng.uniform(0.8, 1.8)
    shade = stroke(site.shape, points + drop, np.full(len(points), wide * 1.3))
    rgb = mix(site.rgb, site.rgb * 0.35, cv2.GaussianBlur(shade, (0, 0), 0.8 * site.unit) * 0.6)
    # a round fibre is lit from one side: paint a lighter, thinner line on top
    rgb = mix(rgb, colour, alpha)
    shine = stroke(site.shape, points - 0.25 * wide, np.full(len(points), wide * 0.35))
    rgb = mix(rgb, np.minimum(colour * 1.25 + 15, 255), 0.7 * shine)
    return Paint(rgb, beyond=alpha > 0.4)


def abrasion(site: Site, rng: np.random.Generator) -> Paint:
    """A scuffed patch: many short fine lines of one direction over a dulled surface."""
    field = blob(site, rng, 0.3, 2.2)
    area = soft(field, 0.5)
    angle = rng.uniform(0, np.pi)
    count = int(30 + 50 * rng.random())
    height, width = site.shape
    lines = np.zeros((height * 2, width * 2), np.uint8)
    heads = np.array(site.centre) + rng.normal(0, 0.5, (count, 2)) * site.radius
    reach = rng.uniform(0.15, 0.6, count) * site.radius
    turn = angle + rng.normal(0, 0.12, count)
    step = np.stack([np.cos(turn), np.sin(turn)], axis=1) * reach[:, None]
    for a, b in zip(2 * (heads - step), 2 * (heads + step)):
        cv2.line(lines, np.intp(a).tolist(), np.intp(b).tolist(), int(rng.integers(90, 256)), 1)
    fine = cv2.resize(lines, (width, height), interpolation=cv2.INTER_AREA) / np.float32(255)
    local = site.local_colour()
    colour = contrasting(local, rng, site.strength)
    dull = cv2.GaussianBlur(site.rgb, (0, 0), 1.5 * site.unit)
    rgb = mix(site.rgb, 0.7 * dull + 0.3 * colour, area * rng.uniform(0.35, 0.75))
    return Paint(mix(rgb, colour, np.clip(fine * 1.6, 0, 1) * np.sqrt(area)))
