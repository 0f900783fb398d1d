"""The workbench's models: offered, looked at, switched, unloaded, with conversations kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes import fake_settings, fake_workbench
from tests.scripted_model import ScriptedModel
from tests.ui.conftest import png
from triad_ui.errors import ModelError, ModelNotReady
from triad_ui.model.choice import ModelChoice
from triad_ui.model.loader import Report

OTHER = ModelChoice("folder", "/models/triad")


def load(choice: ModelChoice, report: Report) -> ScriptedModel:
    if choice.source == "/models/broken":
        raise ModelError("It fails its self-test.")
    model = ScriptedModel()
    model.engine = choice.source or "embedded"
    return model


def test_models_are_switched_and_unloaded_and_conversations_stay(tmp_path: Path) -> None:
    workbench = fake_workbench(fake_settings(tmp_path), load)
    workbench.wait_for_model(20)
    case = workbench.inspect(workbench.add_image(png(True), "query.png"))
    assert list(workbench.ask(case.id, "Why?"))[-1].engine == "embedded"
    workbench.switch_model(OTHER)
    assert workbench.wait_for_model(20).engine == "/models/triad"
    assert list(workbench.ask(case.id, "Where?"))[-1].engine == "/models/triad"
    workbench.switch_model(ModelChoice("folder", "/models/broken"))
    status = workbench.wait_for_model(20)
    assert (status.state, status.engine) == ("failed", "/models/triad")
    workbench.cancel_load()
    assert workbench.engine_status().state == "ready"
    answers = workbench.ask(case.id, "What else?")
    next(answers)
    workbench.unload_model()
    assert list(answers)[-1].state == "complete"
    with pytest.raises(ModelNotReady, match="unloaded"):
        next(workbench.ask(case.id, "And now?"))
    assert [turn.state for turn in workbench.case(case.id).turns] == ["complete"] * 3
    workbench.load_model()
    assert workbench.wait_for_model(20).engine == "/models/triad"  # not the one that failed
    workbench.close()


def test_offers_and_machine_come_through_the_workbench(tmp_path: Path) -> None:
    workbench = fake_workbench(fake_settings(tmp_path), load)
    assert workbench.machine().total > 0
    assert workbench.models()[0].key == "embedded"
    with pytest.raises(ModelError, match="No folder"):
        workbench.examine_model(ModelChoice("folder"))
    workbench.close()
