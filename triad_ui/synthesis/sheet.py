"""A contact sheet of samples: reference, query, query with its mask outlined, the truth in words.

    python -m triad_ui.synthesis.sheet OUT.png [--seed N] [--rows N] [--family NAME]
    python -m triad_ui.synthesis.sheet docs/synthetic_samples.jpg --tour

The tour shows every family once, every surface defect on a product where it may well be met, and
deviations from the process on the others. For people to judge whether the generator is convincing.
Knows nothing of how samples are made.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from triad_ui.synthesis.families import FAMILIES
from triad_ui.synthesis.sample import Sample, make_sample

TOUR = {
    "scratch": "drilled plate", "crack": "ceramic tile", "loose thread": "woven fabric",
    "abrasion": "wood panel", "dent": "bottle cap", "stain": "carpet", "hole": "leather",
    "contamination": "circuit board", "discoloration": "tablet", "bubble": "bottle mouth",
    "burr": "gear", "chip": "hex nut", "print smear": "label", "texture fault": "zipper",
    "pasted patch": "ribbon cable",
}  # fmt: skip
"""Surface defect -> the family on which the tour shows it."""
_CAPTION = 74  # pixels under each case


def contact_sheet(samples: Sequence[Sample], columns: int = 3, side: int = 224) -> np.ndarray:
    """Draw samples side by side: uint8 (H, W, 3), each case three pictures and its caption."""
    cards = [_card(sample, side) for sample in samples]
    while len(cards) % columns:
        cards.append(np.full_like(cards[0], 255))
    rows = [np.concatenate(cards[k : k + columns], axis=1) for k in range(0, len(cards), columns)]
    return np.concatenate(rows, axis=0)


def tour(seed: int = 0, size: int = 384) -> list[Sample]:
    """Every family once: the surface defects, then deviations, every other one flipped."""
    damaged = [
        make_sample(seed + k, size=size, families=[name], defect="surface", kind=kind)
        for k, (kind, name) in enumerate(TOUR.items())
    ]
    others = sorted(set(FAMILIES) - set(TOUR.values()))
    disobeying = [
        make_sample(seed + k, size=size, families=[name], defect="logical", flip=bool(k % 2))
        for k, name in enumerate(others)
    ]
    return damaged + disobeying


def outlined(rgb: np.ndarray, mask: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Copy a picture uint8 (S, S, 3) with the outline of a mask bool (S, S) drawn on it."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(rgb.copy(), contours, -1, colour, max(1, rgb.shape[0] // 192))


def _card(sample: Sample, side: int) -> np.ndarray:
    marked = outlined(sample.query, sample.mask, (255, 0, 220))
    reference = sample.references[0] if sample.references else np.full_like(marked, 255)
    pictures = [
        cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        for image in (reference, sample.query, marked)
    ]
    strip = np.concatenate(pictures, axis=1)
    caption = np.full((_CAPTION, strip.shape[1], 3), 255, np.uint8)
    bad = sample.label == "defective"
    head = f"{sample.seed} {sample.family}: " + (
        f"{sample.kind}, {sample.location}, step {sample.step}" if bad else "good"
    )
    head += " [flipped]" if sample.flipped else ""
    told = " ".join(sample.process.text.split("\n"))
    if sample.logical:
        told = f"ordered {sample.expected}, there is {sample.observed}. {told}"
    lines = [head, *(told[k : k + 108] for k in range(0, min(len(told), 432), 108))]
    for index, line in enumerate(lines):
        ink = (170, 20, 20) if bad and index == 0 else (20, 20, 20)
        size = 0.42 if index == 0 else 0.32
        at = (4, 14 + 14 * index)
        cv2.putText(caption, line, at, cv2.FONT_HERSHEY_SIMPLEX, size, ink, 1, cv2.LINE_AA)
    card = np.concatenate([strip, caption], axis=0)
    return cv2.copyMakeBorder(card, 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=(255, 255, 255))


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a sheet as the command line asks."""
    parser = argparse.ArgumentParser(description="Draw a contact sheet of procedural samples.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--family", action="append", default=None)
    parser.add_argument("--defect", choices=("none", "surface", "logical"), default=None)
    parser.add_argument("--tour", action="store_true", help="every family and every defect")
    given = parser.parse_args(arguments)
    samples = (
        tour(given.seed)
        if given.tour
        else [
            make_sample(given.seed + k, families=given.family, defect=given.defect)
            for k in range(3 * given.rows)
        ]
    )
    how = [cv2.IMWRITE_JPEG_QUALITY, 82] if given.out.suffix in (".jpg", ".jpeg") else []
    cv2.imwrite(str(given.out), contact_sheet(samples)[..., ::-1], how)
    print(f"{len(samples)} samples in {given.out}")


if __name__ == "__main__":
    main()
