"""Stage (b): what is learned from, and that learning works from training to the running model."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model

from tests.model.tiny import stub_tower, tiny_language, visual, write_tokenizer
from tests.rounds.made_up import PROCESS, example, four, looking, projector
from triad_ui.dialogue import prompt
from triad_ui.instruct.truth import Truth
from triad_ui.model.chat import ChatTokenizer
from triad_ui.model.embedded.encoder import EmbeddedEncoder, Lexicon
from triad_ui.model.embedded.findings import FINDINGS
from triad_ui.model.language_model import GenerationOptions
from triad_ui.model.local import LocalTriad
from triad_ui.records import ManufacturingProcess, Message, ProcessStep
from triad_ui.rounds.close_reading import close_of
from triad_ui.rounds.conversations import (
    BRANCHES,
    OPENING_WEIGHT,
    TOLD_WEIGHT,
    elsewhere,
    sequenced,
    taught,
    told,
)
from triad_ui.rounds.examples import Example
from triad_ui.rounds.talker import ALONE, STEP_WEIGHT, WORDS, Talker
from triad_ui.rounds.talking import (
    _batches,
    opening_logits,
    train_talking,
)

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> ChatTokenizer:
    return ChatTokenizer(write_tokenizer(tmp_path_factory.mktemp("tokens") / "tokenizer.json"))


@pytest.fixture
def talker(tokenizer: ChatTokenizer) -> Talker:
    torch.manual_seed(0)
    language = tiny_language()
    lora = LoraConfig(r=8, lora_alpha=32, target_modules=["q_proj", "v_proj", "down_proj"],
                      task_type="CAUSAL_LM")  # fmt: skip
    return Talker(get_peft_model(language, lora), projector(), tokenizer)


def rows_of(shown: Example) -> list[int]:
    """Visual tokens of each image; the query's findings follow its cells."""
    return [len(cells) + (0 if number else FINDINGS) for number, cells in enumerate(shown.cells)]


@pytest.mark.parametrize("one_shot", [True, False])
def test_lessons_open_as_the_workbench_does(one_shot: bool) -> None:
    rng, opened = np.random.default_rng(0), 0
    for seed in range(60):
        truth = example(seed, defective=bool(seed % 2), one_shot=one_shot).truth
        messages, branches = taught(truth, rng)
        for branch in branches:
            assert [m.role for m in branch] == ["user", "assistant"] * (len(branch) // 2)
            assert not any(m.images for m in branch)
        assert [m.role for m in messages[1:]] == ["user", "assistant"] * (len(messages) // 2)
        assert messages[0] == Message("system", prompt.SYSTEM)
        assert messages[1].images == ((0, 1) if one_shot else (0,))
        assert not any(m.images for m in messages[2:])
        if messages[1:2] == [prompt.opening("cap", PROCESS, 1 + one_shot)[1]]:
            opened += 1
            assert messages[2] == Message("assistant", "A" if seed % 2 else "B")
        if branches:
            assert len(messages) == 3 and messages[1].text.endswith(prompt.CHOICES)
            assert len(branches) == BRANCHES and len({b[0].text for b in branches}) > 1
    assert 45 < opened < 60


def test_parts_told_in_words_show_no_picture_and_open_both_ways() -> None:
    rng, letters = np.random.default_rng(1), []
    for _ in range(200):
        messages, truth = told(rng)
        assert not any(message.images for message in messages)
        if messages[1].text.startswith("What the image shows: "):
            assert messages[1].text.endswith(prompt.CHOICES)
            letters.append(messages[2].text)
            assert (messages[2].text == prompt.YES) == truth.defective
    assert 100 < len(letters) < 170
    assert 0.35 < letters.count(prompt.YES) / len(letters) < 0.65


def test_only_the_assistants_words_are_learned(tokenizer: ChatTokenizer) -> None:
    messages = [
        Message("system", "You are"),
        Message("user", "Are there any defects?", (0, 1)),
        Message("assistant", "A"),
        Message("user", "Where is it?"),
        Message("assistant", "at the top left."),
    ]
    made = sequenced(messages, [5, 3], tokenizer)
    assert len(made.ids) == len(made.weights)
    learned = [token for token, weight in zip(made.ids, made.weights) if weight > 0]
    said = tokenizer.encode("at the top left.")
    assert learned == [*tokenizer.encode("A"), tokenizer.end, *said, tokenizer.end]
    weights = [weight for weight in made.weights if weight > 0]
    assert weights[0] == OPENING_WEIGHT
    places = {tokenizer.encode(f" {word}")[0] for word in ("top", "left", "right", "bottom")}
    assert any(token in places for token in learned)
    assert weights[1:] == [TOLD_WEIGHT if token in places else 1.0 for token in learned[1:]]
    # the rows of both images, in order, each image in its own place
    rows = [token for token in made.ids if token < 0]
    assert rows == [-1, -2, -3, -4, -5, -6, -7, -8]
    first = made.ids.index(-5)
    assert made.ids[first + 1] >= 0  # a newline stands between the images


def test_words_that_tell_what_is_there_from_what_was_ordered_count_more(
    tokenizer: ChatTokenizer,
) -> None:
    # words that the small tokenizer has as one token each; of others it knows the beginning
    whole = {tokenizer.encode(f" {word}")[0]: word for word in ("step", "image", "left")}
    ordered, there = "a step at the left", "an image at the left"
    process = ManufacturingProcess("stair", "stair", "stairs", (ProcessStep(3, "Fit it.", ()),))
    truth = Truth("defective", "stair", process, step=3, expected=ordered, observed=there)
    assert truth.apart == (["step"], ["image"])
    said = Message("assistant", f"It calls for {ordered}, but I see {there}.")
    for fact, words in ((truth, ["step", "left", "image", "left"]), (None, ["left", "left"])):
        made = sequenced([Message("user", "What is wrong?"), said], (), tokenizer, fact)
        heavy = [i for i, weight in zip(made.ids, made.weights) if weight == TOLD_WEIGHT]
        assert [whole[i] for i in heavy if i in whole] == words


def test_positions_are_those_of_the_running_model(tokenizer: ChatTokenizer) -> None:
    """What was trained on is read the same way when the model is used."""
    messages, _ = taught(example(1, defective=True).truth, np.random.default_rng(0))
    trained = sequenced(messages[:2], [100, 52], tokenizer)
    pieces = tokenizer.pieces(messages[:2])
    words_only = [token for token in trained.ids if token >= 0]
    used = [piece for piece in pieces if isinstance(piece, int)]
    opening = len(tokenizer.encode("assistant\n")) + 1
    assert words_only == used[:-opening]


def test_the_loss_is_that_of_a_loop_over_positions_of_each_dialogue(talker: Talker) -> None:
    some = four()
    rng = np.random.default_rng(3)
    talker.eval()  # parts of cells are hidden at random while training
    got = talker.loss(some, looking(talker.projector), rng)
    rng = np.random.default_rng(3)
    wrong = weight = 0.0
    steps: list[float] = []
    table = talker.language.get_input_embeddings().weight
    with torch.no_grad():
        held, hidden = [], 0
        for each in some:
            truth, alone = elsewhere(each.truth, (), rng), rng.random() < ALONE
            hidden += alone
            messages, branches = taught(truth, rng)
            reading = talker.read(each, each.truth.process)
            query, *others = each.cells
            close = close_of(talker.projector, each)
            rows = [talker.projector.image(query, each.evidence, close, reading)]
            rows = torch.cat(rows + [talker.projector.image(cells) for cells in others])
            counts = rows_of(each)
            if alone:
                rows, counts = rows[counts[0] - FINDINGS : counts[0]], [FINDINGS, 0][: len(counts)]
            trunk = sequenced(messages, counts, talker.tokenizer, each.truth)
            held.append((trunk, rows))
            for branch in branches:  # each a dialogue of its own; what they share counts once
                made = sequenced([*messages, *branch], counts, talker.tokenizer, each.truth)
                made = replace(made, steps=())  # the trunk tells of these
                made.weights[: len(trunk.ids)] = [0.0] * len(trunk.ids)
                held.append((made, rows))
        for _ in range(rng.binomial(len(some), WORDS)):
            messages, truth = told(rng)
            held.append((sequenced(messages, (), talker.tokenizer, truth), torch.zeros(0, 64)))
        assert len(held) > len(some) and 0 < hidden < len(some)
        for made, rows in held:
            embedded = torch.stack([table[i] if i >= 0 else rows[-1 - i] for i in made.ids])
            seen = talker.language(inputs_embeds=embedded[None], output_hidden_states=True)
            logits = seen.logits[0].log_softmax(-1)
            for place, contradicted in made.steps:
                odds = talker.contradicted(seen.hidden_states[-1][0, place])[0]
                p = torch.sigmoid(odds if contradicted else -odds)
                steps.append(-float(p.log()) * (STEP_WEIGHT if contradicted else 1.0))
            for place, (token, share) in enumerate(zip(made.ids, made.weights)):
                if share:
                    wrong -= share * float(logits[place - 1, token])
                    weight += share
    assert got["answer"].item() == pytest.approx(wrong / weight, rel=0.01)
    assert len(steps) > 6
    assert got["contradicted"].item() == pytest.approx(np.mean(steps), rel=0.01)


def test_training_lowers_the_loss_and_the_running_model_agrees(talker: Talker) -> None:
    some, seen = four(), []
    torch.manual_seed(0)
    train_talking(
        talker, looking(talker.projector), some, steps=30, seconds=1e9, seed=0, batch_size=4,
        rate=1e-2,
        on_step=lambda step, steps, losses: seen.append(losses["answer"]),
    )  # fmt: skip
    assert len(seen) == 30
    assert np.mean(seen[-5:]) < 0.85 * np.mean(seen[:5])
    trained = opening_logits(talker, some)
    merged = talker.language.merge_and_unload().eval().requires_grad_(False)
    lexicon = Lexicon(talker.tokenizer, merged.get_input_embeddings().weight)
    encoder = EmbeddedEncoder(talker.projector, stub_tower, lexicon)
    running = LocalTriad(merged, talker.tokenizer, encoder, "tiny", 2048)
    for number, each in enumerate(some):
        images = [replace(visual(number, number), process=each.truth.process)]
        if each.truth.one_shot:
            images.append(visual(number + 1000, number, mapped=False, is_reference=True))
        messages = prompt.opening("cap", each.truth.process, len(images))
        yes, no = running.choice_logits(images, messages, (prompt.YES, prompt.NO))
        assert yes - no == pytest.approx(trained[number], abs=0.3)  # bfloat16 against float32
    chunks = list(running.stream(images, messages, GenerationOptions(4), threading.Event()))
    assert chunks[-1].finished


def test_training_ends_when_its_time_is_over(talker: Talker) -> None:
    seen: list[int] = []
    train_talking(
        talker, looking(talker.projector), four(), steps=1000, seconds=0.0001, seed=0, batch_size=4,
        on_step=lambda step, *_: seen.append(step),
    )  # fmt: skip
    assert len(seen) <= 1


def test_batches_hold_each_example_once_and_like_lengths_together() -> None:
    some = [example(seed, defective=False, rois=seed % 5) for seed in range(10)]
    batches = _batches(some, 3, np.random.default_rng(0))
    assert sorted(index for batch in batches for index in batch) == list(range(10))
    assert max(len(batch) for batch in batches) == 3
    assert isinstance(batches[0], list)


def test_the_ends_of_steps_are_found_and_the_contradicted_one_is_marked(
    tokenizer: ChatTokenizer,
) -> None:
    truth = replace(
        example(1, defective=True).truth, kind="wrong colour", step=2, expected="a red cap",
        observed="a blue cap",
    )  # fmt: skip
    made = sequenced(*laid(truth, tokenizer))
    newline = tokenizer.encode("\n")[0]
    assert [wrong for _, wrong in made.steps] == [0.0, 1.0]
    for (end, _), text in zip(made.steps, ("1. Press it. (cap: red)", "2. Print it."), strict=True):
        said = tokenizer.encode(f"{text}\n")
        assert made.ids[end] == newline and made.ids[end - len(said) + 1 : end + 1] == said
    surface = example(1, defective=True).truth
    made = sequenced(*laid(surface, tokenizer))
    assert [wrong for _, wrong in made.steps] == [0.0, 0.0]
    without = replace(surface, process=None, step=None)
    assert sequenced(*laid(without, tokenizer)).steps == ()


def laid(truth: Truth, tokenizer: ChatTokenizer) -> tuple:
    """What `sequenced` is given of a part, with two images."""
    messages, branches = taught(truth, np.random.default_rng(0))
    return messages, [100, 52], tokenizer, truth, branches


def test_a_process_from_elsewhere_stands_only_where_it_decides_nothing() -> None:
    rng = np.random.default_rng(0)
    bottle = ManufacturingProcess("bottle", "bottle", "bottles", (ProcessStep(1, "Blow it."),))
    good, dent = example(2, defective=False).truth, example(1, defective=True).truth
    for truth in (good, dent):
        some = [elsewhere(truth, (bottle,), rng) for _ in range(200)]
        taken = [each for each in some if each.process is bottle]
        assert 10 < len(taken) < 60
        assert {(t.product, t.step, t.label) for t in taken} == {("bottle", None, truth.label)}
        assert all(each == truth for each in some if each.process is not bottle)
    alike = replace(good, product="bottle mouth")
    assert 60 < sum(elsewhere(alike, (bottle,), rng).process is bottle for _ in range(200)) < 140
    for truth in (
        replace(dent, expected="a red cap"),
        replace(good, reference_agrees=False),
        replace(good, one_shot=False),
        replace(good, process=None),
    ):
        assert all(elsewhere(truth, (bottle,), rng) == truth for _ in range(50))
