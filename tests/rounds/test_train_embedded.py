"""The training command: its measures, and a whole tiny run from examples to a loadable adapter."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import LlamaForCausalLM

from tests.model.tiny import stub_tower, tiny_config, visual, write_tokenizer
from tests.rounds.made_up import example, looked_at, parts
from triad_ui.cli_train import add_train_flags
from triad_ui.errors import TrainingError
from triad_ui.model.embedded.load import TOKENIZER, load_embedded, read_card
from triad_ui.records import Message
from triad_ui.rounds import learn_close, learn_steps
from triad_ui.rounds import train_embedded as module
from triad_ui.rounds.budgets import BUDGETS, Budget
from triad_ui.rounds.close_pairs import ClosePair, pairs_of
from triad_ui.rounds.close_ups import CloseUp
from triad_ui.rounds.examples import COLOURS, Example
from triad_ui.rounds.step_pictures import Shown
from triad_ui.rounds.step_reading import Encode, vocabulary
from triad_ui.rounds.train_embedded import LOGICAL_KINDS, train_embedded, words_of
from triad_ui.rounds.train_expert import EXPERT_BUDGETS
from triad_ui.rounds.truths import Told, told_of
from triad_ui.synthesis.assembly import Assembly
from triad_ui.synthesis.surface import SURFACE_KINDS

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    LlamaForCausalLM(tiny_config()).save_pretrained(tmp_path / "base")
    write_tokenizer(tmp_path / "base" / TOKENIZER)
    return tmp_path / "base"


def test_words_have_unit_length_and_their_own_rows(base: Path) -> None:
    from triad_ui.model.embedded.load import load_base

    model, tokenizer = load_base(base, torch.float32)
    words = words_of(tokenizer, model.get_input_embeddings().weight)
    assert words.kinds.shape == (1 + len(SURFACE_KINDS) + len(LOGICAL_KINDS), 64)
    assert words.colours.shape == (len(COLOURS), 64)
    assert torch.allclose(words.kinds.norm(dim=1), torch.ones(len(words.kinds)))
    assert sorted(words.kind_index.values()) == list(range(1, len(words.kinds)))


def made(
    folder: Path, weights: Path, first: int, count: int, *_: object, varied: bool = True
) -> list[Example]:
    return [example(n, defective=bool(n % 2), rois=n % 3) for n in range(count)]


def frames(
    folder: Path, weights: Path, first: int, count: int, jobs: int, show: object,
    families: Sequence[str],
) -> list[CloseUp]:  # fmt: skip
    return looked_at(count, families)


def pairs(
    folder: Path, weights: Path, first: int, count: int, jobs: int, show: object,
    families: Sequence[str],
) -> list[ClosePair]:  # fmt: skip
    return [pair for seed in range(count) for pair in pairs_of(seed, families, stub_tower)]


def few(
    folder: Path, weights: Path, first: int, count: int, jobs: int, show: object,
    families: Sequence[str],
) -> list[Shown]:  # fmt: skip
    return parts(min(count, 4), families)


@pytest.fixture(autouse=True)
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No example comes from the real tower, and words are counted over few processes."""
    monkeypatch.setattr(module, "examples", made)
    monkeypatch.setattr(learn_steps, "step_pictures", few)
    monkeypatch.setattr(learn_close, "close_ups", frames)
    monkeypatch.setattr(learn_close, "close_pairs", pairs)
    monkeypatch.setattr(module, "truths", told_only)
    monkeypatch.setattr(module, "vocabulary", lambda families, encode: all_words(encode))


def told_only(folder: Path, first: int, count: int, *_: object) -> list[Told]:
    """Of parts that nobody looked at."""
    return [replace(told_of(each), cells=()) for each in made(folder, folder, first, count)]


def all_words(encode: Encode) -> torch.Tensor:
    return vocabulary([Assembly()], encode, draws=40)


def run(base: Path, folder: Path, said: list[str], start: Path | None = None) -> dict:
    budget = Budget(
        8, close=4, looks=2, pairs=3, compared=2, epochs=2, parts=6, readings=2, paints=2, orders=2,
        names=2, words=2, steps=3, batch=2, validation=6, truths=5, trusted=2,
    )  # fmt: skip
    return train_embedded(
        base, Path("none"), folder / "adapter", folder / "work", budget, seed=3, jobs=1,
        say=said.append, start=start,
    )  # fmt: skip


def test_a_run_writes_an_adapter_that_loads_and_answers(base: Path, tmp_path: Path) -> None:
    said: list[str] = []
    card = run(base, tmp_path, said)
    assert read_card(tmp_path / "adapter")["files"] == card["files"]
    for name, digest in card["files"].items():
        content = (tmp_path / "adapter" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
    assert card["seed"] == 3
    assert card["budget"]["steps"] == 3
    assert set(card["validation"]) == {
        "looking", "looking, new families", "words, new families",
        "verdict", "verdict, new families",
    }  # fmt: skip
    lines = (tmp_path / "work" / "losses.jsonl").read_text("utf-8").splitlines()
    noted = [json.loads(line) for line in lines]
    assert [line["step"] for line in noted if line["stage"] == "b"] == [1, 2, 3]
    for stage in ("words", "steps", "paints", "orders", "names", "close", "compared", "c"):
        assert [line["step"] for line in noted if line["stage"] == stage] == [1, 2]
    aside = [line["step"] for line in noted if line["stage"] == "orders, to weigh"]
    assert aside == [1]
    assert 0 <= card["validation"]["words, new families"] <= 1
    assert any("stage b 3/3" in line for line in said)
    model = load_embedded(base, tmp_path / "adapter", stub_tower, torch.float32)
    logits = model.choice_logits((visual(),), (Message("user", "defect?", (0,)),), ("A", "B"))
    assert all(np.isfinite(logits))


def test_a_second_run_takes_stage_a_from_the_first(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(base, tmp_path, [])
    for stage in ("train_reading", "train_paint", "train_colours", "train_naming"):
        monkeypatch.setattr(learn_steps, stage, lambda *_a, **_k: pytest.fail("read again"))
    for stage in ("train_close", "train_comparing"):
        monkeypatch.setattr(learn_close, stage, lambda *_a, **_k: pytest.fail("looked again"))
    for stage in ("train_looking", "train_words"):
        monkeypatch.setattr(module, stage, lambda *_a, **_k: pytest.fail("trained again"))
    run(base, tmp_path, [])


def test_a_run_goes_on_from_an_adapter(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(base, tmp_path / "first", [])
    for stage in ("train_looking", "train_words", "train_talking"):
        monkeypatch.setattr(module, stage, lambda *_a, **_k: None)
    given: list[Told] = []
    monkeypatch.setattr(
        module, "train_trusting", lambda _talker, parts, *_a, **_k: given.extend(parts)
    )
    for stage in ("train_close", "train_comparing"):
        monkeypatch.setattr(learn_close, stage, lambda *_a, **_k: None)
    for stage in ("train_reading", "train_paint", "train_colours", "train_naming", "weigh"):
        monkeypatch.setattr(learn_steps, stage, lambda *_a, **_k: 0.0)
    start = tmp_path / "first" / "adapter"
    card = run(base, tmp_path / "second", [], start)
    assert card["gone on from"] == first["version"] and first["gone on from"] == ""
    # stage (c) is given what was looked at, and what is only told
    assert [bool(part.cells) for part in given] == [True] * 8 + [False] * 5
    # nothing was learned in between, so that the same weights must come out
    assert card["files"] == first["files"]
    anew = run(base, tmp_path / "third", [])
    assert anew["files"]["adapter_model.safetensors"] != first["files"]["adapter_model.safetensors"]


def test_every_budget_can_be_asked_for() -> None:
    for what, budgets in (("embedded", BUDGETS), ("expert", EXPERT_BUDGETS)):
        parser = argparse.ArgumentParser()
        add_train_flags(parser, what)
        for name in budgets:
            assert parser.parse_args(["--budget", name]).budget == name
        with pytest.raises(SystemExit):
            parser.parse_args(["--budget", "none of them"])


def test_a_loss_that_is_not_finite_ends_the_run(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoilt(*arguments: object, **named: bool) -> list[Example]:
        some = made(*arguments, **named)
        for each in some:
            each.cells[0].vectors[0, 0] = float("nan")
        return some

    monkeypatch.setattr(module, "examples", spoilt)
    with pytest.raises(TrainingError, match="not finite"):
        run(base, tmp_path, [])
    assert not (tmp_path / "adapter").exists()
