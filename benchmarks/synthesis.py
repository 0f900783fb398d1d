"""Pictures a second of the procedural generator on one core; twice that on two.

    python benchmarks/synthesis.py [--samples 200] [--size 384]

Prints the rate over all families and the slowest families.
"""

from __future__ import annotations

import argparse
import time

import cv2

from triad_ui.synthesis import families
from triad_ui.synthesis.sample import make_sample


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--size", type=int, default=384)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    make_sample(0, size=given.size)  # fills the noise bank
    start, cpu = time.perf_counter(), time.process_time()
    for seed in range(given.samples):
        make_sample(seed, size=given.size)
    wall, busy = time.perf_counter() - start, time.process_time() - cpu
    pictures = 2 * given.samples
    print(f"{pictures / wall:.1f} pictures/s by the clock, {pictures / busy:.1f} per core second")
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
