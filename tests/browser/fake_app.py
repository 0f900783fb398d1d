"""The page in a job of its own, with a fake expert and model: FOLDER PORT KIND DELAY [ANSWER].

KIND: ready, slow (fetches for 40 s), failing, models (made-up ones to choose from), evaluating
(with drawn data sets below FOLDER/root). DELAY: seconds a word takes, or with "models" a load, with
"evaluating" a photograph. ANSWER: a file with the words.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from tests.fakes import ANSWER, FakeModel, fake_settings, fake_workbench, ready, slowly
from tests.offering import Played, offering_workbench
from tests.ui.evaluations import fake_evaluations
from triad_ui.errors import WeightsError
from triad_ui.model.choice import ModelChoice
from triad_ui.model.loader import Report
from triad_ui.ui.page import serve


def failing(choice: ModelChoice, report: Report) -> FakeModel:
    raise WeightsError("The base weights could not be fetched: no network. Connect and retry.")


def main(
    folder: str, port: str, kind: str = "ready", delay: str = "0.03", answer: str = ""
) -> None:
    words = Path(answer).read_text("utf-8") if answer else ANSWER
    model = FakeModel(words, float(delay))
    settings = fake_settings(Path(folder), int(port))
    if kind == "models":
        serve(offering_workbench(settings, Played(float(delay))), settings)
        return
    if kind == "evaluating":
        settings = replace(settings, image_root=Path(folder) / "root")
        evaluations = fake_evaluations(Path(folder), delay=float(delay))
        serve(fake_workbench(settings, ready(FakeModel())), settings, evaluations)
        return
    load = {"ready": ready(model), "slow": slowly(model, 40), "failing": failing}[kind]
    serve(fake_workbench(settings, load), settings)


if __name__ == "__main__":
    main(*sys.argv[1:])
