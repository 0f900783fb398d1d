"""What is chosen and typed before the page has heard all its answers stays."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Start
from tests.browser.test_main_path import inspect
from tests.ui.conftest import png

LATE = """
window.late = /%s/;
window.held = [];
window.release = () => { window.late = null; window.held.splice(0).forEach((go) => go()); };
const fetched = window.fetch;
window.fetch = async (input, init) => {
  const response = await fetched(input, init);
  if (!String(input.url || input).includes('/queue/data')) return response;
  const late = new TransformStream({
    async transform(chunk, out) {
      if (window.late && window.late.test(new TextDecoder().decode(chunk)))
        await new Promise((go) => window.held.push(go));
      out.enqueue(chunk);
    },
  });
  return new Response(response.body.pipeThrough(late), response);
};
"""
"""Keeps back what the page's event stream says from a match on, until `release()`."""


def pictures(folder: Path) -> tuple[Path, Path]:
    bad, good = folder / "bad plate.png", folder / "good plate.png"
    bad.write_bytes(png(True))
    good.write_bytes(png(False))
    return bad, good


def held(page: Page) -> None:
    page.wait_for_function("window.held.length > 0")


def test_a_file_chosen_as_the_event_stream_ends_is_not_lost(
    page: Page, start: Start, tmp_path: Path
) -> None:
    bad, good = pictures(tmp_path)
    page.add_init_script(LATE % "close_stream")
    page.goto(start())
    page.evaluate("window.release()")
    expect(page.locator(".tw-engine")).to_contain_text("Language model ready")
    page.wait_for_timeout(1000)  # an event of the opening page would bring back what was lost
    page.evaluate("window.late = /close_stream/")
    page.locator("#photo-drop input[type=file]").set_input_files(bad)
    held(page)
    with page.expect_response("**/queue/join*"):
        page.locator("#reference-drop input[type=file]").set_input_files(good)
    page.wait_for_timeout(300)  # the page takes in that the second file has joined the queue
    page.evaluate("window.release()")
    expect(page.locator(".tw-card-name")).to_have_text([bad.name, good.name])


def test_a_file_chosen_while_the_one_before_is_stored_is_not_lost(
    page: Page, start: Start, tmp_path: Path
) -> None:
    bad, good = pictures(tmp_path)
    other = tmp_path / "another good plate.png"
    other.write_bytes(png(False, size=(90, 80)))
    page.add_init_script(LATE % "close_stream")
    page.goto(start())
    page.evaluate("window.release()")
    expect(page.locator(".tw-engine")).to_contain_text("Language model ready")
    page.locator("#photo-drop input[type=file]").set_input_files(bad)
    expect(page.locator(".tw-card-name")).to_have_text([bad.name])
    page.evaluate("window.late = /process_completed/")
    page.locator("#reference-drop input[type=file]").set_input_files(good)
    held(page)
    page.locator("#reference-drop input[type=file]").set_input_files(other)
    page.wait_for_timeout(500)
    page.evaluate("window.release()")
    expect(page.locator(".tw-card-name")).to_have_text([bad.name, good.name, other.name])


def test_what_is_given_before_the_page_has_loaded_stays(
    page: Page, start: Start, tmp_path: Path
) -> None:
    bad, good = pictures(tmp_path)
    page.add_init_script(LATE % ".")
    page.goto(start())
    held(page)
    page.locator("#photo-drop input[type=file]").set_input_files(bad)
    page.locator("#reference-drop input[type=file]").set_input_files(good)
    typed = {
        "#process input": "my own", "#process-text textarea": "1. Cut it.",
        "#product input, #product textarea": "plate", "#question textarea": "What is it?",
        "#author input, #author textarea": "QA", "#note textarea": "A scratch.",
    }  # fmt: skip
    for box, text in typed.items():
        page.locator(box).fill(text)
    page.evaluate("window.release()")
    expect(page.locator(".tw-card-name")).to_have_text([bad.name, good.name])
    for box, text in typed.items():
        expect(page.locator(box)).to_have_value(text)


def test_no_field_takes_anything_before_the_case_of_the_address_is_there(
    page: Page, start: Start, tmp_path: Path
) -> None:
    inspect(page, start(), tmp_path)
    page.wait_for_url("**case=*")
    page.add_init_script(LATE % ".")
    page.reload()
    held(page)
    expect(page.locator("#inspect-grid")).to_have_js_property("inert", True)
    page.evaluate("window.release()")
    expect(page.locator(".tw-crop")).to_have_count(1)
    expect(page.locator("#inspect-grid")).to_have_js_property("inert", False)


def test_the_fields_open_when_the_case_of_the_address_is_unknown(page: Page, start: Start) -> None:
    page.goto(f"{start()}/?case=0123456789abcdef")
    expect(page.get_by_text("The address names a case that is not stored here")).to_be_visible()
    expect(page.locator("#inspect-grid")).to_have_js_property("inert", False)
