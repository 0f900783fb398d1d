"""The shell lists the experts, and inspects with a pool and with defects in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.products.batch_expert import BatchExpert
from tests.products.drawn import part
from tests.test_cli import folder, model, refusal, run_json  # noqa: F401
from triad_ui import wiring
from triad_ui.cli import main
from triad_ui.expert.expert import EXPERTS
from triad_ui.records import DefectDescription, ProductSettings
from triad_ui.settings import load
from triad_ui.workbench import Workbench

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture
def expert(model: object, monkeypatch: pytest.MonkeyPatch) -> BatchExpert:  # noqa: F811
    made = BatchExpert()
    build = wiring.build_workbench

    def workbench(settings) -> Workbench:
        found = build(settings)
        found._inspector.expert = lambda name: made
        return found

    monkeypatch.setattr(wiring, "build_workbench", workbench)
    return made


def test_experts_are_listed_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["experts", "--expert", "musc"]) == 0
    output = capsys.readouterr().out
    for name in EXPERTS:
        assert f"\n{name}  " in f"\n{output}"
    assert "musc  MuSc  (chosen)" in output
    assert "compares with: good parts (needed)" in output
    assert "Its weights are not on this machine. Put into" in output
    assert max(map(len, output.splitlines())) <= 100


def test_experts_as_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["experts", "--expert-weights", str(tmp_path / "mine"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["chosen"], told["weights"]) == ("reference", str(tmp_path / "mine"))
    by_name = {each["name"]: each for each in told["experts"]}
    assert list(by_name) == list(EXPERTS)
    assert by_name["reference"]["ready"] is True
    assert by_name["patch-core"]["ready"] is False
    assert str(tmp_path / "mine") in by_name["patch-core"]["problem"]
    assert by_name["few-shot-bank"]["needs"] == ["references"]


def test_a_pool_and_defects_are_told_to_the_expert(
    expert: BatchExpert, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in ("a.png", "below/b.png"):
        (tmp_path / "pool" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pool" / name).write_bytes(part(1, len(name)))
    (tmp_path / "pool" / "broken.png").write_bytes(b"no picture")
    told = run_json(
        capsys, "--maps-only", "--expert", "musc", "--pool", "pool", "--product", "Ring",
        "--defect", "scratch: a thin bright line", "--defect", "dent",
    )  # fmt: skip
    _, pool, subject = expert.told[-1]
    assert pool == ("a.png", "b.png")
    assert subject is not None and subject.product == "Ring"
    assert subject.defects == (
        DefectDescription("scratch", "a thin bright line"),
        DefectDescription("dent", ""),
    )
    assert (told["basis"], told["threshold"], told["kinds"]) == ("pool", 0.5, [])


def test_what_an_expert_does_not_use_is_said(
    expert: BatchExpert, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "pool").mkdir()
    (tmp_path / "pool" / "a.png").write_bytes(part(1))
    (tmp_path / "pool" / "torn.png").write_bytes(part(1)[:50])
    arguments = ["inspect", "query.png", "--maps-only", "--pool", "pool", "--defect", "dent"]
    assert main(arguments) == 0
    error = capsys.readouterr().err
    assert "The expert reference does not use --pool." in error
    assert "The expert reference does not use --defect." in error
    assert "left out of the pool: pool/torn.png: " in error


def test_the_products_threshold_and_kinds_are_printed(
    expert: BatchExpert, capsys: pytest.CaptureFixture[str]
) -> None:
    from triad_ui.feedback.store import FeedbackStore

    store = FeedbackStore(load({}).database_url)
    store.products.add_settings(ProductSettings("ring", "april-gan", threshold=0.25))
    store.close()
    expert.kinds = (("scratch", 0.75), ("dent", 0.125))
    arguments = ["--maps-only", "--expert", "april-gan", "--product", "ring"]
    told = run_json(capsys, *arguments)
    assert told["threshold"] == 0.25
    assert told["kinds"] == [["scratch", 0.75], ["dent", 0.125]]
    assert main(["inspect", "query.png", *arguments]) == 0
    output = capsys.readouterr().out
    assert "threshold set for ring: 0.25 on the expert's own scale" in output
    assert "like scratch: 75%" in output


def test_what_cannot_be_used_is_refused_before_anything_is_loaded(
    expert: BatchExpert, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    for arguments, told in (
        (["--expert", "clip"], "no expert called 'clip'"),
        (["--pool", "empty"], "no picture in --pool empty"),
        (["--pool", "nowhere"], "no picture in --pool nowhere"),
        (["--defect", " : long"], "The defect has no name"),
    ):
        assert told in refusal(capsys, "inspect", "query.png", "--maps-only", *arguments)
    assert expert.told == []


def test_missing_weights_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    told = refusal(capsys, "inspect", "query.png", "--maps-only", "--expert", "patch-core")
    assert "The expert patch-core cannot be loaded. Its weights are not on this machine." in told
    assert "hf download timm/wide_resnet50_2.tv_in1k" in told
