"""Learning to read steps: what is told of a part, what contradicts it, and that it learns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tests.model.tiny import stub_tower, write_tokenizer
from tests.rounds.made_up import parts
from triad_ui.errors import TrainingError
from triad_ui.instruct.attributes import attributes_of, differing
from triad_ui.model.chat import ChatTokenizer
from triad_ui.model.embedded.colour_reader import ColourReader
from triad_ui.model.embedded.encoder import Lexicon, read_process
from triad_ui.model.embedded.projector import Projector
from triad_ui.model.embedded.scene import see
from triad_ui.model.embedded.step_reader import NAME, VALUE, StepReader
from triad_ui.records import ManufacturingProcess, ProcessStep
from triad_ui.rounds.learn_steps import LOOKED_AT_LATER, READ_AT_FIRST, any_words
from triad_ui.rounds.step_pictures import DRAWN, Shown, draw_part
from triad_ui.rounds.step_reading import (
    LINES,
    lines_of,
    pair_of,
    sorts_of,
    train_reading,
    vocabulary,
    weigh,
)
from triad_ui.synthesis.assembly import Assembly
from triad_ui.synthesis.families import FAMILIES, HELD_OUT

LETTERS = [chr(number) for number in range(128)]
ELSEWHERE = ManufacturingProcess("box", "box", "boxes", (ProcessStep(1, "@", ("@: @",)),))


def encode(text: str) -> list[int]:
    return [min(ord(letter), 127) for letter in text]


def decode(ids: Sequence[int]) -> str:
    return "".join(LETTERS[number] for number in ids)


def test_no_family_kept_aside_is_read_at_first() -> None:
    assert not set(READ_AT_FIRST) & {*HELD_OUT, *LOOKED_AT_LATER}
    assert set(READ_AT_FIRST) | {*HELD_OUT, *LOOKED_AT_LATER} == set(DRAWN)
    assert Assembly.name in READ_AT_FIRST and Assembly.name not in FAMILIES


@pytest.mark.parametrize("family", ["cable", "assembly"])
def test_a_part_follows_from_its_seed_and_is_told_as_it_is(family: str) -> None:
    disobeyed = 0
    for seed in range(12):
        part, again = draw_part(seed, [family], 0.5), draw_part(seed, [family], 0.5)
        spec, ordered, rgb = part.spec, part.ordered, part.rgb
        assert part.family == family and rgb.shape == (384, 384, 3) and rgb.dtype == np.uint8
        assert np.array_equal(rgb, again.rgb) and np.array_equal(part.mask, again.mask)
        assert (again.spec, again.ordered, again.grey) == (spec, ordered, part.grey)
        assert part.mask.any() == bool(part.fault)
        true, wrong = pair_of(
            Shown(family, spec, ordered, part.grey, see(rgb, stub_tower), torch.zeros(0, 0)),
            DRAWN[family],
            np.random.default_rng(seed),
        )
        told = attributes_of(DRAWN[family].process(spec, np.random.default_rng(0)))
        assert not differing(attributes_of(true), told)
        assert differing(attributes_of(wrong), told)
        disobeyed += spec != ordered
    assert 1 < disobeyed < 11


def test_an_assembly_shows_what_it_is_told_to_have() -> None:
    """Another spec is another picture, and every fault is seen."""
    family, kinds = Assembly(), Counter()
    for seed in range(40):
        rng = np.random.default_rng(seed)
        spec = family.draw_spec(rng)
        fault = family.logical_defect(spec, rng)
        one, other = (
            family.render(each, np.random.default_rng(1), 192).rgb for each in (spec, fault.spec)
        )
        changed = cv2.absdiff(one, other).max(2) > 12
        kinds[fault.kind] += 1
        assert changed.mean() > 0.0005, (seed, fault.kind)
        process = family.process(spec, rng)
        assert 4 <= len(process.steps) <= 6
        ordered, there = (
            attributes_of(family.process(each, np.random.default_rng(2)))
            for each in (spec, fault.spec)
        )
        steps = {(wanted or found).step for wanted, found in differing(ordered, there)}
        assert steps == {fault.step}
    assert {"wrong colour", "missing part", "wrong position"} <= set(kinds)


def test_lines_are_true_of_the_part_or_of_no_part() -> None:
    shown = parts(1, ["assembly"])[0]
    rng, seen = np.random.default_rng(0), Counter()
    process = DRAWN["assembly"].process(shown.spec, rng)
    values = {
        attribute.partition(":")[2] for step in process.steps for attribute in step.attributes
    }
    for _ in range(100):
        lines = lines_of(shown, DRAWN, [ELSEWHERE], ["zebra"], encode, rng)
        assert len(lines) == LINES
        for line in lines:
            text = decode(line.ids)
            sort = "other" if "@" in text else "strange" if "zebra" in text else "own"
            seen[sort] += 1
            value = decode([i for i, role in zip(line.ids, line.roles) if role == VALUE])
            whole = len(line.ids) < 48
            assert sort == "other" or not whole or any(each in value for each in values)
            assert any(role == NAME for role in line.roles) or not whole
    assert seen["own"] > seen["strange"] > 5 * seen["other"] > 0


def test_words_have_sorts() -> None:
    told = {1: " red", 2: " none", 3: "7", 4: " left", 5: " ring", 6: "0", 7: " brass"}
    words = torch.tensor(sorted(told))
    assert sorts_of(words, lambda ids: told[ids[0]]).tolist() == [0, 0, 1, 2, -1, -1, 0]


def test_the_vocabulary_is_what_the_families_are_told_in() -> None:
    found = vocabulary([Assembly()], encode, draws=20)
    assert found.tolist() == sorted(set(found.tolist()))
    assert {ord(letter) for letter in "red:blue"} <= set(found.tolist())


def test_learning_lowers_the_loss_and_doubts_get_a_weight(tmp_path: Path) -> None:
    torch.manual_seed(0)
    some = parts(12, ["assembly"])
    tokenizer = ChatTokenizer(write_tokenizer(tmp_path / "tokenizer.json"))
    table = torch.randn(600, 64)
    words = vocabulary([Assembly()], tokenizer.encode, draws=60)
    projector = Projector(64, 2, 1, hidden=32, vocabulary=len(words))
    projector.steps.words.copy_(words)
    projector.steps.sorts.copy_(torch.arange(len(words)) % 3)
    losses: list[float] = []
    train_reading(
        projector.steps, some, DRAWN, table, tokenizer.encode, ["zebra"], steps=25, seconds=1e9,
        seed=0, batch_size=6, rate=3e-3,
        on_step=lambda step, steps, told: losses.append(told["value"]),
    )  # fmt: skip
    assert len(losses) == 25 and np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    before = projector.findings.against.weight.clone()
    lexicon = Lexicon(tokenizer, table)
    losses = [
        weigh(projector, some, DRAWN, lexicon, 0, readers)
        for readers in ({"assembly": ColourReader(1)}, {})
    ]
    loss = losses[-1]
    assert losses[0] != loss  # another reader of colours stands for the projector's own
    assert 0 < loss < 0.6 and not torch.equal(before, projector.findings.against.weight)
    shown = some[0]
    process = DRAWN["assembly"].process(shown.spec, np.random.default_rng(0))
    reading = read_process(projector, shown.scene, process, lexicon)
    assert reading is not None and len(reading.numbers) == 4
    assert all(word.isalpha() and word.islower() for word in any_words(lexicon))


def test_without_pictures_it_says_so() -> None:
    with pytest.raises(TrainingError, match="draw some"):
        train_reading(
            StepReader(8, 4), [], DRAWN, torch.zeros(4, 8), encode, [], steps=1, seconds=1, seed=0,
            on_step=lambda *_: None,
        )  # fmt: skip
