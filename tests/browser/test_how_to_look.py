"""How to look in a real browser: closed until wanted, expert, threshold, defects, pool."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Start
from tests.browser.test_main_path import inspect
from tests.ui.conftest import png


def open_panel(page: Page) -> None:
    page.get_by_role("button", name="How to look").click()
    expect(page.locator(".tw-experts")).to_be_visible()


def test_another_expert_and_a_threshold_are_used(page: Page, start: Start, tmp_path: Path) -> None:
    inspect(page, start("evaluating"), tmp_path)
    expect(page.locator(".tw-experts")).to_be_hidden()
    expect(page.locator(".tw-score")).to_contain_text("compared with 1 good part")
    open_panel(page)
    expect(page.get_by_role("radio", name=re.compile("^Reference"))).to_be_checked()
    page.get_by_text("more that lack their weights").click()
    expect(page.locator(".tw-lacking")).to_contain_text("hf download")
    expect(page.locator(".tw-experts input[value=musc]")).to_have_count(0)
    page.get_by_role("radio", name=re.compile("^MuSc, embedded")).check()
    expect(page.locator(".tw-uses")).to_have_text("Uses a pool, good parts.")
    expect(page.locator("#expert input, #expert textarea")).to_have_value("musc-embedded")

    slider = page.get_by_role("slider", name="Threshold of the product")
    expect(page.locator("#save-threshold")).to_be_disabled()
    slider.fill("0.2")
    page.locator("#save-threshold").click()
    expect(page.locator(".tw-how")).to_contain_text("Saved for plate. It counts from the next")
    page.get_by_role("button", name="Inspect", exact=True).click()
    expect(page.locator(".tw-score")).to_contain_text("threshold of plate: 0.200")
    page.locator("#product input, #product textarea").fill("cap")
    expect(page.locator("#save-threshold")).to_have_text("Save for cap")
    expect(slider).to_have_value("0.5")
    page.reload()
    expect(page.locator(".tw-crop")).to_have_count(1)
    open_panel(page)
    expect(page.locator("#save-threshold")).to_have_text("Save for plate")


def test_known_defects_and_the_pool(page: Page, start: Start, tmp_path: Path) -> None:
    page.goto(start("evaluating"))
    page.locator("#product input, #product textarea").fill("plate")
    open_panel(page)
    page.get_by_text("Known defects (0)").click()
    page.locator("#new-defect").fill("a scratch")
    page.locator("#add-defect").click()
    expect(page.locator(".tw-how")).to_contain_text("does not say how the defect looks")
    expect(page.locator("#new-defect")).to_have_value("a scratch")
    page.locator("#new-defect").fill("<b>scratch</b>: a thin line")
    page.locator("#add-defect").click()
    expect(page.locator(".tw-defects li")).to_have_text(re.compile("<b>scratch</b>: a thin line"))
    expect(page.locator("#new-defect")).to_have_value("")
    page.get_by_role("button", name="Remove <b>scratch</b>").click()
    page.get_by_role("button", name="Undo removal").click()
    expect(page.locator(".tw-defects li")).to_have_count(1)

    page.get_by_text("Pool of pictures (0)").click()
    page.locator("#pool-folder").fill("parts/plate/test")
    page.locator("#add-pool-folder").click()
    expect(page.locator(".tw-how")).to_contain_text("Pool of pictures (6)")
    expect(page.locator(".tw-how")).to_contain_text("6 added.")
    (tmp_path / "new.png").write_bytes(png(True))
    page.get_by_test_id("Add pictures to the pool-upload-button").set_input_files(
        tmp_path / "new.png"
    )
    expect(page.locator(".tw-how")).to_contain_text("Pool of pictures (7)")
    page.locator("#clear-pool").click()
    expect(page.get_by_text("Take all 7 out?")).to_be_visible()
    page.get_by_role("button", name="Keep", exact=True).click()
    page.locator("#clear-pool").click()
    page.locator("#clear-pool-surely").click()
    expect(page.locator(".tw-how")).to_contain_text("Pool of pictures (0)")
