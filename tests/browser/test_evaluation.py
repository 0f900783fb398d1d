"""The Evaluation tab in a real browser: run, see, reload, cancel, take the threshold over."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Start
from tests.browser.test_main_path import lay_out

OVERFLOW = "document.documentElement.scrollWidth - window.innerWidth"


def open_tab(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_role("tab", name="Evaluation").click()
    expect(page.locator("#data-set-seen")).to_contain_text("2 products, 12 photographs to judge.")


def evaluate(page: Page) -> None:
    page.get_by_role("button", name="Evaluate", exact=True).click()


def test_run_see_the_table_and_use_the_threshold(page: Page, start: Start, tmp_path: Path) -> None:
    open_tab(page, start("evaluating", delay=0))
    evaluate(page)
    rows = page.locator(".tw-table tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("1.000")
    expect(page.locator(".tw-plot .main-svg").first).to_be_visible()
    expect(page.locator(".tw-plot")).to_have_count(3)
    expect(page.locator(".tw-worst")).to_have_count(6)
    with page.expect_download() as report:
        page.locator(".tw-results").get_by_role("link", name="Report").click()
    assert report.value.suggested_filename.endswith("report.html")

    page.locator("[data-product=round_plate]").click()
    expect(page.locator("#tw-called")).to_have_value("round plate")
    page.get_by_role("slider", name="Threshold", exact=True).fill("0.2")
    expect(page.locator(".tw-share").last).to_contain_text("33")
    page.locator("#use-threshold").click()
    expect(page.locator(".tw-saved")).to_contain_text("Saved for round plate")

    page.get_by_role("tab", name="Inspect").click()
    lay_out(page, tmp_path)
    page.locator("#product input, #product textarea").fill("round plate")
    page.get_by_role("button", name="Inspect", exact=True).click()
    expect(page.locator(".tw-score")).to_contain_text("threshold of round plate: 0.200")


def test_a_run_survives_a_reload_and_is_cancelled(page: Page, start: Start) -> None:
    url = start("evaluating", delay=1.5)
    open_tab(page, url)
    evaluate(page)
    running = page.get_by_role("group", name="Progress")
    expect(running).to_contain_text(re.compile("[1-9] of 12"))
    expect(page.locator("#start-evaluation")).to_be_disabled()
    open_tab(page, url)
    expect(running).to_contain_text("Running: parts: Reference, 4 references")
    expect(page.locator(".tw-table tbody tr")).to_have_count(1)
    running.get_by_role("button", name="Cancel").click()
    expect(running).to_contain_text("Cancelled")
    expect(running).to_contain_text("1 product was finished. Start the same evaluation again")
    expect(page.locator(".tw-kept")).to_contain_text("1 product, 6 photographs, cancelled")
    expect(page.locator("#start-evaluation")).to_be_enabled()


def test_nothing_is_wider_than_a_telephone(browser: Browser, start: Start) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
    open_tab(page, start("evaluating", delay=0))  # the tab is not hidden in a menu
    page.locator("#data-set input").fill("../" + "a-very-long-folder-name-" * 8)
    page.locator("#data-set input").press("Enter")
    expect(page.locator("#data-set-seen .tw-problem")).to_contain_text("There is no folder")
    assert page.evaluate(OVERFLOW) <= 0
    page.locator("#data-set input").fill("parts")
    page.locator("#data-set input").press("Enter")
    expect(page.locator("#data-set-seen")).to_contain_text("2 products")
    evaluate(page)
    expect(page.locator(".tw-plot .main-svg").last).to_be_visible()
    assert page.evaluate(OVERFLOW) <= 0
    page.get_by_role("tab", name="Inspect").click()
    page.get_by_role("button", name="How to look").click()
    expect(page.locator(".tw-experts")).to_be_visible()
    for part in page.locator(".tw-how summary").all():
        part.click()
    expect(page.locator("#pool-folder")).to_be_visible()
    assert page.evaluate(OVERFLOW) <= 0
    page.close()
