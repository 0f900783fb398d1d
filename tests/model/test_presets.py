"""What is offered by name: sizes that agree with the published files, names, settings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from triad_ui.errors import SettingsError
from triad_ui.model.choice import ModelChoice
from triad_ui.model.memory import in_gb
from triad_ui.model.presets import (
    CONFIGS,
    PRESETS,
    SMOLLM2,
    choice_named,
    settings_for,
    stored_bytes,
)
from triad_ui.settings import REPOSITORY
from triad_ui.weights import SMOLLM2 as PACKAGE
from triad_ui.weights import WeightCache

# parameters in billions, as the repositories' pages state them
PARAMETERS = {"llava-ov-0.5b": 0.89, "llava-ov-7b": 8.03, "llava-1.6-mistral-7b": 7.57,
              "llava-1.6-vicuna-7b": 7.06}  # fmt: skip


@pytest.mark.parametrize("key", sorted(CONFIGS))
def test_downloads_agree_with_the_published_number_of_parameters(key: str) -> None:
    assert stored_bytes(CONFIGS[key]) / 2e9 == pytest.approx(PARAMETERS[key], abs=0.01)


def test_every_offer_tells_licence_note_and_choice() -> None:
    assert len({offer.key for offer in PRESETS}) == len(PRESETS)
    for offer in PRESETS:
        assert offer.licence
        assert offer.note.endswith(".")
        if offer.choice.kind == "hub":
            assert offer.download > 10**9
            assert list(offer.needs) == ["bf16", "fp16", "fp32", "int8", "nf4"]
            assert offer.needs["fp16"] == offer.needs["bf16"]
            sizes = [offer.needs[name] for name in ("bf16", "int8", "nf4")]
            assert sizes == sorted(sizes, reverse=True)
            assert "Not trained for EG-RoI" in offer.note


def test_the_documents_tell_what_is_computed() -> None:
    readme = (REPOSITORY / "README.md").read_text("utf-8")
    models = (REPOSITORY / "docs" / "models.md").read_text("utf-8")
    named = {
        "llava-ov-0.5b": "LLaVA-OneVision 0.5B",
        "llava-ov-7b": "LLaVA-OneVision 7B (Triad's base)",
        "llava-1.6-mistral-7b": "LLaVA-1.6 7B, Mistral",
        "llava-1.6-vicuna-7b": "LLaVA-1.6 7B, Vicuna",
    }
    for offer in PRESETS:
        if offer.key in named:
            needs = [in_gb(offer.needs[name])[:-3] for name in ("bf16", "int8", "nf4")]
            assert f"| {named[offer.key]} | {' | '.join(needs)} |" in readme
            row = next(line for line in models.splitlines() if line.startswith(f"| `{offer.key}`"))
            assert row.endswith(f"| {in_gb(offer.download)} | {offer.licence} |")


def test_the_embedded_shapes_are_those_of_the_file(weight_cache: WeightCache) -> None:
    base = weight_cache.derived(PACKAGE, "bf16-1") / "model.safetensors"
    if not base.is_file():
        pytest.skip("the embedded model has not been fetched here")
    assert base.stat().st_size == pytest.approx(stored_bytes(SMOLLM2), rel=0.001)


@pytest.mark.parametrize("offer", PRESETS, ids=lambda offer: offer.key)
def test_names_lead_to_choices_and_back(offer) -> None:
    if offer.key in ("folder", "served"):
        with pytest.raises(SettingsError):
            choice_named(offer.key)
    else:
        choice = choice_named(offer.key, precision="nf4")
        assert (choice.kind, choice.source) == (offer.choice.kind, offer.choice.source)
        assert settings_for(choice) == f"TRIAD_MODEL={offer.key} TRIAD_PRECISION=nf4"


def test_folders_endpoints_and_none() -> None:
    adapter = Path("/adapters/mine")
    named = choice_named(Path("/models/triad"), adapter=adapter, allow_pickle=True)
    assert named == ModelChoice("folder", "/models/triad", "auto", adapter, True)
    assert settings_for(named) == "TRIAD_MODEL=/models/triad TRIAD_MODEL_ADAPTER=/adapters/mine"
    assert choice_named("http://gpu:8000/v1") == ModelChoice("served", "http://gpu:8000/v1")
    assert choice_named("none") is None


def test_settings_to_keep_hold_from_any_folder_and_tell_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert settings_for(ModelChoice("folder", "own")) == f"TRIAD_MODEL={tmp_path / 'own'}"
    served = settings_for(ModelChoice("served", "http://me:s3cret@gpu:8000"))
    assert served == "TRIAD_MODEL=http://me:***@gpu:8000"
    assert settings_for(ModelChoice("hub", "maker/model")) == ""


def test_a_misspelt_name_is_refused_with_the_right_one() -> None:
    with pytest.raises(SettingsError, match="did you mean llava-ov-7b"):
        choice_named("llava-ov-7")
    with pytest.raises(SettingsError, match=r"known: embedded.*\./gpt"):
        choice_named("gpt")


def test_offers_are_told_without_torch() -> None:
    program = (
        "import sys, triad_ui.model.presets, triad_ui.model.catalogue, triad_ui.model.loader;"
        "print(*[name for name in ('torch', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == ""
