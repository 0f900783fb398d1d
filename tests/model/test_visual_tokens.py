"""Visual tokens: equal to stock transformers' where both mean the same, place by place otherwise.

Where stock differs is held too, each difference by a test of its own:
- it rounds before it cuts the padding off (two rows or columns more, in one size of 8000);
- of two images in one LLaVA-OneVision prompt it shows one padded view each, no tiles;
- its lists of canvases are (height, width);
- with torchvision it resizes otherwise (not tested: it is no dependency of ours).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor
from transformers import AutoTokenizer, LlavaNextProcessor, PreTrainedModel
from transformers.models.llava_next.image_processing_pil_llava_next import (
    LlavaNextImageProcessorPil,
)
from transformers.models.llava_onevision.image_processing_pil_llava_onevision import (
    LlavaOnevisionImageProcessorPil,
)

from tests.model.tiny_llava import write_authors, write_llava_next, write_onevision
from triad_ui.errors import ModelError
from triad_ui.model.assemble import load_checkpoint, load_model
from triad_ui.model.chat import ImageSlot
from triad_ui.model.checkpoint import model_class, open_checkpoint
from triad_ui.model.choice import Precision
from triad_ui.model.generate import STOPPED
from triad_ui.model.layout import Checkpoint, Mode, VisualLayout
from triad_ui.model.local import LocalTriad
from triad_ui.model.views import Views, cut, tile_plan
from triad_ui.model.visual_tokens import TriadEncoder, levels, scale
from triad_ui.records import AnomalyMap, Message, Roi, VisualInput

SIZES = ((70, 70), (200, 150), (64, 48), (400, 90), (90, 400), (300, 310), (33, 33), (700, 650))
CUT_OTHERWISE = (245, 147)
"""A size whose padding stock transformers cuts off otherwise, with 5 x 5 features a view."""
PRECISE = dict(rtol=0, atol=2e-5)


class Stock(NamedTuple):
    """The same checkpoint as transformers loads it, beside ours."""

    model: PreTrainedModel
    images: LlavaOnevisionImageProcessorPil | LlavaNextImageProcessorPil
    ours: LocalTriad
    layout: VisualLayout
    folder: Path

    @property
    def encoder(self) -> TriadEncoder:
        assert isinstance(self.ours._encoder, TriadEncoder)
        return self.ours._encoder

    def tokens(self, *pictures: VisualInput) -> list[Tensor]:
        read = self.images(_pil(*pictures), return_tensors="pt")
        with torch.inference_mode():
            return list(self.model.get_image_features(**read).pooler_output)


@pytest.fixture(scope="module", params=["onevision", "next-mistral", "next-vicuna"])
def stock(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stock:
    folder = tmp_path_factory.mktemp("stock")
    if request.param == "onevision":
        return _stock(write_onevision(folder), LlavaOnevisionImageProcessorPil)
    family = request.param.removeprefix("next-")
    return _stock(write_llava_next(folder, family=family), LlavaNextImageProcessorPil)


@pytest.fixture(scope="module")
def onevision(tmp_path_factory: pytest.TempPathFactory) -> Stock:
    folder = write_onevision(tmp_path_factory.mktemp("onevision"))
    return _stock(folder, LlavaOnevisionImageProcessorPil)


def _stock(folder: Path, processor: type) -> Stock:
    checkpoint = open_checkpoint(folder)
    kind = model_class(checkpoint.config)
    model = kind.from_pretrained(folder, dtype=torch.float32).eval()
    ours = load_checkpoint(checkpoint, precision="fp32", device="cpu")
    return Stock(model, processor.from_pretrained(folder), ours, checkpoint.visual, folder)


def picture(width: int, height: int, *rois: tuple[int, int, int, int]) -> VisualInput:
    rng = np.random.default_rng(width * 7919 + height)
    rgb = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return VisualInput(rgb, tuple(Roi(*box) for box in rois), None, f"{width}x{height}")


def _pil(*pictures: VisualInput) -> list[Image.Image]:
    return [Image.fromarray(image.rgb) for image in pictures]


def encode(encoder: TriadEncoder, *pictures: VisualInput) -> list[Tensor]:
    return encoder.encode(pictures, range(len(pictures)), threading.Event())


# where stock transformers means the same


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_pixels_and_tokens_without_regions_are_those_of_transformers(
    stock: Stock, size: tuple[int, int]
) -> None:
    image = picture(*size)
    pixels = stock.images(_pil(image), return_tensors="pt")["pixel_values"][0].numpy()
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
    read = stock.images(_pil(image), return_tensors="pt")
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
    theirs = processor(text=text, images=_pil(image)[0], return_tensors="pt").input_ids[0]
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
    read = onevision.images([_pil(first, second)], return_tensors="pt")
    assert read["pixel_values"].shape[1] == 1  # stock: one view an image


def test_two_regions_are_pooled_whatever_the_other_image_has(onevision: Stock) -> None:
    """Pooling goes by an image's own number of regions."""
    one, two = (10, 10, 60, 60), (80, 40, 150, 120)
    tokens = encode(
        onevision.encoder, picture(200, 150, one), picture(200, 150, one, two), picture(200, 150)
    )
    plain = len(tokens[2])
    assert [len(rows) - plain for rows in tokens] == [25, 2 * 4, 0]
    assert torch.equal(tokens[0][:plain], tokens[2])


def test_wanted_images_come_in_the_wanted_order(onevision: Stock) -> None:
    images = (picture(70, 70), picture(64, 48), picture(33, 33))
    alone = [encode(onevision.encoder, image)[0] for image in images]
    some = onevision.encoder.encode(images, (2, 0), threading.Event())
    assert torch.equal(some[0], alone[2])
    assert torch.equal(some[1], alone[0])


# every token at its place


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(1, 400), st.integers(1, 400)),
    rois=st.integers(0, 4),
    mode=st.sampled_from(["anyres_rois", "rois"]),
    grid=st.sampled_from([3, 4, 5]),
    most=st.sampled_from([None, 2, 9]),
)
def test_every_token_stands_where_it_belongs(
    size: tuple[int, int], rois: int, mode: Mode, grid: int, most: int | None
) -> None:
    """Features that say which view and cell they are, newlines that are no number: against a plain
    loop over the rules."""
    side = grid * 2
    points = tuple((side * i, side * j) for i in range(1, 5) for j in range(1, 5))
    layout = VisualLayout(mode, side, grid, points, most)
    newline = torch.tensor([torch.nan])
    parts = SimpleNamespace(vision_tower=None, multi_modal_projector=None, image_newline=newline)
    config = SimpleNamespace(vision_feature_layer=-1, vision_feature_select_strategy="full")
    encoder = TriadEncoder(SimpleNamespace(model=parts, config=config), layout)
    image = picture(*size, *[(0, 0, size[0], size[1])] * rois)
    views = cut(image, layout)
    cells = torch.arange(len(views.kinds) * grid**2, dtype=torch.float32)
    tokens = encoder.join(cells.view(len(views.kinds), grid**2, 1), views)[:, 0].numpy()
    assert len(tokens) == encoder.count([image])
    if views.plan is None or views.plan.shape == views.plan.unpadded:
        np.testing.assert_allclose(tokens, list(_loop(views, grid, rois, mode)), rtol=1e-6)
    else:
        rows, columns = views.plan.shape
        ends = grid**2 + np.arange(1, rows + 1) * (columns + 1) - 1
        assert np.array_equal(np.flatnonzero(np.isnan(tokens[: ends[-1] + 1])), ends)


def _loop(views: Views, grid: int, rois: int, mode: Mode) -> Iterator[float]:
    cells = grid * grid
    yield from range(cells)
    plan = views.plan
    if plan:
        high, wide = plan.rows * grid, plan.columns * grid
        top, left = (high - plan.unpadded[0]) // 2, (wide - plan.unpadded[1]) // 2
        for row in range(top, high - top):
            for column in range(left, wide - left):
                tile = row // grid * plan.columns + column // grid
                yield (1 + tile) * cells + row % grid * grid + column % grid
            yield float("nan")
    first = len(views.kinds) - rois
    for number in range(first, len(views.kinds)):
        if rois == 1:
            yield from range(number * cells, (number + 1) * cells)
            continue
        for row in range(0, grid - 1, 2):
            for column in range(0, grid - 1, 2):
                corner = number * cells + row * grid + column
                yield corner + (grid + 1) / 2
    if mode == "rois":
        yield float("nan")


# what the tokens depend on


def test_keys_are_of_pixels_and_regions_and_of_nothing_else(onevision: Stock) -> None:
    amap = AnomalyMap(np.zeros((4, 4), np.float32), 0.1, True, "expert@1")
    image = picture(200, 150, (10, 10, 60, 60))
    keys = onevision.encoder.keys
    same = replace(image, anomaly_map=amap, is_reference=True, rois=(Roi(10, 10, 60, 60, 0.9),))
    assert keys([image]) == keys([same])
    assert keys([image, picture(70, 70)])[:1] == keys([image])
    for other in (replace(image, key="b"), picture(200, 150, (10, 10, 60, 61)), picture(200, 150)):
        assert keys([image]) != keys([other])


def test_a_region_outside_is_refused_before_anything_is_computed(onevision: Stock) -> None:
    image = picture(200, 150, (300, 10, 360, 60))
    for ask in (onevision.encoder.count, onevision.encoder.keys):
        with pytest.raises(ModelError, match="Region 1"):
            ask([image])


# stop


def test_a_stop_is_seen_before_the_tower_starts(onevision: Stock) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(ModelError, match=STOPPED):
        onevision.encoder.encode([picture(70, 70)], [0], stop)


def test_a_stop_is_seen_between_two_layers_of_one_view(onevision: Stock) -> None:
    stop, layers = threading.Event(), onevision.encoder._tower.encoder.layers
    ran: list[int] = []

    def note(at: int) -> None:
        ran.append(at)
        if at == 1:
            stop.set()

    handles = [
        layer.register_forward_hook(lambda *_, at=at: note(at)) for at, layer in enumerate(layers)
    ]
    try:
        with pytest.raises(ModelError, match=STOPPED):
            onevision.encoder.encode([picture(200, 150)], [0], stop)
    finally:
        for handle in handles:
            handle.remove()
    assert ran == [0, 1]
    # and the next image is read as if nothing had been
    assert len(encode(onevision.encoder, picture(70, 70))[0]) == 55


# precision


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_tokens_in_half_precision_are_those_of_transformers(
    onevision: Stock, precision: str
) -> None:
    checkpoint, image = open_checkpoint(onevision.folder), picture(700, 650)
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    half = type(onevision.model).from_pretrained(onevision.folder, dtype=dtype).eval()
    ours = encode(_encoder(checkpoint, precision), image)[0]
    theirs = onevision._replace(model=half).tokens(image)[0]
    assert ours.dtype == theirs.dtype == dtype
    # a batch of another size is summed in another order: far less than half precision itself costs
    assert (ours.float() - theirs.float()).norm() / theirs.float().norm() < 1e-2


@pytest.mark.parametrize("precision", ["int8", "nf4"])
def test_tokens_of_a_quantized_model_are_not_quantized(tmp_path: Path, precision: str) -> None:
    checkpoint = open_checkpoint(write_authors(tmp_path))
    image = picture(300, 310, (10, 10, 60, 60), (80, 40, 150, 120))
    tokens = encode(_encoder(checkpoint, precision), image)[0]
    same = {torch.bfloat16: "bf16", torch.float16: "fp16"}[tokens.dtype]
    assert torch.equal(tokens, encode(_encoder(checkpoint, same), image)[0])


def _encoder(checkpoint: Checkpoint, precision: Precision) -> TriadEncoder:
    return TriadEncoder(load_model(checkpoint, precision, torch.device("cpu")), checkpoint.visual)
