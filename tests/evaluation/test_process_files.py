"""Processes from what people have: TOML, text, and the authors' JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.evaluation.drawn_set import process
from triad_ui.errors import ProcessError
from triad_ui.evaluation.process_files import noun_in, process_in, read_processes, resolved

AUTHORS = (
    "The following is the production process of the red cloths:\n1. **Spinning**  \n   - Spin the "
    "fibres.\n\n2. **Dyeing**  \n   - Dye it red.\nAre there any defects on the red cloth in this "
    "image?\nA. Yes\nB. No\nAnswer with the option's letter from the given choices directly."
)


def test_authors_json_is_read_without_its_question(tmp_path: Path) -> None:
    path = tmp_path / "production.json"
    path.write_text(json.dumps({"WFDD": {"prompt_v1": {"red_cloth": AUTHORS}}}))
    found = read_processes(path)["red_cloth"]
    assert (found.product, found.plural) == ("red cloth", "red cloths")
    assert found.text == "1. Spinning (Spin the fibres.)\n2. Dyeing (Dye it red.)"


def test_a_folder_of_several_kinds(tmp_path: Path) -> None:
    (tmp_path / "metal_nut.txt").write_text("1. Stamp it.\n2. Cut the thread.\n")
    (tmp_path / "cap.toml").write_text(
        'product = "cap"\nplural = "caps"\n[[step]]\ntext = "Mould it."\nattributes = ["red"]\n'
    )
    found = read_processes(tmp_path)
    assert sorted(found) == ["cap", "metal_nut"]
    assert found["metal_nut"].product == "metal nut"
    assert len(found["metal_nut"].steps) == 2
    assert read_processes(tmp_path / "cap.toml")["cap"].steps[0].attributes == ("red",)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [("a.json", "[1]", "does not map"), ("a.json", "{", "cannot be used"),
     ("a.txt", "  ", "empty"), ("a.toml", "product = 1", "cannot be used"), ("a.md", "x", "holds")],
)  # fmt: skip
def test_what_cannot_be_used_is_told_by_name(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ProcessError, match=told):
        read_processes(tmp_path / name)


def test_nothing_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProcessError, match="nothing at"):
        read_processes(tmp_path / "none")


def test_question_without_process_has_a_noun_and_no_process() -> None:
    question = "The second image shows an acceptable glass bottle. Compare with ..."
    assert noun_in(question) == "glass bottle"
    assert process_in(question, "bottle") is None
    assert noun_in("Is it broken?") == ""


def test_the_first_source_that_knows_a_product_wins() -> None:
    given, library = process("Given."), process("Library.", name="steel_plate")
    chosen = resolved(["plate", "steel plate", "x"], {"plate": given}, {"steel_plate": library})
    assert chosen == {"plate": given, "steel plate": given}
    assert resolved(["steel plate"], {}, {"steel_plate": library}) == {"steel plate": library}
