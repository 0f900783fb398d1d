"""The download from a hub: whole, broken and gone on with, cancelled, offline, out of the cache."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants

from tests.model.fake_hub import COMMIT, FakeHub
from triad_ui.errors import ModelError
from triad_ui.model import hub
from triad_ui.model.status import EngineStatus

REPOSITORY = "maker/model"
LARGE = np.random.default_rng(0).bytes(20 * 2**20)
pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    served = FakeHub(
        {
            "config.json": b"{}",
            "tokenizer.json": b'{"version": "1.0"}',
            "model-00001-of-00002.safetensors": LARGE,
            "model-00002-of-00002.safetensors": b"small shard",
            "model.safetensors.index.json": json.dumps(
                {"weight_map": {"a": "model-00001-of-00002.safetensors",
                                "b": "model-00002-of-00002.safetensors"}}
            ).encode(),
            "pytorch_model.bin": b"never fetched",
            "modeling.py": b"never fetched",
        }
    )  # fmt: skip
    with served.serving() as url:
        monkeypatch.setenv("HF_ENDPOINT", url)
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        monkeypatch.setattr(constants, "ENDPOINT", url)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield served


def nothing(status: EngineStatus) -> None:
    pass


def test_fetches_weights_as_safetensors_and_no_code(source: FakeHub, tmp_path: Path) -> None:
    told: list[EngineStatus] = []
    folder = hub.fetch(REPOSITORY, told.append, cache=tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
        "model.safetensors.index.json", "tokenizer.json",
    ]  # fmt: skip
    assert (folder / "model-00001-of-00002.safetensors").read_bytes() == LARGE
    assert {status.state for status in told} == {"fetching"}
    assert hub.cached(REPOSITORY, cache=tmp_path) == folder
    assert hub.cached(REPOSITORY, COMMIT, cache=tmp_path) == folder
    asked = len(source.asked)
    assert hub.fetch(REPOSITORY, nothing, offline=True, cache=tmp_path) == folder
    assert len(source.asked) == asked  # out of the cache, asking nobody


def test_a_broken_connection_is_gone_on_with(source: FakeHub, tmp_path: Path) -> None:
    source.break_after = 12 * 2**20
    folder = hub.fetch(REPOSITORY, nothing, cache=tmp_path)
    assert (folder / "model-00001-of-00002.safetensors").read_bytes() == LARGE
    assert source.sent["model-00001-of-00002.safetensors"] <= len(LARGE) + 2**20


def test_cancelled_within_a_second_and_gone_on_with_later(source: FakeHub, tmp_path: Path) -> None:
    source.break_after, source.hold = 9 * 2**20, threading.Event()
    raised: list[float] = []

    def give_up(status: EngineStatus) -> None:
        if status.fraction is not None and status.fraction > 0.4:
            raised.append(time.monotonic())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hub.fetch(REPOSITORY, give_up, cache=tmp_path)
    assert time.monotonic() - raised[0] < 1
    assert hub.cached(REPOSITORY, cache=tmp_path) is None
    kept = hub.fetched_bytes(REPOSITORY, tmp_path)
    assert kept >= 0.4 * len(LARGE)
    source.break_after = None
    source.hold.set()
    before = source.sent["model-00001-of-00002.safetensors"]
    folder = hub.fetch(REPOSITORY, nothing, cache=tmp_path)
    again = source.sent["model-00001-of-00002.safetensors"] - before
    assert again <= len(LARGE) - kept + 2**20
    assert (folder / "model-00001-of-00002.safetensors").read_bytes() == LARGE


def test_a_damaged_file_is_not_kept(source: FakeHub, tmp_path: Path) -> None:
    source.break_after, source.hold = 9 * 2**20, threading.Event()

    def give_up(status: EngineStatus) -> None:
        if status.fraction is not None and status.fraction > 0.4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hub.fetch(REPOSITORY, give_up, cache=tmp_path)
    source.break_after = None
    source.hold.set()
    (part,) = tmp_path.rglob("*.triad-part")
    content = bytearray(part.read_bytes())
    content[1000] ^= 1
    part.write_bytes(content)
    with pytest.raises(ModelError, match="arrived damaged"):
        hub.fetch(REPOSITORY, nothing, cache=tmp_path)
    assert hub.fetch(REPOSITORY, nothing, cache=tmp_path)


def test_no_hub_is_told_with_the_way_round(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(ModelError, match=r"cannot be reached.*hf download maker/model.*its path"):
        hub.fetch(REPOSITORY, nothing, cache=tmp_path)


@pytest.mark.parametrize("how", ["setting", "HF_HUB_OFFLINE"])
def test_offline_asks_nobody(
    source: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", how != "setting")
    with pytest.raises(ModelError, match=r"switched off.*hf download"):
        hub.fetch(REPOSITORY, nothing, offline=how == "setting", cache=tmp_path)
    assert source.asked == []


def test_a_model_that_the_hub_lacks_is_named(source: FakeHub, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has no model maker/other"):
        hub.fetch("maker/other", nothing, cache=tmp_path)


def test_pickles_alone_are_not_fetched(source: FakeHub, tmp_path: Path) -> None:
    source.files = {"config.json": b"{}", "pytorch_model.bin": b"x" * 100}
    with pytest.raises(ModelError, match="no weights as safetensors"):
        hub.fetch(REPOSITORY, nothing, cache=tmp_path)
    assert source.sent == {}


def test_a_half_fetched_model_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    folder = tmp_path / "models--maker--model" / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "1.safetensors"}}')
    assert hub.cached(REPOSITORY, COMMIT, tmp_path) is None
    (folder / "1.safetensors").write_text("")
    assert hub.cached(REPOSITORY, COMMIT, tmp_path) == folder
