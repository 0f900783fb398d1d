"""Adapter folders: merged as trained, refused when changed or not for this base."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM

from tests.model.tiny import stub_tower, tiny_config, visual, write_tokenizer
from triad_ui.errors import WeightsError
from triad_ui.model.embedded import load
from triad_ui.model.embedded.load import (
    TOKENIZER,
    faster_dtype,
    load_base,
    load_embedded,
    merge_adapter,
    read_card,
    turn_seconds,
)
from triad_ui.model.embedded.projector import Projector
from triad_ui.records import Message

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Found missing adapter keys"),
]
WEIGHTS = "adapter_model.safetensors"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, torch.Tensor]:
    """(base folder, adapter folder, logits of the unmerged model on tokens 5, 6, 7)."""
    folder = tmp_path_factory.mktemp("embedded")
    base, adapter = folder / "base", folder / "adapter"
    torch.manual_seed(0)
    model = LlamaForCausalLM(tiny_config())
    model.save_pretrained(base)
    write_tokenizer(base / TOKENIZER)
    lora = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "up_proj"])
    adapted = get_peft_model(model.eval(), lora)
    for name, weight in adapted.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.3)
    with torch.no_grad():
        logits = adapted(input_ids=torch.tensor([[5, 6, 7]])).logits
    adapted.save_pretrained(adapter)
    save_file(Projector(64, 3, 2).state_dict(), adapter / "projector.safetensors")
    write_card(adapter)
    return base, adapter, logits


def write_card(adapter: Path) -> None:
    names = ("adapter_config.json", WEIGHTS, "projector.safetensors")
    files = {name: hashlib.sha256((adapter / name).read_bytes()).hexdigest() for name in names}
    (adapter / "card.json").write_text(json.dumps({"version": "abc123", "files": files}), "utf-8")


@pytest.fixture
def adapter(trained: tuple[Path, Path, torch.Tensor], tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(trained[1], tmp_path / "adapter"))


def test_the_merged_model_says_what_the_unmerged_one_said(
    trained: tuple[Path, Path, torch.Tensor],
) -> None:
    base, adapter, wanted = trained
    plain, _ = load_base(base, torch.float32)
    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        before = plain(input_ids=ids).logits
        merged = merge_adapter(plain, adapter)(input_ids=ids).logits
    assert torch.allclose(merged, wanted, atol=1e-5)
    assert float((merged - before).abs().max()) > 0.01  # the adapter does something


def test_the_whole_model_answers(trained: tuple[Path, Path, torch.Tensor]) -> None:
    model = load_embedded(trained[0], trained[1], stub_tower, torch.float32)
    assert model.engine.endswith("abc123 fp32")
    assert not any(weight.requires_grad for weight in model._language.parameters())
    logits = model.choice_logits((visual(),), (Message("user", "defect?", (0,)),), ("A", "B"))
    assert len(logits) == 2


@pytest.mark.parametrize("name", ["adapter_config.json", WEIGHTS, "projector.safetensors"])
def test_a_changed_file_is_refused_by_name(adapter: Path, name: str) -> None:
    (adapter / name).write_bytes((adapter / name).read_bytes() + b" ")
    with pytest.raises(WeightsError, match=name.replace(".", r"\.")):
        read_card(adapter)


@pytest.mark.parametrize("name", ["adapter_config.json", WEIGHTS, "card.json"])
def test_a_missing_file_is_refused_by_name(adapter: Path, name: str) -> None:
    (adapter / name).unlink()
    with pytest.raises(WeightsError, match=name.replace(".", r"\.")):
        read_card(adapter)


@pytest.mark.parametrize("card", ["", "{}", "[]", '{"files": []}', '{"files": null}', "\xff"])
def test_a_broken_card_is_an_error_for_people(adapter: Path, card: str) -> None:
    (adapter / "card.json").write_text(card, "latin-1")
    with pytest.raises(WeightsError, match="TRIAD_ADAPTER"):
        read_card(adapter)


@pytest.mark.parametrize("change", ["missing", "surplus", "shape"])
def test_weights_of_another_model_are_refused(
    trained: tuple[Path, Path, torch.Tensor], adapter: Path, change: str
) -> None:
    weights = load_file(adapter / WEIGHTS)
    name = next(iter(weights))
    if change == "missing":
        del weights[name]
    elif change == "surplus":
        weights[name.replace("layers.0", "layers.7")] = weights[name].clone()
    else:
        weights[name] = torch.zeros(3, 3)
    save_file(weights, adapter / WEIGHTS)
    write_card(adapter)
    with pytest.raises(WeightsError, match="does not fit"):
        load_embedded(trained[0], adapter, stub_tower, torch.float32)


def test_a_projector_of_another_width_is_refused(
    trained: tuple[Path, Path, torch.Tensor], adapter: Path
) -> None:
    save_file(Projector(32, 3, 2).state_dict(), adapter / "projector.safetensors")
    write_card(adapter)
    with pytest.raises(WeightsError, match="train-embedded"):
        load_embedded(trained[0], adapter, stub_tower, torch.float32)


@pytest.mark.parametrize(
    ("float32", "bfloat16", "chosen"),
    [(2.8, 8.2, torch.float32), (3.0, 2.0, torch.bfloat16), (2.0, 2.0, torch.bfloat16)],
)
def test_the_type_is_the_one_in_which_a_turn_is_faster(
    monkeypatch: pytest.MonkeyPatch, float32: float, bfloat16: float, chosen: torch.dtype
) -> None:
    """On the processor, where it runs, also where a GPU stands beside it."""
    spent = {torch.float32: float32, torch.bfloat16: bfloat16}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(load, "turn_seconds", spent.__getitem__)
    assert faster_dtype() is chosen


def test_a_turn_takes_a_moment_in_either_type() -> None:
    assert all(0.01 < turn_seconds(dtype) < 600 for dtype in (torch.float32, torch.bfloat16))
