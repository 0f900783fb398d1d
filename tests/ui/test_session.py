"""What a tab holds: frozen, copied, and a key that neither doubles nor swallows a correction."""

from __future__ import annotations

import copy
from dataclasses import FrozenInstanceError

import pytest

from triad_ui.records import Correction, ImageRecord
from triad_ui.ui.session import Draft, save_key

ONE = ImageRecord("1" * 64, "one.png", 8, 8, "RGB 8-bit")
TWO = ImageRecord("2" * 64, "two.png", 8, 8, "RGB 8-bit")


def test_draft_is_frozen_and_can_be_copied() -> None:
    draft = Draft(ONE, (TWO,))
    assert copy.deepcopy(draft) == draft
    with pytest.raises(FrozenInstanceError):
        draft.query = TWO  # type: ignore[misc]


def test_references_are_not_doubled_and_can_be_dropped() -> None:
    draft = Draft().with_references((ONE, TWO)).with_references((ONE,))
    assert draft.references == (ONE, TWO)
    assert draft.without_reference(0).references == (TWO,)
    assert draft.without_reference(9).references == (ONE, TWO)


def test_the_same_press_has_the_same_key_and_an_edit_another() -> None:
    right, edited = Correction(True, note="a"), Correction(True, note="b")
    assert save_key("n", "c", right) == save_key("n", "c", right)
    keys = {
        save_key("n", "c", right),
        save_key("n", "c", edited),
        save_key("m", "c", right),
        save_key("n", "d", right),
    }
    assert len(keys) == 4
