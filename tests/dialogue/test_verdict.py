"""Labels from logits alone; place, step and kind from words."""

from __future__ import annotations

import math

import pytest

from triad_ui.dialogue.verdict import (
    DEFECT_KINDS,
    find_kind,
    find_location,
    find_step,
    label_of,
    p_defective,
    parse,
    vote,
)
from triad_ui.records import LOCATIONS


@pytest.mark.parametrize(
    ("yes", "no", "p"),
    [
        (0.0, 0.0, 0.5),
        (1.0, 0.0, 1 / (1 + math.exp(-1))),
        (1e4, -1e4, 1.0),
        (-1e4, 1e4, 0.0),
        (1e308, -1e308, 1.0),
        (-1e308, 1e308, 0.0),
        (1e6 + 1, 1e6, 1 / (1 + math.exp(-1))),
    ],
)
def test_probability_is_a_stable_softmax(yes: float, no: float, p: float) -> None:
    assert p_defective(yes, no) == pytest.approx(p, abs=1e-9)
    assert p_defective(yes, no) + p_defective(no, yes) == pytest.approx(1.0)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_broken_logits_are_refused(broken: float) -> None:
    for logits in ((broken, 0.0), (0.0, broken)):
        with pytest.raises(ValueError, match="finite"):
            p_defective(*logits)


@pytest.mark.parametrize(
    ("alone", "beside", "p"),
    [
        (0.9, 0.9, 0.9),
        (0.5, 0.8, 0.8),  # who is sure of nothing has no say
        (0.8, 0.5, 0.8),
        (0.5, 0.5, 0.5),
        (0.0, 1.0, 0.5),
        (0.6, 0.9, (0.2 * 0.6 + 0.8 * 0.9) / 1.0),
        (0.1, 0.7, (0.8 * 0.1 + 0.4 * 0.7) / 1.2),  # the surer one decides
    ],
)
def test_the_vote_weighs_by_confidence(alone: float, beside: float, p: float) -> None:
    assert vote(alone, beside) == pytest.approx(p)
    assert vote(beside, alone) == pytest.approx(p)
    assert vote(1 - alone, 1 - beside) == pytest.approx(1 - p)


def test_a_vote_lies_between_the_two_and_takes_probabilities_only() -> None:
    for a in range(11):
        for b in range(11):
            assert min(a, b) / 10 - 1e-12 <= vote(a / 10, b / 10) <= max(a, b) / 10 + 1e-12
    for wrong in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="probabilities"):
            vote(wrong, 0.5)
        with pytest.raises(ValueError, match="probabilities"):
            vote(0.5, wrong)


def test_labels_leave_a_band_undecided() -> None:
    labels = [label_of(p) for p in (0.0, 0.39, 0.4, 0.5, 0.6, 0.61, 1.0)]
    assert labels == ["normal"] * 2 + ["undecided"] * 3 + ["defective"] * 2
    assert label_of(0.55, band=0.0) == "defective"


@pytest.mark.parametrize("name", LOCATIONS)
def test_every_name_is_found(name: str) -> None:
    assert find_location(f"There is a crack at the {name} of the part.") == name


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("in the upper-left corner", "top left"),
        ("at the lower right", "bottom right"),
        ("at the left top", "top left"),
        ("in the centre", "center"),
        ("in the middle of it", "center"),
        ("at the center left", "left"),
        ("at the middle right", "right"),
        ("top center", "top"),
        ("Bottom Left.", "bottom left"),
        ("first at the left, then at the top", "left"),
        ("the right side", "right"),
        ("nothing of that sort", None),
        ("a bright stopper of the centrepiece", None),
        ("", None),
    ],
)
def test_synonyms_and_corners(text: str, location: str | None) -> None:
    assert find_location(text) == location


@pytest.mark.parametrize(
    ("text", "steps", "step"),
    [
        ("This contradicts step 3.", None, 3),
        ("Step no. 2 says so", 4, 2),
        ("see step number 4", 4, 4),
        ("step #1", 4, 1),
        ("STEP 2: cut it", 4, 2),
        ("step 5", 4, None),
        ("step 0", 4, None),
        ("step 123", None, None),
        ("one step back", None, None),
        ("footstep 3", None, None),
        ("3 steps", None, None),
    ],
)
def test_steps_within_the_process(text: str, steps: int | None, step: int | None) -> None:
    assert find_step(text, steps) == step


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("There is a scratch.", "scratch"),
        ("Two Holes and a dent", "hole"),
        ("It is scratched and chipped", "scratch"),
        ("The whole stainless part is identical", ""),
        ("This is an extra part.", "extra part"),
        ("a loose thread beside a crack", "loose thread"),
    ],
)
def test_kinds_are_words_of_their_own(text: str, kind: str) -> None:
    assert find_kind(text) == kind


STEPS = ("Drill a hole.", "Press it.", "Insulate the wires, from the top")


def test_a_reply_becomes_a_verdict() -> None:
    text = "There is a dent at the top left. This contradicts step 2: Press it."
    verdict = parse(0.93, text, steps=STEPS)
    assert (verdict.label, verdict.p_defective) == ("defective", 0.93)
    assert (verdict.location, verdict.step, verdict.kind) == ("top left", 2, "dent")
    assert parse(0.5, text, steps=STEPS[:1]).step is None
    assert parse(0.5, text).label == "undecided"


def test_the_words_of_a_quoted_step_name_no_place_and_no_kind() -> None:
    verdict = parse(0.9, "Step 3: Insulate the wires, from the top. It calls for two.", steps=STEPS)
    assert (verdict.location, verdict.step, verdict.kind) == (None, 3, "")
    verdict = parse(0.9, "A crack at the left; see step 1 (drill a hole).", steps=STEPS)
    assert (verdict.location, verdict.step, verdict.kind) == ("left", 1, "crack")
    # what is said of a step in other words counts, and so does a step without a quotation
    verdict = parse(0.9, "Step 3: a dent at the top.", steps=STEPS)
    assert (verdict.location, verdict.step, verdict.kind) == ("top", 3, "dent")
    assert parse(0.9, "Step 1: Drill a hole").kind == "hole"


def test_words_do_not_overrule_the_probability() -> None:
    verdict = parse(0.05, "There is a dent at the top left, see step 2.", steps=STEPS)
    assert verdict.label == "normal"
    assert (verdict.location, verdict.step, verdict.kind) == (None, None, "")
    assert parse(0.95, "I see no defect.").label == "defective"


def test_the_kinds_are_those_that_training_draws() -> None:
    from triad_ui.rounds.train_embedded import LOGICAL_KINDS
    from triad_ui.synthesis.surface import SURFACE_KINDS

    assert set(DEFECT_KINDS) == {*SURFACE_KINDS, *LOGICAL_KINDS}
