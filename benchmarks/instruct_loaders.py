"""Does exported instruction data pass through the trainers' own loaders and come back as it went?

    python -m triad_ui instruct SET --count 200
    python benchmarks/instruct_loaders.py SET      # where trl and ms-swift are installed, too

TRL: `datasets` reads the file and TRL's own preparation puts the pictures into the messages.
ms-swift: its `load_dataset` brings every record into its standard form. LLaVA publishes no package
to install; tests/instruct/test_formats.py holds its loader's rules. Prints one line a format; the
exit status is 1 when an item came back otherwise.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from triad_ui.instruct.formats import TrainingItem, from_swift, from_trl, read_items


def through_trl(folder: Path, items: list[TrainingItem]) -> list[TrainingItem]:
    """Items as TRL's trainer sees them."""
    from datasets import load_dataset
    from trl.data_utils import is_conversational, prepare_multimodal_messages

    rows = load_dataset("json", data_files=str(folder / "trl.jsonl"), split="train")
    back = []
    for row in rows:
        pictures = [Image.open(folder / name) for name in row["images"]]
        prepared = prepare_multimodal_messages(row["messages"], images=pictures)
        parts = [part for turn in prepared for part in turn["content"] if part["type"] == "image"]
        assert is_conversational(row) and [part["image"] for part in parts] == pictures
        back.append(from_trl({**row, "messages": prepared}))
    return back


def through_swift(folder: Path, items: list[TrainingItem]) -> list[TrainingItem]:
    """Items as ms-swift's trainer sees them; it drops the ids, so they are put back in order."""
    from swift.dataset import load_dataset

    rows, _ = load_dataset([str(folder / "swift.jsonl")], load_from_cache_file=False)
    back = []
    for row, item in zip(rows, items, strict=True):
        record: dict[str, Any] = {"id": item.id, "messages": row["messages"]}
        record["images"] = [shown["path"] for shown in row["images"] or ()]
        record["objects"] = row.get("objects")
        assert all(Image.open(folder / name).size for name in record["images"])
        back.append(from_swift(record))
    return back


def main() -> int:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    folder = Path(sys.argv[1])
    loaders: dict[str, Callable[[Path, list[TrainingItem]], list[TrainingItem]]]
    loaders = {"trl": through_trl, "swift": through_swift}
    wrong = 0
    for name, load in loaders.items():
        items = read_items(folder / f"{name}.jsonl", name)
        back = load(folder, items)
        equal = sum(a == b for a, b in zip(back, items, strict=True))
        wrong += len(items) - equal
        print(f"{name}: {equal} of {len(items)} items came back as they went")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
