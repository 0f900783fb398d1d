"""The paper's words, to the letter, and what of a conversation the model is given again."""

from __future__ import annotations

from triad_ui.dialogue.prompt import NO, YES, conversation, detection_question, opening
from triad_ui.records import ManufacturingProcess, Message, ProcessStep, Turn

CABLE = ManufacturingProcess(
    "cable",
    "cable",
    "cables",
    (ProcessStep(1, "Strand the wires.", ("three cores", "round")), ProcessStep(2, "Cut it.")),
)
CHOICES = "\nA. Yes\nB. No\nAnswer with the option's letter from the given choices directly."


def test_zero_shot_is_the_papers_question() -> None:
    assert detection_question("cable", one_shot=False) == (
        "Are there any defects on the cable in this image?" + CHOICES
    )
    assert opening("cable", None, 1) == (
        Message("system", "You are a helpful assistant."),
        Message("user", "Are there any defects on the cable in this image?" + CHOICES, (0,)),
    )


def test_one_shot_is_the_papers_question_with_the_query_first() -> None:
    user = opening("cable", None, 2)[1]
    assert user.images == (0, 1)
    assert user.text == (
        "The second image shows an acceptable cable. Compare with the acceptable cable, find out "
        "whether there are defects on the cable in the first image." + CHOICES
    )


def test_the_process_stands_before_the_question() -> None:
    user = opening("cable", CABLE, 1)[1]
    assert user.text == (
        "The following is the production process of the cables:\n"
        "1. Strand the wires. (three cores; round)\n2. Cut it.\n"
        "Are there any defects on the cable in this image?" + CHOICES
    )


def test_one_shot_with_process_is_the_papers_prompt_to_the_letter() -> None:
    system, user = opening("cable", CABLE, 2)
    assert system == Message("system", "You are a helpful assistant.")
    assert user.images == (0, 1)
    assert user.text == (
        "The following is the production process of the cables:\n"
        "1. Strand the wires. (three cores; round)\n2. Cut it.\n"
        "The second image shows an acceptable cable. Compare with the acceptable cable, find out "
        "whether there are defects on the cable in the first image.\nA. Yes\nB. No\n"
        "Answer with the option's letter from the given choices directly."
    )


def test_the_conversation_goes_on_from_the_models_own_choice() -> None:
    messages = conversation("cable", CABLE, 2, YES, [], "Where is it?")
    assert messages[:2] == opening("cable", CABLE, 2)
    assert messages[2:] == (Message("assistant", YES), Message("user", "Where is it?"))
    assert conversation("cable", None, 1, NO, [], "Why?")[2] == Message("assistant", "B")


def test_history_leaves_out_what_failed_or_was_never_said() -> None:
    history = [
        Turn("1", "What is it?", "A scratch.", "complete"),
        Turn("2", "Why?", "", "failed", error="out of memory"),
        Turn("3", "Why?", "Because the", "failed", error="out of memory"),
        Turn("4", "Where?", "", "stopped"),
        Turn("5", "Where?", "At the top", "stopped"),
    ]
    messages = conversation("cable", None, 1, YES, history, "Sure?")
    assert messages[3:] == (
        Message("user", "What is it?"),
        Message("assistant", "A scratch."),
        Message("user", "Where?"),
        Message("assistant", "At the top"),
        Message("user", "Sure?"),
    )


def test_each_turn_goes_on_from_the_one_before_it() -> None:
    """The model's read state is kept by its beginning: an earlier prompt must be a prefix."""
    first = conversation("cable", CABLE, 2, YES, [], "What is it?")
    turn = Turn("1", "What is it?", "A scratch.", "complete")
    second = conversation("cable", CABLE, 2, YES, [turn], "Where?")
    assert second[: len(first)] == first
