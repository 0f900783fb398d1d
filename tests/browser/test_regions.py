"""Regions drawn in a real Chromium with mouse and keys; what is stored is what was drawn."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Read, Start
from tests.browser.drawing import drag, edit, judged, near, saved, screen
from tests.browser.test_main_path import inspect


def test_draw_move_resize_delete_undo_and_reset(
    page: Page, start: Start, tmp_path: Path, read: Read
) -> None:
    inspect(page, start(), tmp_path)
    judged(page)
    found = read(page)
    edit(page)
    drag(page, (20, 30), (100, 120))
    drawn = read(page)
    assert drawn.policy == "user"
    assert drawn.rois[0] == found.rois[0]  # the expert's box keeps its score
    near(drawn.rois[1].box, (20, 30, 100, 120))
    assert drawn.rois[1].source == "user"
    expect(page.locator(".tw-crop")).to_have_count(2)
    expect(page.locator("#policy input[value=user]")).to_be_checked()

    drag(page, (60, 70), (90, 100))
    near(read(page).rois[1].box, (50, 60, 130, 150))
    drag(page, (130, 150), (150, 190))
    near(read(page).rois[1].box, (50, 60, 150, 190))
    drag(page, (100, 60), (100, 40))  # the upper edge by itself
    near(read(page).rois[1].box, (50, 40, 150, 190))

    page.get_by_role("button", name="Delete").click()
    saved(page)
    expect(page.locator(".tw-crop")).to_have_count(1)
    assert len(read(page).rois) == 1
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".tw-crop")).to_have_count(2)
    near(read(page).rois[1].box, (50, 40, 150, 190))
    page.get_by_role("button", name="Reset").click()
    expect(page.locator(".tw-crop")).to_have_count(1)
    expect(page.locator("#policy input[value=found]")).to_be_checked()
    assert (read(page).policy, read(page).rois) == (found.policy, found.rois)
    page.get_by_role("button", name="Undo").click()  # a reset can be taken back too
    expect(page.locator(".tw-crop")).to_have_count(2)
    judged(page)
    assert read(page).verdict is not None


def test_regions_stay_over_a_reload_and_the_model_is_asked_anew(
    page: Page, start: Start, tmp_path: Path, read: Read
) -> None:
    inspect(page, start(), tmp_path)
    judged(page)
    page.locator("#question textarea").fill("Why?")
    page.locator("#question textarea").press("Enter")
    expect(page.locator("#stop")).to_be_enabled()
    expect(page.locator("#stop")).to_be_disabled()
    before = read(page)
    edit(page)
    drag(page, (20, 30), (100, 120))
    judged(page)
    page.reload()
    expect(page.locator(".tw-crop")).to_have_count(2)
    judged(page)
    page.locator("#question textarea").fill("And there?")
    page.locator("#question textarea").press("Enter")
    expect(page.locator("#chat .bot-row")).to_have_count(2)
    expect(page.locator("#stop")).to_be_disabled()
    after = read(page)
    assert [len(turn.rois) for turn in after.turns] == [len(before.rois), 2]
    assert after.turns[1].rois == after.rois
    with sqlite3.connect(tmp_path / "sessions.db") as database:
        kept = database.execute("SELECT count(*) FROM case_regions").fetchone()
    database.close()
    assert kept == (2,)


def test_keys_alone_are_enough(page: Page, start: Start, tmp_path: Path, read: Read) -> None:
    inspect(page, start(), tmp_path)
    judged(page)
    page.locator(".tw-stage").focus()
    page.keyboard.press("e")
    expect(page.locator(".tw-editbar")).to_be_visible()
    page.keyboard.press("n")
    saved(page)
    x0, y0, x1, y1 = read(page).rois[1].box
    for _ in range(3):
        page.keyboard.press("Control+ArrowRight")
    page.keyboard.press("Control+Shift+ArrowDown")
    expect(page.locator(".tw-crop-box").nth(1)).to_contain_text(f"at {x0 + 3}, {y0}")
    assert read(page).rois[1].box == (x0 + 3, y0, x1 + 3, y1 + 1)
    page.keyboard.press("ArrowUp")  # a coarser step
    expect(page.locator(".tw-crop-box").nth(1)).not_to_contain_text(f"at {x0 + 3}, {y0}")
    assert read(page).rois[1].y0 < y0
    page.keyboard.press("Control+z")
    expect(page.locator(".tw-crop-box").nth(1)).to_contain_text(f"at {x0 + 3}, {y0}")
    page.keyboard.press("Tab")
    page.keyboard.press("Delete")
    saved(page)
    expect(page.locator(".tw-crop")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(".tw-editbar")).to_be_hidden()
    expect(page.get_by_role("button", name="Edit regions")).to_be_focused()


def test_four_regions_at_most_none_too_small_and_all_inside(
    page: Page, start: Start, tmp_path: Path, read: Read
) -> None:
    inspect(page, start(), tmp_path)
    judged(page)
    edit(page)
    drag(page, (10, 10), (60, 60))
    drag(page, (80, 10), (140, 60))
    drag(page, (200, 200), (399, 300))  # ends outside the photo
    assert read(page).rois[3].box[2:] == (320, 240)
    expect(page.get_by_role("button", name="Add", exact=True)).to_be_disabled()
    page.mouse.move(*screen(page, 20, 150))
    page.mouse.down()
    page.mouse.move(*screen(page, 90, 200), steps=4)
    page.mouse.up()
    expect(page.locator(".tw-edit-saying")).to_contain_text("Four regions at most")
    assert len(read(page).rois) == 4
    drag(page, (40, 40), (-200, -200))  # moved as far as the border
    near(read(page).rois[1].box, (0, 0, 50, 50))
    page.mouse.click(*screen(page, 150, 150))  # a click draws nothing
    assert len(read(page).rois) == 4


def test_panning_and_zooming_are_not_broken(page: Page, start: Start, tmp_path: Path) -> None:
    inspect(page, start(), tmp_path)
    judged(page)
    world = page.locator(".tw-world")
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Zoom in").click()

    def moved_by(act: Callable[[], None]) -> bool:
        before = world.evaluate("node => node.style.transform")
        act()
        return world.evaluate("node => node.style.transform") != before

    def pull() -> None:
        page.mouse.move(*screen(page, 160, 120))
        page.mouse.down()
        page.mouse.move(*screen(page, 140, 100), steps=4)
        page.mouse.up()

    assert moved_by(pull)
    edit(page)
    assert not moved_by(pull)
    saved(page)
    page.keyboard.down("Space")
    assert moved_by(pull)
    page.keyboard.up("Space")
    expect(page.locator(".tw-region")).to_have_count(2)
    page.keyboard.press("Escape")
    assert moved_by(pull)
    expect(page.locator(".tw-region")).to_have_count(2)
