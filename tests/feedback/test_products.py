"""Settings of experts by product, defect descriptions and pools: exact, and nothing is lost."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from tests.feedback.inspections import inspection, picture
from triad_ui.errors import NotFound
from triad_ui.feedback.store import FeedbackStore
from triad_ui.records import DefectDescription, ProductSettings, Scale

SETTINGS = ProductSettings(
    "cable",
    "musc",
    threshold=1 / 3,
    scale=Scale(0.1 + 0.2, 1e-7),
    escape=0.125,
    overkill=0.0,
    good_scores=(0.1, 1 / 7),
    bad_scores=(0.9,),
    measured_with="musc@2",
    author="Ann",
)
SCRATCH = DefectDescription("scratch", "a thin bright line – 'straight'")
DENT = DefectDescription("dent", "a round hollow", "model")


def test_settings_come_back_as_they_went_in_and_the_newest_counts(store: FeedbackStore) -> None:
    kept = store.products
    assert kept.settings("cable", "musc") is None
    first = kept.add_settings(SETTINGS)
    assert replace(first, created=0.0) == SETTINGS
    assert first.created > 0
    second = kept.add_settings(ProductSettings("cable", "musc", threshold=0.75))
    assert kept.settings("cable", "musc") == second
    assert kept.settings_history("cable", "musc") == (second, first)
    assert kept.settings("cable", "reference") is None
    assert kept.settings("bottle", "musc") is None


def test_settings_outlive_a_restart(store: FeedbackStore, url: str) -> None:
    stored = store.products.add_settings(SETTINGS)
    store.products.add_defects("cable", [SCRATCH])
    store.products.add_to_pool("cable", [picture("deep.tif", page=2).record])
    store.close()
    again = FeedbackStore(url).products
    assert again.settings("cable", "musc") == stored
    assert [each.description for each in again.defects("cable")] == [SCRATCH]
    assert again.pool("cable") == (picture("deep.tif", page=2).record,)


def test_a_description_is_stored_once_and_brought_back(store: FeedbackStore) -> None:
    kept = store.products
    scratch, dent = kept.add_defects("cable", [SCRATCH, DENT], author="Ann")
    assert (scratch.description, dent.description, dent.author) == (SCRATCH, DENT, "Ann")
    assert kept.add_defects("cable", [replace(SCRATCH, kind="Scratch")]) == (scratch,)
    assert kept.defects("cable") == (scratch, dent)
    assert kept.defects("bottle") == ()
    gone = kept.set_removed(scratch.id, True)
    assert gone.removed is not None
    assert kept.set_removed(scratch.id, True) == gone
    assert kept.defects("cable") == (dent,)
    assert kept.defects("cable", removed=True) == (gone,)
    assert kept.set_removed(scratch.id, False) == scratch
    kept.set_removed(scratch.id, True)
    assert kept.add_defects("cable", [SCRATCH]) == (scratch,)


def test_an_edited_description_keeps_the_words_before(store: FeedbackStore) -> None:
    kept = store.products
    (dent,) = kept.add_defects("cable", [DENT])
    typed = DefectDescription("dent", "a flat round hollow")
    new = kept.edit_defect(dent.id, typed, author="Bob")
    assert (new.description, new.product, new.author) == (typed, "cable", "Bob")
    assert kept.defects("cable") == (new,)
    assert [each.description for each in kept.defects("cable", removed=True)] == [DENT]
    assert kept.edit_defect(new.id, typed) == new
    with pytest.raises(NotFound):
        kept.edit_defect("nobody", typed)
    with pytest.raises(NotFound):
        kept.set_removed("nobody", True)


def test_a_pool_holds_each_picture_once(store: FeedbackStore, tmp_path: Path) -> None:
    kept = store.products
    one, two = picture("1.png", digit="1").record, picture("2.png", digit="2").record
    assert kept.add_to_pool("cable", [one, two, one]) == 2
    assert kept.add_to_pool("cable", [two]) == 0
    assert kept.add_to_pool("bottle", [two]) == 1
    assert kept.pool("cable") == (one, two)
    assert kept.empty_pool("cable") == 2
    assert kept.empty_pool("cable") == 0
    assert (kept.pool("cable"), kept.pool("bottle")) == ((), (two,))
    assert kept.add_to_pool("cable", [two]) == 1
    assert kept.pool("cable") == (two,)
    connection = sqlite3.connect(tmp_path / "sessions.db")
    assert connection.execute("SELECT count(*) FROM pool_images").fetchone() == (3,)
    connection.close()


def test_products_are_those_inspected_and_those_of_which_something_is_kept(
    store: FeedbackStore,
) -> None:
    assert store.products.products() == ()
    store.add_case(inspection(product="cable"))
    store.products.add_settings(ProductSettings("bottle", "musc"))
    store.products.add_defects("screw", [DENT])
    store.products.add_to_pool("tile", [picture().record])
    assert store.products.products() == ("bottle", "cable", "screw", "tile")
