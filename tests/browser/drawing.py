"""Drawing regions with the mouse, in pixels of the original, for tests of the page."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def judged(page: Page) -> None:
    expect(page.locator(".tw-verdict .tw-badge")).to_be_visible()


def edit(page: Page) -> None:
    page.get_by_role("button", name="Edit regions").click()
    expect(page.locator(".tw-editbar")).to_be_visible()


def screen(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a pixel of the original lies on the screen, by the box of the photo itself."""
    frame = page.locator(".tw-photo").bounding_box()
    size = page.locator(".tw-lines").get_attribute("viewBox")
    assert frame and size
    width, height = (int(side) for side in size.split()[2:])
    return frame["x"] + x * frame["width"] / width, frame["y"] + y * frame["height"] / height


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """With the mouse, from one pixel of the original to another."""
    page.locator(".tw-stage").scroll_into_view_if_needed()
    page.mouse.move(*screen(page, *start))
    page.mouse.down()
    page.mouse.move(*screen(page, (start[0] + end[0]) / 2, (start[1] + end[1]) / 2))
    page.mouse.move(*screen(page, *end))
    page.mouse.up()
    saved(page)


def saved(page: Page) -> None:
    expect(page.locator(".tw-edit-saying")).to_have_text("Saved.")


def near(box: tuple[int, ...], wanted: tuple[int, ...], pixels: int = 1) -> None:
    assert max(abs(a - b) for a, b in zip(box, wanted, strict=True)) <= pixels, (box, wanted)
