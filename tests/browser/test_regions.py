"""Regions drawn in a real Chromium: mouse, touch, keys; what is stored is what was drawn."""

from __future__ import annotations

import io
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Start
from tests.browser.test_main_path import inspect
from triad_ui.feedback.store import FeedbackStore
from triad_ui.records import Case

Read = Callable[[Page], Case]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """The case of a page as it is stored."""

    def stored(page: Page) -> Case:
        case_id = re.search("case=([0-9a-f]+)", page.url)
        assert case_id
        store = FeedbackStore(f"sqlite:///{tmp_path / 'sessions.db'}")
        case = store.case(case_id.group(1))
        store.close()
        return case

    return stored


def judged(page: Page) -> None:
    expect(page.locator(".tw-verdict .tw-badge")).to_be_visible()


def edit(page: Page) -> None:
    page.get_by_role("button", name="Edit regions").click()
    expect(page.locator(".tw-editbar")).to_be_visible()


def screen(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a pixel of the original lies on the screen, by the box of the photo itself."""
    frame = page.locator(".tw-photo").bounding_box()
    size = page.locator(".tw-lines").get_attribute("viewBox")
    assert frame and size
    width, height = (int(side) for side in size.split()[2:])
    return frame["x"] + x * frame["width"] / width, frame["y"] + y * frame["height"] / height


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """With the mouse, from one pixel of the original to another."""
    page.locator(".tw-stage").scroll_into_view_if_needed()
    page.mouse.move(*screen(page, *start))
    page.mouse.down()
    page.mouse.move(*screen(page, (start[0] + end[0]) / 2, (start[1] + end[1]) / 2))
    page.mouse.move(*screen(page, *end))
    page.mouse.up()
    saved(page)


def saved(page: Page) -> None:
    expect(page.locator(".tw-edit-saying")).to_have_text("Saved.")


def near(box: tuple[int, ...], wanted: tuple[int, ...], pixels: int = 1) -> None:
    assert max(abs(a - b) for a, b in zip(box, wanted, strict=True)) <= pixels, (box, wanted)


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


def test_a_large_photo_keeps_its_pixels_when_zoomed(
    page: Page, start: Start, tmp_path: Path, read: Read
) -> None:
    """The page shows a preview of 1600 pixels; boxes are in pixels of the original."""
    pixels = np.random.default_rng(3).integers(0, 255, (30, 40, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).resize((4000, 3000)).save(file, "JPEG")
    page.goto(start())
    page.locator("#photo-drop input[type=file]").set_input_files(
        {"name": "large.jpg", "mimeType": "image/jpeg", "buffer": file.getvalue()}
    )
    expect(page.locator(".tw-title-name")).to_have_text("large.jpg")
    page.get_by_role("button", name="Inspect", exact=True).click()
    judged(page)
    page.locator("#policy").get_by_text("None", exact=True).click()
    expect(page.locator(".tw-crop")).to_have_count(0)
    judged(page)
    edit(page)
    page.get_by_role("button", name="1:1").click()  # a pixel of the screen is one of the photo
    left, top, right, bottom = 1901, 1403, 2105, 1550
    drag(page, (left, top), (right, bottom))
    near(read(page).rois[0].box, (left, top, right, bottom))
    page.reload()
    expect(page.locator(".tw-crop-box")).to_contain_text(re.compile(r"at 190[012], 140[234]"))


def test_who_chooses_can_be_changed_and_back(
    page: Page, start: Start, tmp_path: Path, read: Read
) -> None:
    inspect(page, start(), tmp_path)
    judged(page)
    found = read(page)
    policy = page.locator("#policy")
    policy.get_by_text("Mine", exact=True).click()  # nothing is drawn yet: begin
    expect(page.locator(".tw-editbar")).to_be_visible()
    expect(page.locator("#policy input[value=found]")).to_be_checked()
    drag(page, (20, 30), (100, 120))
    page.get_by_role("button", name="Done").click()
    policy.get_by_text("None", exact=True).click()
    expect(page.locator(".tw-regions")).to_contain_text("plain photo")
    expect(page.locator(".tw-region")).to_have_count(0)
    judged(page)
    assert (read(page).policy, read(page).rois) == ("anyres", ())
    policy.get_by_text("Random").click()
    expect(page.locator(".tw-regions")).to_contain_text("drawn at random")
    policy.get_by_text("Mine", exact=True).click()
    expect(page.locator(".tw-crop")).to_have_count(2)
    policy.get_by_text("Found", exact=True).click()
    expect(page.locator(".tw-crop")).to_have_count(1)
    judged(page)
    assert read(page).rois == found.rois


def test_the_vote_is_offered_with_a_good_part_and_judges_anew(
    page: Page, start: Start, tmp_path: Path
) -> None:
    inspect(page, start(), tmp_path)
    judged(page)
    expect(page.locator("#vote")).to_be_visible()
    expect(page.locator(".tw-judged-head")).to_contain_text("0.82")
    page.locator("#vote input").check()
    expect(page.locator(".tw-judged-head")).to_contain_text("0.82")  # both passes say the same
    page.locator(".tw-remove").click()
    expect(page.locator(".tw-card-name")).to_have_count(1)
    page.get_by_role("button", name="Inspect", exact=True).click()
    expect(page.locator("#vote")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_finger_draws_on_a_phone(
    browser: Browser, start: Start, tmp_path: Path, scheme: str, read: Read
) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, color_scheme=scheme
    )
    page = context.new_page()
    inspect(page, start(), tmp_path)
    judged(page)
    page.get_by_role("button", name="Edit regions").tap()
    expect(page.locator(".tw-editbar")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    page.locator(".tw-stage").scroll_into_view_if_needed()
    touch = context.new_cdp_session(page)

    def finger(kind: str, *points: tuple[float, float]) -> None:
        at = [dict(zip("xy", screen(page, *point)), id=n) for n, point in enumerate(points)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    scrolled = page.evaluate("window.scrollY")
    finger("touchStart", (20, 30))
    finger("touchMove", (60, 70))
    finger("touchMove", (110, 150))
    finger("touchEnd")
    saved(page)
    near(read(page).rois[1].box, (20, 30, 110, 150), pixels=2)
    assert page.evaluate("window.scrollY") == scrolled
    # Two fingers zoom and draw nothing.
    finger("touchStart", (150, 60))
    finger("touchStart", (150, 60), (200, 100))
    finger("touchMove", (140, 50), (230, 150))
    finger("touchEnd")
    expect(page.locator(".tw-stage.tw-zoomed")).to_be_visible()
    expect(page.locator(".tw-region")).to_have_count(2)
    context.close()
