"""The whole of it, nothing faked: app.py, a real photograph, the real expert, the shipped model."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PATIENCE
from triad_ui.settings import REPOSITORY

pytestmark = [pytest.mark.weights, pytest.mark.timeout(600)]
OUR_OWN = REPOSITORY / "assets" / "examples" / "surface_defect"


@pytest.fixture
def photographs() -> tuple[Path, Path]:
    """A broken bottle and a good one; in a clone without the shared data, our drawn example."""
    shared = Path(os.environ.get("TRIAD_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    bad = shared / "bottle" / "test" / "broken_large" / "000.jpg"
    good = shared / "bottle" / "train" / "good" / "000.jpg"
    if bad.exists() and good.exists():
        return bad, good
    return OUR_OWN / "query.jpg", OUR_OWN / "reference_1.jpg"


@pytest.fixture
def address(tmp_path: Path, smollm2_gguf: Path) -> Iterator[str]:
    """The page as a user starts it, with a database of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "TRIAD_DATABASE_URL": f"sqlite:///{tmp_path / 'sessions.db'}",
        "TRIAD_DATA_DIR": str(tmp_path / "data"),
    }
    job = subprocess.Popen(
        [sys.executable, "app.py", "--port", str(port)], cwd=REPOSITORY, env=environment
    )
    url = f"http://127.0.0.1:{port}"
    until = time.monotonic() + 120
    while True:
        assert job.poll() is None and time.monotonic() < until, "the page did not come up"
        try:
            httpx.get(f"{url}/health", timeout=2)
            break
        except httpx.HTTPError:
            time.sleep(0.2)
    yield url
    job.terminate()
    job.wait(30)


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """A laptop's first answer may take a while; other tests keep theirs."""
    expect.set_options(timeout=120_000)
    yield
    expect.set_options(timeout=PATIENCE)


def test_a_real_photograph_from_upload_to_history(
    page: Page, address: str, photographs: tuple[Path, Path], tmp_path: Path
) -> None:
    page.set_default_timeout(120_000)
    page.goto(address)
    bad, good = photographs
    page.locator("#photo-drop input[type=file]").set_input_files(bad)
    page.locator("#reference-drop input[type=file]").set_input_files(good)
    expect(page.locator(".tw-card-name")).to_have_text([bad.name, good.name])
    page.locator("#product input, #product textarea").fill("bottle")
    page.get_by_role("button", name="Inspect", exact=True).click()
    expect(page.locator(".tw-crop").first).to_be_visible()
    expect(page.locator(".tw-verdict .tw-badge").first).to_be_visible()

    page.locator("#question textarea").fill("What is wrong with it?")
    page.locator("#ask").click()
    expect(page.locator("#stop")).to_be_enabled()
    expect(page.locator("#stop")).to_be_disabled()
    answer = page.locator("#chat .bot-row").inner_text()
    assert len(answer.split()) >= 3

    page.locator("#question textarea").fill("Why do you think so?")
    page.locator("#ask").click()
    expect(page.locator("#stop")).to_be_enabled()
    page.locator("#stop").click()
    expect(page.locator("#stop")).to_be_disabled()

    page.locator("#agrees").get_by_text("Incorrect", exact=True).click()
    page.locator("#label").get_by_text("Defective", exact=True).click()
    page.locator("#answer textarea").fill("The rim is broken.")
    page.locator("#save").click()
    expect(page.locator("#saved")).to_contain_text("Saved to sessions.db")

    page.reload()
    expect(page.locator(".tw-crop").first).to_be_visible()
    expect(page.locator("#chat .bot-row").first).to_contain_text(answer.split("\n")[-1][:20])
    expect(page.locator(".tw-corrected")).to_contain_text("The model was incorrect")
    page.get_by_role("tab", name="History").click()
    expect(page.locator(".tw-row")).to_have_count(1)

    with sqlite3.connect(tmp_path / "sessions.db") as database:
        turns = database.execute("SELECT question, state, prompt FROM turns ORDER BY rowid")
        kept = turns.fetchall()
        corrections = database.execute("SELECT answer FROM corrections").fetchall()
    database.close()
    assert [question for question, *_ in kept] == ["What is wrong with it?", "Why do you think so?"]
    assert kept[0][1] == "complete" and kept[1][1] in ("stopped", "complete")
    assert "What is wrong with it?" in kept[0][2]
    assert corrections == [("The rim is broken.",)]
