"""The inspector with an expert and a model of a few lines: what is shown, asked and answered."""

from __future__ import annotations

import math
import threading
from itertools import pairwise

import numpy as np
import pytest

from tests.fakes import FakeExpert
from tests.scripted_model import ScriptedModel
from triad_ui.dialogue import prompt
from triad_ui.dialogue.verdict import vote
from triad_ui.errors import ModelError, ModelNotReady
from triad_ui.inspector import Inspector, scale_rois
from triad_ui.model.language_model import GenerationOptions
from triad_ui.records import (
    ImageRecord,
    Inspection,
    ManufacturingProcess,
    Picture,
    ProcessStep,
    Roi,
    Turn,
)

PROCESS = ManufacturingProcess(
    "cap", "cap", "caps", (ProcessStep(1, "Press it."), ProcessStep(2, "Print it."))
)


def picture(name: str, width: int = 96, height: int = 64, spot: bool = False) -> Picture:
    rgb = np.full((height, width, 3), 90, np.uint8)
    if spot:
        rgb[8:20, 10:22] = 250
    return Picture(ImageRecord(name, name, width, height, "RGB 8-bit"), rgb)


def inspector_of(model: ScriptedModel) -> Inspector:
    return Inspector(lambda name: FakeExpert(), lambda: model)


@pytest.fixture
def model() -> ScriptedModel:
    return ScriptedModel()


@pytest.fixture
def inspection(model: ScriptedModel) -> Inspection:
    return inspector_of(model).inspect(
        picture("query", spot=True), [picture("good")], PROCESS, decode_seconds=0.25
    )


def test_inspecting_scores_and_chooses_regions(inspection: Inspection) -> None:
    assert inspection.anomaly_map.score > 0.9
    assert inspection.rois
    first = inspection.rois[0]
    assert first.x0 <= 12 < first.x1
    assert first.y0 <= 12 < first.y1
    assert inspection.product == "cap"
    assert inspection.timings.decode == 0.25
    assert inspection.timings.total == pytest.approx(0.25 + inspection.timings.expert)


def test_the_product_is_the_one_named_then_the_processs_then_a_part(model: ScriptedModel) -> None:
    inspector = inspector_of(model)
    assert inspector.inspect(picture("q"), (), PROCESS, product="lid").product == "lid"
    assert inspector.inspect(picture("q")).product == "part"


def test_the_reference_is_shown_with_the_same_regions_and_no_map(model: ScriptedModel) -> None:
    inspector = inspector_of(model)
    found = inspector.inspect(
        picture("query", spot=True), [picture("good", 48, 32), picture("second")]
    )
    query, reference = inspector.visual_inputs(found)
    assert not query.is_reference
    assert reference.is_reference
    assert reference.anomaly_map is None
    assert reference.key == found.references[0].key
    for shown, scaled in zip(query.rois, reference.rois, strict=True):
        assert scaled.x0 == shown.x0 // 2
        assert scaled.y1 <= 32
    assert len(inspector.visual_inputs(inspector.inspect(picture("alone")))) == 1


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (96, 64), (1000, 3)])
def test_scaled_regions_stay_inside_and_are_never_empty(size: tuple[int, int]) -> None:
    rois = (Roi(0, 0, 1, 1), Roi(95, 63, 96, 64), Roi(3, 5, 90, 60, 0.5))
    for roi in scale_rois(rois, (96, 64), size):
        assert 0 <= roi.x0 < roi.x1 <= size[0]
        assert 0 <= roi.y0 < roi.y1 <= size[1]


@pytest.mark.parametrize("policy", ["null", "anyres"])
def test_without_an_expert_the_model_sees_no_map(model: ScriptedModel, policy: str) -> None:
    inspector = inspector_of(model)
    found = inspector.inspect(picture("query", spot=True), [picture("good")], policy=policy)
    assert found.anomaly_map.score > 0.9  # people still see it
    query, reference = inspector.visual_inputs(found)
    assert query.anomaly_map is None
    assert (query.rois == ()) == (reference.rois == ()) == (policy == "anyres")
    assert all(roi.source == "random" for roi in query.rois)


def test_chance_draws_anew_for_each_picture_and_alike_for_one(model: ScriptedModel) -> None:
    inspector = inspector_of(model)

    def boxes(name: str, seed: int) -> tuple[Roi, ...]:
        return inspector.inspect(picture(name, 2000, 1500), policy="null", seed=seed).rois

    assert boxes("a", 0) == boxes("a", 0)
    assert boxes("a", 0) != boxes("b", 0)
    assert boxes("a", 0) != boxes("a", 1)


def test_regions_of_a_person_replace_the_experts(inspection: Inspection) -> None:
    drawn = (Roi(1, 2, 30, 40, source="user"),)
    changed = inspector_of(ScriptedModel()).with_rois(inspection, drawn)
    assert (changed.rois, changed.policy) == (drawn, "user")
    assert changed.anomaly_map is inspection.anomaly_map


def test_the_verdict_comes_from_the_logits(inspection: Inspection) -> None:
    assert inspector_of(ScriptedModel(yes=4)).verdict(inspection).label == "defective"
    assert inspector_of(ScriptedModel(yes=-4)).verdict(inspection).label == "normal"
    assert inspector_of(ScriptedModel(yes=0.1)).verdict(inspection).label == "undecided"
    with pytest.raises(ModelError, match="load it again"):
        inspector_of(ScriptedModel(yes=float("nan"))).verdict(inspection)


def test_the_vote_weighs_the_photo_alone_against_the_good_part(inspection: Inspection) -> None:
    model = ScriptedModel(yes=2.0)
    model.alone = -1.0
    inspector = inspector_of(model)
    alone, beside = 1 / (1 + math.exp(1)), 1 / (1 + math.exp(-2))
    assert inspector.verdict(inspection).p_defective == pytest.approx(beside)
    voted = inspector.verdict(inspection, vote=True).p_defective
    assert voted == pytest.approx(vote(alone, beside))
    assert alone < voted < beside
    assert model.passes == [2, 1, 2]  # alone first: the state that is left is the conversation's


def test_the_photo_alone_is_read_once_for_many_questions(inspection: Inspection) -> None:
    """Reading it again would cut back what the model keeps of the conversation."""
    model = ScriptedModel(yes=1.0)
    inspector = inspector_of(model)
    inspector.verdict(inspection, vote=True)
    list(inspector.ask(inspection, "Why?", vote=True))
    assert model.passes == [1, 2, 2]
    inspector.verdict(inspector.with_rois(inspection, [Roi(0, 0, 9, 9)]), vote=True)
    assert model.passes == [1, 2, 2, 1, 2]  # other regions are another question
    model.engine = "another model"
    inspector.verdict(inspection, vote=True)
    assert model.passes[-2:] == [1, 2]


def test_the_conversation_opens_with_the_voted_choice(inspection: Inspection) -> None:
    model = ScriptedModel(yes=0.5)
    model.alone = -4.0
    turns = list(inspector_of(model).ask(inspection, "Why?", vote=True))
    assert model.asked[0][2].text == prompt.NO
    assert turns[-1].verdict is not None
    assert turns[-1].verdict.label == "normal"
    list(inspector_of(model).ask(inspection, "Why?"))
    assert model.asked[1][2].text == prompt.YES


def test_without_a_good_part_there_is_nothing_to_weigh(model: ScriptedModel) -> None:
    inspector = inspector_of(model)
    inspector.verdict(inspector.inspect(picture("alone")), vote=True)
    assert model.passes == [1]


def test_an_answer_grows_and_ends_complete(model: ScriptedModel, inspection: Inspection) -> None:
    options = GenerationOptions(seed=11)
    turns = list(inspector_of(model).ask(inspection, "Why?", options=options, turn_id="t"))
    assert turns[0].answer == ""
    assert turns[0].prompt  # what it read is known before it speaks
    for before, after in pairwise(turns):
        assert after.answer.startswith(before.answer.rstrip())
    last = turns[-1]
    assert last.state == "complete"
    assert last.answer == "There is a dent at the top left from step 1."
    assert (last.id, last.seed, last.engine, last.visual_tokens) == ("t", 11, "scripted fp32", 100)
    assert last.rois == inspection.rois
    assert last.verdict is not None
    assert (last.verdict.label, last.verdict.location, last.verdict.step, last.verdict.kind) == (
        "defective", "top left", 1, "dent",
    )  # fmt: skip
    timings = last.timings
    assert timings.decode == 0.25
    assert 0 < timings.first_token <= timings.total
    assert timings.tokens_per_second > 0


@pytest.mark.parametrize(("yes", "letter"), [(3.0, prompt.YES), (-3.0, prompt.NO)])
def test_the_conversation_opens_with_the_models_own_choice(
    inspection: Inspection, yes: float, letter: str
) -> None:
    model = ScriptedModel(yes=yes)
    history = [Turn("1", "What?", "A dent.", "complete"), Turn("2", "Hm?", "x", "failed")]
    list(inspector_of(model).ask(inspection, "Where?", history))
    assert [message.text for message in model.asked[0][2:]] == [
        letter,
        "What?",
        "A dent.",
        "Where?",
    ]
    assert "1. Press it.\n2. Print it." in model.asked[0][1].text
    assert model.asked[0][1].images == (0, 1)


def test_a_step_that_the_process_lacks_is_not_named(inspection: Inspection) -> None:
    turns = list(inspector_of(ScriptedModel(["See step 7."])).ask(inspection, "Which?"))
    assert turns[-1].verdict is not None
    assert turns[-1].verdict.step is None


def test_a_failure_keeps_what_was_said(inspection: Inspection) -> None:
    turns = list(inspector_of(ScriptedModel(fail_after=2)).ask(inspection, "Why?"))
    assert turns[-1].state == "failed"
    assert turns[-1].answer == "There is "
    assert "out of memory" in turns[-1].error
    assert turns[-1].verdict is not None


def test_without_a_model_the_turn_fails_with_the_reason(inspection: Inspection) -> None:
    def absent() -> ScriptedModel:
        raise ModelNotReady("Fetching the language model: 3 of 93 MB")

    turns = list(Inspector(lambda name: FakeExpert(), absent).ask(inspection, "Why?"))
    assert [turn.state for turn in turns] == ["failed"]
    assert turns[0].error == "Fetching the language model: 3 of 93 MB"


def test_stop_while_answering_keeps_what_was_said(
    model: ScriptedModel, inspection: Inspection
) -> None:
    stop, turns = threading.Event(), []
    for turn in inspector_of(model).ask(inspection, "Why?", stop=stop):
        turns.append(turn)
        if turn.answer:
            stop.set()
    assert turns[-1].state == "stopped"
    assert turns[-1].answer == "There"


def test_stop_while_the_pictures_are_read_is_no_failure(
    model: ScriptedModel, inspection: Inspection
) -> None:
    stop = threading.Event()
    stop.set()
    turns = list(inspector_of(model).ask(inspection, "Why?", stop=stop))
    assert [turn.state for turn in turns] == ["stopped"]
    assert turns[0].error == ""


def test_closing_ends_the_models_stream(model: ScriptedModel, inspection: Inspection) -> None:
    answers = inspector_of(model).ask(inspection, "Why?")
    while not next(answers).answer:
        pass
    answers.close()
    assert model.closed.is_set()
