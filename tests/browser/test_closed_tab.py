"""A tab that is closed in mid-answer: the model stops, and what was said is kept."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Start
from tests.browser.test_main_path import inspect
from tests.fakes import ANSWER


def turn(folder: Path) -> tuple[str, str]:
    """State and answer of the one turn; not through the store, which ends what it finds open."""
    with closing(sqlite3.connect(folder / "sessions.db")) as database:
        return database.execute("select state, answer from turns").fetchone()


def test_a_closed_tab_stops_the_model_and_keeps_what_was_said(
    page: Page, context: BrowserContext, start: Start, tmp_path: Path
) -> None:
    words = " ".join([ANSWER] * 9)
    inspect(page, start(delay=0.4, answer=words), tmp_path)  # minutes, if nobody stops it
    expect(page.locator(".tw-verdict .tw-badge")).to_be_visible()
    page.locator("#question textarea").fill("Why?")
    page.locator("#ask").click()
    expect(page.locator("#chat .bot-row")).to_contain_text("There is")
    assert turn(tmp_path)[0] == "streaming"
    address = page.url
    page.close()
    until = time.monotonic() + 10
    while turn(tmp_path)[0] == "streaming":
        assert time.monotonic() < until, "the model went on for a tab that is closed"
        time.sleep(0.2)
    state, said = turn(tmp_path)
    assert state == "stopped"
    assert said.startswith("There is") and len(said) < len(words) / 2
    again = context.new_page()
    again.goto(address)
    expect(again.locator("#chat .bot-row")).to_contain_text("Stopped here.")
