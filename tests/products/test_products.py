"""What is kept of products reaches the expert that inspects, through the real stores."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes import FakeModel, fake_settings
from tests.products.batch_expert import BatchExpert
from tests.products.drawn import part
from triad_ui.errors import ExpertError, ModelError, ModelNotReady
from triad_ui.expert.progress import Stopped
from triad_ui.feedback.store import FeedbackStore
from triad_ui.imaging.store import ImageStore
from triad_ui.inspector import Inspector
from triad_ui.model.loader import ModelLoader
from triad_ui.records import (
    Correction,
    DefectDescription,
    Scale,
    Subject,
    Verdict,
)
from triad_ui.workbench import Workbench


@pytest.fixture
def expert() -> BatchExpert:
    return BatchExpert()


@pytest.fixture
def workbench(tmp_path: Path, expert: BatchExpert) -> Iterator[Workbench]:
    settings = fake_settings(tmp_path)
    loader = ModelLoader(lambda choice, report: FakeModel("scratch: a thin line\ndent: a hollow"))
    made = Workbench(
        ImageStore(settings.data_dir),
        FeedbackStore(settings.database_url),
        Inspector(lambda name: expert, loader.current),
        loader,
        {},
    )
    yield made
    made.close()


def test_what_is_kept_of_a_product_reaches_the_expert(
    workbench: Workbench, expert: BatchExpert
) -> None:
    good, query = (workbench.add_image(part(0, n), f"{n}.png") for n in (1, 2))
    pooled = [workbench.add_image(part(0, n), f"{n}.png") for n in (3, 4)]
    products = workbench.products
    assert products.pools.add("Brass  Ring", [*pooled, query]).total == 3
    products.defects.add("brass ring", [DefectDescription("scratch", "a thin line")])
    products.tuning.set_threshold("BRASS RING", "musc", 0.25)
    told: list[tuple[float, str]] = []
    case = workbench.inspect(
        query, [good], product="brass ring", expert="musc",
        report=lambda share, line: told.append((share, line)),
    )  # fmt: skip
    references, pool, subject = expert.told[-1]
    assert (references, pool) == (("1.png",), ("3.png", "4.png"))  # not the query itself
    assert subject == Subject("brass ring")  # musc reads no descriptions
    assert case.anomaly_map.threshold == workbench.case(case.id).anomaly_map.threshold == 0.25
    assert told[-1] == (1.0, "Comparing: step 2 of 2")
    assert products.names() == ("brass ring",)
    workbench.inspect(query, [good], product="brass ring", expert="april-gan")
    _, pool, subject = expert.told[-1]
    assert pool == ()
    assert subject == Subject("brass ring", (DefectDescription("scratch", "a thin line"),))


def test_a_stopped_inspection_stores_nothing(workbench: Workbench) -> None:
    workbench.products.pools.add("ring", [workbench.add_image(part(0, 3), "3.png")])
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        workbench.inspect(
            workbench.add_image(part(9), "q.png"), product="ring", expert="musc", stop=stop
        )
    assert workbench.history() == ()
    assert workbench.products.prepare_pool("ring", "reference") == 0
    with pytest.raises(Stopped):
        workbench.products.prepare_pool("ring", "musc", stop=stop)
    told: list[str] = []
    assert workbench.products.prepare_pool("ring", "musc", lambda _, line: told.append(line)) == 1
    assert told == ["Looking at picture 1 of 1"]


def test_known_pictures_give_a_threshold_and_a_scale(
    workbench: Workbench, expert: BatchExpert
) -> None:
    reference = workbench.add_image(part(0), "good.png")
    good = [workbench.add_image(part(n, 1), f"good{n}.png") for n in range(1, 6)]
    bad = [workbench.add_image(part(n, 2), f"bad{n}.png") for n in (20, 30, 40)]
    told: list[tuple[float, str]] = []
    tuning = workbench.products.tuning
    measured = tuning.measure_pictures(
        "Ring", "musc", good, bad, [reference], report=lambda *each: told.append(each)
    )
    assert (measured.product, measured.measured_with) == ("ring", "musc@1")
    assert len(measured.good_scores) == 5
    assert max(measured.good_scores) < min(measured.bad_scores)
    assert measured.scale == Scale(pytest.approx(5 / 120), pytest.approx(5 / 120))
    assert expert.told[-1][2] == Subject("Ring", (), measured.scale)
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert told[-1] == (1.0, "Scoring picture 13 of 13")
    point = measured.suggestion.point
    assert (point.escape.value, point.overkill.value) == (0, 0)
    assert max(measured.good_scores) < point.threshold < min(measured.bad_scores)
    kept = tuning.keep(measured, author="Ann")
    assert tuning.settings("RING", "musc") == kept
    assert (kept.escape, kept.overkill, kept.author) == (0, 0, "Ann")
    assert (kept.scale, kept.bad_scores) == (measured.scale, measured.bad_scores)
    # two references give the scale themselves; what is stored stays for when there are fewer
    others = [reference, workbench.add_image(part(3, 9), "good9.png")]
    again = tuning.measure_pictures("ring", "musc", good, bad, others)
    assert again.scale is None
    assert tuning.keep(again, threshold=0.4).scale == measured.scale
    strict = tuning.set_threshold("ring", "musc", 0.9)
    assert (strict.escape, strict.overkill, strict.scale) == (1, 0, measured.scale)
    assert tuning.reset("ring", "musc").threshold == 0.5
    assert tuning.settings("ring", "musc").scale is None
    assert len(tuning.history("ring", "musc")) == 4


def test_told_cases_give_a_threshold(workbench: Workbench) -> None:
    reference = workbench.add_image(part(0), "good.png")
    tuning = workbench.products.tuning
    tuning.set_threshold("ring", "musc", 0.1)
    for mark, agrees, label in ((1, False, "normal"), (2, False, "normal"), (40, False, None),
                                (50, False, "defective"), (60, True, "undecided")):  # fmt: skip
        case = workbench.inspect(
            workbench.add_image(part(mark), f"{mark}.png"), [reference], product="Ring",
            expert="musc",
        )  # fmt: skip
        workbench.correct(case.id, Correction(agrees, label))
        if mark == 2:  # inspected again: counts once
            again = workbench.inspect(case.query, [reference], product="ring", expert="musc")
            workbench.correct(again.id, Correction(False, "normal"))
    with pytest.raises(ExpertError, match="Nobody has said of a part of bolt"):
        tuning.measure_cases("Bolt", "musc")
    # whoever agrees confirms what the model said
    seen = workbench.inspect(
        workbench.add_image(part(3), "3.png"), [reference], product="ring", expert="musc"
    )
    workbench._store.set_verdict(seen.id, Verdict("normal", 0.1), of=seen)
    workbench.correct(seen.id, Correction(True))
    measured = tuning.measure_cases("ring", "musc")
    assert measured.good_scores == pytest.approx((1 / 120, 2 / 120, 3 / 120), rel=1e-4)
    assert measured.bad_scores == pytest.approx((50 / 120,), rel=1e-4)
    assert workbench.products.tuning.settings("ring", "musc").threshold == 0.1
    assert tuning.keep(measured).threshold == pytest.approx(measured.suggestion.point.threshold)


def test_the_model_proposes_and_a_person_accepts(workbench: Workbench) -> None:
    workbench.load_model()
    assert workbench.wait_for_model(20).state == "ready"
    defects = workbench.products.defects
    defects.add("ring", [DefectDescription("Dent", "a round hollow")])
    proposed = defects.propose("ring")
    assert proposed == (DefectDescription("scratch", "a thin line", "model"),)
    assert [each.description.kind for each in defects.all("ring")] == ["Dent"]
    (kept,) = defects.add("RING", proposed, author="Ann")
    assert [each.description.source for each in defects.all("ring")] == ["typed", "model"]
    defects.remove(kept.id)
    assert defects.removed("ring")[0].id == kept.id
    defects.bring_back(kept.id)
    assert defects.removed("ring") == ()


def test_a_model_that_names_nothing_or_is_not_there(workbench: Workbench) -> None:
    defects = workbench.products.defects
    with pytest.raises(ModelNotReady):
        defects.propose("ring")
    workbench.load_model()
    workbench.wait_for_model(20)
    known = [DefectDescription("scratch", "a line"), DefectDescription("dent", "a hollow")]
    defects.add("ring", known)
    with pytest.raises(ModelError, match="named no new defect"):
        defects.propose("ring")
    stop = threading.Event()
    stop.set()
    with pytest.raises(ModelError, match="was stopped before"):
        defects.propose("bolt", stop=stop)
    for wrong in (DefectDescription(" ", "long"), DefectDescription("x" * 301, "")):
        with pytest.raises(ExpertError, match=r"no name|more than 300"):
            defects.add("ring", [wrong])


def test_pictures_that_cannot_be_scored_are_named(
    workbench: Workbench, expert: BatchExpert, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = (workbench.add_image(part(n), f"{n}.png") for n in (1, 50))
    raw = expert.raw

    def refuse(query, *others, **more):
        if query.record.name == "50.png":
            raise ExpertError("too dark")
        return raw(query, *others, **more)

    monkeypatch.setattr(expert, "raw", refuse)
    tuning = workbench.products.tuning
    measured = tuning.measure_pictures("ring", "musc", [good], [bad])
    assert measured.skipped == (("50.png", "too dark"),)
    assert (len(measured.good_scores), measured.bad_scores) == (1, ())
    assert measured.suggestion is not None and measured.suggestion.point.escape is None
    with pytest.raises(ExpertError, match="No picture could be scored"):
        tuning.measure_pictures("ring", "musc", [], [bad])
    with pytest.raises(ExpertError, match="threshold 0 cannot be used"):
        tuning.set_threshold("ring", "musc", 0.0)
    stop = threading.Event()
    stop.set()
    workbench.products.pools.add("ring", [bad])
    with pytest.raises(Stopped):
        tuning.measure_pictures("ring", "musc", [good], stop=stop)
