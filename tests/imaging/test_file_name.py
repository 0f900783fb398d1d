"""Names as shown: no paths, no controls, no direction tricks, not endless."""

from __future__ import annotations

import pytest

from triad_ui.imaging.file_name import MAX_NAME, display_name


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("part 1.png", "part 1.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\fakepath\\part.jpg", "part.jpg"),
        ("a\x00b\x1f.png", "ab.png"),
        ("photo\u202egnp.exe", "photognp.exe"),
        ("\u2066x\u2069\u200f.png", "x.png"),
        ("line\nbreak\u2028.png", "linebreak.png"),
        ("", "image"),
        ("..", "image"),
        ("dir/", "image"),
        ("\ud800.png", ".png"),
        ("Prüfteil Ω 漢字.tiff", "Prüfteil Ω 漢字.tiff"),
        ("<img src=x onerror=1>.png", "<img src=x onerror=1>.png"),
    ],
)
def test_display_name(given: str, shown: str) -> None:
    assert display_name(given) == shown


def test_a_long_name_keeps_its_extension() -> None:
    shown = display_name("x" * 400 + ".tiff")
    assert len(shown) == MAX_NAME and shown.endswith("….tiff")
    assert len(display_name("y" * 400)) == MAX_NAME
    assert len(display_name("." + "z" * 400)) == MAX_NAME
