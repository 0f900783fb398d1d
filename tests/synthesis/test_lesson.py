"""Lessons from drawn cases: the truth is whole, the messages are those of the workbench."""

from __future__ import annotations

import numpy as np
import pytest

from triad_ui.dialogue import prompt
from triad_ui.instruct.mixture import Conversation, converse, in_words, talk
from triad_ui.instruct.text_case import text_case
from triad_ui.synthesis.families import FAMILIES
from triad_ui.synthesis.lesson import extent_of, messages_of, truth_of
from triad_ui.synthesis.sample import location_of, make_sample

SIZE = 96


@pytest.mark.parametrize("defect", ["none", "surface", "logical"])
def test_the_truth_is_that_of_the_sample(defect: str) -> None:
    for seed in range(12):
        sample = make_sample(seed, size=SIZE, defect=defect, references=seed % 2)
        truth = truth_of(sample)
        assert truth.defective == (defect != "none") and truth.process is sample.process
        same = sample.kind, sample.step, sample.location
        assert (truth.kind, truth.step, truth.location) == same
        assert truth.contradicts == sample.logical and truth.seen == sample.attributes
        assert (truth.extent is None) == (defect == "none")
        bare = truth_of(sample, with_process=False)
        assert bare.process is None and bare.step is None and not bare.contradicts


def test_an_extent_holds_the_mask_and_no_more() -> None:
    mask = np.zeros((40, 80), bool)
    assert extent_of(mask) is None
    mask[10:20, 8:24] = True
    assert extent_of(mask) == (0.1, 0.25, 0.3, 0.5)
    assert location_of(mask) == "left"


def test_messages_are_the_workbenchs_own() -> None:
    rng = np.random.default_rng(2)
    opened = 0
    for seed in range(40):
        sample = make_sample(seed, size=SIZE, references=seed % 3 > 0)
        truth = truth_of(sample, with_process=seed % 4 > 0 or sample.flipped)
        held = converse(truth, rng)
        messages = messages_of(held, truth)
        assert [m.role for m in messages] == ["system"] + ["user", "assistant"] * (
            len(messages) // 2
        )
        assert messages[1].images == ((0, 1) if truth.one_shot else (0,))
        assert not any(m.images for m in messages[2:])
        assert prompt.process_preamble(truth.process) in messages[1].text
        if held.opened:
            opened += 1
            shown = len(messages[1].images)
            assert messages[:2] == [*prompt.opening(truth.product, truth.process, shown)]
            assert messages[2].text == (prompt.YES if truth.defective else prompt.NO)
        question, answer = held.exchanges[-1]
        assert messages[-2].text.endswith(question) and messages[-1].text == answer
    assert opened > 10


def test_words_come_with_the_process_and_without_pictures() -> None:
    rng = np.random.default_rng(3)
    case = text_case(rng, list(FAMILIES.values()))
    messages = messages_of(in_words(case, rng), case.truth)
    assert messages[1].images == () and case.text in messages[1].text
    assert messages[1].text.startswith(prompt.process_preamble(case.process))


def test_talk_shows_nothing_and_names_no_process() -> None:
    rng = np.random.default_rng(4)
    truth = truth_of(make_sample(1, size=SIZE))
    said = talk(rng)
    messages = messages_of(said, truth)
    assert messages[1].images == () and messages[1].text == said.exchanges[0][0]
    silent = Conversation("talk", (("Hello.", "Hello."),), pictured=False)
    assert [m.text for m in messages_of(silent, truth)[1:]] == ["Hello.", "Hello."]
