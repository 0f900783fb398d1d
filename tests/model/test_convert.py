"""The converted folder answers alike, in stock transformers and here, and is whole or not there."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import AutoTokenizer, LlavaOnevisionForConditionalGeneration

from tests.model.test_assemble import IDS, load, logits
from tests.model.tiny_llava import write_authors, write_onevision
from triad_ui.errors import WeightsError
from triad_ui.model import convert as convert_module
from triad_ui.model.chat import CHATML, MISTRAL, VICUNA, ChatTemplate
from triad_ui.model.checkpoint import open_checkpoint
from triad_ui.model.convert import convert
from triad_ui.model.published_files import CHAT_TEMPLATES
from triad_ui.records import Message

RECORDED = Path(__file__).parent / "recorded"


@pytest.fixture(params=["tiny", "recorded"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "tiny":
        return write_authors(tmp_path / "source")
    shutil.copytree(RECORDED / "checkpoint_ov", tmp_path / "source")
    shutil.copy(RECORDED / "vision_tower_config.json", tmp_path / "source")
    return tmp_path / "source"


def test_equal_logits_in_stock_and_here(source: Path, tmp_path: Path) -> None:
    told: list[float] = []
    target = convert(
        source, tmp_path / "target", lambda fraction, message: told.append(fraction),
        shard_bytes=60_000,
    )  # fmt: skip
    assert told[0] == 0.0 and told[-1] == 1.0 and len(told) > 3
    expected = logits(load(source))
    assert torch.equal(logits(load(target)), expected)
    stock, report = LlavaOnevisionForConditionalGeneration.from_pretrained(
        target, dtype=torch.float32, output_loading_info=True
    )
    assert not any(report.values())
    with torch.inference_mode():
        assert torch.allclose(stock.eval()(input_ids=IDS).logits[0], expected, atol=1e-5)
    pixels = torch.rand(1, 3, *[stock.config.vision_config.image_size] * 2)
    mine = load(target)._language.model.vision_tower(pixels).last_hidden_state
    assert torch.allclose(stock.model.vision_tower(pixels).last_hidden_state, mine, atol=1e-5)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_what_is_seen_and_said_stays(source: Path, tmp_path: Path) -> None:
    target = convert(source, tmp_path / "target")
    before, after = open_checkpoint(source), open_checkpoint(target)
    assert after.visual == before.visual
    assert (after.layout, after.template) == ("transformers", before.template)
    assert after.context_limit == before.context_limit
    words = AutoTokenizer.from_pretrained(target)
    image = after.config.image_token_index
    assert words.convert_tokens_to_ids("<image>") == image < after.config.text_config.vocab_size
    assert words("a<image>b")["input_ids"].count(image) == 1
    text = "Are there any defects? <|im_end|>"
    before_ids = Tokenizer.from_file(str(source / "tokenizer.json")).encode(text).ids
    assert words(text)["input_ids"] == before_ids


def test_a_vocabulary_without_room_gets_rows_that_are_never_the_answer(tmp_path: Path) -> None:
    source = write_authors(tmp_path / "source")
    count = Tokenizer.from_file(str(source / "tokenizer.json")).get_vocab_size()
    for file in source.glob("*.safetensors"):
        state = load_file(file)
        for name in ("model.embed_tokens.weight", "lm_head.weight"):
            if name in state:
                state[name] = state[name][:count].contiguous()
        save_file(state, file)
    config = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps(config | {"vocab_size": count}))
    before = logits(load(source))
    target = convert(source, tmp_path / "target")
    after = logits(load(target))
    assert after.shape[1] > count and after.shape[1] % 64 == 0
    assert torch.allclose(after[:, :count], before, atol=1e-5)
    assert (after.argmax(-1) < count).all()


def test_a_target_that_is_taken_is_left_alone(tmp_path: Path) -> None:
    source = write_authors(tmp_path / "source")
    (tmp_path / "target").mkdir()
    (tmp_path / "target/mine.txt").write_text("kept")
    with pytest.raises(WeightsError, match="not empty"):
        convert(source, tmp_path / "target")
    assert (tmp_path / "target/mine.txt").read_text() == "kept"
    (tmp_path / "target/mine.txt").unlink()
    assert (convert(source, tmp_path / "target") / "config.json").is_file()


def test_a_full_disk_is_noticed_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_authors(tmp_path / "source")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 10, 1000))
    with pytest.raises(WeightsError, match="GB free"):
        convert(source, tmp_path / "new" / "target")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_in_the_middle_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    source = write_authors(tmp_path / "source")
    real, calls = convert_module.save_file, []

    def fails(*args: object, **kwargs: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise error
        real(*args, **kwargs)

    monkeypatch.setattr(convert_module, "save_file", fails)
    with pytest.raises(WeightsError if isinstance(error, OSError) else KeyboardInterrupt):
        convert(source, tmp_path / "target", shard_bytes=60_000)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_what_needs_no_conversion(tmp_path: Path) -> None:
    write_onevision(tmp_path / "source")
    with pytest.raises(WeightsError, match="already"):
        convert(tmp_path / "source", tmp_path / "target")


@pytest.mark.parametrize("template", [CHATML, MISTRAL, VICUNA])
def test_stock_writes_a_conversation_as_we_do(template: ChatTemplate) -> None:
    from jinja2 import Template

    messages = [
        Message("system", "You are a helpful assistant."),
        Message("user", "What is wrong?", (0, 1)),
        Message("assistant", "A scratch."),
        Message("user", "Where?"),
    ]
    parts = [
        [{"type": "image"}] * len(m.images) + [{"type": "text", "text": m.text}] for m in messages
    ]
    stock = [{"role": m.role, "content": part} for m, part in zip(messages, parts)]
    written = Template(CHAT_TEMPLATES[template.name]).render(
        messages=stock, add_generation_prompt=True
    )
    ours = ""
    for message in messages:
        for part in template.message(message):
            ours += part if isinstance(part, str) else getattr(part, "text", "<image>")
    ours += "".join(part if isinstance(part, str) else part.text for part in template.opening)
    assert written == ours
