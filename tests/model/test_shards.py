"""Headers of weight files: what is missing, cut short or surplus is named."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.model.tiny_llava_files import save_shards
from triad_ui.errors import WeightsError
from triad_ui.model.shards import INDEX, ONE, read_shards, tensors

STATE = {f"layer.{number}.weight": torch.full((3, number + 1), number) for number in range(6)}


def sharded(folder: Path) -> Path:
    save_shards(folder, STATE, shards=3)
    return folder


def refusal(folder: Path, **options: bool) -> str:
    with pytest.raises(WeightsError) as caught:
        read_shards(folder, **options)
    return str(caught.value)


def test_shapes_types_and_files_of_shards(tmp_path: Path) -> None:
    found = read_shards(sharded(tmp_path))
    assert {name: weight.shape for name, weight in found.items()} == {
        name: tuple(value.shape) for name, value in STATE.items()
    }
    assert {weight.dtype for weight in found.values()} == {"I64"}
    assert found["layer.1.weight"].file.name == "model-00002-of-00003.safetensors"


def test_the_values_come_under_the_wanted_keys(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / ONE)
    got = dict(tensors(tmp_path / ONE, {"a": "layer.2.weight"}, "cpu"))
    assert torch.equal(got["a"], STATE["layer.2.weight"])


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    (sharded(tmp_path) / "model-00002-of-00003.safetensors").unlink()
    said = refusal(tmp_path)
    assert "1 of 3 weight files are missing" in said
    assert "model-00002-of-00003.safetensors" in said


@pytest.mark.parametrize("size", [0, 5, 100, -7])
def test_a_shard_cut_short_is_named_wherever_it_was_cut(tmp_path: Path, size: int) -> None:
    file = sharded(tmp_path) / "model-00003-of-00003.safetensors"
    os.truncate(file, size if size >= 0 else file.stat().st_size + size)
    said = refusal(tmp_path)
    assert "model-00003-of-00003.safetensors is cut short or damaged" in said


def test_a_git_lfs_pointer_is_called_that(tmp_path: Path) -> None:
    (tmp_path / ONE).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    assert "git lfs pull" in refusal(tmp_path)


def test_a_surplus_shard_is_refused(tmp_path: Path) -> None:
    save_file(STATE, sharded(tmp_path) / "model-00004-of-00004.safetensors")
    assert "model-00004-of-00004.safetensors, which does not belong" in refusal(tmp_path)


def test_a_whole_file_beside_shards_without_index_is_refused(tmp_path: Path) -> None:
    (sharded(tmp_path) / INDEX).unlink()
    assert INDEX in refusal(tmp_path)
    save_file(STATE, tmp_path / ONE)
    assert "two models in one folder" in refusal(tmp_path)


@pytest.mark.parametrize(("change", "words"), [("more", "lacks 1 tensors"), ("less", "has 1 tens")])
def test_an_index_that_does_not_agree_with_its_shards(
    tmp_path: Path, change: str, words: str
) -> None:
    file = sharded(tmp_path) / INDEX
    index = json.loads(file.read_text())
    if change == "more":
        index["weight_map"]["layer.9.weight"] = "model-00001-of-00003.safetensors"
    else:
        del index["weight_map"]["layer.0.weight"]
    file.write_text(json.dumps(index))
    assert words in refusal(tmp_path)
    assert ("layer.9" if change == "more" else "layer.0") in refusal(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"weight_map": {"a": "../b.safetensors"}}'])
def test_a_damaged_index_or_one_that_leaves_its_folder(tmp_path: Path, text: str) -> None:
    (sharded(tmp_path) / INDEX).write_text(text)
    assert INDEX in refusal(tmp_path)


def test_pickles_only_when_allowed_and_then_weights_alone(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "pytorch_model.bin")
    assert "pickle" in refusal(tmp_path)
    found = read_shards(tmp_path, allow_pickle=True)
    assert found["layer.4.weight"].shape == (3, 5)
    got = dict(tensors(tmp_path / "pytorch_model.bin", {"a": "layer.4.weight"}, "cpu"))
    assert torch.equal(got["a"], STATE["layer.4.weight"])


class Harm:
    ran = False

    def __reduce__(self) -> tuple:
        return (setattr, (Harm, "ran", True))


def test_code_in_a_pickle_is_never_run(tmp_path: Path) -> None:
    torch.save({"a": Harm()}, tmp_path / "pytorch_model.bin")
    assert "never run" in refusal(tmp_path, allow_pickle=True)
    assert not Harm.ran


def test_a_folder_without_weights(tmp_path: Path) -> None:
    assert "no weights" in refusal(tmp_path)
