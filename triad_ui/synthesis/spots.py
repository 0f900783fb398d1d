"""Area defects: dent, stain, hole, contamination, discoloration, bubble; the edge's burr and chip.

Each painter takes a `Site` and returns `Paint`. Knows nothing of masks or visibility.
"""

from __future__ import annotations

import cv2
import numpy as np

from triad_ui.synthesis.fields import (
    Site,
    blob,
    contrasting,
    curve,
    mix,
    smooth_noise,
    soft,
    stroke,
)
from triad_ui.synthesis.marks import Paint


def _lit(height: np.ndarray, angle: float) -> np.ndarray:
    """Slope of a height field towards the light at `angle`: float32, same shape."""
    gx = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)
    gy = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)
    return gx * np.float32(np.cos(angle)) + gy * np.float32(np.sin(angle))


def dent(site: Site, rng: np.random.Generator) -> Paint:
    """A hollow or bump: lit on one flank, shaded on the other, its texture bent."""
    field = blob(site, rng, 0.08, 2.0)
    depth = soft(field, rng.uniform(0.5, 1.0))
    slope = _lit(depth, rng.uniform(0, 2 * np.pi)) * site.radius
    contrast = rng.uniform(22, 62) * site.strength
    x, y = site.grid()
    pull = 1 + 0.25 * rng.uniform(-1, 1) * depth
    bent = cv2.remap(
        site.rgb,
        (x * pull + site.centre[0]).astype(np.float32),
        (y * pull + site.centre[1]).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    rgb = bent * (1 - 0.15 * depth[..., None])
    rgb = rgb + (contrast * np.clip(slope, -1.3, 1.3))[..., None]
    if rng.random() < 0.5:  # a shiny rim catches the light
        rgb = rgb + (70 * np.clip(slope - 0.5, 0, 1))[..., None]
    return Paint(rgb)


def stain(site: Site, rng: np.random.Generator) -> Paint:
    """A dried liquid: a tinted ragged area, now and then with a darker rim or drops beside it."""
    field = blob(site, rng, rng.uniform(0.1, 0.35))
    area = soft(field, rng.uniform(0.08, 0.6))
    local = site.local_colour()
    colour = contrasting(local, rng, site.strength)
    density = area * rng.uniform(0.45, 0.9)
    if rng.random() < 0.5:
        ring = soft(field, 0.06) * (1 - soft(field - 0.08, 0.2))
        density = np.clip(density * 0.6 + 0.55 * ring, 0, 1)
    cloud = smooth_noise(*site.shape, rng, 6)
    return Paint(mix(site.rgb, colour, density * np.clip(1 + 0.15 * cloud, 0.6, 1.25).clip(0, 1.2)))


def hole(site: Site, rng: np.random.Generator) -> Paint:
    """Missing matter inside the part: dark with a shaded wall, or through to the background."""
    field = blob(site, rng, rng.choice([0.03, 0.2]), 1.5)
    edge = 2.5 * site.unit / site.radius
    area = soft(field, edge)
    local = site.local_colour()
    through = rng.random() < 0.4
    floor = local * rng.uniform(0.05, 0.3) if local.mean() > 55 else local + 70 * site.strength
    side = _lit(area, rng.uniform(0, 2 * np.pi)) * 6
    wall = soft(field + 3 * edge, 3 * edge)
    rgb = mix(site.rgb, np.clip(local * 1.3 + 12, 0, 255), 0.4 * wall * (1 - area))
    depth = smooth_noise(*site.shape, rng, 5)[..., None] * 4
    rgb = mix(rgb, np.clip(floor + depth, 0, 255), area)
    rgb = rgb + (50 * np.clip(side, -1, 1))[..., None] * (1 - 0.5 * area)[..., None]
    return Paint(rgb, gone=(field > edge) if through else None)


def contamination(site: Site, rng: np.random.Generator) -> Paint:
    """Foreign bits on the surface: grains, chips or a lump, each with a small cast shadow."""
    rgb, local = site.rgb, site.local_colour()
    colour = contrasting(local, rng, site.strength)
    lump = rng.random() < 0.35
    height, width = site.shape
    grains = np.zeros((2 * height, 2 * width), np.uint8)
    if lump:
        field = blob(site, rng, 0.35, 1.8)
        alpha = soft(field, 0.12)
    else:
        for _ in range(int(rng.integers(4, 28))):
            place = np.array(site.centre) + rng.normal(0, 0.42, 2) * site.radius
            size = max(1.2 * site.unit, site.radius * rng.uniform(0.04, 0.2))
            corners = rng.integers(4, 8)
            turns = np.sort(rng.uniform(0, 2 * np.pi, corners))
            spokes = size * rng.uniform(0.5, 1.3, corners)
            ring = place + np.stack([np.cos(turns), np.sin(turns)], 1) * spokes[:, None]
            cv2.fillPoly(grains, [np.intp(2 * ring).astype(np.int32)], 255)
        alpha = cv2.resize(grains, (width, height), interpolation=cv2.INTER_AREA)
        alpha = alpha.astype(np.float32) / 255
    drop = site.unit * rng.uniform(1.0, 2.5)
    move = np.float32([[1, 0, drop], [0, 1, drop]])
    shade = cv2.GaussianBlur(cv2.warpAffine(alpha, move, (width, height)), (0, 0), site.unit)
    rgb = mix(rgb, rgb * 0.4, 0.6 * shade)
    relief = _lit(cv2.GaussianBlur(alpha, (0, 0), 1.2 * site.unit), 0.7)[..., None] * 130
    grain = smooth_noise(height, width, rng, max(4, int(width / (3 * site.unit))))[..., None] * 14
    return Paint(mix(rgb, np.clip(colour + relief + grain, 0, 255), alpha))


def discoloration(site: Site, rng: np.random.Generator) -> Paint:
    """A soft area of another hue or brightness (heat tint, fading, oil); the texture stays."""
    area = soft(blob(site, rng, 0.15, 2.2), rng.uniform(0.2, 0.6))
    amount = rng.uniform(0.25, 0.55) * site.strength
    gain = 1 + amount * rng.uniform(-1, 1, 3)
    if np.abs(gain - 1).max() < 0.18:
        gain = np.array([1 + amount, 1.0, 1 - amount])
    tinted = site.rgb * gain.astype(np.float32)
    if site.local_colour().mean() < 70:  # a factor does not show on a dark part
        tinted = tinted + np.float32(60 * site.strength) * rng.uniform(0.3, 1, 3).astype(np.float32)
    return Paint(mix(site.rgb, tinted, area))


def bubble(site: Site, rng: np.random.Generator) -> Paint:
    """Blisters under the surface: round, shaded rim, a highlight towards the light."""
    rgb = site.rgb
    light = rng.uniform(0, 2 * np.pi)
    x, y = site.grid()
    for index in range(int(rng.integers(1, 7))):
        r = site.radius * (rng.uniform(0.3, 0.75) if index == 0 else rng.uniform(0.1, 0.35))
        r = max(r, 3.0 * site.unit)
        px, py = rng.normal(0, 0.35 if index else 0.05, 2) * site.radius
        dx, dy = (x - px) / r, (y - py) / r
        d = np.sqrt(dx * dx + dy * dy)
        dome = soft(1 - d, 3.0 * site.unit / r)
        shade = (dx * np.cos(light) + dy * np.sin(light)).astype(np.float32)
        rim = soft(1 - np.abs(d - 0.88) / 0.22, 0.8)
        lit = 34 * site.strength * np.clip(shade, -1, 1) * dome
        lit = lit - 46 * site.strength * rim * dome * np.clip(0.4 - shade, 0, 1)
        glint = np.exp(
            -(((dx - 0.45 * np.cos(light)) ** 2 + (dy - 0.45 * np.sin(light)) ** 2) / 0.05)
        )
        rgb = rgb + (lit + 120 * glint * dome)[..., None].astype(np.float32)
    return Paint(rgb)


def burr(site: Site, rng: np.random.Generator) -> Paint:
    """Ragged spurs that stand out from the edge, or a raised bead where there is no edge."""
    local = site.local_colour()
    metal = np.clip(local * rng.uniform(0.9, 1.3) + rng.uniform(15, 60) * site.strength, 0, 255)
    if local.mean() > 190:
        metal = local * 0.55 / min(site.strength, 2)
    out = site.outward or (0.0, 0.0)
    facing = np.arctan2(out[1], out[0]) if site.outward else rng.uniform(0, 2 * np.pi)
    along = np.array([-np.sin(facing), np.cos(facing)])
    alpha = np.zeros(site.shape, np.float32)
    for offset in np.linspace(-0.8, 0.8, int(rng.integers(3, 9))):
        root = np.array(site.centre) + along * (offset + rng.normal(0, 0.06)) * site.radius
        root = root - 0.15 * site.radius * np.array([np.cos(facing), np.sin(facing)])
        length = site.radius * rng.uniform(0.3, 0.9) * (1 - 0.5 * abs(offset))
        spur = curve(root, facing + rng.normal(0, 0.35), length, rng.normal(0, 0.7), 0.1, rng, 7)
        wide = max(2.0 * site.unit, site.radius * rng.uniform(0.12, 0.3))
        alpha = np.maximum(
            alpha, stroke(site.shape, spur, wide * np.linspace(1.1, 0.25, len(spur)))
        )
    relief = _lit(cv2.GaussianBlur(alpha, (0, 0), site.unit), 2.2)[..., None] * 160
    grain = smooth_noise(*site.shape, rng, 18)[..., None] * 10
    return Paint(mix(site.rgb, np.clip(metal + relief + grain, 0, 255), alpha), beyond=alpha > 0.4)


def chip(site: Site, rng: np.random.Generator) -> Paint:
    """A piece broken from the edge, a fresh fracture beside it; a flake where no edge is near."""
    field = blob(site, rng, 0.22, 1.8)
    local = site.local_colour()
    fresh = np.clip(local * rng.uniform(0.55, 0.75), 0, 255)
    if local.mean() < 130:
        fresh = np.clip(local * 1.3 + 45 * site.strength, 0, 255)
    facets = np.sign(smooth_noise(*site.shape, rng, 7))[..., None] * 12
    facets = cv2.GaussianBlur(np.repeat(facets, 3, 2).astype(np.float32), (0, 0), site.unit)
    area = soft(field, 2.0 * site.unit / site.radius)
    slope = _lit(cv2.GaussianBlur(area, (0, 0), 1.5 * site.unit), rng.uniform(0, 6.28))[..., None]
    rgb = mix(site.rgb, np.clip(fresh + facets + 220 * slope, 0, 255), area)
    if site.outward is None:
        return Paint(rgb)
    # near the edge all is gone; a strip of fracture is left on the part's side
    x, y = site.grid()
    ahead = (x * site.outward[0] + y * site.outward[1]) / site.radius
    return Paint(rgb, gone=(field > 0.05) & (ahead > -0.35 + rng.uniform(-0.2, 0.1)))
