"""Pictures a second of the procedural generator, on one core and on several at once.

    python benchmarks/synthesis.py [--samples 200] [--size 384] [--jobs 2]

Every sample has a query and a reference, so two pictures. The rate by the clock is what this
machine gives now, beside whatever else runs on it; the rate by computing time is what a core gives
that has nothing else to do. Prints both, and the families that take longest.
"""

from __future__ import annotations

import argparse
import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import cv2

from triad_ui.synthesis import families
from triad_ui.synthesis.sample import make_sample


def draw(seeds: range, size: int) -> float:
    """Draw samples; the seconds of computing time that they took."""
    cv2.setNumThreads(1)
    make_sample(0, size=size)  # fills the noise banks
    begin = time.process_time()
    for seed in seeds:
        make_sample(seed, size=size)
    return time.process_time() - begin


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    with ProcessPoolExecutor(given.jobs, get_context("spawn")) as pool:
        list(pool.map(draw, [range(2)] * given.jobs, [given.size] * given.jobs))  # imports
        parts = [range(k, given.samples, given.jobs) for k in range(given.jobs)]
        start = time.perf_counter()
        busy = list(pool.map(draw, parts, [given.size] * given.jobs))
        wall = time.perf_counter() - start
    pictures = 2 * given.samples
    rate = pictures / sum(busy)
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"{pictures / wall:.1f} pictures/s by the clock in {given.jobs} jobs")
    print(
        f"{rate:.1f} pictures/s of computing time a core, {given.jobs * rate:.1f} on {given.jobs}"
    )
    cost = {}
    for name in sorted(families.FAMILIES):
        begin = time.process_time()
        for seed in range(6):
            make_sample(seed, size=given.size, families=[name])
        cost[name] = (time.process_time() - begin) / 12
    for name, seconds in sorted(cost.items(), key=lambda item: -item[1])[:8]:
        print(f"{name:24s} {1000 * seconds:6.1f} ms a picture")


if __name__ == "__main__":
    main()
