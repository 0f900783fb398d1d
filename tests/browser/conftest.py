"""A page served by a job of its own, and a real Chromium that may talk to nobody else."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright

from triad_ui.feedback.store import FeedbackStore
from triad_ui.records import Case
from triad_ui.settings import REPOSITORY

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

Start = Callable[..., str]
PATIENCE = 30_000
"""Milliseconds that a browser test waits for what it expects; a busy machine is slow."""
expect.set_options(timeout=PATIENCE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """start(kind, delay, answer) -> address; the same folder every time, so a restart keeps it."""
    jobs: list[subprocess.Popen[bytes]] = []

    def begin(kind: str = "ready", delay: float = 0.03, answer: str = "") -> str:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        words = [str(tmp_path / "answer.txt")] if answer else []
        if answer:
            Path(words[0]).write_text(answer, "utf-8")
        command = [sys.executable, "-m", "tests.browser.fake_app", str(tmp_path), str(port)]
        jobs.append(
            subprocess.Popen(
                [*command, kind, str(delay), *words],
                cwd=REPOSITORY,
                env=os.environ | {"GRADIO_ANALYTICS_ENABLED": "False"},
                stdout=subprocess.DEVNULL,
            )
        )
        url = f"http://127.0.0.1:{port}"
        until = time.monotonic() + 60
        while time.monotonic() < until:
            assert jobs[-1].poll() is None, "the page ended before it was up"
            try:
                httpx.get(f"{url}/health", timeout=2)
            except httpx.HTTPError:
                time.sleep(0.1)
            else:
                return url
        raise AssertionError("the page did not come up within a minute")

    yield begin
    for job in jobs:
        job.terminate()
        job.wait(20)


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=chromium or None, args=FLAGS)
        yield made
        made.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh profile; a request to anywhere but this machine fails the test."""
    made = browser.new_context(viewport={"width": 1440, "height": 900})
    outside: list[str] = []

    def only_here(route: Route) -> None:
        if urlsplit(route.request.url).hostname in ("127.0.0.1", None):
            route.continue_()
        else:
            outside.append(route.request.url)
            route.abort()

    made.route("**/*", only_here)
    yield made
    made.close()
    assert outside == []


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab; an uncaught error of a script fails the test."""
    errors: list[str] = []
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    yield tab
    assert errors == []


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
