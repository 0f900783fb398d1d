"""Items survive LLaVA's, ms-swift's and TRL's formats and back, and each keeps its schema.

The schemas are those of the trainers' documentation; `benchmarks/instruct_loaders.py` puts the same
files through the trainers' own loaders, which are too heavy to install for the tests.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.instruct.parts import truths
from triad_ui.errors import TrainingError
from triad_ui.instruct.formats import FORMATS, TrainingItem, read_items, write_items
from triad_ui.instruct.mixture import converse, talk
from triad_ui.records import Message


def item(number: int) -> TrainingItem:
    rng = np.random.default_rng(number)
    every = truths()
    truth = every[number % len(every)]
    images = (0, 1)[: number % 3] if number % 3 < 2 else (0, 1)
    held = talk(rng) if not images else converse(truth, rng)
    messages = [Message("system", "You are a helpful assistant.")]
    for turn, (question, answer) in enumerate(held.exchanges):
        shown = images if turn == 0 else ()
        messages += [Message("user", question, shown), Message("assistant", answer)]
    return TrainingItem(f"{number:05d}", tuple(f"p/{number}-{k}.jpg" for k in images), (*messages,))


ITEMS = [item(number) for number in range(240)]


def without_system(made: TrainingItem) -> TrainingItem:
    return replace(made, messages=tuple(m for m in made.messages if m.role != "system"))


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_items_come_back_as_they_went(name: str, tmp_path: Path) -> None:
    path = tmp_path / "items"
    assert write_items(path, ITEMS, name) == len(ITEMS)
    expected = [without_system(made) for made in ITEMS] if name == "llava" else ITEMS
    assert read_items(path, name) == expected
    assert [file.name for file in tmp_path.iterdir()] == ["items"]


def test_llava_follows_its_loader(tmp_path: Path) -> None:
    """As many marks as pictures, human first, in turn; a picture's name or a list of two."""
    write_items(tmp_path / "items.json", ITEMS, "llava")
    for record, made in zip(json.loads((tmp_path / "items.json").read_text()), ITEMS, strict=True):
        shown = record.get("image", [])
        shown = [shown] if isinstance(shown, str) else shown
        marks = sum(turn["value"].count("<image>") for turn in record["conversations"])
        assert marks == len(shown) == len(made.images) and ("image" in record) == bool(made.images)
        speakers = [turn["from"] for turn in record["conversations"]]
        assert speakers == ["human", "gpt"] * (len(speakers) // 2)
        if shown:
            assert record["conversations"][0]["value"].startswith("<image>\n")


def test_swift_follows_its_documentation(tmp_path: Path) -> None:
    """Marks in the content, one for each picture; boxes as objects, one for each <bbox>."""
    write_items(tmp_path / "items.jsonl", ITEMS, "swift")
    boxes = 0
    for line in (tmp_path / "items.jsonl").read_text().splitlines():
        record = json.loads(line)
        contents = [turn["content"] for turn in record["messages"]]
        assert sum(text.count("<image>") for text in contents) == len(record["images"])
        marks = sum(text.count("<bbox>") for text in contents)
        assert marks == len(record.get("objects", {}).get("bbox", []))
        assert not any(re.search(r"\[0\.\d\d, ", text) for text in contents)
        for box in record.get("objects", {}).get("bbox", []):
            assert len(box) == 4 and all(0 <= edge <= 1 for edge in box)
        boxes += marks
    assert boxes > 0


def test_trl_follows_its_documentation(tmp_path: Path) -> None:
    """Content is a list of parts; as many image parts as pictures; text parts have text."""
    write_items(tmp_path / "items.jsonl", ITEMS, "trl")
    for line in (tmp_path / "items.jsonl").read_text().splitlines():
        record = json.loads(line)
        parts = [part for turn in record["messages"] for part in turn["content"]]
        assert sum(part["type"] == "image" for part in parts) == len(record["images"])
        assert {part["type"] for part in parts} <= {"image", "text"}
        assert all(part["text"] for part in parts if part["type"] == "text")
        assert {turn["role"] for turn in record["messages"]} <= {"system", "user", "assistant"}


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_broken_record_is_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / "items"
    write_items(path, ITEMS[:3], name)
    text = path.read_text()
    for broken in (text.replace("assistant", "robot").replace("gpt", "robot"), text[:-20], "[{}]"):
        path.write_text(broken)
        with pytest.raises(TrainingError, match="record"):
            read_items(path, name)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_one_picture_too_many_is_refused(name: str) -> None:
    record = FORMATS[name].write(ITEMS[1])
    key = "image" if name == "llava" else "images"
    record[key] = ["a.jpg", "b.jpg", "c.jpg"]
    with pytest.raises(ValueError, match="marks for 3 pictures"):
        FORMATS[name].read(record)


def test_a_mark_in_the_text_is_refused() -> None:
    bad = TrainingItem("1", (), (Message("user", "What is <image>?"), Message("assistant", "?")))
    for form in FORMATS.values():
        with pytest.raises(TrainingError, match="mark"):
            form.write(bad)
