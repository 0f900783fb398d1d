"""The authors' question.jsonl: products, truth, references and places of pictures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.evaluation.drawn_set import mask, plate
from tests.evaluation.test_process_files import AUTHORS
from triad_ui.errors import EvaluationError
from triad_ui.evaluation.datasets import open_data_set


def write(folder: Path, rows: list[dict | str], name: str = "question.jsonl") -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / name).write_text("\n".join(lines) + "\n")
    return folder / name


ROWS: list[dict | str] = [
    {"question_id": 0, "image": "0.png", "text": AUTHORS, "gt": 1, "sub_dataset": "red_cloth",
     "origin_path": "red_cloth/test/hole/004.png", "mask": "musc/0.npz",
     "reference": "red_cloth/train/good/000.png"},
    {"question_id": 1, "image": "1.png", "text": AUTHORS, "gt": "0",
     "origin_path": "WFDD/red_cloth/test/good/001.png",
     "reference": "red_cloth/train/good/001.png"},
    {"question_id": 2, "image": "2.png", "text": "Fine?", "origin_path": "nut/test/good/9.png"},
]  # fmt: skip


def test_rows_become_products_with_truth_and_paired_references(tmp_path: Path) -> None:
    images = tmp_path / "set"
    for number in range(3):
        plate(images / "imgs" / f"{number}.png")
    plate(images / "mvtec" / "red_cloth" / "train" / "good" / "000.png")
    drawn = mask(images / "mvtec" / "red_cloth" / "ground_truth" / "hole" / "004_mask.png", 9)
    data = open_data_set(write(tmp_path, ROWS), images=images)
    nut, cloth = data.products
    assert (cloth.name, nut.name) == ("red_cloth", "nut")
    faulty, good = cloth.tested
    assert (faulty.defective, faulty.kind, faulty.name) == (True, "hole", "0.png")
    assert faulty.path == images / "imgs" / "0.png"
    assert faulty.mask == drawn  # the truth beside its origin, never the row's expert map
    assert faulty.reference == images / "mvtec" / "red_cloth" / "train" / "good" / "000.png"
    assert (good.defective, good.kind, good.mask) == (False, "good", None)
    assert len(cloth.references) == 2
    assert (nut.tested[0].defective, nut.references) == (False, ())
    assert data.nouns == {"red_cloth": "red cloth"}
    assert data.processes["red_cloth"].steps[1].text == "Dyeing"
    assert data.notes == (
        "1 times: product whose question is not in the paper's words; its name is used",
    )


def test_a_folder_with_the_file_is_read_and_products_are_chosen(tmp_path: Path) -> None:
    write(tmp_path, ROWS)
    assert [p.name for p in open_data_set(tmp_path, ["nut"]).products] == ["nut"]
    with pytest.raises(EvaluationError, match="no product called 'x'"):
        open_data_set(tmp_path, ["x"])


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("{", "line 1: this is not JSON"),
        ({"text": "x"}, "no image is named"),
        ({"image": "0.png"}, "does not tell the product"),
        ({"image": "../0.png", "sub_dataset": "a", "gt": 0}, "leads out"),
        ({"image": "/etc/x.png", "sub_dataset": "a", "gt": 0}, "leads out"),
        ({"image": "0.png", "sub_dataset": "a", "gt": 0, "reference": "../1.png"}, "leads out"),
        ({"image": "0.png", "sub_dataset": "a", "gt": "maybe"}, "gt is 'maybe'"),
    ],
)
def test_a_line_that_cannot_be_used_is_told(tmp_path: Path, row: dict | str, told: str) -> None:
    with pytest.raises(EvaluationError, match=told):
        open_data_set(write(tmp_path, [row]))


def test_an_empty_file_and_a_missing_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="holds no question"):
        open_data_set(write(tmp_path, []))
    with pytest.raises(EvaluationError, match="--images"):
        open_data_set(write(tmp_path, ROWS), images=tmp_path / "none")
