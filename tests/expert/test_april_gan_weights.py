"""The authors' file of layers: read as tensors only, and what is told when it is not there."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.expert.drawn_parts import plate
from tests.expert.tiny_clip import SHARED, WIDTH, save_tiny_clip
from triad_ui.errors import WeightsError
from triad_ui.expert.april_gan import load_april_gan
from triad_ui.expert.april_gan_weights import FILES, read_linear


def _write(path: Path, count: int = 2, width: int = WIDTH) -> dict[str, torch.Tensor]:
    """A file as the authors' training writes it."""
    layers = torch.nn.Module()
    layers.fc = torch.nn.ModuleList(torch.nn.Linear(width, SHARED) for _ in range(count))
    state = layers.state_dict()
    torch.save({"trainable_linearlayer": state}, path)
    return state


def test_layers_are_read_in_the_order_of_their_blocks(tmp_path: Path) -> None:
    state = _write(tmp_path / "layers.pth", 12)
    layers = read_linear(tmp_path / "layers.pth")
    assert len(layers) == 12
    for number, (weight, bias) in enumerate(layers):
        assert torch.equal(weight, state[f"fc.{number}.weight"])
        assert torch.equal(bias, state[f"fc.{number}.bias"])


def test_from_files_to_a_map(tmp_path: Path) -> None:
    save_tiny_clip(tmp_path / "clip-vit-large-patch14-336")
    _write(tmp_path / FILES["april-gan"])
    expert = load_april_gan(tmp_path, tmp_path / "kept")
    found = expert.score(plate(1), [])
    assert expert.name == "april-gan" and found.values.shape == (518, 518)
    assert np.isfinite(found.values).all() and 0 <= found.score <= 1
    assert list((tmp_path / "kept").iterdir())


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_told_with_its_source_and_place(name: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as told:
        load_april_gan(tmp_path, name=name)
    for words in (FILES[name], "github.com/ByChelsea/VAND-APRIL-GAN", str(tmp_path)):
        assert words in str(told.value)
    other = next(each for each in FILES if each != name)
    _write(tmp_path / FILES[other])
    with pytest.raises(WeightsError, match=f"the expert {other}, "):
        load_april_gan(tmp_path, name=name)


def test_a_file_that_is_something_else_is_refused_and_runs_no_code(tmp_path: Path) -> None:
    path, mark = tmp_path / "layers.pth", tmp_path / "harm"
    harm = {"trainable_linearlayer": _harm(mark)}
    for write in (
        lambda: torch.save(harm, path),
        lambda: path.write_bytes(pickle.dumps(harm, 2)),
        lambda: path.write_bytes(b"<html>not found</html>"),
        lambda: path.write_bytes(b""),
        lambda: torch.save({"other": {}}, path),
        lambda: torch.save({"trainable_linearlayer": {}}, path),
        lambda: torch.save({"trainable_linearlayer": {"fc.0.weight": torch.ones(2, 2)}}, path),
        lambda: torch.save([torch.ones(1)], path),
    ):
        write()
        with pytest.raises(WeightsError, match="does not hold April-GAN's layers"):
            read_linear(path)
    assert not mark.exists()


def test_layers_of_another_clip_are_refused(tmp_path: Path) -> None:
    save_tiny_clip(tmp_path / "clip-vit-large-patch14-336")
    for count, width in ((2, WIDTH + 1), (3, WIDTH)):
        _write(tmp_path / FILES["april-gan"], count, width)
        with pytest.raises(WeightsError, match="does not belong to the CLIP"):
            load_april_gan(tmp_path)


def _harm(mark: Path) -> object:
    """Something that would make a file when unpickled."""

    class Harm:
        def __reduce__(self) -> tuple:
            return Path.touch, (mark,)

    return Harm()
