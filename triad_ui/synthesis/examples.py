"""The four demo cases of the page, drawn into a folder each.

    python -m triad_ui.synthesis.examples assets/examples

A case: query.jpg, reference_1.jpg and case.json with a title, the product, the process as text, a
question and the truth. Knows nothing of the page that shows them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from triad_ui.synthesis.sample import Defect, Sample, make_pair, make_sample

_SIDE = 768
_QUALITY = 92


@dataclass(frozen=True, slots=True)
class Example:
    """A case to draw: its folder and words, and the sample it is made from."""

    folder: str
    title: str
    question: str
    family: str
    seed: int
    defect: Defect
    kind: str | None = None
    flips: bool = False


EXAMPLES: tuple[Example, ...] = (
    Example(
        "surface_defect",
        "Circuit board with dirt on it",
        "Is there any defect in this circuit board? Where is it, and in which step did it arise?",
        "circuit board",
        77,
        "surface",
        "contamination",
    ),
    Example(
        "good_part",
        "A good bottle",
        "Is there any defect in this bottle?",
        "bottle",
        80,
        "none",
    ),
    Example(
        "wrong_order",
        "A sound cable, but not the one ordered",
        "Was this cable made as its process says? Which step does it contradict?",
        "cable",
        79,
        "logical",
        flips=True,
    ),
    Example(
        "subtle_texture",
        "A soft stain in a cloth",
        "Is there any defect in this cloth, and where is it?",
        "woven fabric",
        95,
        "surface",
        "stain",
    ),
)


def draw(example: Example, side: int = _SIDE) -> tuple[Sample, Sample | None]:
    """Draw an example's sample and, where it flips, the same under the process that fits it."""
    if example.flips:
        return make_pair(example.seed, size=side, families=[example.family])
    sample = make_sample(
        example.seed,
        size=side,
        families=[example.family],
        defect=example.defect,
        kind=example.kind,
        flip=False,
    )
    return sample, None


def describe(example: Example, sample: Sample, fitting: Sample | None) -> dict[str, Any]:
    """What case.json says; other_process: the text under which the same picture is good."""
    return {
        "title": example.title,
        "product": sample.family,
        "plural": sample.plural,
        "process_name": sample.process.name,
        "process": sample.process.text,
        "question": example.question,
        "truth": {
            "label": sample.label,
            "kind": sample.kind,
            "location": sample.location,
            "step": sample.step,
        },
        "expected": sample.expected,
        "observed": sample.observed,
        "other_process": fitting.process.text if fitting else None,
    }


def write_examples(folder: Path, side: int = _SIDE) -> list[Path]:
    """Write every case below a folder; returns the files written."""
    written = []
    for example in EXAMPLES:
        sample, fitting = draw(example, side)
        place = folder / example.folder
        place.mkdir(parents=True, exist_ok=True)
        named = [("query", sample.query)]
        named += [(f"reference_{k}", image) for k, image in enumerate(sample.references, start=1)]
        for name, rgb in named:
            path = place / f"{name}.jpg"
            done, data = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
            assert done
            path.write_bytes(data.tobytes())
            written.append(path)
        told = json.dumps(describe(example, sample, fitting), indent=2, ensure_ascii=False)
        (place / "case.json").write_text(told + "\n", encoding="utf-8")
        written.append(place / "case.json")
    return written


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the cases where the command line asks."""
    parser = argparse.ArgumentParser(description="Draw the demo cases of the page.")
    parser.add_argument("folder", type=Path)
    written = write_examples(parser.parse_args(arguments).folder)
    print(f"{len(written)} files, {sum(path.stat().st_size for path in written) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
