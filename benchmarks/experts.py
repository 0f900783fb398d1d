"""Seconds and peak memory of the experts as pictures get more, against plain ways, in one run.

    python benchmarks/experts.py [--counts 25,50,100,200] [--only musc,bank,query] [--threads 1]
                                 [--weights FILE] [--anomalib-python PYTHON] [--json OUT]

musc: mutual scoring of N pictures (one depth, one reach, 14 x 14 patches of 112 channels) by cdist
as published and by this project, and whether the scores are equal; a new picture against N; what is
taken at three settings of the memory. bank: N references (drawn plates, their features cached):
seconds until the first score stands (memory made, scale taken) and for each further one, by a plain
bank, by PatchCore with a plain coreset, by this project's experts, and by anomalib's PatchCore on
the same kind of network where it is installed. query: a fresh picture against 4 cached references,
over the time that the network itself takes in that same call.

Each measurement runs in a process of its own. MB are the peak above what stood before (features of
MuSc: read from a file by us, held by cdist). Growth is the power of N: 1 linear, 2 quadratic.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from expert_measures import CHANNELS, GRID

from triad_ui.settings import load
from triad_ui.weights import EFFICIENTNET
from triad_ui.wiring import weight_cache

HERE = Path(__file__).resolve()
BANKS = ("plain bank", "plain PatchCore", "anomalib", "reference", "patch-core-embedded")
MEMORY_MB = (16, 64, 512)


def ask(kind: str, count: int, options: argparse.Namespace, **more: str) -> dict[str, float] | str:
    """One measurement in a process of its own, or a sentence that says why there is none."""
    python = options.anomalib_python if kind == "anomalib" else sys.executable
    command = [python, str(HERE.with_name("expert_measures.py")), kind, str(count)]
    command += ["--folder", more["folder"], "--weights", str(options.weights)]
    command += ["--memory", more.get("memory", "512"), "--threads", str(options.threads)]
    env = os.environ | {"OMP_NUM_THREADS": str(options.threads)}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, env=env, timeout=options.limit
        )
    except subprocess.TimeoutExpired:
        return f"over {options.limit} s"
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["failed"])[-1][:100]
    return json.loads(done.stdout.strip().splitlines()[-1])


def growth(counts: list[int], values: list[float | None]) -> str:
    """The power of N between the last two counts at which there is a value."""
    known = [(n, v) for n, v in zip(counts, values) if v and v > 0]
    if len(known) < 2:
        return "-"
    (n0, v0), (n1, v1) = known[-2:]
    return f"{math.log(v1 / v0) / math.log(n1 / n0):.1f}"


def table(title: str, counts: list[int], rows: dict[str, list[dict | str]], key: str) -> None:
    print(f"\n{title:34}", *(f"{n:>9}" for n in counts), f"{'growth':>8}")
    for name, found in rows.items():
        values = [each.get(key) if isinstance(each, dict) else None for each in found]
        shown = (f"{v:9.2f}" if v is not None else f"{'-':>9}" for v in values)
        print(f"{name:34}", *shown, f"{growth(counts, values):>8}", flush=True)
    for name, found in rows.items():
        for reason in sorted({each for each in found if isinstance(each, str)}):
            print(f"  {name}: {reason}")


def musc(counts: list[int], options: argparse.Namespace, folder: Path) -> dict:
    rng = np.random.default_rng(0)
    place = rng.normal(0, 1, (GRID * GRID, CHANNELS))
    with (folder / "vectors.bin").open("wb") as file:
        for _ in range(max(counts) + 1):
            drawn = place + rng.normal(0, 0.8, place.shape)
            drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
            file.write(drawn.astype(np.float32).tobytes())
    rows: dict[str, list] = {"cdist": [], "ours": [], "new": []}
    for count in counts:
        for kind, found in rows.items():
            found.append(ask(kind, count, options, folder=str(folder)))
    names = {"cdist": "MuSc by cdist", "ours": "MuSc, ours", "new": "new picture against N, ours"}
    named = {names[kind]: found for kind, found in rows.items()}
    table("MuSc, seconds at N =", counts, named, "seconds")
    table("MuSc, peak MB at N =", counts, named, "mb")
    for count, plain, ours in zip(counts, rows["cdist"], rows["ours"]):
        if isinstance(plain, dict) and isinstance(ours, dict):
            a, b = (np.load(folder / f"{kind}-{count}.npy") for kind in ("cdist", "ours"))
            ratio = plain["seconds"] / ours["seconds"]
            print(f"N = {count}: {ratio:.1f} times faster; scores differ by {abs(a - b).max():.1e}")
    bounded = {}
    for memory in MEMORY_MB:
        bounded[memory] = ask("ours", max(counts), options, folder=str(folder), memory=str(memory))
        print(f"N = {max(counts)}, memory set to {memory} MB: {said(bounded[memory])}", flush=True)
    return {"rows": rows, "bounded": bounded}


def bank(counts: list[int], options: argparse.Namespace, folder: Path) -> dict:
    rows: dict[str, list] = {kind: [] for kind in BANKS}
    for count in counts:
        for kind, found in rows.items():
            late = found and isinstance(found[-1], str)
            found.append(found[-1] if late else ask(kind, count, options, folder=str(folder)))
    table("Bank, seconds to first score, N =", counts, rows, "seconds")
    table("Bank, seconds a query, N =", counts, rows, "query")
    table("Bank, peak MB, N =", counts, rows, "mb")
    return {"rows": rows}


def query(counts: list[int], options: argparse.Namespace, folder: Path) -> dict:
    found = ask("query", 4, options, folder=str(folder))
    print(f"\nA fresh picture against 4 cached references: {said(found)}")
    return {"found": found}


def said(found: dict[str, float] | str) -> str:
    if isinstance(found, str):
        return found
    return ", ".join(f"{name} {value:.2f}" for name, value in found.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts", default="25,50,100,200")
    parser.add_argument("--only", default="musc,bank,query")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--weights", type=Path, help="EfficientNet-Lite0's .pth; unset: fetched")
    parser.add_argument("--anomalib-python", default=sys.executable)
    parser.add_argument("--limit", type=float, default=300, help="seconds for one measurement")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    counts = [int(count) for count in options.counts.split(",")]
    if options.weights is None:
        options.weights = weight_cache(load({})).fetch(EFFICIENTNET, lambda done, total: None)
    print(f"{options.threads} threads; load before: {os.getloadavg()[0]:.1f}")
    parts = {"musc": musc, "bank": bank, "query": query}
    with tempfile.TemporaryDirectory() as folder:
        found = {
            name: parts[name](counts, options, Path(folder)) for name in options.only.split(",")
        }
    print(f"\nload after: {os.getloadavg()[0]:.1f}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
