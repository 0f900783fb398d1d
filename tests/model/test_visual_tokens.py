"""Visual tokens: every one at its place, what they depend on, stop, precision.

Against the released code: `test_recorded.py`; against transformers: `test_stock_transformers.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.models.llava_onevision.image_processing_pil_llava_onevision import (
    LlavaOnevisionImageProcessorPil,
)

from tests.model.stock import Stock, encode, encoder_in, loaded_beside, picture
from tests.model.tiny_llava import write_authors, write_onevision
from triad_ui.errors import ModelError
from triad_ui.model.checkpoint import open_checkpoint
from triad_ui.model.generate import STOPPED
from triad_ui.model.layout import Mode, VisualLayout
from triad_ui.model.views import Views, cut
from triad_ui.model.visual_tokens import TriadEncoder
from triad_ui.records import AnomalyMap, Roi


@pytest.fixture(scope="module")
def onevision(tmp_path_factory: pytest.TempPathFactory) -> Stock:
    folder = write_onevision(tmp_path_factory.mktemp("onevision"))
    return loaded_beside(folder, LlavaOnevisionImageProcessorPil)


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


@pytest.mark.parametrize("precision", ["int8", "nf4"])
def test_tokens_of_a_quantized_model_are_not_quantized(tmp_path: Path, precision: str) -> None:
    checkpoint = open_checkpoint(write_authors(tmp_path))
    image = picture(300, 310, (10, 10, 60, 60), (80, 40, 150, 120))
    tokens = encode(encoder_in(checkpoint, precision), image)[0]
    same = {torch.bfloat16: "bf16", torch.float16: "fp16", torch.float32: "fp32"}[tokens.dtype]
    assert torch.equal(tokens, encode(encoder_in(checkpoint, same), image)[0])
