"""The page in a job of its own, with a fake expert and model: FOLDER PORT KIND DELAY [ANSWER].

KIND: ready, slow (fetches for 40 s), failing, models (made-up ones to choose from). DELAY: seconds
a word takes, or with "models" a load. ANSWER: a file with the words.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.fakes import ANSWER, FakeModel, fake_settings, fake_workbench, ready, slowly
from tests.offering import Played, offering_workbench
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
    load = {"ready": ready(model), "slow": slowly(model, 40), "failing": failing}[kind]
    serve(fake_workbench(settings, load), settings)


if __name__ == "__main__":
    main(*sys.argv[1:])
