"""Whose regions the model sees, the vote, a large photo, and a finger on a phone."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Read, Start
from tests.browser.drawing import drag, edit, judged, near, saved, screen
from tests.browser.test_main_path import inspect


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
