"""One measurement for `experts.py`, in a process of its own: prints one line of JSON.

python benchmarks/expert_measures.py KIND N --folder F --weights FILE --memory MB --threads T
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from plain_experts import Anomalib, PlainBank, cdist_musc, joined, plain_coreset

from triad_ui.expert import expert as registry
from triad_ui.expert.backbone import load_efficientnet_lite0, normalise
from triad_ui.expert.mutual_scoring import mutual_scores, scores_against
from triad_ui.records import ImageRecord, Picture

GRID, CHANNELS = 14, 112
"""Patches a side and channels of MuSc's vectors."""
QUERIES = 5
FRACTION = 0.1
EXPERTS = ("reference", "patch-core-embedded")
REPEATS = 40


def plate(seed: int) -> Picture:
    """A brushed plate with four holes, 420 x 420; noise, light and place vary with the seed."""
    rng = np.random.default_rng(seed)
    drawn = np.full((420, 420, 3), 70, dtype=np.float32)
    grain = cv2.GaussianBlur(rng.normal(0, 40, (420, 420)).astype(np.float32), (0, 0), 6, sigmaY=1)
    dx, dy = (int(v) for v in rng.integers(-3, 4, 2))
    body = (slice(50 + dy, 370 + dy), slice(50 + dx, 370 + dx))
    drawn[body] = 165 + grain[body][..., None]
    for x, y in ((110, 110), (310, 110), (110, 310), (310, 310)):
        cv2.circle(drawn, (x + dx, y + dy), 22, (40, 40, 45), -1)
    drawn = drawn * rng.uniform(0.98, 1.02) + rng.normal(0, 2, drawn.shape)
    record = ImageRecord(f"plate-{seed}", "plate", 420, 420, "RGB 8-bit")
    return Picture(record, np.clip(drawn, 0, 255).astype(np.uint8))


class Peak:
    """Peak memory of this process above what stood at the start, in MB."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")  # the high-water mark begins anew
        self._before = self._status("VmRSS")

    def mb(self) -> float:
        return (self._status("VmHWM") - self._before) / 1024

    @staticmethod
    def _status(name: str) -> int:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1])
        return 0


def timed(call: Callable[[], object]) -> tuple[float, object]:
    begun = time.perf_counter()
    found = call()
    return time.perf_counter() - begun, found


def one_musc(kind: str, count: int, folder: Path, memory: int) -> dict[str, float]:
    file = folder / "vectors.bin"
    size = GRID * GRID * CHANNELS

    def load(number: int) -> torch.Tensor:
        read = np.fromfile(file, np.float32, size, offset=4 * size * number)
        return torch.from_numpy(read).reshape(GRID * GRID, CHANNELS)

    if kind == "cdist":
        torch.cdist(torch.rand(64, 8), torch.rand(64, 8))
        peak = Peak()
        held = torch.stack([load(number) for number in range(count)])
        seconds, scores = timed(lambda: cdist_musc(held))
    else:
        mutual_scores(lambda number: torch.eye(8), 3)
        peak = Peak()
        if kind == "new":
            query = load(count)
            runs = [timed(lambda: scores_against(query, load, count)) for _ in range(5)]
            seconds, scores = statistics.median(run[0] for run in runs), runs[0][1]
        else:
            seconds, scores = timed(lambda: mutual_scores(load, count, memory_bytes=memory * 2**20))
    found = {"seconds": seconds, "mb": peak.mb()}
    np.save(folder / f"{kind}-{count}.npy", scores.numpy())
    return found


def one_bank(kind: str, count: int, folder: Path, weights: Path) -> dict[str, float]:
    references = [plate(seed) for seed in range(count)]
    queries = [plate(1000 + seed) for seed in range(QUERIES)]
    if kind in EXPERTS:
        expert = registry.load(kind, weights.parent, folder / "features")
        for picture in [*references, *queries]:
            expert.raw(picture, [picture])  # now its features are in the folder
        expert = registry.load(kind, weights.parent, folder / "features")
        peak = Peak()
        first, _ = timed(lambda: expert.score(queries[0], references))
        rest = [timed(lambda q=q: expert.score(q, references))[0] for q in queries[1:]]
        return {"seconds": first, "query": statistics.median(rest), "mb": peak.mb()}
    network = load_efficientnet_lite0(weights)
    if kind == "anomalib":
        model = Anomalib()
        pixels = [normalise(picture.rgb, 224) for picture in references]
        asked = [normalise(picture.rgb, 224) for picture in queries]
        model.look(pixels)
        peak = Peak()
        first, _ = timed(lambda: model.thin(FRACTION))
        rest = [timed(lambda q=q: model.score(q))[0] for q in asked]
        looking = [timed(lambda q=q: model.only_look(q))[0] for q in asked]
        query = statistics.median(rest) - statistics.median(looking)
        return {"seconds": first, "query": query, "mb": peak.mb()}
    plain = PlainBank(network, normalise)
    looks = [plain.look(picture.rgb) for picture in references]
    asked = [plain.look(picture.rgb) for picture in queries]
    peak = Peak()
    if kind == "plain bank":
        first, _ = timed(lambda: (plain.fill(looks), plain.score(asked[0])))
        rest = [timed(lambda q=q: plain.score(q))[0] for q in asked[1:]]
    else:

        def fill() -> torch.Tensor:
            every = torch.cat([joined(look) for look in looks])
            return every[plain_coreset(every, int(len(every) * FRACTION))]

        first, memory = timed(fill)
        rest = [timed(lambda q=q: torch.cdist(joined(q), memory).amin(dim=1))[0] for q in asked]
    return {"seconds": first, "query": statistics.median(rest), "mb": peak.mb()}


def one_query(weights: Path) -> dict[str, float]:
    """A fresh picture against 4 cached references, and the network's part in it."""
    expert = registry.load("reference", weights.parent)
    references = [plate(seed) for seed in range(4)]
    network, spent = expert.network, [0.0, 0]
    look = network.features

    def watched(*args: object, **named: object) -> object:
        seconds, found = timed(lambda: look(*args, **named))
        spent[0] += seconds
        spent[1] += 1
        return found

    network.features = watched
    for seed in range(5):
        expert.score(plate(500 + seed), references)
    whole, own, ratios = [], [], []
    for seed in range(REPEATS):
        query = plate(1000 + seed)
        spent[:] = [0.0, 0]
        seconds, _ = timed(lambda q=query: expert.score(q, references))
        whole.append(seconds)
        own.append(spent[0])
        ratios.append(seconds / spent[0])
    return {
        "query_ms": 1000 * statistics.median(whole),
        "network_ms": 1000 * statistics.median(own),
        "forwards": spent[1],
        "ratio": statistics.median(ratios),
        "ratio_90": statistics.quantiles(ratios, n=10)[-1],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind")
    parser.add_argument("count", type=int)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--memory", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.kind in ("cdist", "ours", "new"):
        found = one_musc(options.kind, options.count, options.folder, options.memory)
    elif options.kind == "query":
        found = one_query(options.weights)
    else:
        found = one_bank(options.kind, options.count, options.folder, options.weights)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
