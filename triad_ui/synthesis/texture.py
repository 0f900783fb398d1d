"""Endless random textures: a spectrum is drawn once, each picture of it has phases of its own.

Two pictures of one spec look alike and line up nowhere, as two pieces of one cloth or casting do.
Knows nothing of defects or cameras; it is no product family, as it has no process to tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from triad_ui.synthesis.product import Rendering


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """A texture's statistics.

    power: how fast amplitudes fall with frequency. low: cycles a picture below which they are
    level. stretch, turn: grain that runs one way, and its direction in radians. waves: (cycles,
    direction, share) of regular structure. colour, tint: mean and strength by channel (3,), grey
    levels. edge: from smooth (0.5) to blocky (2.5).
    """

    power: float
    low: float
    stretch: float
    turn: float
    waves: tuple[tuple[float, float, float], ...]
    colour: np.ndarray
    tint: np.ndarray
    edge: float


def draw_spectrum(rng: np.random.Generator) -> Spectrum:
    """A spectrum anywhere between sand, brushed metal and woven cloth."""
    waves = tuple(
        (float(rng.uniform(3, 40)), float(rng.uniform(0, np.pi)), float(rng.uniform(0.3, 3)))
        for _ in range(rng.integers(0, 4))
    )
    contrast = np.exp(rng.uniform(np.log(6), np.log(45)))
    return Spectrum(
        power=float(rng.uniform(0.3, 2.2)),
        low=float(rng.uniform(1, 12)),
        stretch=float(rng.uniform(1, 6)) if rng.random() < 0.5 else 1.0,
        turn=float(rng.uniform(0, np.pi)),
        waves=waves,
        colour=rng.uniform(60, 190) + rng.normal(0, rng.choice([3.0, 30.0]), 3),
        tint=contrast * (1 + rng.normal(0, 0.12, 3)),
        edge=float(rng.uniform(0.5, 2.5)),
    )


def render_texture(spectrum: Spectrum, rng: np.random.Generator, size: int) -> Rendering:
    """One piece of the texture, size x size, all of it foreground."""
    cycles = np.fft.fftfreq(size) * size
    y, x = np.meshgrid(cycles, cycles, indexing="ij")
    cos, sin = np.cos(spectrum.turn), np.sin(spectrum.turn)
    radius = np.hypot((cos * x + sin * y) * spectrum.stretch, cos * y - sin * x)
    amplitude = _unit((radius + spectrum.low) ** -spectrum.power)
    for often, way, share in spectrum.waves:
        for sign in (1, -1):
            away = (x - sign * often * np.cos(way)) ** 2 + (y - sign * often * np.sin(way)) ** 2
            bump = np.exp(-away / (2 * (0.05 * often + 0.4) ** 2))
            amplitude = amplitude + 0.7 * share * _unit(bump)
    noise = np.fft.fft2(rng.standard_normal((size, size)))
    field = np.fft.ifft2(noise * amplitude).real
    bent = np.tanh(0.6 * spectrum.edge * field / (field.std() + 1e-9))
    bent /= np.tanh(0.6 * spectrum.edge)
    rgb = spectrum.colour + bent[..., None] * spectrum.tint
    return Rendering(np.clip(rgb, 0, 255).astype(np.uint8), np.ones((size, size), bool))


def _unit(amplitude: np.ndarray) -> np.ndarray:
    return amplitude / np.sqrt((amplitude**2).sum())
