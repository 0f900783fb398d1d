"""Stage (c): drawn findings are as sure as they say, and the language model learns to read them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model

from tests.model.tiny import tiny_language, write_tokenizer
from tests.rounds.made_up import KINDS, PROCESS, four, projector, words
from triad_ui.instruct.truth import Truth
from triad_ui.model.chat import ChatTokenizer
from triad_ui.model.embedded.encoder import Lexicon
from triad_ui.model.embedded.findings import CONTRADICTED_BEFORE, FINDINGS, Findings, Judgement
from triad_ui.model.embedded.step_reader import Reading
from triad_ui.records import LOCATIONS, ProcessStep
from triad_ui.rounds.conversations import Sequenced
from triad_ui.rounds.drawn_findings import drawn
from triad_ui.rounds.talking import Talker
from triad_ui.rounds.trusting import train_trusting, trusting_loss

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")

ORDERED = replace(
    PROCESS,
    steps=(
        ProcessStep(1, "Press it.", ("cap: red",)),
        ProcessStep(2, "Print it."),
        ProcessStep(3, "Close it.", ("ring: blue",)),
    ),
)
KIND_INDEX = {**words().kind_index, "wrong colour": 3}
GOOD = Truth("normal", "cap", ORDERED)
SURFACE = Truth("defective", "cap", ORDERED, "dent", "top left", 1)
LOGICAL = Truth(
    "defective", "cap", ORDERED, "wrong colour", "right", 3, "a blue ring", "a red ring"
)


class Caught(Findings):
    """Keeps what it is to tell."""

    def __init__(self) -> None:
        super().__init__(64, len(KIND_INDEX))
        self.told_of: list[tuple[Judgement, Reading | None]] = []

    def told(self, seen: Judgement, reading: Reading | None) -> torch.Tensor:
        self.told_of.append((seen, reading))
        return super().told(seen, reading)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> ChatTokenizer:
    return ChatTokenizer(write_tokenizer(tmp_path_factory.mktemp("tokens") / "tokenizer.json"))


@pytest.fixture(scope="module")
def lexicon(tokenizer: ChatTokenizer) -> Lexicon:
    torch.manual_seed(0)
    return Lexicon(tokenizer, torch.randn(tiny_language().config.vocab_size, 64))


def draws(
    truth: Truth, count: int, lexicon: Lexicon, *, visible: bool = True, seed: int = 0
) -> tuple[list[tuple[Judgement, Reading | None]], np.ndarray]:
    findings, rng = Caught(), np.random.default_rng(seed)
    odds = [
        drawn(truth, visible, torch.full((10,), 0.1), KIND_INDEX, findings, lexicon, rng)[1]
        for _ in range(count)
    ]
    return findings.told_of, np.array(odds)


def test_as_many_are_faulty_as_the_drawn_odds_say(lexicon: Lexicon) -> None:
    good = draws(GOOD, 1600, lexicon, seed=1)[1]
    faulty = [draws(SURFACE, 800, lexicon, seed=2)[1]]
    faulty.append(draws(LOGICAL, 800, lexicon, visible=False, seed=3)[1])
    odds = np.concatenate([good, *faulty])
    so = np.arange(len(odds)) >= len(good)
    told = 1 / (1 + np.exp(-odds))
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        some = (told >= low) & (told < low + 0.2)
        assert some.sum() > 100
        assert so[some].mean() == pytest.approx(told[some].mean(), abs=0.07)


def test_what_is_told_bears_the_odds_that_are_returned(lexicon: Lexicon) -> None:
    told, odds = draws(LOGICAL, 50, lexicon)
    assert np.allclose([float(seen.faulty) for seen, _ in told], odds, atol=1e-4)
    # a contradiction that is no likelier than before does not make a part faulty
    for seen, _ in told:
        beyond = float(seen.contradicted.exp()) - CONTRADICTED_BEFORE
        assert np.exp(float(seen.faulty)) >= beyond - 1e-4


@pytest.mark.parametrize("truth", [SURFACE, LOGICAL])
def test_kinds_and_places_are_as_sure_as_they_say(truth: Truth, lexicon: Lexicon) -> None:
    told, _ = draws(truth, 600, lexicon, visible=truth is SURFACE)
    place = LOCATIONS.index(truth.location)
    places = torch.stack([seen.places for seen, _ in told])
    kinds = torch.stack([seen.kinds for seen, _ in told])
    assert torch.allclose(places.sum(1), torch.ones(600), atol=1e-4)
    right = (places.argmax(1) == place).float().mean()
    assert float(right) == pytest.approx(float(places.amax(1).mean()), abs=0.06)
    right = (kinds.argmax(1) == KIND_INDEX[truth.kind] - 1).float().mean()
    assert float(right) == pytest.approx(float(kinds.amax(1).mean()), abs=0.06)
    assert right > 0.6


class Numbered:
    """Each word is one token."""

    def encode(self, text: str) -> list[int]:
        return [["red", "blue"].index(text[1:]) if text[1:] in ("red", "blue") else 2]


def test_the_contradicted_step_and_its_words_are_told() -> None:
    lexicon = Lexicon(Numbered(), torch.eye(3, 64))
    told, _ = draws(LOGICAL, 400, lexicon, visible=False)
    doubted = [-reading.lowest.min(1).values for _, reading in told]
    numbers = [reading.numbers[int(each.argmax())] for (_, reading), each in zip(told, doubted)]
    right = np.mean(np.array(numbers) == 3)
    assert {reading.numbers for _, reading in told} == {(1, 3)}
    assert 0.75 < right < 1
    sure = np.mean([float(d.softmax(0).max()) for d in doubted])
    assert right == pytest.approx(sure, abs=0.05)
    # a red ring where step 3 orders a blue one; else any value of the step, and any colours
    blue = np.mean([float(reading.written[1]) for _, reading in told])
    assert 0.7 < blue < 1
    shown = np.array([int(reading.seen.argmax()) for _, reading in told])
    assert 0.6 < np.mean(shown == 0) < 0.9


def test_without_a_process_nothing_contradicts_it(lexicon: Lexicon) -> None:
    for truth in (replace(SURFACE, process=None, step=None), replace(GOOD, process=None)):
        told, _ = draws(truth, 5, lexicon)
        assert all(seen.contradicted is None and reading is None for seen, reading in told)


@pytest.fixture
def talker(tokenizer: ChatTokenizer) -> Talker:
    torch.manual_seed(0)
    lora = LoraConfig(r=8, lora_alpha=32, target_modules=["q_proj", "v_proj", "down_proj"],
                      task_type="CAUSAL_LM")  # fmt: skip
    return Talker(get_peft_model(tiny_language(), lora), projector(), tokenizer)


def loss_of(talker: Talker) -> dict[str, float]:
    with torch.no_grad():
        rng = np.random.default_rng(9)
        losses = trusting_loss(talker, four() * 3, words().kind_index, rng)
    return {name: float(value) for name, value in losses.items()}


def test_training_lowers_both_losses_and_leaves_the_projector_alone(talker: Talker) -> None:
    before = {name: value.clone() for name, value in talker.projector.state_dict().items()}
    first, noted = loss_of(talker), []
    train_trusting(
        talker, four(), words().kind_index, steps=25, seconds=1e6, seed=1, batch_size=4,
        rate=5e-3, on_step=lambda *told: noted.append(told),
    )  # fmt: skip
    last = loss_of(talker)
    assert last["opening"] < first["opening"] - 0.5
    assert last["answer"] < first["answer"] - 0.5
    assert [told[:2] for told in noted] == [(step, 25) for step in range(1, 26)]
    after = talker.projector.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_half_of_the_examples_show_their_cells(
    talker: Talker, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[int] = []
    whole = Talker.predicted

    def counted(self: Talker, sequence: Sequenced, own: torch.Tensor) -> tuple:
        lengths.append(len(own))
        return whole(self, sequence, own)

    monkeypatch.setattr(Talker, "predicted", counted)
    for _ in range(3):
        loss_of(talker)
    alone = [length == FINDINGS for length in lengths]
    assert 0.2 < np.mean(alone) < 0.8
    assert min(length for length in lengths if length != FINDINGS) > FINDINGS + 30


def test_the_letter_is_held_against_the_odds_not_the_truth(
    talker: Talker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told odds of nothing, the loss is least where the model is as unsure, whatever is so."""
    from triad_ui.rounds import trusting

    rows = torch.zeros(FINDINGS, 64)
    monkeypatch.setattr(trusting, "drawn", lambda *_args: (rows, 0.0))
    head = talker.language.get_base_model().lm_head
    letters = [talker.tokenizer.encode(letter)[0] for letter in ("A", "B")]
    found = {}
    for gap in (-2.0, 0.0, 2.0):
        bias = torch.full((head.weight.shape[0],), -30.0)
        bias[letters[0]], bias[letters[1]] = gap, 0.0
        monkeypatch.setattr(head, "forward", lambda hidden, bias=bias: bias.expand(len(hidden), -1))
        found[gap] = loss_of(talker)["opening"]
    assert found[0.0] == pytest.approx(np.log(2), abs=1e-3)
    assert found[-2.0] == pytest.approx(found[2.0], abs=1e-3)
    assert found[2.0] > found[0.0] + 0.3
    assert set(KINDS) == {"dent", "scratch"}
