"""Made-up inspections and what compares them; used by every test of this room."""

from __future__ import annotations

import sqlite3
from dataclasses import fields
from pathlib import Path

import numpy as np

from triad_ui.records import (
    AnomalyMap,
    Correction,
    ImageRecord,
    Inspection,
    ManufacturingProcess,
    Picture,
    ProcessStep,
    Roi,
    Timings,
    Turn,
    Verdict,
    Window,
)

CABLE = ManufacturingProcess(
    name="cable",
    product="cable",
    plural="cables",
    steps=(
        ProcessStep(1, "Draw three copper strands", ("three strands", "bright copper")),
        ProcessStep(2, "Sheathe them: grün, gelb, blau"),
    ),
    version=3,
)


def picture(name: str = "part.png", *, digit: str = "a", page: int = 0) -> Picture:
    deep = page > 0
    record = ImageRecord(
        sha256=digit * 64,
        name=name,
        width=8,
        height=6,
        mode="grey 16-bit" if deep else "RGB 8-bit",
        page=page,
        pages=4 if deep else 1,
        window=Window(100.25, 1 / 3 * 65535) if deep else None,
    )
    return Picture(record, np.zeros((6, 8, 3), np.uint8))


def inspection(
    seed: int = 0,
    *,
    name: str = "part.png",
    product: str = "cable",
    process: ManufacturingProcess | None = CABLE,
    side: int = 16,
) -> Inspection:
    rng = np.random.default_rng(seed)
    values = rng.random((side, side + 3), dtype=np.float32)
    return Inspection(
        query=picture(name),
        references=(picture("good ü.tif", digit="b", page=2), picture("good.png", digit="c")),
        process=process,
        anomaly_map=AnomalyMap(
            values,
            float(rng.random()),
            bool(seed % 2),
            "reference@1",
            kinds=(("frayed strand", 2 / 3), ("cut", 0.25)),
            threshold=1 / 7,
        ),
        rois=(Roi(0, 1, 5, 6, float(rng.random())), Roi(2, 2, 3, 3, None, "random")),
        product=product,
        policy="faithful",
        timings=Timings(0.1, 1 / 3, 2e-7, 0.4, 12.5, 13.37),
    )


def turn(**changes: object) -> Turn:
    known: dict[str, object] = {
        "id": "",
        "question": "What went wrong?",
        "answer": "A 'strand' is \"bent\".\nIn step 1 – 100 %.",
        "state": "complete",
        "verdict": Verdict("defective", 0.1 + 0.2, "top left", 1, "bent"),
        "rois": (Roi(1, 2, 3, 4, 0.7, "user"),),
        "prompt": "<|im_start|>user\n…",
        "engine": "smollm2+triad@1 bf16",
        "seed": 2**40,
        "visual_tokens": 81,
        "timings": Timings(total=2.5, first_token=1 / 7),
        "error": "",
    }
    return Turn(**(known | changes))


def correction(**changes: object) -> Correction:
    known: dict[str, object] = {
        "agrees": False,
        "label": "normal",
        "location": "center",
        "step": 2,
        "kind": "glare",
        "answer": "It is a reflection.",
        "rois": (Roi(3, 3, 4, 5, None, "user"),),
        "note": "seen twice",
        "author": "Ann",
    }
    return Correction(**(known | changes))


def assert_same(one: object, other: object) -> None:
    """Equal field by field, arrays bit by bit, and of the same types."""
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        assert one.tobytes() == other.tobytes()
    elif isinstance(one, AnomalyMap):
        for field in fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name))
    else:
        assert one == other


def overwrite_root(path: Path, table: str) -> None:
    """Damage a closed database: the first page of one table becomes noise."""
    connection = sqlite3.connect(path)
    (page,) = connection.execute(
        "SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)
    ).fetchone()
    connection.close()
    data = bytearray(path.read_bytes())
    data[(page - 1) * 4096 : page * 4096] = b"\xa5" * 4096
    path.write_bytes(data)
