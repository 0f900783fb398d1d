"""The self-test lets the shipped model pass and stops each kind of quietly wrong one."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.model.tiny import tiny_triad
from triad_ui.errors import ModelError
from triad_ui.model.self_test import FILE, Answers, ask, record, self_test
from triad_ui.records import Message, VisualInput
from triad_ui.settings import REPOSITORY
from triad_ui.weights import SMOLLM2, WeightCache

SHIPPED = REPOSITORY / "assets" / "embedded"


class Answering:
    """Gives the losses and logits that it is told; `looks` by the picture's key."""

    engine = "scripted bf16"
    context_limit = 4096

    def __init__(
        self, first: float = 2.0, again: float = 0.2, red: float = 3.0, blue: float = -2.0
    ) -> None:
        self.first, self.again = first, again
        self.looks = {"0-1": red, "0-2": red, "2-1": blue}

    def token_losses(self, text: str) -> Sequence[float]:
        return [self.first] * 40 + [self.again] * 40

    def choice_logits(
        self,
        images: Sequence[VisualInput],
        messages: Sequence[Message],
        choices: Sequence[str],
        stop: threading.Event | None = None,
        *,
        urgent: bool = False,
    ) -> tuple[float, ...]:
        return self.looks[images[0].key.removeprefix("self-test-")], 0.0


def refusal(model: Any, folder: Path | None = None) -> str:
    with pytest.raises(ModelError, match="fails its self-test") as caught:
        self_test(model, folder)
    assert "It is not used." in str(caught.value)
    return str(caught.value)


def test_sound_answers_pass() -> None:
    answers = self_test(Answering())  # type: ignore[arg-type]
    assert (answers.first, answers.red, answers.apart) == (2.0, 3.0, 5.0)
    assert answers.again == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (Answering(first=10.8, again=10.8), "does not understand plain English"),
        (Answering(first=3.9, again=3.9), "does not understand plain English"),
        (Answering(first=math.nan), "gives no numbers"),
        (Answering(red=math.nan), "gives no numbers"),
        (Answering(blue=math.inf), "gives no numbers"),
        (Answering(red=1.0, blue=1.0), "does not see"),
    ],
)
def test_each_fault_is_told_in_its_own_words(model: Answering, words: str) -> None:
    assert words in refusal(model)


def test_two_looks_at_one_picture_must_agree() -> None:
    model = Answering()
    model.looks["0-2"] = 1.0
    assert "two different answers" in refusal(model)


def test_a_model_without_losses_is_asked_for_its_sight_alone() -> None:
    class Served:
        engine = "served"
        choice_logits = Answering().choice_logits

    assert self_test(Served()).first is None  # type: ignore[arg-type]


def test_recorded_answers_are_held_within_the_precisions_tolerance(tmp_path: Path) -> None:
    record(Answering(), tmp_path)  # type: ignore[arg-type]
    self_test(Answering(first=2.04, red=3.2), tmp_path)  # type: ignore[arg-type]
    assert "first: 2.20, recorded 2.00" in refusal(Answering(first=2.2), tmp_path)
    assert "red: 4.00, recorded 3.00" in refusal(Answering(red=4.0), tmp_path)
    rough = Answering(first=2.2)
    rough.engine = "triad nf4"
    self_test(rough, tmp_path)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["{", "[]", '{"first": 1}', '{"first": "a", "loss": 2}'])
def test_a_damaged_record_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ModelError, match=FILE):
        self_test(Answering(), tmp_path)  # type: ignore[arg-type]


def test_random_weights_fail_without_any_record(tmp_path: Path) -> None:
    model = tiny_triad(tmp_path)
    answers = ask(model)
    assert answers.first is not None
    assert answers.first > 0.7 * math.log(400)  # no better than chance over 400 tokens
    assert "does not understand plain English" in refusal(model)


@pytest.fixture(scope="module")
def shipped(efficientnet_weights: Path, smollm2_gguf: Path, weight_cache: WeightCache):
    from triad_ui.expert.backbone import load_efficientnet_lite0, normalise
    from triad_ui.model.embedded.load import convert_base, load_embedded
    from triad_ui.model.embedded.views import BLOCKS
    from triad_ui.wiring import CONVERTED

    base = weight_cache.commit(
        SMOLLM2, CONVERTED, lambda folder: convert_base(smollm2_gguf, folder)
    )
    network = load_efficientnet_lite0(efficientnet_weights)
    return load_embedded(
        base,
        SHIPPED,
        lambda rgb, side: network.features(normalise(rgb, side), BLOCKS),
        torch.float32,
    )


@contextmanager
def changed(model: Any, change: Callable[[Any], None], of: Any) -> Iterator[None]:
    before = {name: value.clone() for name, value in of.state_dict().items()}
    try:
        change(of)
        model.forget()
        yield
    finally:
        of.load_state_dict(before)
        model.forget()


def permute_words(language: Any) -> None:
    table = language.model.embed_tokens.weight
    order = torch.randperm(len(table), generator=torch.Generator().manual_seed(0))
    table.data.copy_(table.data[order])


def redraw(language: Any) -> None:
    random = torch.Generator().manual_seed(0)
    for weight in language.parameters():
        if weight.ndim == 2:
            weight.data.normal_(0, 0.02, generator=random)


def one_layer_gone(language: Any) -> None:
    language.model.layers[10].mlp.down_proj.weight.data.zero_()


def unscaled(language: Any) -> None:
    language.model.layers[1].input_layernorm.weight.data.fill_(1)


def not_a_number(language: Any) -> None:
    language.model.layers[3].mlp.up_proj.weight.data[7, 7] = math.nan


@pytest.mark.weights
@pytest.mark.timeout(300)
def test_the_shipped_model_passes_with_its_recorded_answers(shipped) -> None:
    assert (SHIPPED / FILE).is_file()
    answers = self_test(shipped, SHIPPED)
    then = Answers(**json.loads((SHIPPED / FILE).read_text("utf-8")))
    assert answers.first == pytest.approx(then.first, abs=0.02)


@pytest.mark.weights
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (permute_words, "does not understand"),
        (redraw, "does not understand"),
        (unscaled, "does not understand"),
        (not_a_number, "gives no numbers"),
    ],
)
def test_scrambled_weights_are_refused_without_a_record(shipped, change, words) -> None:
    with changed(shipped, change, shipped._language):
        assert words in refusal(shipped)


@pytest.mark.weights
@pytest.mark.timeout(300)
def test_one_wrong_layer_is_refused_by_the_record(shipped) -> None:
    with changed(shipped, one_layer_gone, shipped._language):
        self_test(shipped)  # the bounds that hold for any model let it pass
        assert "not those recorded" in refusal(shipped, SHIPPED)


@pytest.mark.weights
@pytest.mark.timeout(300)
def test_a_blind_model_is_refused(shipped, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = shipped._encoder
    see = encoder._projector.image
    monkeypatch.setattr(encoder._projector, "image", lambda *seen: torch.zeros_like(see(*seen)))
    shipped.forget()
    assert "does not see" in refusal(shipped)
    monkeypatch.undo()
    # with a dead tower it still sees the colours that pass it by
    tower = encoder._tower
    monkeypatch.setattr(
        encoder,
        "_tower",
        lambda rgb, side: {block: torch.zeros_like(x) for block, x in tower(rgb, side).items()},
    )
    shipped.forget()
    assert "not those recorded" in refusal(shipped, SHIPPED)
