"""How good the default expert is on a folder of products: one line a product and shot count.

    python benchmarks/expert_on_folder.py ROOT --weights FILE [--shots 0,1,4] [--products a,b]

ROOT holds PRODUCT/train/good, PRODUCT/test/KIND and, for some, PRODUCT/ground_truth/KIND with
NAME_mask.png (the MVTec layout); a manifest.csv there adds paired references and boxes.
Columns: image AUROC; calm = good test images without a pixel above 0.5; found = defective images
with one; inside = share of defective images with a mask or boxes whose highest pixel lies inside;
roi = the same for the centre of the highest region; seconds an image, features not cached.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from triad_ui.expert.reference import SIDE, ReferenceExpert
from triad_ui.expert.roi import choose
from triad_ui.records import ImageRecord, Picture

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"}


@dataclass(frozen=True)
class Sample:
    path: Path
    defective: bool
    mask: Path | None
    boxes: tuple[tuple[float, ...], ...]
    reference: Path | None

    def holds(self, x: float, y: float) -> bool | None:
        """Whether the pixel is inside what is annotated; None without an annotation."""
        if self.mask is not None:
            mask = cv2.imread(str(self.mask), cv2.IMREAD_GRAYSCALE)
            return bool(mask[int(y), int(x)])
        if self.boxes:
            return any(b[0] <= x < b[2] and b[1] <= y < b[3] for b in self.boxes)
        return None


def picture(path: Path) -> Picture:
    rgb = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    record = ImageRecord(str(path), path.name, rgb.shape[1], rgb.shape[0], "RGB 8-bit")
    return Picture(record, rgb)


def samples(root: Path, product: str, rows: dict[str, dict[str, str]]) -> Iterator[Sample]:
    for path in sorted((root / product / "test").glob("*/*")):
        if path.suffix.lower() not in SUFFIXES:
            continue
        row = rows.get(path.relative_to(root).as_posix(), {})
        mask = root / product / "ground_truth" / path.parent.name / f"{path.stem}_mask.png"
        boxes = json.loads(row.get("boxes") or "[]")
        yield Sample(
            path,
            path.parent.name != "good",
            mask if mask.exists() else None,
            tuple(tuple(b["box"] if isinstance(b, dict) else b) for b in boxes),
            root / row["reference"] if row.get("reference") else None,
        )


def auroc(good: Sequence[float], bad: Sequence[float]) -> float:
    if not good or not bad:
        return float("nan")
    pairs = np.subtract.outer(np.asarray(bad), np.asarray(good))
    return float((pairs > 0).mean() + (pairs == 0).mean() / 2)


def measure(
    expert: ReferenceExpert, tested: Sequence[Sample], references: Sequence[Path]
) -> tuple[float, ...]:
    loaded = [picture(path) for path in references]
    scores: dict[bool, list[float]] = {False: [], True: []}
    hot: dict[bool, list[bool]] = {False: [], True: []}
    inside, regions, spent = [], [], 0.0
    for sample in tested:
        query = picture(sample.path)
        paired = [picture(sample.reference)] if sample.reference and references else loaded
        begun = time.perf_counter()
        found = expert.score(query, paired)
        spent += time.perf_counter() - begun
        scores[sample.defective].append(found.score)
        hot[sample.defective].append(bool((found.values > 0.5).any()))
        if not sample.defective:
            continue
        height, width = found.values.shape
        y, x = np.unravel_index(found.values.argmax(), found.values.shape)
        across, down = query.record.width / width, query.record.height / height
        inside.append(sample.holds((x + 0.5) * across, (y + 0.5) * down))
        rois = choose(found.values, query.record.size)
        if rois:
            top = rois[0]
            regions.append(sample.holds((top.x0 + top.x1) / 2, (top.y0 + top.y1) / 2))

    def share(flags: Sequence[bool | None]) -> float:
        known = [flag for flag in flags if flag is not None]
        return float(np.mean(known)) if known else float("nan")

    return (
        auroc(scores[False], scores[True]),
        1 - share(hot[False]),
        share(hot[True]),
        share(inside),
        share(regions),
        spent / max(1, len(tested)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--shots", default="1,4")
    parser.add_argument("--products", default="")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--side", type=int, default=SIDE)
    parser.add_argument("--every", type=int, default=1, help="take every n-th test image")
    options = parser.parse_args()
    torch.set_num_threads(2)
    expert = ReferenceExpert(options.weights, side=options.side)
    manifest = options.root / "manifest.csv"
    rows: dict[str, dict[str, str]] = {}
    if manifest.exists():
        with manifest.open(newline="", encoding="utf-8") as file:
            rows = {row["path"]: row for row in csv.DictReader(file)}
    names = options.products.split(",") if options.products else None
    products = names or sorted(p.parent.name for p in options.root.glob("*/test"))
    print(f"{'product':18} refs  AUROC   calm  found  inside  roi   s/image   {expert.version}")
    for product in products:
        tested = list(samples(options.root, product, rows))[:: options.every]
        good = sorted(
            p for p in (options.root / product / "train/good").iterdir() if p.suffix in SUFFIXES
        )
        for shots in map(int, options.shots.split(",")):
            runs = []
            for seed in range(options.seeds):
                drawn = np.random.default_rng(seed).permutation(len(good))[:shots]
                runs.append(measure(expert, tested, [good[i] for i in drawn]))
            means = np.nanmean(runs, axis=0) if len(runs) > 1 else runs[0]
            print(f"{product:18} {shots:4} ", *(f"{v:6.3f}" for v in means), flush=True)


if __name__ == "__main__":
    main()
