"""What is offered on this machine: downloads, memory, and what stands at a path."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.model.fake_hub import COMMIT
from tests.model.tiny_llava import write_authors, write_onevision
from triad_ui.errors import ModelError, TriadError
from triad_ui.model.catalogue import ModelCatalogue
from triad_ui.model.choice import Machine, ModelChoice

GB = 2**30


class Small(ModelCatalogue):
    """On a machine of 6 GB, 5 of them free."""

    def machine(self) -> Machine:
        return Machine("a small GPU", 5 * GB, 6 * GB)


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


def test_offers_say_what_must_be_fetched_and_what_is_too_large(tmp_path: Path) -> None:
    offers = {offer.key: offer for offer in Small(cache=tmp_path).offers()}
    assert offers["llava-ov-0.5b"].problem == ""
    assert offers["llava-ov-0.5b"].download == pytest.approx(1.79e9, rel=0.01)
    assert "6.0 GB" in offers["llava-ov-7b"].problem
    assert "Take a smaller model" in offers["llava-ov-7b"].problem
    assert offers["embedded"].download == 0


def test_what_was_fetched_need_not_be_fetched_again(tmp_path: Path) -> None:
    root = tmp_path / "models--llava-hf--llava-onevision-qwen2-0.5b-ov-hf"
    (root / "blobs").mkdir(parents=True)
    part = root / "blobs" / "abc.triad-part"
    part.write_bytes(b"x" * 1000)
    whole = Small(cache=tmp_path.parent / "empty").offers()[2].download
    assert Small(cache=tmp_path).offers()[2].download == whole - 1000
    folder = root / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(COMMIT)
    for name in ("config.json", "model.safetensors"):
        (folder / name).write_text("{}")
    assert Small(cache=tmp_path).offers()[2].download == 0
    assert Small(cache=tmp_path, offline=True).offers()[2].problem == ""


def test_offline_a_hubs_model_says_how_to_bring_it(tmp_path: Path) -> None:
    offers = Small(cache=tmp_path, offline=True).offers()
    assert "hf download llava-hf/llava-onevision-qwen2-0.5b-ov-hf" in offers[2].problem


def test_the_embedded_download_is_told() -> None:
    assert Small(embedded_download=lambda: 93).offers()[0].download == 93


@pytest.mark.parametrize("write", [write_authors, write_onevision])
def test_a_folder_is_examined_without_loading_it(tmp_path: Path, write) -> None:
    write(tmp_path / "own")
    choice = ModelChoice("folder", str(tmp_path / "own"), "nf4")
    offer = Small().examine(choice)
    assert offer.choice == choice
    assert offer.title
    assert set(offer.needs) == {"bf16", "fp16", "fp32", "int8", "nf4"}
    assert offer.problem == ""


def test_wrong_folders_and_names_are_refused_with_the_way_out(tmp_path: Path) -> None:
    catalogue = Small()
    with pytest.raises(TriadError, match="is empty"):
        catalogue.examine(ModelChoice("folder", str(tmp_path)))
    with pytest.raises(ModelError, match="No folder"):
        catalogue.examine(ModelChoice("folder"))
    with pytest.raises(ModelError, match="No address"):
        catalogue.examine(ModelChoice("served"))
    with pytest.raises(ModelError, match="no model maker/other"):
        catalogue.examine(ModelChoice("hub", "maker/other"))
    hub = ModelChoice("hub", "llava-hf/llava-v1.6-mistral-7b-hf", "int8")
    assert catalogue.examine(hub).choice == hub
