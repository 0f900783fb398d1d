from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from tests.synthesis import fakes
from triad_ui.synthesis import families as catalogue
from triad_ui.synthesis.sample import make_sample
from triad_ui.synthesis.sheet import TOUR, contact_sheet, main, tour
from triad_ui.synthesis.surface import SURFACE_KINDS


@pytest.fixture(autouse=True)
def fake_families(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "FAMILIES", fakes.FAMILIES)


def test_a_sheet_has_a_card_for_each_sample():
    sheet = contact_sheet([make_sample(k, size=96) for k in range(4)], columns=3, side=64)
    assert sheet.shape[1] == 3 * (3 * 64 + 6)
    assert sheet.shape[0] == 2 * (64 + 74 + 6)


def test_the_command_writes_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    main([str(tmp_path / "sheet.png"), "--rows", "1", "--seed", "3"])
    assert cv2.imread(str(tmp_path / "sheet.png")) is not None
    assert "3 samples" in capsys.readouterr().out


def test_the_tour_shows_every_family_and_every_surface_defect(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.undo()  # the real families
    shown = tour(seed=5, size=64)
    assert sorted(sample.family for sample in shown) == sorted(catalogue.FAMILIES)
    assert (
        {sample.kind for sample in shown if not sample.logical} == set(SURFACE_KINDS) == set(TOUR)
    )
    assert {sample.flipped for sample in shown if sample.logical} == {True, False}
