"""Markup in process text, file name, product, correction and model output is shown as text."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Start
from tests.ui.conftest import png

CORPUS = (
    "<img src=x onerror=window.hit=1> <script>window.hit=1</script> "
    "<iframe srcdoc='<script>parent.hit=1</script>'></iframe> <style>*{display:none}</style> "
    "<img src=https://evil.example/?q=1> ![x](https://evil.example/a.png) "
    "$\\href{javascript:window.hit=1}{x}$ ${window.hit=1} {{constructor}} `${window.hit=1}`"
)


def test_markup_is_text_everywhere(page: Page, start: Start, tmp_path: Path) -> None:
    page.goto(start(answer=CORPUS))
    name = "<img src=x onerror=window.hit=1>${window.hit=1}.png"
    page.locator("#photo-drop input[type=file]").set_input_files(
        {"name": name, "mimeType": "image/png", "buffer": png(True)}
    )
    expect(page.locator(".tw-card-name")).to_be_visible()
    page.locator("#product input, #product textarea").fill("<b>part</b>${window.hit=1}")
    page.locator("#process-text textarea").fill(f"1. {CORPUS}\n2. {CORPUS}")
    page.get_by_role("button", name="Inspect", exact=True).click()
    expect(page.locator(".tw-verdict .tw-badge")).to_be_visible()
    page.locator("#question textarea").fill(CORPUS)
    page.locator("#ask").click()
    expect(page.locator("#chat .bot-row")).to_contain_text("onerror=window.hit=1")
    expect(page.locator("#chat .user-row")).to_contain_text("<script>window.hit=1</script>")
    page.locator("#agrees").get_by_text("Correct", exact=True).click()
    page.locator("#answer textarea").fill(CORPUS)
    page.locator("#save").click()
    expect(page.locator(".tw-corrected")).to_contain_text("<iframe srcdoc")
    page.reload()
    expect(page.locator(".tw-corrected")).to_contain_text("<iframe srcdoc")
    page.get_by_role("tab", name="History").click()
    expect(page.locator(".tw-row-product")).to_have_text("<b>part</b>${window.hit=1}")
    assert page.evaluate("window.hit") is None
    assert page.locator("iframe").count() == 0
