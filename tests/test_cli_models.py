"""The shell lists models, looks at a folder, and converts a checkpoint."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.model.tiny_llava import write_authors, write_onevision
from tests.test_cli import folder, refusal  # noqa: F401
from triad_ui.cli import main
from triad_ui.model.checkpoint import open_checkpoint
from triad_ui.model.presets import PRESETS


def test_models_are_listed_for_people(
    folder: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["models"]) == 0
    output = capsys.readouterr().out
    for offer in PRESETS:
        assert f"{offer.key}  {offer.title}" in output
        assert offer.licence in output
    assert "hf download llava-hf/llava-onevision-qwen2-7b-ov-hf" in output  # offline


def test_models_as_json(
    folder: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["models", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["machine"]["total"] > 0
    assert [each["key"] for each in told["models"]] == [offer.key for offer in PRESETS]
    small = told["models"][2]
    assert set(small["fits"]) == set(small["needs"]) == {"bf16", "fp16", "fp32", "int8", "nf4"}


def test_a_folder_is_looked_at(
    folder: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_onevision(folder / "own")
    assert main(["models", "own", "--json"]) == 0
    (offer,) = json.loads(capsys.readouterr().out)["models"]
    assert offer["source"] == "own"
    assert offer["fits"]["bf16"] is True
    assert "no folder data" in refusal(capsys, "models", "data")


def test_a_checkpoint_is_converted_and_read_again(
    folder: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_authors(folder / "authors")
    assert main(["convert", "authors", "converted"]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{folder / 'converted'}\n"
    assert "%" in captured.err
    before, after = (open_checkpoint(folder / name) for name in ("authors", "converted"))
    assert after.layout == "transformers"
    assert set(after.weights) == set(before.weights)
    assert "converted" in refusal(capsys, "convert", "authors", "converted")


def test_an_unknown_model_is_refused_with_the_known_ones(
    folder: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = refusal(capsys, "inspect", "query.png", "--model", "llava-ov-7")
    assert "llava-ov-7b" in told
