"""Upload, look, ask, stop, correct, reload, find: in a real browser, with a fake model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import Start
from tests.fakes import ANSWER
from tests.ui.conftest import deep_tiff, png


def lay_out(page: Page, folder: Path) -> None:
    """Upload a photo with a spot and a good part."""
    (folder / "bad plate.png").write_bytes(png(True))
    (folder / "good plate.png").write_bytes(png(False))
    page.locator("#photo-drop input[type=file]").set_input_files(folder / "bad plate.png")
    expect(page.locator(".tw-title-name")).to_have_text("bad plate.png")
    page.locator("#reference-drop input[type=file]").set_input_files(folder / "good plate.png")
    expect(page.locator(".tw-card-name")).to_have_text(["bad plate.png", "good plate.png"])


def inspect(page: Page, url: str, folder: Path) -> None:
    page.goto(url)
    lay_out(page, folder)
    page.locator("#product input, #product textarea").fill("plate")
    page.get_by_role("button", name="Inspect", exact=True).click()
    expect(page.locator(".tw-crop")).to_have_count(1)


def test_the_main_path(page: Page, start: Start, tmp_path: Path) -> None:
    url = start()
    inspect(page, url, tmp_path)
    expect(page.locator(".tw-crop-head")).to_contain_text("right")
    expect(page.locator(".tw-contour").first).to_be_attached()
    assert page.locator(".tw-crop img").evaluate("image => image.naturalWidth") > 30
    expect(page.locator(".tw-verdict .tw-badge")).to_have_text("Defective")

    page.locator("#question textarea").fill("What is wrong with it?")
    page.locator("#question textarea").press("Enter")
    expect(page.locator("#chat .bot-row")).to_contain_text(ANSWER[-30:])
    expect(page.locator("#question textarea")).to_have_value("")

    page.locator("#agrees").get_by_text("Incorrect", exact=True).click()
    page.locator("#label").get_by_text("Normal", exact=True).click()
    page.locator("#location").get_by_text("bottom right", exact=True).click()
    page.locator("#kind input, #kind textarea").fill("shadow")
    page.locator("#author input, #author textarea").fill("QA")
    page.locator("#save").click()
    expect(page.locator("#saved")).to_have_text(re.compile(r"Saved to sessions\.db at \d\d:\d\d\."))
    expect(page.locator(".tw-corrected")).to_contain_text("shadow")

    page.reload()
    expect(page.locator(".tw-crop")).to_have_count(1)
    expect(page.locator("#chat .bot-row")).to_contain_text(ANSWER[-30:])
    expect(page.locator(".tw-corrected")).to_contain_text("The model was incorrect")
    expect(page.locator(".tw-card-name")).to_have_text(["bad plate.png", "good plate.png"])
    expect(page.locator("#product input, #product textarea")).to_have_value("plate")

    page.goto(url)
    page.get_by_role("tab", name="History").click()
    page.locator("#search input, #search textarea").fill("plate")
    expect(page.locator(".tw-row")).to_have_count(1)
    expect(page.locator(".tw-row")).to_contain_text("Corrected: Normal")
    page.locator(".tw-row").click()
    expect(page.locator(".tw-crop")).to_have_count(1)
    expect(page).to_have_url(re.compile("case="))


def test_stop_ends_the_answer_and_keeps_it(page: Page, start: Start, tmp_path: Path) -> None:
    inspect(page, start(delay=0.15), tmp_path)
    expect(page.locator(".tw-verdict .tw-badge")).to_be_visible()
    page.locator("#question textarea").fill("Why?")
    page.locator("#ask").click()
    expect(page.locator("#chat .bot-row")).to_contain_text("There is a")
    page.locator("#stop").click()
    expect(page.locator("#chat .bot-row")).to_contain_text("Stopped here.")
    expect(page.locator("#stop")).to_be_disabled()
    expect(page.locator("#chat .bot-row")).not_to_contain_text(ANSWER[-30:])
    page.locator("#again").click()
    expect(page.locator("#chat .bot-row")).to_have_count(2)


def test_another_tab_sees_the_answer_grow_and_can_stop_it(
    page: Page, context: BrowserContext, start: Start, tmp_path: Path
) -> None:
    inspect(page, start(delay=0.4), tmp_path)
    expect(page.locator(".tw-verdict .tw-badge")).to_be_visible()
    page.locator("#question textarea").fill("Why?")
    page.locator("#ask").click()
    expect(page.locator("#chat .bot-row")).to_contain_text("There is")
    other = context.new_page()
    other.goto(page.url)
    expect(other.locator("#chat .bot-row")).to_contain_text("There is", timeout=15_000)
    expect(other.locator("#stop")).to_be_enabled()
    other.locator("#stop").click()
    expect(page.locator("#chat .bot-row")).to_contain_text("Stopped here.")
    expect(other.locator("#chat .bot-row")).to_contain_text("Stopped here.")


def test_a_typed_correction_survives_a_reload(page: Page, start: Start, tmp_path: Path) -> None:
    inspect(page, start(), tmp_path)
    page.locator("#agrees").get_by_text("Incorrect", exact=True).click()
    page.locator("#answer textarea").fill("A shadow, no defect.")
    page.wait_for_timeout(300)
    page.reload()
    expect(page.locator("#answer textarea")).to_have_value("A shadow, no defect.")
    expect(page.locator("#agrees input[value=incorrect]")).to_be_checked()


def test_the_map_shows_before_the_model_is_there(page: Page, start: Start, tmp_path: Path) -> None:
    inspect(page, start(kind="slow"), tmp_path)
    expect(page.locator(".tw-engine-text")).to_contain_text(re.compile(r"fetching \d+ of 93 MB"))
    expect(page.locator(".tw-verdict")).to_contain_text("No judgement yet")
    expect(page.locator(".tw-verdict .tw-badge")).to_have_text("Defective", timeout=60_000)


def test_a_failed_model_offers_retry(page: Page, start: Start) -> None:
    page.goto(start(kind="failing"))
    expect(page.locator(".tw-engine")).to_contain_text("could not be fetched")
    expect(
        page.locator(".tw-engine").get_by_role("button", name="Retry", exact=True)
    ).to_be_visible()


def test_an_unknown_case_is_a_friendly_note(page: Page, start: Start) -> None:
    page.goto(f"{start()}/?case=nobody")
    expect(page.get_by_text("names a case that is not stored here")).to_be_visible()


def test_deep_pictures_have_levels(page: Page, start: Start, tmp_path: Path) -> None:
    page.goto(start())
    (tmp_path / "deep.tif").write_bytes(deep_tiff())
    page.locator("#photo-drop input[type=file]").set_input_files(tmp_path / "deep.tif")
    expect(page.get_by_label("Shown as white").first).to_be_visible()
    expect(page.locator(".tw-title")).to_contain_text("16-bit")


def test_keys_change_the_view_without_the_server(page: Page, start: Start, tmp_path: Path) -> None:
    inspect(page, start(), tmp_path)
    expect(page.locator(".tw-verdict .tw-badge")).to_be_visible()
    page.wait_for_timeout(500)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator(".tw-stage").focus()
    page.keyboard.press("m")
    expect(page.locator(".tw-heat")).to_be_hidden()
    page.keyboard.press("]")
    expect(page.locator("[data-slider=opacity]")).to_have_value("0.65")
    page.keyboard.press("1")
    expect(page.locator(".tw-stage.tw-zoomed")).to_be_visible()
    page.keyboard.press("?")
    expect(page.locator(".tw-help")).to_be_visible()
    page.keyboard.press("Escape")
    page.locator("#question textarea").press("m")
    expect(page.locator("#question textarea")).to_have_value("m")
    assert [url for url in asked if "queue" in url] == []


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_nothing_is_wider_than_the_page(
    browser: Browser, start: Start, width: int, scheme: str
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.goto(start())
    expect(page.locator(".tw-example").first).to_be_visible()
    page.locator(".tw-example").first.click()
    expect(page.locator(".tw-score")).to_be_visible(timeout=20_000)
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    page.close()
