"""What the Models tab says of memory, of the model in use and of where photos go."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.offering import GB, MACHINE, NEEDS_7B, OFFERS
from triad_ui.model.choice import Machine, ModelChoice, ModelOffer
from triad_ui.model.status import EngineStatus
from triad_ui.ui import present_models as shown

NONE = EngineStatus("absent", "None.")
READY = EngineStatus("ready", "Ready", 1.0, "embedded SmolLM2 + adapter 1 bf16", ModelChoice())


def test_memory_is_told_in_gb_with_one_decimal_never_too_well() -> None:
    assert shown.gigabytes(15.11 * GB) == "15.2 GB"
    assert shown.gigabytes(6.19 * GB, up=False) == "6.1 GB"
    assert shown.gigabytes(5.4 * GB) == "5.4 GB"
    assert shown.gigabytes(16_070_000_000, unit=10**9) == "16.1 GB"
    assert shown.gigabytes(0) == "0.0 GB"


def test_the_machine_in_one_line() -> None:
    assert shown.machine(MACHINE) == "NVIDIA T1000: 6.1 of 8.0 GB of memory are free"
    line = shown.machine(Machine("the processor, 8 threads", 0, 16 * GB))
    assert line == "The processor, 8 threads; how much memory is free is not known"


@pytest.mark.parametrize(
    ("name", "free", "fit", "line"),
    [
        ("bf16", 20.0, "fits", "Needs about 15.2 GB, 20.0 GB are free: fits."),
        ("auto", 20.0, "fits", "Needs about 15.2 GB, 20.0 GB are free: fits."),
        ("nf4", 6.13, "fits", "Needs about 5.4 GB, 6.1 GB are free: fits."),
        ("bf16", 6.13, "not", "Needs about 15.2 GB, 6.1 GB are free: does not fit. "
         "In 4-bit it needs 5.4 GB and fits."),
        ("auto", 6.13, "fits", "In 4-bit it needs about 5.4 GB, 6.1 GB are free: fits. "
         "In bf16 (15.2 GB) it does not."),
        ("auto", 9.0, "fits", "In 8-bit it needs about 8.9 GB, 9.0 GB are free: fits. "
         "In bf16 (15.2 GB) it does not."),
        ("auto", 3.0, "not", "Needs about 15.2 GB, 3.0 GB are free: does not fit. Even in 4-bit it "
         "needs 5.4 GB. Make room."),
        ("nf4", 3.0, "not", "Needs about 5.4 GB, 3.0 GB are free: does not fit. Make room."),
        ("auto", 0, "unknown",
         "Needs about 15.2 GB, 5.4 GB in 4-bit; how much is free is not known."),
        ("fp16", 20.0, "unknown", ""),
    ],
)  # fmt: skip
def test_what_is_needed_beside_what_is_free(name: str, free: float, fit: str, line: str) -> None:
    assert shown.fit_line(name, NEEDS_7B, int(free * GB), "Make room.") == (fit, line)


def test_what_fits_by_a_hair_is_not_told_as_more_than_is_free() -> None:
    fit, line = shown.fit_line("bf16", {"bf16": int(6.06 * GB)}, int(6.09 * GB))
    assert (fit, line) == ("fits", "Needs about 6.0 GB, 6.0 GB are free: fits.")
    fit, line = shown.fit_line("bf16", {"bf16": int(6.09 * GB)}, int(6.06 * GB))
    assert fit == "not" and line.startswith("Needs about 6.1 GB, 6.0 GB are free: does not fit.")


def test_the_remedy_when_nothing_fits() -> None:
    older, ways = OFFERS[3], shown.ways
    assert "Unload the model in use" in ways(older, GB, True)[0]["line"]
    assert "Close other programs that use" in ways(older, GB, False)[0]["line"]
    too_large = replace(older, problem="It fits into no precision here. Take a smaller model.")
    assert ways(too_large, GB, True)[0]["line"].endswith("Even in 4-bit it needs 7.2 GB.")


def test_a_model_with_one_need_only() -> None:
    offer = replace(OFFERS[0], needs={"auto": int(1.02 * GB)})
    (way,) = shown.ways(offer, MACHINE.free, False)
    assert way["line"] == "Needs about 1.1 GB, 6.1 GB are free: fits."
    assert ["Memory", "about 1.1 GB"] in shown.in_use([offer], MACHINE, READY)["facts"]


def test_precisions_to_pick_from() -> None:
    def picks(offer: ModelOffer, free: int = MACHINE.free) -> list[str]:
        return [way["label"] for way in shown.ways(offer, free, False)]

    embedded, _, seven, *_ = OFFERS
    assert picks(embedded) == ["Automatic: the most exact that fits"]
    assert picks(seven) == [
        "Automatic: the most exact that fits", "Full (bf16): 15.2 GB, does not fit",
        "8-bit (int8): 8.9 GB, does not fit", "4-bit (nf4): 5.4 GB, fits",
    ]  # fmt: skip
    assert picks(seven, 0)[3] == "4-bit (nf4): 5.4 GB"
    assert len(picks(replace(seven, needs={}))) == 6
    assert len(picks(ModelOffer("s", "s", "", ModelChoice("served", "http://h:1")))) == 1


def test_the_card_of_a_preset() -> None:
    card = shown.offer(OFFERS[2], MACHINE, READY)
    assert card["facts"] == ["Licence: Apache-2.0", "16.1 GB to download"]
    assert card["problem"].startswith("The hub cannot be reached")
    assert not card["inUse"] and not card["leaves"] and not card["unnamed"]
    assert card["choice"] == {
        "kind": "hub", "source": "llava-hf/llava-onevision-qwen2-7b-ov-hf", "adapter": "",
    }  # fmt: skip


def test_the_card_in_use_is_marked_whatever_its_precision() -> None:
    assert shown.offer(OFFERS[0], MACHINE, READY)["inUse"]
    gone = EngineStatus("loading", "...", None, "", ModelChoice())
    assert not shown.offer(OFFERS[0], MACHINE, gone)["inUse"]


def test_a_preset_without_its_folder_says_so() -> None:
    card = shown.offer(OFFERS[4], MACHINE, NONE)
    assert card["unnamed"] and "to download" not in " ".join(card["facts"])


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("http://gpu-server:8000/v1#triad", "gpu-server:8000"),
        ("https://api.example.com/v1", "api.example.com"),
        ("http://127.0.0.1.example.com:80/v1", "127.0.0.1.example.com:80"),
        ("http://192.168.1.5:8000", "192.168.1.5:8000"),
    ],
)
def test_a_remote_engine_says_where_photos_go(address: str, host: str) -> None:
    card = shown.offer(ModelOffer("s", "s", "", ModelChoice("served", address)), MACHINE, NONE)
    assert card["leaves"].endswith(f"go to {host}.")
    used = shown.in_use(OFFERS, MACHINE, replace(READY, choice=ModelChoice("served", address)))
    assert ["Photos", f"leave this machine and go to {host}"] in used["facts"]


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8000/v1", "http://[::1]:8000", "http://localhost:1"]
)
def test_an_engine_on_this_machine_lets_nothing_out(address: str) -> None:
    card = shown.offer(ModelOffer("s", "s", "", ModelChoice("served", address)), MACHINE, NONE)
    assert card["leaves"] == "" and "Served by this machine" in card["facts"][0]


def test_the_model_in_use_with_precision_and_memory() -> None:
    used = shown.in_use(OFFERS, MACHINE, READY)
    assert used["title"] == "Embedded model (SmolLM2 135M)"
    assert used["facts"] == [["Precision", "Full (bf16)"], ["Memory", "about 0.7 GB"]]
    assert used["machine"].startswith("NVIDIA T1000: 6.1 of 8.0 GB")


def test_a_model_of_ones_own_is_named_by_its_folder() -> None:
    choice = ModelChoice("folder", "/data/triad-ov-7b", "nf4", Path("/data/adapter-3"))
    used = shown.in_use(OFFERS, MACHINE, replace(READY, engine="x", choice=choice))
    assert used["title"] == "triad-ov-7b"
    assert used["facts"] == [["Precision", "4-bit (nf4)"], ["Adapter", "/data/adapter-3"]]


def test_nothing_in_use() -> None:
    assert shown.in_use(OFFERS, MACHINE, NONE)["title"] == ""
