"""Visual tokens and logits without regions equal stock transformers' where both mean the same.

Where stock differs is held too, each difference by a test of its own:
- it rounds before it cuts the padding off (two rows or columns more, in one size of 8000);
- of two images in one LLaVA-OneVision prompt it shows one padded view each, no tiles;
- its lists of canvases are (height, width): `test_views.py`;
- with torchvision it resizes otherwise (not tested: it is no dependency of ours).
"""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, LlavaNextProcessor
from transformers.models.llava_next.image_processing_pil_llava_next import (
    LlavaNextImageProcessorPil,
)
from transformers.models.llava_onevision.image_processing_pil_llava_onevision import (
    LlavaOnevisionImageProcessorPil,
)

from tests.model.stock import Stock, encode, encoder_in, loaded_beside, picture, pil
from tests.model.tiny_llava import write_llava_next, write_onevision
from triad_ui.model.chat import ImageSlot
from triad_ui.model.checkpoint import open_checkpoint
from triad_ui.model.views import cut, tile_plan
from triad_ui.model.visual_tokens import levels, scale
from triad_ui.records import Message

SIZES = ((70, 70), (200, 150), (64, 48), (400, 90), (90, 400), (300, 310), (33, 33), (700, 650))
CUT_OTHERWISE = (245, 147)
"""A size whose padding stock transformers cuts off otherwise, with 5 x 5 features a view."""
PRECISE = dict(rtol=0, atol=2e-5)


@pytest.fixture(scope="module", params=["onevision", "next-mistral", "next-vicuna"])
def stock(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stock:
    folder = tmp_path_factory.mktemp("stock")
    if request.param == "onevision":
        return loaded_beside(write_onevision(folder), LlavaOnevisionImageProcessorPil)
    family = request.param.removeprefix("next-")
    return loaded_beside(write_llava_next(folder, family=family), LlavaNextImageProcessorPil)


@pytest.fixture(scope="module")
def onevision(tmp_path_factory: pytest.TempPathFactory) -> Stock:
    folder = write_onevision(tmp_path_factory.mktemp("onevision"))
    return loaded_beside(folder, LlavaOnevisionImageProcessorPil)


# where stock transformers means the same


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_pixels_and_tokens_without_regions_are_those_of_transformers(
    stock: Stock, size: tuple[int, int]
) -> None:
    image = picture(*size)
    pixels = stock.images(pil(image), return_tensors="pt")["pixel_values"][0].numpy()
    assert np.array_equal(scale(cut(image, stock.layout).pixels, levels(stock.layout)), pixels)
    ours, theirs = encode(stock.encoder, image)[0], stock.tokens(image)[0]
    assert len(ours) == stock.encoder.count([image])
    torch.testing.assert_close(ours, theirs, **PRECISE)


def test_logits_without_regions_are_those_of_transformers(stock: Stock) -> None:
    """Its own prompt of ids, image tokens counted by us, through its own forward pass."""
    image = picture(200, 150)
    messages = (Message("user", "Are there any defects?", (0,)),)
    place = stock.model.config.image_token_id
    ids: list[int] = []
    for piece in stock.ours._tokenizer.pieces(messages):
        slot = isinstance(piece, ImageSlot)
        ids += [place] * stock.encoder.count([image]) if slot else [piece]
    read = stock.images(pil(image), return_tensors="pt")
    with torch.inference_mode():
        theirs = stock.model(input_ids=torch.tensor([ids]), **read).logits[0, -1]
    prompt = stock.ours.prompt([image], messages, 8, threading.Event())
    ours = stock.ours._decoder.next_logits(prompt, threading.Event())
    torch.testing.assert_close(ours, theirs, **PRECISE)


@pytest.mark.parametrize("stock", ["next-mistral", "next-vicuna"], indirect=True)
def test_the_whole_prompt_of_the_stock_processor_is_ours(stock: Stock) -> None:
    processor = LlavaNextProcessor(
        stock.images,
        AutoTokenizer.from_pretrained(stock.folder),
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )
    image = picture(200, 150)
    messages = (Message("user", "Are there any defects?", (0,)),)
    text = stock.ours.render([image], messages).removeprefix("<s>")
    theirs = processor(text=text, images=pil(image)[0], return_tensors="pt").input_ids[0]
    pieces = stock.ours._tokenizer.pieces(messages)
    place = stock.model.config.image_token_id
    ours = [place if isinstance(piece, ImageSlot) else piece for piece in pieces]
    assert (theirs == place).sum() == stock.encoder.count([image])
    first = int((theirs == place).nonzero()[0])
    after = theirs[first + stock.encoder.count([image]) :]
    assert [*theirs[:first].tolist(), place, *after.tolist()] == ours


# where it does not


def test_padding_is_cut_as_the_authors_do(onevision: Stock) -> None:
    image = picture(*CUT_OTHERWISE)
    ours, theirs = encode(onevision.encoder, image)[0], onevision.tokens(image)[0]
    plan = tile_plan(CUT_OTHERWISE, onevision.layout)
    assert plan.unpadded == (11, 20)
    assert (len(ours), len(theirs)) == (25 + 11 * 21, 25 + 13 * 21)
    # what is left is the same, less one row at either end
    torch.testing.assert_close(ours[25:], theirs[25 + 21 : -21], **PRECISE)


def test_each_of_two_images_keeps_its_tiles(onevision: Stock) -> None:
    first, second = picture(200, 150), picture(64, 48, (0, 0, 30, 30))
    together = encode(onevision.encoder, first, second)
    alone = [encode(onevision.encoder, image)[0] for image in (first, second)]
    assert all(torch.equal(a, b) for a, b in zip(together, alone))
    read = onevision.images([pil(first, second)], return_tensors="pt")
    assert read["pixel_values"].shape[1] == 1  # stock: one view an image


# precision


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_tokens_in_half_precision_are_those_of_transformers(
    onevision: Stock, precision: str
) -> None:
    checkpoint, image = open_checkpoint(onevision.folder), picture(700, 650)
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    half = type(onevision.model).from_pretrained(onevision.folder, dtype=dtype).eval()
    ours = encode(encoder_in(checkpoint, precision), image)[0]
    theirs = onevision._replace(model=half).tokens(image)[0]
    assert ours.dtype == theirs.dtype == dtype
    # a batch of another size is summed in another order: far less than half precision itself costs
    assert (ours.float() - theirs.float()).norm() / theirs.float().norm() < 1e-2
