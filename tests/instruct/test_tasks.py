"""Each task's answers say what the truth says and nothing else, in whole sentences."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import numpy as np
import pytest

from tests.instruct.parts import PROCESS, truths
from triad_ui.dialogue.verdict import DEFECT_KINDS, find_kind, find_location, find_step
from triad_ui.instruct import chat, ddqa, reasoning
from triad_ui.instruct.attributes import COLOURS
from triad_ui.instruct.mixture import AFTER, FOLLOWED, TASKS, WEIGHTS, converse, talk
from triad_ui.instruct.truth import Truth

TOLD = [truth for truth in truths() for _ in range(3)]
NEEDS_PROCESS = {"reasoning", "checklist", "step"}
MAY_NAME_PLACES = {"attribute", "caption", "reasoning", "checklist", "step", "analysis"}


def held(name: str) -> list[tuple[Truth, str, str]]:
    out = []
    for seed, truth in enumerate(TOLD):
        for question, answer in TASKS[name](truth, np.random.default_rng(seed)) or []:
            out.append((truth, question, answer))
    return out


def chosen(question: str, answer: str) -> str:
    """The words of a lettered answer."""
    options = dict(re.findall(r"^([A-I])\. (.+)$", question, re.MULTILINE))
    return options.get(answer, answer)


@pytest.mark.parametrize("name", sorted(TASKS))
def test_texts_are_whole(name: str) -> None:
    told = held(name)
    assert len(told) > 30
    for _, question, answer in told:
        assert re.search(r"[.?!]$|directly\.$", question), question
        assert re.fullmatch(r"[A-D]|\[.*\]", answer) or answer.endswith((".", "!")), answer
        for text in (question, answer):
            assert text == text.strip() and "\n\n" not in text
            assert text[0].isupper() or text[0] in "[0123456789", text
            assert not re.search(r"[{}]|  |\.\.|None|,\.| \.|\bnot no\b|swapped swapped", text), (
                text
            )
            assert not re.search(r"\ba [aeio]|\ban [^aeiou]", text, re.IGNORECASE), text
            assert not re.search(r"\bthe (left to right|all \w+)\b", text), text
            assert not re.search(r"\b(\w+) \1\b", text), text


@pytest.mark.parametrize("name", sorted(TASKS))
def test_answers_agree_with_the_truth(name: str) -> None:
    for truth, question, answer in held(name):
        told = chosen(question, answer)
        assert find_kind(told) in ("", truth.kind), (truth, answer)
        if name not in MAY_NAME_PLACES:
            assert find_location(told) in (None, truth.location), answer
        if name not in NEEDS_PROCESS and name != "attribute":
            assert find_step(told) in (None, truth.step), answer
        faulty = re.search(r"\b([Dd]efective|Yes\.)", told)
        if name in ("detection", "analysis", "checklist", "reasoning", "discrimination"):
            says_no = bool(re.search(r"\b(good|Good|No\.?$)", told))
            assert bool(faulty) != says_no or told in ("Yes", "No"), told
            assert truth.defective == (bool(faulty) or told == "Yes"), (truth, told)


@pytest.mark.parametrize("name", sorted(NEEDS_PROCESS))
def test_no_steps_without_a_process(name: str) -> None:
    for truth, _, _ in held(name):
        assert truth.process is not None


def test_of_a_grey_picture_no_colour_is_told() -> None:
    for name in ("caption", "attribute", "analysis"):
        for truth, _, answer in held(name):
            if truth.grey:
                words = re.findall(r"[a-z]+", answer.lower().replace("picture is grey", ""))
                assert not set(words) & set(COLOURS), answer
    told = [answer for truth, _, answer in held("attribute") if truth.grey]
    assert any("can't tell" in answer for answer in told)


def test_a_caption_tells_every_attribute_and_the_damage() -> None:
    for truth, _, answer in held("caption"):
        for seen in truth.tellable:
            last = seen.value.split(",")[0].split()[-1]
            assert last in answer or last == "none", (seen, answer)
        assert find_kind(answer) == (truth.kind if truth.defective and not truth.expected else "")


def test_a_checklist_has_a_line_for_each_step_and_ends_in_the_verdict() -> None:
    for truth, _, answer in held("checklist"):
        lines = answer.splitlines()
        assert [line[:2] for line in lines[:-1]] == [f"{step.number}." for step in PROCESS.steps]
        assert lines[-1].endswith(".") and "Verdict: " in lines[-1]
        wrong = [line for line in lines if line.endswith(": wrong.")]
        assert len(wrong) == bool(truth.contradicts)
        if truth.defective:
            assert find_step(lines[-1]) == truth.step


def test_a_chain_names_expected_and_observed() -> None:
    for truth, _, answer in held("reasoning"):
        if truth.contradicts:
            assert f"calls for {truth.expected}, but I see {truth.observed}." in answer
        assert find_step(answer.split("Verdict")[1]) == truth.step


def test_steps_are_judged_rightly() -> None:
    verdicts: Counter[bool] = Counter()
    for truth, question, answer in held("step"):
        bad = truth.defective and find_step(question) == truth.step
        assert answer.startswith("No") == bad, (question, answer)
        verdicts[bad] += 1
    assert verdicts[True] > 30 < verdicts[False]


def test_choices_hold_the_right_one_once_and_letters_are_even() -> None:
    letters = defaultdict(Counter)
    for name in ("location", "class", "discrimination"):
        for truth, question, answer in held(name):
            options = re.findall(r"^[A-D]\. (.+)$", question, re.MULTILINE)
            assert len(options) == len(set(options))
            if not options:
                continue
            letters[name][answer] += 1
            right = {"location": truth.location, "class": truth.kind}.get(name)
            if name == "discrimination":
                right = "Yes" if truth.defective else "No"
            assert chosen(question, answer) == (right or ddqa.NO_DEFECT)
    for name in ("location", "class"):
        counts = letters[name].values()
        assert len(counts) == 4 and min(counts) > 0.5 * max(counts)


def test_kinds_to_choose_from_are_those_that_answers_are_searched_for() -> None:
    assert set(ddqa.KINDS) == set(DEFECT_KINDS)


def test_boxes_are_shares() -> None:
    for truth, _, answer in held("box"):
        if truth.defective:
            assert answer == "[0.10, 0.25, 0.32, 0.50]" or answer == "[0.10, 0.25, 0.31, 0.50]"
        else:
            assert answer == "There is no defect."


def test_what_is_lacking_is_said_to_be_lacking() -> None:
    for truth, question, answer in held("unseen"):
        assert re.search(r"tell|know|show|seen|no (process|reference)", answer)
        if "no process" in answer:
            assert truth.process is None
        if "no reference" in answer or "no good part" in answer:
            assert not truth.one_shot
        assert question.format() == question


def test_the_mixture_draws_every_task_by_its_weight_and_words_vary() -> None:
    rng = np.random.default_rng(4)
    every = truths()
    drawn = [converse(every[int(rng.integers(len(every)))], rng) for _ in range(2500)]
    tasks = Counter(conversation.task for conversation in drawn)
    assert set(tasks) == set(WEIGHTS) == {*TASKS, "dialogue"}
    assert tasks["dialogue"] == max(tasks.values())
    questions = {question for c in drawn for question, _ in c.exchanges}
    answers = {answer for c in drawn for _, answer in c.exchanges}
    assert len(questions) > 300 and len(answers) > 500
    assert max(len(answer) for answer in answers) <= 420
    assert np.mean([c.opened for c in drawn]) > 0.5
    assert set(AFTER) <= set(TASKS) and set(FOLLOWED) <= {*TASKS, "dialogue"}


def test_a_task_that_never_fits_is_refused() -> None:
    bare = Truth("normal", "lamp", None)
    with pytest.raises(ValueError, match="No task fits"):
        converse(bare, np.random.default_rng(0), {"checklist": 1.0, "caption": 1.0, "class": 0.0})
    only = converse(bare, np.random.default_rng(0), {"checklist": 5.0, "detection": 0.1})
    assert only.task == "detection"


def test_small_talk_is_about_nothing_shown() -> None:
    seen = set()
    for seed in range(300):
        said = talk(np.random.default_rng(seed))
        assert said.task == "talk" and not said.pictured and 1 <= len(said.exchanges) <= 2
        for question, answer in said.exchanges:
            seen.add(question)
            assert find_kind(answer) == "" and find_step(answer) is None
            assert len(answer) < 90 and answer.endswith((".", "?"))
    assert len(seen) > 40
    assert all(len(questions) >= 3 and len(answers) >= 2 for questions, answers in chat.TALK)


def test_a_chain_is_not_asked_for_where_the_step_is_unknown() -> None:
    unknown = Truth("defective", "lamp", PROCESS, "dent", "top", None, seen=truths()[0].seen)
    rng = np.random.default_rng(1)
    assert reasoning.reasoning(unknown, rng) is None
    assert reasoning.checklist(unknown, rng) is None
    assert reasoning.step_check(unknown, rng) is None
