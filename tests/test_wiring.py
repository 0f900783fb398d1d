"""Settings -> model: folders, hub and names through the real loader, on tiny checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants

from tests.fakes import FakeExpert, fake_settings
from tests.model.fake_hub import FakeHub
from tests.model.tiny_llava import write_onevision
from tests.ui.conftest import png
from triad_ui import wiring
from triad_ui.errors import ExpertError, SettingsError
from triad_ui.expert.expert import EXPERTS
from triad_ui.model.choice import Machine, ModelChoice
from triad_ui.model.language_model import GenerationOptions
from triad_ui.model.status import EngineStatus
from triad_ui.settings import Settings
from triad_ui.weights import SMOLLM2, WeightCache
from triad_ui.workbench import Workbench

pytestmark = pytest.mark.timeout(240)
Build = Callable[..., Workbench]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny") / "onevision"
    write_onevision(folder)
    return folder


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Build]:
    made: list[Workbench] = []
    monkeypatch.setattr(wiring.Experts, "__call__", lambda self, name: FakeExpert())

    def workbench(model: str | Path, *, tested: bool = False, **more: object) -> Workbench:
        settings: Settings = replace(fake_settings(tmp_path), model=model, precision="fp32", **more)
        made.append(wiring.build_workbench(settings, tested=tested))
        made[-1].load_model()
        return made[-1]

    yield workbench
    for each in made:
        each.close()


def answer(workbench: Workbench) -> str:
    case = workbench.inspect(workbench.add_image(png(True), "part.png"))
    turns = list(workbench.ask(case.id, "Why?", GenerationOptions(max_new_tokens=4)))
    return turns[-1].state


def loaded(workbench: Workbench) -> EngineStatus:
    return workbench.wait_for_model(120)


def test_a_folder_is_loaded_and_answers(build: Build, checkpoint: Path) -> None:
    workbench = build(checkpoint)
    status = loaded(workbench)
    assert status.state == "ready", status.message
    assert status.engine.endswith("fp32")
    assert status.message == "Ready"  # it is what the settings name already
    assert answer(workbench) == "complete"


def test_random_weights_do_not_pass_for_a_model(build: Build, checkpoint: Path) -> None:
    status = loaded(build(checkpoint, tested=True))
    assert status.state == "failed"
    assert "fails its self-test: it does not understand plain English" in status.message


@pytest.mark.parametrize("wrong", ["nothing there", "no checkpoint", "cut short"])
def test_a_wrong_folder_leaves_the_old_model_answering(
    build: Build, checkpoint: Path, tmp_path: Path, wrong: str
) -> None:
    workbench = build(checkpoint)
    ready = loaded(workbench)
    folder = tmp_path / "wrong"
    if wrong != "nothing there":
        folder.mkdir()
    if wrong == "cut short":
        for file in checkpoint.iterdir():
            content = file.read_bytes()
            kept = len(content) - 100 if file.suffix == ".safetensors" else None
            (folder / file.name).write_bytes(content[:kept])
    workbench.switch_model(ModelChoice("folder", str(folder)))
    status = loaded(workbench)
    assert (status.state, status.engine) == ("failed", ready.engine)
    assert str(folder) in status.message
    assert answer(workbench) == "complete"


def test_what_does_not_fit_beside_the_old_model_asks_to_unload(
    build: Build, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from triad_ui.model import memory
    from triad_ui.model.checkpoint import open_checkpoint

    workbench = build(checkpoint)
    assert loaded(workbench).state == "ready"
    needed = memory.need(open_checkpoint(checkpoint), "fp32").total
    monkeypatch.setattr(memory, "machine", lambda: Machine("a small GPU", needed - 10, needed))
    workbench.switch_model(ModelChoice("folder", str(checkpoint), "fp32"))
    status = loaded(workbench)
    assert status.state == "failed"
    assert "Unload the current model" in status.message
    assert status.engine
    monkeypatch.setattr(memory, "machine", lambda: Machine("a small GPU", needed, needed))
    workbench.unload_model()
    workbench.switch_model(ModelChoice("folder", str(checkpoint), "fp32"))
    assert loaded(workbench).state == "ready"


def test_another_choice_says_which_settings_keep_it(build: Build, checkpoint: Path) -> None:
    workbench = build("none")
    workbench.switch_model(ModelChoice("folder", str(checkpoint), "bf16"))
    assert f"set TRIAD_MODEL={checkpoint} TRIAD_PRECISION=bf16." in loaded(workbench).message


@pytest.mark.parametrize(("faster", "told"), [(torch.float32, "fp32"), (torch.bfloat16, "bf16")])
def test_automatic_takes_what_is_faster_on_this_processor(
    build: Build, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, faster: torch.dtype, told: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    monkeypatch.setattr("triad_ui.model.embedded.load.faster_dtype", lambda: faster)
    workbench = build("none")
    workbench.switch_model(ModelChoice("folder", str(checkpoint)))
    assert loaded(workbench).engine.endswith(told)


def test_the_embedded_model_takes_the_adapter_that_is_named(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "base_folder", lambda cache, report: tmp_path)
    monkeypatch.setattr(wiring.Experts, "backbone", lambda self: None)
    status = loaded(build("embedded", model_adapter=tmp_path / "mine"))
    assert status.state == "failed"
    assert f"The adapter folder {tmp_path / 'mine'} is incomplete" in status.message


def test_a_hubs_model_is_fetched_and_loaded(
    build: Build, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = FakeHub({file.name: file.read_bytes() for file in checkpoint.iterdir()})
    workbench = build("none")
    assert workbench.engine_status().state == "absent"
    with hub.serving() as url:
        monkeypatch.setenv("HF_ENDPOINT", url)
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        monkeypatch.setattr(constants, "ENDPOINT", url)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        workbench.switch_model(ModelChoice("hub", "maker/model", "fp32"))
        status = loaded(workbench)
    assert status.state == "ready", status.message
    assert answer(workbench) == "complete"


def test_an_unknown_name_is_refused_at_the_start(build: Build) -> None:
    with pytest.raises(SettingsError, match="llava-ov-7b"):
        build("llava-ov-7")


def test_the_memory_for_conversations_reaches_the_model(build: Build, checkpoint: Path) -> None:
    workbench = build(checkpoint, kept_memory=3)
    loaded(workbench)
    assert workbench._loader.current()._decoder._kept._limit == 3_000_000


def test_published_experts_read_their_own_folder_and_few_stay_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple] = []
    monkeypatch.setattr(wiring, "load", lambda *each: asked.append(each) or FakeExpert())
    monkeypatch.setattr(WeightCache, "fetch", lambda self, *each: tmp_path / "base" / "w.pth")
    cache = WeightCache(tmp_path / "cache")
    experts = wiring.Experts(cache, None, tmp_path / "mine", 5_000_000)
    names = ("reference", "musc", "april-gan", "musc", "patch-core", "musc", "reference")
    for name in names:
        experts(name)
    features = tmp_path / "cache" / "features"
    assert asked == [
        ("reference", tmp_path / "base", features, 5_000_000),
        ("musc", tmp_path / "mine", features, 5_000_000),
        ("april-gan", tmp_path / "mine", features, 5_000_000),
        ("patch-core", tmp_path / "mine", features, 5_000_000),
    ]
    experts("april-gan")  # was used longest ago
    assert [each[0] for each in asked[4:]] == ["april-gan"]
    with pytest.raises(ExpertError, match="no expert called 'clip'"):
        experts("clip")


def test_the_workbench_offers_every_expert(build: Build, tmp_path: Path) -> None:
    workbench = build("none", expert_weights=tmp_path / "mine", image_root=tmp_path)
    by_name = {offer.name: offer for offer in workbench.experts()}
    assert set(by_name) == set(EXPERTS)
    assert by_name["reference"].ready
    assert str(tmp_path / "mine") in by_name["patch-core"].problem
    assert workbench.products.pools.remedy() == ""


@pytest.mark.weights
def test_expert_and_tower_share_one_network(weight_cache) -> None:
    experts = wiring.Experts(weight_cache)
    assert experts.backbone() is experts("reference").network


@pytest.mark.weights
def test_the_embedded_model_passes_its_test_through_the_real_loader(
    tmp_path: Path, weight_cache
) -> None:
    if not weight_cache.derived(SMOLLM2, wiring.CONVERTED).is_dir():
        pytest.skip("the embedded model has not been fetched here")
    settings = replace(
        fake_settings(tmp_path), cache_dir=weight_cache.root, adapter=Settings().adapter
    )
    workbench = wiring.build_workbench(settings)
    workbench.load_model()
    status = loaded(workbench)
    assert status.state == "ready", status.message
    workbench.close()
