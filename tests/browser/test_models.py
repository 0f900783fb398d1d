"""The Models tab in a real browser: what is offered, load, cancel, failure, one's own, keyboard."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Start
from tests.browser.test_main_path import inspect
from tests.fakes import ANSWER
from tests.offering import NO_CHECKPOINT, TORN

EMBEDDED = "Embedded model (SmolLM2 135M)"
SMALL = "LLaVA-OneVision 0.5B"
FOCUSED = """() => {
  const at = document.activeElement;
  return `${at.tagName} ${at.closest('[data-key]')?.dataset.key || at.closest('[id]').id}`;
}"""
OVERFLOW = "document.documentElement.scrollWidth - window.innerWidth"


def open_models(page: Page, url: str) -> None:
    """By a click on the engine line."""
    page.goto(url)
    expect(page.locator(".tw-engine-text")).to_have_text("Language model ready")
    page.locator(".tw-engine-text").click()
    expect(page.get_by_role("tab", name="Models")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".tw-loaded-title")).to_have_text(EMBEDDED)


def load(page: Page, key: str) -> None:
    page.locator(f"[data-load='{key}']").click()


def own_folder(page: Page, folder: str) -> None:
    page.get_by_label("Folder with weights").fill(folder)
    page.get_by_role("button", name="Check folder").click()


def test_what_is_in_use_and_offered(page: Page, start: Start) -> None:
    open_models(page, start("models"))
    used = page.locator(".tw-loaded")
    expect(used).to_contain_text("Full (bf16)")
    expect(used).to_contain_text("about 0.7 GB")
    expect(used).to_contain_text("NVIDIA T1000: 6.1 of 8.0 GB of memory are free")
    expect(page.locator("#offers .tw-model")).to_have_count(5)
    expect(page.locator("[data-key=embedded]")).to_contain_text("In use")
    seven = page.locator("[data-key=llava-ov-7b]")
    expect(seven).to_contain_text("16.1 GB to download")
    expect(seven).to_contain_text("Cannot be loaded now. The hub cannot be reached")
    expect(seven.locator("[data-load]")).to_have_attribute("aria-disabled", "true")
    seven.get_by_label("Precision").select_option("bf16")
    expect(seven.locator(".tw-fit")).to_have_text(
        "Needs about 15.2 GB, 6.1 GB are free: does not fit. In 4-bit it needs 5.4 GB and fits."
    )
    expect(seven.locator(".tw-fit")).to_have_attribute("data-fit", "not")


def test_load_shows_progress_and_both_models(page: Page, start: Start) -> None:
    open_models(page, start("models", delay=5))
    page.locator("[data-key='llava-ov-0.5b']").get_by_label("Precision").select_option("int8")
    load(page, "llava-ov-0.5b")
    coming = page.get_by_role("group", name="Next model")
    expect(coming).to_contain_text(f"Loading {SMALL}")
    expect(coming).to_contain_text(re.compile(r"Fetching [1-9]\d* of 1790 MB"))
    expect(coming).to_contain_text(f"Until then {EMBEDDED} keeps answering.")
    expect(page.locator(".tw-engine-text")).to_contain_text("Language model ready. Next model: ")
    expect(page.locator(".tw-engine progress")).to_be_visible()
    expect(page.locator("body")).to_have_attribute("data-model", "ready")
    for button in page.locator("[data-load]").all():
        expect(button).to_have_attribute("aria-disabled", "true")
    expect(page.locator(".tw-loaded-title")).to_have_text(SMALL)
    expect(page.locator(".tw-loaded")).to_contain_text("8-bit (int8)")
    expect(page.locator("[data-key='llava-ov-0.5b']")).to_contain_text("In use")
    expect(page.locator("[data-key=embedded]")).not_to_contain_text("In use")
    expect(coming).to_be_hidden()
    load(page, "embedded")  # and back
    expect(page.locator(".tw-loaded-title")).to_have_text(EMBEDDED)


def test_the_old_model_answers_while_another_loads_and_cancel_ends_it(
    page: Page, start: Start, tmp_path: Path
) -> None:
    inspect(page, start("models", delay=60), tmp_path)
    expect(page.locator(".tw-verdict .tw-badge")).to_be_visible()
    page.get_by_role("tab", name="Models").click()
    load(page, "llava-ov-0.5b")
    expect(page.get_by_role("group", name="Next model")).to_contain_text("Fetching")
    page.get_by_role("tab", name="Inspect").click()
    page.locator("#question textarea").fill("What is wrong with it?")
    page.locator("#ask").click()
    expect(page.locator("#chat .bot-row")).to_contain_text(ANSWER[-30:])
    page.get_by_role("tab", name="Models").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("group", name="Next model")).to_be_hidden()
    expect(page.locator(".tw-engine-text")).to_have_text("Language model ready")
    expect(page.locator(".tw-loaded-title")).to_have_text(EMBEDDED)
    expect(page.locator("[data-load=embedded]")).to_have_attribute("aria-disabled", "false")


def test_a_failure_stays_readable_and_keeps_the_old_model(page: Page, start: Start) -> None:
    open_models(page, start("models"))
    own_folder(page, "/data/triad-torn")
    expect(page.locator("#own-found .tw-model")).to_contain_text("In 4-bit it needs about 5.4 GB")
    page.locator("#own-found [data-load]").click()
    coming = page.get_by_role("group", name="Next model")
    expect(coming).to_contain_text("could not be loaded")
    expect(coming).to_contain_text(TORN)
    expect(coming).to_contain_text(f"Still in use: {EMBEDDED}.")
    expect(page.locator(".tw-engine-text")).to_contain_text("Language model ready. The next one")
    expect(
        page.locator(".tw-engine").get_by_role("button", name="Retry", exact=True)
    ).to_be_visible()
    page.wait_for_timeout(2000)
    expect(coming).to_contain_text(TORN)
    coming.get_by_role("button", name="Put aside").click()
    expect(coming).to_be_hidden()
    expect(page.locator(".tw-engine-text")).to_have_text("Language model ready")


def test_a_folder_that_is_no_checkpoint_is_refused_with_a_remedy(page: Page, start: Start) -> None:
    open_models(page, start("models"))
    own_folder(page, "/data/<b>photos</b>")
    expect(page.locator("#own-found")).to_contain_text(NO_CHECKPOINT.format("/data/<b>photos</b>"))
    expect(page.get_by_label("Folder with weights")).to_have_value("/data/<b>photos</b>")
    expect(page.locator("#own-found [data-load]")).to_have_count(0)


def test_a_remote_engine_says_before_loading_that_photos_leave(page: Page, start: Start) -> None:
    open_models(page, start("models"))
    page.get_by_label("Address of a served engine").fill("http://gpu-server:8000/v1")
    page.get_by_label("Address of a served engine").press("Enter")
    found = page.locator("#own-found .tw-model")
    expect(found).to_contain_text("Photos leave this machine.")
    expect(found).to_contain_text("go to gpu-server:8000.")
    found.locator("[data-load]").click()
    expect(page.locator(".tw-loaded")).to_contain_text("leave this machine and go to gpu-server")


def test_unload_says_what_still_works(page: Page, start: Start) -> None:
    open_models(page, start("models"))
    page.get_by_role("button", name="Unload", exact=True).click()
    expect(page.locator(".tw-loaded-title")).to_contain_text("None. The language model was")
    expect(page.get_by_role("button", name="Unload", exact=True)).to_be_hidden()
    expect(page.locator(".tw-engine-text")).to_contain_text("was unloaded")
    load(page, "embedded")
    expect(page.locator(".tw-loaded-title")).to_have_text(EMBEDDED)


def test_the_keyboard_reaches_everything_in_order(page: Page, start: Start) -> None:
    open_models(page, start("models", delay=60))
    page.get_by_role("button", name="Unload", exact=True).focus()
    seen = []
    for _ in range(13):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(FOCUSED))
    assert seen == [
        "BUTTON embedded", "SELECT llava-ov-0.5b", "BUTTON llava-ov-0.5b", "SELECT llava-ov-7b",
        "BUTTON llava-ov-7b", "SELECT llava-1.6-7b", "BUTTON llava-1.6-7b", "BUTTON folder",
        "INPUT model-folder", "INPUT model-adapter", "BUTTON check-folder", "INPUT model-address",
        "BUTTON check-address",
    ]  # fmt: skip
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.locator("[data-load='llava-ov-7b']").press("Enter")  # cannot be loaded: nothing happens
    expect(page.get_by_role("group", name="Next model")).to_be_hidden()
    page.locator("[data-load='llava-ov-0.5b']").press("Enter")
    expect(page.get_by_role("group", name="Next model")).to_be_visible()
    page.get_by_role("button", name="Cancel").press("Enter")
    expect(page.get_by_role("heading", name="Model in use")).to_be_focused()


@pytest.mark.parametrize(("width", "scheme"), [(1440, "dark"), (390, "light")])
def test_nothing_is_wider_than_the_page(
    browser: Browser, start: Start, width: int, scheme: str
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    open_models(page, start("models", delay=60))
    own_folder(page, "/data/" + "a-very-long-folder-name-" * 8)
    expect(page.locator("#own-found .tw-problem")).to_be_visible()
    assert page.evaluate(OVERFLOW) <= 0
    own_folder(page, "/data/triad-ov-7b")
    expect(page.locator("#own-found .tw-model")).to_be_visible()
    load(page, "llava-ov-0.5b")
    expect(page.get_by_role("group", name="Next model")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_be_in_viewport()
    assert page.evaluate(OVERFLOW) <= 0
    page.close()
