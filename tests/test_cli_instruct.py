"""`instruct` writes pictures and conversations that every format reads back alike."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from triad_ui.cli import main
from triad_ui.instruct.formats import read_items
from triad_ui.synthesis.families import FAMILIES, HELD_OUT


def run(out: Path, *more: str) -> int:
    return main(["instruct", str(out), "--count", "24", "--size", "96", *more])


def test_three_formats_tell_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "made" / "set"
    assert run(out) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["conversations"] == 24 == sum(told["tasks"].values())
    swift, trl = (read_items(out / f"{name}.jsonl", name) for name in ("swift", "trl"))
    assert swift == trl and len(swift) == 24
    plain = [
        replace(item, messages=tuple(m for m in item.messages if m.role != "system"))
        for item in swift
    ]
    assert read_items(out / "llava.json", "llava") == plain
    shown = [name for item in swift for name in item.images]
    assert (
        len(set(shown)) == len(shown) == told["pictures"] == len(list((out / "pictures").iterdir()))
    )
    assert all(cv2.imread(str(out / name)).shape == (96, 96, 3) for name in shown)
    assert sorted(path.name for path in out.iterdir()) == [
        "llava.json", "pictures", "swift.jsonl", "trl.jsonl",
    ]  # fmt: skip


def test_a_seed_is_a_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        assert run(tmp_path / name, "--seed", seed, "--format", "swift") == 0
    same, again, other = ((tmp_path / name / "swift.jsonl").read_text() for name in "abc")
    assert same == again != other
    assert not (tmp_path / "a" / "trl.jsonl").exists()


def test_the_kept_back_products_are_kept_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path / "a", "--format", "trl", "--chat", "0")
    run(tmp_path / "b", "--format", "trl", "--chat", "0", "--held-out")
    names = sorted(FAMILIES, key=len, reverse=True)  # "ribbon cable" before "cable"
    for folder, held_out in (("a", False), ("b", True)):
        for item in read_items(tmp_path / folder / "trl.jsonl", "trl"):
            text = " ".join(message.text for message in item.messages)
            product = next((name for name in names if name in text), None)
            assert product is None or (product in HELD_OUT) == held_out, text


def test_what_cannot_be_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "a", "--families", "cable, unicorn") == 2
    assert "No product is called 'unicorn'. There are: blister pack" in capsys.readouterr().err
    assert main(["instruct", str(tmp_path / "b"), "--count", "0"]) == 2
    (tmp_path / "file").write_text("")
    assert run(tmp_path / "file") == 2
    assert "Name another folder" in capsys.readouterr().err
