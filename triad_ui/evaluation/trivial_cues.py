"""What an image gives away without any look at the part: brightness, corners, sharpness.

An expert that does not beat these on a product has not been shown to see its defects: the good and
the defective photographs may differ in their lighting alone. It does not know experts or files.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from triad_ui.evaluation.metrics import auroc

LONGEST = 512
"""Pixels of the longer side at which cues are taken, so that sizes compare."""
CORNER = 1 / 8
"""Side of a corner square over the image's shorter side."""
SENTENCES = {
    "brightness": ("defective photographs are brighter", "defective photographs are darker"),
    "corners": (
        "defective photographs are brighter in their corners",
        "defective photographs are darker in their corners",
    ),
    "sharpness": ("defective photographs are sharper", "defective photographs are less sharp"),
}


@dataclass(frozen=True, slots=True)
class Cue:
    """How far one cue alone tells the tested images apart.

    auroc: in the better of its two directions, 0.5..1, which the truth itself has chosen; nan with
    one class. higher: True where the defective have more of it. sentence: the direction in words.
    """

    name: str
    auroc: float
    higher: bool
    sentence: str


def cues_of(rgb: np.ndarray) -> dict[str, float]:
    """The cues of an image, uint8 (H, W, 3): mean grey level, that of the four corners, and the
    variance of the Laplacian, of grey levels 0..255."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    scale = LONGEST / max(grey.shape)
    if scale < 1:
        size = max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    side = max(1, round(min(grey.shape) * CORNER))
    corners = (grey[:side, :side], grey[:side, -side:], grey[-side:, :side], grey[-side:, -side:])
    return {
        "brightness": float(grey.mean()),
        "corners": float(np.mean([corner.mean() for corner in corners])),
        "sharpness": float(cv2.Laplacian(grey, cv2.CV_64F).var()),
    }


def judge_cues(found: list[dict[str, float]], defective: np.ndarray) -> tuple[Cue, ...]:
    """Each cue's AUROC over images, best first. found: `cues_of` each. defective: bool (n,)."""
    cues = []
    for name, (more, less) in SENTENCES.items():
        area = auroc(np.array([cue[name] for cue in found]), defective)
        higher = not area < 0.5
        told = more if higher else less
        cues.append(Cue(name, max(area, 1 - area) if area == area else area, higher, told))
    return tuple(sorted(cues, key=lambda cue: -cue.auroc if cue.auroc == cue.auroc else 0.0))
