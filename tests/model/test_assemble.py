"""A checkpoint's weights as they answer: equal to stock's, in any precision, never half loaded."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import (
    AutoProcessor,
    LlavaNextForConditionalGeneration,
    LlavaOnevisionForConditionalGeneration,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from tests.model.tiny_llava import (
    SIDE,
    write_authors,
    write_llava_next,
    write_onevision,
)
from tests.model.tiny_llava_clip import write_authors_clip
from triad_ui.errors import ModelError, WeightsError
from triad_ui.model.assemble import load_checkpoint
from triad_ui.model.checkpoint import open_checkpoint
from triad_ui.model.language_model import GenerationOptions
from triad_ui.model.layout import Checkpoint
from triad_ui.model.local import LocalTriad
from triad_ui.records import Message, VisualInput

RECORDED = Path(__file__).parent / "recorded"
IDS = torch.tensor([[1, 44, 61, 70, 5, 99, 30, 8, 120, 77, 12]])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints")
    write_authors(folder / "authors")
    write_onevision(folder / "onevision")
    write_onevision(folder / "tied", tied=True, shards=2)
    write_llava_next(folder / "mistral", family="mistral")
    write_llava_next(folder / "vicuna", family="vicuna")
    return folder


def load(folder: Path, **options: object) -> LocalTriad:
    options = {"precision": "fp32", "device": "cpu"} | options
    return load_checkpoint(open_checkpoint(folder), **options)


def logits(model: LocalTriad, ids: Tensor = IDS) -> Tensor:
    """At every position."""
    inner = model._language
    with torch.inference_mode():
        embedded = inner.get_input_embeddings()(ids)
        return inner(inputs_embeds=embedded, use_cache=False).logits[0].float()


@pytest.mark.parametrize("name", ["onevision", "tied", "mistral", "vicuna"])
def test_words_give_the_logits_of_stock_transformers(made: Path, name: str) -> None:
    next_kind = name in ("mistral", "vicuna")
    kind = (
        LlavaNextForConditionalGeneration if next_kind else LlavaOnevisionForConditionalGeneration
    )
    stock = kind.from_pretrained(made / name, dtype=torch.float32).eval()
    with torch.inference_mode():
        expected = stock(input_ids=IDS).logits[0]
    assert expected.std() > 0.1
    assert torch.allclose(logits(load(made / name)), expected, atol=1e-5)


@pytest.mark.parametrize("family", ["mistral", "vicuna"])
def test_a_picture_gives_the_logits_of_stock_transformers(made: Path, family: str) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (2 * SIDE, 2 * SIDE, 3), dtype=np.uint8)
    processor = AutoProcessor.from_pretrained(made / family)
    content = [{"type": "image"}, {"type": "text", "text": "Are there any defects?"}]
    text = processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
    )
    inputs = processor(images=Image.fromarray(rgb), text=text, return_tensors="pt")
    stock = LlavaNextForConditionalGeneration.from_pretrained(made / family, dtype=torch.float32)
    with torch.inference_mode():
        expected = stock.eval()(**inputs).logits[0, -1]
    model = load(made / family)
    messages = [Message("user", "Are there any defects?", (0,))]
    prompt = model.prompt([VisualInput(rgb, (), None, "p")], messages, 4, threading.Event())
    keys = len(prompt.keys)
    assert keys == inputs["input_ids"].shape[1]
    assert torch.allclose(model._decoder.next_logits(prompt), expected, atol=2e-4)


@pytest.mark.parametrize("family", ["mistral", "vicuna"])
def test_clip_in_the_authors_layout_is_the_published_model(
    made: Path, tmp_path: Path, family: str
) -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (100, 260, 3), dtype=np.uint8)
    seen = [VisualInput(rgb, (), None, "p")]
    messages = [Message("user", "Are there any defects?", (0,))]
    models = [load(made / family), load(write_authors_clip(tmp_path, made / family, family))]
    prompts = [model.prompt(seen, messages, 4, threading.Event()) for model in models]
    assert len(prompts[0].keys) == len(prompts[1].keys)
    one, other = (model._decoder.next_logits(p) for model, p in zip(models, prompts))
    assert torch.equal(one, other)


def test_the_recorded_checkpoint_reads_words_as_a_plain_qwen2_does() -> None:
    folder = RECORDED / "checkpoint_ov"
    tower = json.loads((RECORDED / "vision_tower_config.json").read_text("utf-8"))
    found = open_checkpoint(folder, vision_config=tower)
    ours = load_checkpoint(found, precision="fp32", device="cpu")
    state: dict[str, Tensor] = {}
    for file in folder.glob("*.safetensors"):
        state |= load_file(file)
    config = Qwen2Config(
        vocab_size=533, hidden_size=48, intermediate_size=128, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, rms_norm_eps=1e-6, tie_word_embeddings=False,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
    )  # fmt: skip
    plain = Qwen2ForCausalLM(config).eval()
    own = {name: state[name].float() for name in plain.state_dict()}
    plain.load_state_dict(own, strict=True)
    with torch.inference_mode():
        assert torch.allclose(logits(ours), plain(IDS).logits[0], atol=1e-5)


def test_every_value_is_the_stored_one_and_none_is_left_out(made: Path) -> None:
    found = open_checkpoint(made / "authors")
    state = load(made / "authors")._language.state_dict()
    assert set(state) == set(found.weights)
    stored: dict[str, Tensor] = {}
    for file in (made / "authors").glob("*.safetensors"):
        stored |= load_file(file)
    for name, weight in found.weights.items():
        assert torch.equal(state[name], stored[weight.stored].float()), name


@pytest.mark.parametrize(
    ("precision", "most"), [("bf16", 0.05), ("fp16", 0.01), ("int8", 0.15), ("nf4", 1.3)]
)
@pytest.mark.parametrize("name", ["authors", "mistral"])
def test_lower_precision_stays_near(made: Path, name: str, precision: str, most: float) -> None:
    exact, model = load(made / name), load(made / name, precision=precision)
    assert 0 < (logits(exact) - logits(model)).abs().max() < most
    assert model.engine.endswith(precision)
    quantized = {
        name for name, module in model._language.named_modules()
        if type(module).__module__.startswith("bitsandbytes")
    }  # fmt: skip
    if precision in ("bf16", "fp16"):
        assert not quantized
    else:
        assert len(quantized) == 14 and all("language_model.layers" in n for n in quantized)


def test_a_quantized_model_answers_about_a_picture(made: Path) -> None:
    model = load(made / "authors", precision="nf4")
    rgb = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    messages = [Message("system", "You are a helpful assistant."), Message("user", "What?", (0,))]
    chunks = list(
        model.stream(
            [VisualInput(rgb, (), None, "p")], messages, GenerationOptions(6), threading.Event()
        )
    )
    assert chunks[-1].finished and chunks[-1].tokens > 0


def test_auto_says_what_it_chose(made: Path) -> None:
    assert load(made / "authors", precision="auto").engine.split()[-1] in ("bf16", "fp32")
    assert "(authors)" in load(made / "authors").engine


def test_progress_rises_to_one(made: Path) -> None:
    told: list[tuple[float, str]] = []
    load(made / "tied", report=lambda *said: told.append(said))
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    assert told[0][1] == "Loading file 1 of 2 ..."


def test_whatever_the_report_raises_ends_the_load(made: Path) -> None:
    class Cancelled(Exception):
        pass

    def cancel(fraction: float, message: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        load(made / "tied", report=cancel)


def rewrite(file: Path, change: str) -> None:
    state = load_file(file)
    name = sorted(state)[0]
    if change == "gone":
        del state[name]
    else:
        state[name] = torch.zeros(3)
    save_file(state, file)


@pytest.mark.parametrize("change", ["gone", "shape"])
def test_a_file_that_changes_after_it_was_opened(tmp_path: Path, change: str) -> None:
    found: Checkpoint = open_checkpoint(write_onevision(tmp_path / "m"))
    rewrite(tmp_path / "m/model.safetensors", change)
    with pytest.raises(WeightsError, match=r"model\.safetensors changed"):
        load_checkpoint(found, precision="fp32", device="cpu")


def test_memory_that_runs_out_is_told_in_words(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> object:
        raise MemoryError

    monkeypatch.setattr("triad_ui.model.assemble.tensors", full)
    with pytest.raises(ModelError, match="Memory ran out while loading"):
        load(made / "authors")


def write_adapter(folder: Path, base: Path, layers: str = r".*language_model.*q_proj") -> Path:
    model = load(base)._language
    torch.manual_seed(3)
    wrapped = get_peft_model(model, LoraConfig(r=4, target_modules=layers))
    for name, weight in wrapped.named_parameters():
        if "lora_B" in name:
            weight.data.normal_(0, 0.2)
    wrapped.save_pretrained(folder, save_embedding_layers=False)
    return folder


@pytest.mark.parametrize("precision", ["fp32", "nf4"])
def test_an_adapter_is_merged_or_put_beside(made: Path, tmp_path: Path, precision: str) -> None:
    adapter = write_adapter(tmp_path / "mine", made / "authors")
    plain = load(made / "authors", precision=precision)
    model = load(made / "authors", precision=precision, adapter=adapter)
    assert (logits(plain) - logits(model)).abs().max() > 0.01
    assert "+ adapter mine" in model.engine
    names = [name for name, _ in model._language.named_modules()]
    assert any("lora_" in name for name in names) == (precision == "nf4")
    if precision == "fp32":
        own = load_file(adapter / "adapter_model.safetensors")
        key = "model.language_model.layers.0.self_attn.q_proj"
        a, b = (own[f"base_model.model.{key}.lora_{part}.weight"] for part in "AB")
        added = (
            model._language.get_submodule(key).weight - plain._language.get_submodule(key).weight
        )
        assert torch.allclose(added, b @ a * 2, atol=1e-5)  # lora_alpha 8 over r 4


@pytest.mark.parametrize("change", ["missing", "surplus", "width", "foreign", "file", "damaged"])
def test_an_adapter_that_does_not_fit(made: Path, tmp_path: Path, change: str) -> None:
    adapter = write_adapter(tmp_path / "mine", made / "authors")
    file = adapter / "adapter_model.safetensors"
    state = load_file(file)
    first = sorted(state)[0]
    if change == "missing":
        del state[first]
    elif change == "surplus":
        state[first.replace("q_proj", "k_proj")] = state[first].clone()
    elif change == "width":
        state = {name: value.repeat(1, 2) for name, value in state.items()}
    elif change == "foreign":
        state = {name.replace("language_model.", ""): value for name, value in state.items()}
    save_file(state, file)
    if change == "file":
        file.unlink()
    elif change == "damaged":
        os.truncate(file, file.stat().st_size - 3)
    with pytest.raises(WeightsError, match="adapter"):
        load(made / "authors", adapter=adapter)


def test_a_model_named_as_adapter(made: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is a whole model, not an adapter"):
        load(made / "authors", adapter=made / "onevision")
    with pytest.raises(WeightsError, match="is no folder, not an adapter"):
        load(made / "authors", adapter=tmp_path / "typo")
