"""Stage (c): drawn findings tell what is so, and the language model learns to read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch.utils.data import DataLoader, Subset

from tests.model.tiny import tiny_language, write_tokenizer
from tests.rounds.made_up import KINDS, PROCESS, four, projector, words
from triad_ui.instruct.truth import Truth
from triad_ui.model.chat import ChatTokenizer
from triad_ui.model.embedded.encoder import Lexicon
from triad_ui.model.embedded.findings import CONTRADICTED_BEFORE, FINDINGS, Findings, Judgement
from triad_ui.model.embedded.step_reader import Reading
from triad_ui.records import LOCATIONS, ProcessStep
from triad_ui.rounds.drawn_findings import drawn
from triad_ui.rounds.talker import Talker
from triad_ui.rounds.trusting import Lessons, train_trusting, trusting_loss
from triad_ui.rounds.truths import Told, told_of

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


def test_kind_and_place_are_the_likeliest_that_are_told_surely_or_by_a_hair(
    lexicon: Lexicon,
) -> None:
    for truth in (SURFACE, LOGICAL, replace(SURFACE, process=None, step=None)):
        told, _ = draws(truth, 400, lexicon, visible=truth is not LOGICAL)
        kind, place = KIND_INDEX[truth.kind] - 1, LOCATIONS.index(truth.location)
        for so, of in ((kind, "kinds"), (place, "places")):
            shares = torch.stack([getattr(seen, of) for seen, _ in told])
            assert torch.allclose(shares.sum(1), torch.ones(400), atol=1e-4)
            assert (shares.argmax(1) == so).all()
            first, second = shares.topk(2).values.T
            assert ((first - second) < 0.2).sum() > 15
            assert ((first - second) > 0.8).sum() > 30


def test_of_a_good_part_any_kind_and_place_is_told(lexicon: Lexicon) -> None:
    told, _ = draws(GOOD, 200, lexicon)
    kinds, places = ([int(getattr(seen, of).argmax()) for seen, _ in told]
                     for of in ("kinds", "places"))  # fmt: skip
    assert set(kinds) == set(range(len(KIND_INDEX)))
    assert set(places) == set(range(len(LOCATIONS)))


def test_what_a_fault_of_the_surface_explains_the_process_is_not_blamed_for(
    lexicon: Lexicon,
) -> None:
    blamed = {}
    for truth in (SURFACE, LOGICAL):
        told, _ = draws(truth, 400, lexicon, visible=truth is SURFACE)
        blamed[truth.kind] = np.array([float(seen.blamed) for seen, _ in told])
        doubted = np.array([float(seen.contradicted) for seen, _ in told])
        assert (blamed[truth.kind] <= doubted).all()
        spared = np.mean(doubted - blamed[truth.kind] > 1)
        assert spared > 0.6 if truth is SURFACE else spared < 0.4
    assert np.median(blamed["wrong colour"]) > np.median(blamed["dent"]) + 1


class Numbered:
    """Each word is one token."""

    def encode(self, text: str) -> list[int]:
        return [["red", "blue"].index(text[1:]) if text[1:] in ("red", "blue") else 2]


def test_the_contradicted_step_and_its_words_are_told() -> None:
    lexicon = Lexicon(Numbered(), torch.eye(3, 64))
    told, _ = draws(LOGICAL, 400, lexicon, visible=False)
    doubted = [-reading.lowest.min(1).values for _, reading in told]
    numbers = [reading.numbers[int(each.argmax())] for (_, reading), each in zip(told, doubted)]
    assert {reading.numbers for _, reading in told} == {(1, 3)}
    assert set(numbers) == {3}
    sure = np.array([float(d.softmax(0).max()) for d in doubted])
    assert (sure < 0.7).sum() > 30 and (sure > 0.95).sum() > 30
    # a red ring where step 3 orders a blue one
    assert all(float(reading.written[1]) == 1 for _, reading in told)
    assert np.mean([int(reading.seen.argmax()) == 0 for _, reading in told]) > 0.85
    # where nothing is contradicted: any value of the step that is doubted most, and any colours
    told, _ = draws(SURFACE, 400, lexicon)
    written = [int(reading.written.argmax()) for _, reading in told]
    doubted = [int((-reading.lowest.min(1).values).argmax()) for _, reading in told]
    assert written == doubted and set(written) == {0, 1}
    assert len({int(reading.seen.argmax()) for _, reading in told}) > 1


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


def lessons_of(talker: Talker, parts: Sequence[Told] | None = None, seed: int = 9) -> Lessons:
    parts = [told_of(each) for each in four()] if parts is None else parts
    projector, lexicon = talker.projector.eval(), talker.lexicon
    return Lessons(projector, lexicon, parts, words().kind_index, (), seed, 1000)


def loss_of(talker: Talker) -> dict[str, float]:
    lessons = lessons_of(talker)
    with torch.no_grad():
        losses = trusting_loss(talker, [lessons[number] for number in range(12)])
    return {name: float(value) for name, value in losses.items()}


def test_training_lowers_both_losses_and_leaves_the_projector_alone(talker: Talker) -> None:
    before = {name: value.clone() for name, value in talker.projector.state_dict().items()}
    first, noted = loss_of(talker), []
    train_trusting(
        talker, [told_of(each) for each in four()], words().kind_index, steps=25, seconds=1e6,
        seed=1, batch_size=4, rate=5e-3, on_step=lambda *told: noted.append(told),
    )  # fmt: skip
    last = loss_of(talker)
    assert last["opening"] < first["opening"] - 0.5
    assert last["answer"] < first["answer"] - 0.5
    assert [told[:2] for told in noted] == [(step, 25) for step in range(1, 26)]
    after = talker.projector.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_a_lesson_follows_its_number_whoever_draws_it(talker: Talker) -> None:
    lessons = lessons_of(talker)
    drawn_here = [lessons[number] for number in range(6)]
    elsewhere = DataLoader(
        Subset(lessons, range(6)), 2, num_workers=2, collate_fn=list, multiprocessing_context="fork"
    )
    for one, other in zip(drawn_here, (each for batch in elsewhere for each in batch), strict=True):
        assert one.sequence.ids == other.sequence.ids
        assert np.allclose(one.rows, other.rows, atol=1e-5)
        assert one.odds == other.odds or np.isnan([one.odds, other.odds]).all()
    assert len({tuple(each.sequence.ids) for each in drawn_here}) == 6


def test_some_parts_show_their_cells_some_those_of_another_and_some_none(talker: Talker) -> None:
    """Beside another's cells nothing is asked that only cells could tell."""
    looked = [told_of(each) for each in four()]
    lessons = lessons_of(talker, looked)
    own = [len(part.cells[0]) + sum(len(c) for c in part.cells[1:]) for part in looked]
    assert len(set(own)) == 4
    seen = [lessons.lesson(looked[0], np.random.default_rng(seed)) for seed in range(120)]
    beside = np.array([len(lesson.rows) - FINDINGS for lesson in seen])
    assert 0.2 < np.mean(beside == 0) < 0.45
    assert 0.3 < np.mean(beside == own[0]) < 0.7
    assert 0.05 < np.mean((beside != 0) & (beside != own[0])) < 0.4
    for lesson in seen:
        rows = -min(lesson.sequence.ids)
        assert rows == len(lesson.rows) == len({i for i in lesson.sequence.ids if i < 0})


def test_parts_that_nobody_looked_at_show_no_cells_but_others(talker: Talker) -> None:
    told = replace(told_of(four()[1]), cells=())
    lessons = lessons_of(talker, [told])
    seen = [lessons.lesson(told, np.random.default_rng(seed)) for seed in range(30)]
    assert {len(lesson.rows) for lesson in seen} == {FINDINGS}


def test_parts_told_in_words_are_held_to_what_is_so(talker: Talker) -> None:
    lessons = lessons_of(talker)
    alone = [lesson for lesson in (lessons[n] for n in range(150)) if not len(lesson.rows)]
    assert 5 < len(alone) < 30
    assert all(np.isnan(lesson.odds) for lesson in alone)
    with torch.no_grad():
        losses = trusting_loss(talker, alone[:3])
    assert losses["opening"] == 0 and losses["answer"] > 0


def test_a_batch_read_at_once_has_the_loss_of_its_sequences(
    talker: Talker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU: padded to the longest, where padding is seen by nothing."""
    lessons = lessons_of(talker)
    some = [lessons[number] for number in range(7)]
    assert len({len(lesson.sequence.ids) for lesson in some}) > 3
    with torch.no_grad():
        apart = trusting_loss(talker, some)
        monkeypatch.setattr(Talker, "together", lambda self, count: iter([slice(0, count)]))
        once = trusting_loss(talker, some)
    assert float(once["answer"]) == pytest.approx(float(apart["answer"]), rel=1e-4)
    assert float(once["opening"]) == pytest.approx(float(apart["opening"]), rel=1e-4)


def test_the_letter_is_held_against_the_odds_not_the_truth(
    talker: Talker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told odds of nothing, the loss is least where the model is as unsure, whatever is so."""
    from triad_ui.rounds import trusting

    rows = torch.zeros(FINDINGS, 64)
    monkeypatch.setattr(trusting, "drawn", lambda *_args: (rows, 0.0))
    monkeypatch.setattr(trusting, "IN_WORDS", 0.0)
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
