"""Every expert by its name: loaded from files, told of a product, through the workbench."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants

from tests.expert.drawn_parts import plate
from tests.expert.published_weights import save_base, save_published
from tests.fakes import fake_settings
from tests.products.drawn import png_of
from triad_ui.errors import ExpertError, WeightsError
from triad_ui.expert import wide_resnet
from triad_ui.expert.anomaly_clip import WEIGHTS_FILE
from triad_ui.expert.april_gan_weights import FILES
from triad_ui.expert.expert import DEFAULT, EMBEDDED, EXPERTS, Expert, load
from triad_ui.expert.offers import CLIP, DINOV2, SHEETS, WIDE_RESNET, offers
from triad_ui.expert.progress import Stopped
from triad_ui.expert.watched import score
from triad_ui.feedback.store import FeedbackStore
from triad_ui.imaging.store import ImageStore
from triad_ui.inspector import Inspector
from triad_ui.model.loader import ModelLoader
from triad_ui.records import DefectDescription, ImageRecord, Subject
from triad_ui.settings import REPOSITORY
from triad_ui.workbench import Workbench

NAMES = tuple(EXPERTS)
POOLED = tuple(name for name in NAMES if "pool" in SHEETS[name].uses)
DEFECTS = (DefectDescription("scratch", "a thin line"), DefectDescription("dent", "a hollow"))
Build = Callable[[str], Workbench]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    save_published(folder / "experts")
    save_base(folder / "base")
    return folder


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


def loaded(weights: Path, name: str, cache: Path | None = None) -> Expert:
    return load(name, weights / ("base" if name in EMBEDDED else "experts"), cache)


@pytest.fixture
def build(tmp_path: Path, weights: Path) -> Iterator[Build]:
    made: list[Workbench] = []

    def workbench(name: str) -> Workbench:
        settings = fake_settings(tmp_path)
        expert = loaded(weights, name, tmp_path / "features")
        loader = ModelLoader(lambda choice, report: None)  # type: ignore[arg-type, return-value]
        made.append(
            Workbench(
                ImageStore(settings.data_dir),
                FeedbackStore(settings.database_url),
                Inspector({name: expert}.__getitem__, loader.current),
                loader,
                {},
            )
        )
        return made[-1]

    yield workbench
    for each in made:
        each.close()


def add(workbench: Workbench, seed: int, *, scratch: bool = False) -> ImageRecord:
    return workbench.add_image(png_of(plate(seed, scratch=scratch)), f"{seed}.png")


@pytest.mark.parametrize("name", NAMES)
def test_an_expert_inspects_by_its_name(build: Build, name: str) -> None:
    workbench = build(name)
    products = workbench.products
    products.defects.add("plate", DEFECTS)
    products.pools.add("plate", [add(workbench, seed) for seed in (3, 4)])
    references = [add(workbench, seed) for seed in (1, 2)]
    query = add(workbench, 5, scratch=True)
    told: list[float] = []
    case = workbench.inspect(
        query, references, product="plate", expert=name, report=lambda share, _: told.append(share)
    )
    found = workbench.case(case.id).anomaly_map
    assert found.expert.startswith(f"{name}@")
    assert found.values.dtype == np.float32
    assert np.isfinite(found.values).all()
    assert found.values.min() >= 0 and found.values.max() <= 1
    assert 0 <= found.score <= 1
    assert found.calibrated
    sheet = SHEETS[name]
    assert found.basis == ("text" if name == "anomaly-clip" else "references")
    kinds = {"scratch", "dent"} if "text" in sheet.uses else set()
    assert {kind for kind, _ in found.kinds} == kinds
    assert told and told == sorted(told) and told[-1] <= 1
    if "pool" in sheet.uses:
        without = workbench.inspect(query, references, product="other", expert=name)
        assert not np.array_equal(without.anomaly_map.values, found.values)
    # what it says it needs, it needs; all else it does without
    workbench.products.pools.empty("plate")
    if sheet.needs:
        with pytest.raises(ExpertError, match="reference"):
            workbench.inspect(query, product="plate", expert=name)
    else:
        alone = workbench.inspect(query, product="plate", expert=name).anomaly_map
        assert np.isfinite(alone.values).all()
        assert not alone.calibrated
    # a threshold of the product moves the very same map
    products.tuning.set_threshold("plate", name, 0.2)
    moved = workbench.inspect(query, references, product="plate", expert=name).anomaly_map
    assert moved.threshold == 0.2


@pytest.mark.parametrize("name", NAMES)
def test_known_pictures_set_every_expert(build: Build, name: str) -> None:
    workbench = build(name)
    tuning = workbench.products.tuning
    good = [add(workbench, seed) for seed in (1, 2)]
    bad = [add(workbench, 4, scratch=True)]
    measured = tuning.measure_pictures("plate", name, good, bad, good[:1])
    # compared with nothing, the picture that is the lone reference cannot be scored by some
    assert len(measured.good_scores) + len(measured.skipped) == 2
    assert len(measured.bad_scores) == 1
    kept = tuning.keep(measured)
    query = add(workbench, 6)
    case = workbench.inspect(query, good[:1], product="plate", expert=name)
    assert (case.anomaly_map.threshold, case.anomaly_map.calibrated) == (kept.threshold, True)
    assert measured.scale is not None


@pytest.mark.parametrize("name", NAMES)
def test_features_outlast_a_restart_and_open_no_picture_again(
    weights: Path, tmp_path: Path, name: str
) -> None:
    references, pool = [plate(1), plate(2)], [plate(3)]
    subject = Subject("plate", DEFECTS)
    first = score(loaded(weights, name, tmp_path), plate(5), references, pool, subject)
    opened: list[int] = []
    again = score(
        loaded(weights, name, tmp_path), plate(5), references, pool, subject,
        report=lambda done, total: opened.append(done),
    )  # fmt: skip
    assert np.array_equal(first.values, again.values)
    assert first.score == again.score
    if name not in (DEFAULT, *POOLED):  # the default one changes a reference anew for its scale
        assert opened == []


@pytest.mark.parametrize("name", NAMES)
def test_any_expert_can_be_stopped(weights: Path, name: str) -> None:
    stop = threading.Event()
    expert = loaded(weights, name)
    steps: list[tuple[int, int]] = []

    def report(done: int, total: int) -> None:
        steps.append((done, total))
        stop.set()

    with pytest.raises(Stopped, match="start it again"):
        score(expert, plate(5), [plate(1), plate(2)], [plate(3)], report=report, stop=stop)
    assert len(steps) == 1
    found = score(expert, plate(5), [plate(1), plate(2)], [plate(3)])
    assert np.isfinite(found.values).all()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in EMBEDDED])
def test_missing_weights_are_told_with_what_to_put_where(
    weights: Path, tmp_path: Path, name: str, no_hub: None
) -> None:
    (here,) = offers([name], weights / "experts")
    assert here.ready, here.problem
    (offer,) = offers([name], tmp_path)
    assert not offer.ready
    with pytest.raises(WeightsError) as error:
        load(name, tmp_path)
    assert str(error.value) == f"The expert {name} cannot be loaded. {offer.problem}"
    assert str(tmp_path) in offer.problem


def test_every_expert_is_described_and_every_description_is_of_one() -> None:
    assert set(SHEETS) == set(NAMES)
    assert tuple(offer.name for offer in offers(NAMES, Path("nowhere"))) == NAMES
    assert WIDE_RESNET == wide_resnet.PATTERNS
    for name in EMBEDDED:
        assert offers([name], Path("nowhere"))[0].ready


def test_the_documentation_names_every_expert_and_its_weights() -> None:
    text = (REPOSITORY / "docs" / "experts.md").read_text("utf-8")
    for name in NAMES:
        assert f"| `{name}`" in text
    for name in (CLIP, DINOV2, WEIGHTS_FILE, *FILES.values()):
        assert name in text


def test_an_unknown_name_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(ExpertError, match=r"'clip'\. Known: reference, .*musc-dinov2"):
        load("clip", tmp_path)
