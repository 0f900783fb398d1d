"""Data sets of drawn plates, and an expert and a model that see their dark spots."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from tests.fakes import FakeExpert, FakeModel
from triad_ui.evaluation.judging import ModelJudge
from triad_ui.inspector import Inspector
from triad_ui.records import ManufacturingProcess, Message, ProcessStep, VisualInput

SIDE = 100


def plate(path: Path, spot: int = 0, grey: int = 190) -> Path:
    """A grey plate of SIDE pixels, with a dark square of `spot` pixels a side or without."""
    pixels = np.full((SIDE, SIDE, 3), grey, np.uint8)
    pixels[20 : 20 + spot, 30 : 30 + spot] = 20
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def mask(path: Path, spot: int) -> Path:
    pixels = np.zeros((SIDE, SIDE), np.uint8)
    pixels[20 : 20 + spot, 30 : 30 + spot] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def mvtec(root: Path, product: str = "plate", spots: Sequence[int] = (5, 20, 40)) -> Path:
    """The layout of MVTec AD: three references, two good, one defective with a mask a spot."""
    for number in range(3):
        plate(root / product / "train" / "good" / f"{number:03d}.png", grey=188 + number)
    for number in range(2):
        plate(root / product / "test" / "good" / f"{number:03d}.png", grey=191 - number)
    for number, spot in enumerate(spots):
        plate(root / product / "test" / "spot" / f"{number:03d}.png", spot)
        mask(root / product / "ground_truth" / "spot" / f"{number:03d}_mask.png", spot)
    return root


def manifest(root: Path, rows: Sequence[dict[str, str]]) -> Path:
    with (root / "manifest.csv").open("w", newline="") as file:
        names = ("path", "product", "split", "label", "defect_type", "mask", "boxes", "reference")
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return root


def process(text: str = "Paint it grey.", name: str = "plate") -> ManufacturingProcess:
    return ManufacturingProcess(name, "steel plate", "steel plates", (ProcessStep(1, text),))


class CountingExpert(FakeExpert):
    """Counts its looks; `scored` are the names of the queries."""

    def __init__(self, version: str = "1") -> None:
        self.version = version
        self.scored: list[str] = []

    def score(self, query, references, pool=(), subject=None):
        self.scored.append(query.record.name)
        return super().score(query, references, pool, subject)


class SpotModel(FakeModel):
    """Its logits follow the number of dark pixels; told a process, it sees small spots too.

    asked: the text of each question, shown: how many images with it.
    """

    engine = "spots fp32"

    def __init__(self) -> None:
        super().__init__(delay=0.0)
        self.asked: list[str] = []
        self.shown: list[int] = []

    def choice_logits(
        self,
        images: Sequence[VisualInput],
        messages: Sequence[Message],
        choices: Sequence[str],
        stop=None,
        *,
        urgent: bool = False,
    ) -> tuple[float, ...]:
        text = messages[-1].text
        self.asked.append(text)
        self.shown.append(len(images))
        dark = int((images[0].rgb.max(axis=2) < 60).sum())
        needed = 10 if "production process" in text else 1000
        return (3.0, 0.0) if dark >= needed else (0.0, 3.0)


def judge(model: FakeModel, *processes: ManufacturingProcess, **more) -> ModelJudge:
    """The real judge and inspector over a model."""
    inspector = Inspector(lambda name: FakeExpert(), lambda: model)
    return ModelJudge(inspector, model.engine, {p.name: p for p in processes}, **more)
