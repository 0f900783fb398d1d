"""The default expert beside a plain bank and trivial cues, on photographs whose truth is known.

    python benchmarks/expert_quality.py ROOT [--shots 1 4] [--seeds 3] [--products a,b]

ROOT: as `python -m triad_ui evaluate` reads it. The plain bank is EfficientNet-Lite0's blocks 4, 7,
10 at 224 px, 3 x 3 mean, 1 - max cosine, mean of the top 1 % (plain_experts.py). Each product is
measured with SEEDS draws of references, or once where every photograph has its own. Columns: image
AUROC of both and their difference; best = the best of the trivial cues (brightness, corners,
sharpness); then of our expert alone: calm = good photographs without a pixel above the threshold,
found = defective ones with one; overkill and escape of its image score at 0.5; pixel = AUROC inside
masked defective photographs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from plain_experts import PlainBank

from triad_ui.evaluation.datasets import Product, open_data_set
from triad_ui.evaluation.metrics import auroc
from triad_ui.evaluation.picture_files import read_picture
from triad_ui.evaluation.trivial_cues import cues_of, judge_cues
from triad_ui.expert.backbone import normalise
from triad_ui.expert.reference import ReferenceExpert
from triad_ui.records import Picture
from triad_ui.settings import load
from triad_ui.weights import EFFICIENTNET
from triad_ui.wiring import weight_cache

COLUMNS = ("ours", "plain", "gain", "best", "calm", "found", "overkill", "escape", "pixel")


def pixel_auroc(values: np.ndarray, mask: Path) -> float:
    """Of one photograph, at about 40,000 pixels."""
    truth = cv2.imread(str(mask), cv2.IMREAD_GRAYSCALE)
    scale = min(1.0, (40_000 / truth.size) ** 0.5)
    size = max(1, round(truth.shape[1] * scale)), max(1, round(truth.shape[0] * scale))
    under = cv2.resize((truth > 127).astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5
    found = cv2.resize(values, size, interpolation=cv2.INTER_LINEAR)
    return auroc(found.ravel(), under.ravel())


class Measured:
    """One product: everything is read once and looked at once."""

    def __init__(self, product: Product, expert: ReferenceExpert) -> None:
        self._product, self._expert = product, expert
        self._plain = PlainBank(expert.network, normalise)
        self._pictures: dict[Path, Picture] = {}
        self._looks: dict[Path, dict[int, torch.Tensor]] = {}
        self.bad = np.array([sample.defective for sample in product.tested])
        told = [cues_of(self._picture(sample.path).rgb) for sample in product.tested]
        self.best_cue = judge_cues(told, self.bad)[0].auroc

    def _picture(self, path: Path) -> Picture:
        if path not in self._pictures:
            self._pictures[path] = read_picture(path)
        return self._pictures[path]

    def _look(self, path: Path) -> dict[int, torch.Tensor]:
        if path not in self._looks:
            self._looks[path] = self._plain.look(self._picture(path).rgb)
        return self._looks[path]

    def row(self, references: Sequence[Path]) -> list[float]:
        """The columns with these references, each photograph's own where it has one."""
        ours, plain, hot, pixels = [], [], [], []
        for sample in self._product.tested:
            beside = [sample.reference] if sample.reference else list(references)
            found = self._expert.score(
                self._picture(sample.path), [self._picture(path) for path in beside]
            )
            self._plain.fill([self._look(path) for path in beside])
            ours.append(found.score)
            plain.append(self._plain.score(self._look(sample.path)))
            hot.append(bool((found.values > 0.5).any()))
            if sample.defective and sample.mask is not None:
                pixels.append(pixel_auroc(found.values, sample.mask))
        bad, score = self.bad, np.array(ours)
        areas = [auroc(score, bad), auroc(np.array(plain), bad)]
        return [
            *areas, areas[0] - areas[1], self.best_cue, 1 - np.mean(np.array(hot)[~bad]),
            np.mean(np.array(hot)[bad]), np.mean(score[~bad] >= 0.5), np.mean(score[bad] < 0.5),
            float(np.nanmean(pixels)) if pixels else float("nan"),
        ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--shots", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--products", default="", metavar="A,B")
    parser.add_argument("--without", default="", metavar="A,B", help="leave these out")
    options = parser.parse_args()
    settings = load({})
    weights = weight_cache(settings).fetch(EFFICIENTNET, lambda done, total: None)
    expert = ReferenceExpert(weights, cache=settings.cache_dir / "features")
    data = open_data_set(options.root, [name for name in options.products.split(",") if name])
    left_out = options.without.split(",")
    print(f"{expert.name}@{expert.version}\n{'product':20}refs ", *(f"{c:>8}" for c in COLUMNS))
    rows: dict[int, list[list[float]]] = {}
    for product in data.products:
        bad = [sample.defective for sample in product.tested]
        if product.name in left_out or all(bad) or not any(bad):
            continue
        measured = Measured(product, expert)
        paired = all(sample.reference for sample in product.tested)
        for shots in options.shots[:1] if paired else options.shots:
            runs = []
            for seed in range(1 if paired else options.seeds):
                order = np.random.default_rng(seed).permutation(len(product.references))
                runs.append(measured.row([product.references[i] for i in order[:shots]]))
            row = np.mean(runs, axis=0).tolist()
            rows.setdefault(shots, []).append(row)
            print(f"{product.name:20}{shots:4} ", *(f"{v:8.3f}" for v in row), flush=True)
    for shots, found in rows.items():
        print(f"{'mean':20}{shots:4} ", *(f"{v:8.3f}" for v in np.nanmean(found, axis=0)))


if __name__ == "__main__":
    main()
