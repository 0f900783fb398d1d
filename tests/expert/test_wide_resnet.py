"""The own Wide ResNet against transformers' network of the same weights, and files of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.expert.tiny_resnet import tiny_resnet
from triad_ui.errors import WeightsError
from triad_ui.expert.wide_resnet import find_wide_resnet, load_wide_resnet


def test_stages_equal_those_of_transformers(tmp_path: Path) -> None:
    model, state = tiny_resnet()
    pixels = torch.randn(2, 3, 64, 96)
    expected = model(pixels, output_hidden_states=True).hidden_states
    save_file(state, tmp_path / "a.safetensors")
    torch.save(state, tmp_path / "b.pth")
    torch.save({"state_dict": state}, tmp_path / "c.bin")
    del state["bn1.num_batches_tracked"]  # timm's files have none
    torch.save(state, tmp_path / "d.pt")
    for name in ("a.safetensors", "b.pth", "c.bin", "d.pt"):
        network = load_wide_resnet(tmp_path / name)
        found = network(pixels)
        assert not network.training and not any(p.requires_grad for p in network.parameters())
        assert set(found) == {1, 2, 3}
        for stage, values in found.items():
            assert expected[stage].std() > 0.1
            torch.testing.assert_close(values, expected[stage], atol=1e-5, rtol=1e-4)


def test_widths_are_read_from_the_file(tmp_path: Path) -> None:
    """A wide block: its inner width is half the outputs, where an ordinary one has a quarter."""
    _, state = tiny_resnet()
    for stage in (1, 2, 3):
        for block in range((2, 1, 3)[stage - 1]):
            at = f"layer{stage}.{block}"
            for name, (out, inputs) in {"conv1": (2, 1), "conv2": (2, 2), "conv3": (1, 2)}.items():
                key = f"{at}.{name}.weight"
                state[key] = state[key].repeat(out, inputs, 1, 1)
            for norm in ("bn1", "bn2"):
                for part in ("weight", "bias", "running_mean", "running_var"):
                    state[f"{at}.{norm}.{part}"] = state[f"{at}.{norm}.{part}"].repeat(2)
    torch.save(state, tmp_path / "wide.pth")
    network = load_wide_resnet(tmp_path / "wide.pth")
    assert network.layer3[0].conv2.weight.shape[0] == 16
    assert network(torch.randn(1, 3, 32, 32))[3].shape == (1, 32, 2, 2)


def test_where_the_file_is_looked_for(tmp_path: Path) -> None:
    with pytest.raises(
        WeightsError, match=r"hf download timm/wide_resnet50_2.*patch-core-embedded"
    ):
        find_wide_resnet(tmp_path)
    for name in ("wide_resnet50_2-95faca4d.pth", "wide_resnet50_2/model.safetensors"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
        assert find_wide_resnet(tmp_path) == tmp_path / name


class _Evil:
    def __reduce__(self) -> tuple:
        return print, ("run",)


@pytest.mark.parametrize("kind", ["none", "text", "half", "other", "code", "folder"])
def test_what_is_no_such_network_is_refused(tmp_path: Path, kind: str, capsys) -> None:
    _, state = tiny_resnet()
    path = tmp_path / ("a.safetensors" if kind == "text" else "a.pth")
    if kind == "text":
        path.write_text("hello")
    elif kind == "half":
        torch.save({name: v for name, v in state.items() if "layer2.0.bn2" not in name}, path)
    elif kind == "other":
        torch.save(state | {"layer2.0.se.weight": torch.zeros(1)}, path)
    elif kind == "code":
        torch.save(_Evil(), path)
    elif kind == "folder":
        path.mkdir()
    with pytest.raises(WeightsError, match=r"Wide ResNet-50-2\. Fetch them anew"):
        load_wide_resnet(path)
    assert "run" not in capsys.readouterr().out
