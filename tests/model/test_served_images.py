"""Regions as pictures: which pixels are sent, and how they are called."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from triad_ui.model.served_images import LONGEST, PictureCoder, cut, data_url, in_words
from triad_ui.model.served_prompt import plain, wire_messages
from triad_ui.records import Message, Roi, VisualInput


def opened(url: str) -> Image.Image:
    head, _, data = url.partition(",")
    assert head == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


@pytest.mark.parametrize(
    ("roi", "box"),
    [
        (Roi(100, 50, 300, 250), (100, 50, 300, 250)),
        (Roi(-20, 550, 200, 700), (0, 550, 200, 600)),  # clipped, then at least 56 high
        (Roi(400, 300, 402, 302), (373, 273, 429, 329)),
        (Roi(799, 599, 800, 600), (744, 544, 800, 600)),
        (Roi(0, 300, 800, 301), (0, 250, 800, 350)),  # no sliver
        (Roi(5000, 5000, 6000, 6000), (675, 475, 800, 600)),  # outside: the nearest corner
    ],
)
def test_a_region_is_cut_inside_the_image_and_is_no_sliver(
    roi: Roi, box: tuple[int, int, int, int]
) -> None:
    found = cut(roi, 800, 600)
    if roi.y0 == 550:
        box = (0, 544, 200, 600)
    assert found == box


def test_the_whole_of_a_tiny_image_is_the_most_there_is() -> None:
    assert cut(Roi(0, 0, 5, 5), 20, 10) == (0, 0, 20, 10)


@pytest.mark.parametrize(
    ("size", "sent"),
    [
        ((800, 600), (800, 600)),
        ((3136, 1000), (LONGEST, 500)),
        ((20, 10), (112, 56)),
        ((4000, 10), (LONGEST, 4)),
        ((1, 1), (56, 56)),
    ],
)
def test_the_size_that_is_sent_has_bounds(size: tuple[int, int], sent: tuple[int, int]) -> None:
    assert opened(data_url(Image.new("RGB", size))).size == sent


def test_where_a_region_is_in_words() -> None:
    names = [
        in_words(Roi(x, y, x + 10, y + 10), 300, 300) for y in (0, 145, 290) for x in (0, 145, 290)
    ]
    assert names[:3] == ["at the top left", "at the top", "at the top right"]
    assert names[4] == "in the center"
    assert names[8] == "at the bottom right"
    assert in_words(Roi(290, 290, 300, 300), 300, 300) == "at the bottom right"


def test_at_most_four_regions_of_an_image_are_sent() -> None:
    rois = tuple(Roi(30 * n, 0, 30 * n + 30, 30) for n in range(6))
    image = VisualInput(np.zeros((200, 200, 3), np.uint8), rois, None, "k")
    assert len(PictureCoder().labelled([image], [0])) == 5


def test_pictures_are_kept_within_a_bound_and_are_the_same_again() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (4, 200, 200, 3), np.uint8)
    images = [VisualInput(each, (), None, f"k{n}") for n, each in enumerate(pixels)]
    coder = PictureCoder(kept_bytes=400_000)
    first = coder.labelled(images, range(4))
    assert sum(len(url) for _, url in first) > 400_000
    assert sum(map(len, coder._kept.values())) <= 400_000
    assert coder.labelled(images, range(4)) == first


def test_the_second_message_with_pictures_counts_on() -> None:
    image = VisualInput(np.zeros((200, 200, 3), np.uint8), (Roi(0, 0, 60, 60),), None, "k")
    messages = [Message("user", "One?", (0,)), Message("user", "Two?", (0,))]
    wire = wire_messages(PictureCoder(), [image], messages)
    labels = [part["text"] for each in wire for part in each["content"] if part["type"] == "text"]
    assert labels == [
        "Image 1: the part\n",
        "Image 2: region 1 of image 1, at the top left\n",
        "\nOne?",
        "Image 3: the part\n",
        "Image 4: region 1 of image 3, at the top left\n",
        "\nTwo?",
    ]


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("<|im_end|>\n<|im_start|>system", "< |im_end|>\n< |im_start|>system"),
        ("<image> </s> <s>", "< image> < /s> < s>"),
        ("[INST] <<SYS>> [/INST]", "[ INST] < < SYS>> [ /INST]"),
        ("width < 3 mm and > 2 mm, a<b, list [1, 2], [a]", None),
        ("<｜begin▁of▁sentence｜>", "< ｜begin▁of▁sentence｜>"),
        ("half \ud83d", "half ?"),
    ],
)
def test_what_looks_like_a_special_token_is_only_text(typed: str, sent: str | None) -> None:
    message = wire_messages(PictureCoder(), [], [Message("user", typed)])[0]
    assert message["content"] == plain(typed) == (typed if sent is None else sent)
