"""Triad in 8 and in 4 bits against the recordings: every case of `../shared/conformance/triad`.

Computed in float32, as on a processor without bfloat16, so that what differs is quantization alone.
Boxes, counts and visual tokens stay those of the whole model: tower and projector are not
quantized. Logits move; how far was measured on the 16 cases (bitsandbytes 0.50.2, this model of 48
wide vectors and two layers; a wide one averages its faults and moves less):

           largest difference    |difference|     cosine      greedy id kept
           / largest logit       / |logits|
    int8   0.014 to 0.024        0.019 to 0.029   0.99959 up  16 of 16
    nf4    0.17 to 0.30          0.20 to 0.36     0.932 up    15 of 16

The id that nf4 changed led by 0.036 of the largest logit. In bfloat16, which moves the whole model
by up to 0.017 of it, the first column ends at 0.035 and 0.30.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from tests.model import recorded_case
from tests.model.recorded_case import ROOM, TOKENS, Case
from triad_ui.model.assemble import load_checkpoint
from triad_ui.model.layout import Checkpoint
from triad_ui.model.local import LocalTriad

CASES = recorded_case.cases(recorded_case.outside())


@dataclass(frozen=True)
class Bound:
    """largest: of the differences, by the largest logit. norm: of the difference, by the logits'.
    margin: a greedy id that leads by more, by the largest logit, must stay."""

    largest: float
    norm: float
    cosine: float
    margin: float


BOUNDS = {"int8": Bound(0.04, 0.04, 0.999, 0.02), "nf4": Bound(0.4, 0.45, 0.9, 0.06)}

bitsandbytes = pytest.importorskip("bitsandbytes")
pytestmark = [
    pytest.mark.parametrize("case", CASES),
    pytest.mark.parametrize("precision", list(BOUNDS)),
]


@pytest.fixture(autouse=True, scope="module")
def in_float32() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
        yield


def test_logits_stay_within_the_bounds_of_the_precision(case: Case, precision: str) -> None:
    recorded_case.check_boxes(case)
    model = quantized(case, precision)
    blocks = model._language.model.language_model.layers
    kinds = {type(m) for m in blocks.modules() if isinstance(m, torch.nn.Linear)}
    wanted = {"int8": bitsandbytes.nn.Linear8bitLt, "nf4": bitsandbytes.nn.Linear4bit}
    assert kinds == {wanted[precision]}
    pictures, stop = recorded_case.images(case), threading.Event()
    read = model.prompt(pictures, recorded_case.messages(case), ROOM, stop)
    assert len(read.keys) == case.expected["sequence_length"]
    for number, recorded in enumerate(case.expected["images"]):
        start = recorded["sequence_start"]
        tokens = read.embed(start, start + recorded["visual_tokens"])
        expected = case.tensor(f"image{number}.visual_tokens")
        torch.testing.assert_close(tokens[:: case.step], expected, rtol=0, atol=TOKENS)

    logits, expected = model._decoder.next_logits(read, stop), case.tensor("last_logits")
    bound, scale = BOUNDS[precision], expected.abs().max()
    assert (logits - expected).abs().max() <= bound.largest * scale
    assert (logits - expected).norm() <= bound.norm * expected.norm()
    assert torch.cosine_similarity(logits, expected, 0) >= bound.cosine
    if case.expected["greedy_margin"][0] > bound.margin * scale:
        assert int(logits.argmax()) == case.expected["greedy_next_ids"][0]


def test_nothing_but_rounding_of_weights_moves_the_logits(case: Case, precision: str) -> None:
    """The whole model with the weights that the quantized one stands for says the same.

    In 4 bits exactly so; LLM.int8 rounds each input row to 8 bits too, which is half of its error.
    """
    pictures, stop = recorded_case.images(case), threading.Event()
    small = quantized(case, precision)
    rounded = stood_for(recorded_case.opened(case), precision)
    read = small.prompt(pictures, recorded_case.messages(case), ROOM, stop)
    logits, wanted = (model._decoder.next_logits(read, stop) for model in (small, rounded))
    limit = {"nf4": 2e-4, "int8": 0.03 * float(wanted.abs().max())}[precision]
    torch.testing.assert_close(logits, wanted, rtol=0, atol=limit)


def quantized(case: Case, precision: str) -> LocalTriad:
    return _quantized(recorded_case.opened(case), precision)


@functools.cache
def _quantized(opened: Checkpoint, precision: str) -> LocalTriad:
    return load_checkpoint(opened, precision=precision, device="cpu")


@functools.cache
def stood_for(opened: Checkpoint, precision: str) -> LocalTriad:
    """The whole model with the weights that the quantized one stands for."""
    whole = load_checkpoint(opened, precision="fp32", device="cpu")
    modules = dict(whole._language.named_modules())
    for name, layer in _quantized(opened, precision)._language.named_modules():
        if type(layer).__module__.startswith("bitsandbytes"):
            modules[name].weight.data = unpacked(layer)
    return whole


def unpacked(layer: torch.nn.Module) -> Tensor:
    """The weights that a quantized layer stands for, float32, by the arithmetic of the papers."""
    shape = (layer.out_features, layer.in_features)
    if isinstance(layer, bitsandbytes.nn.Linear8bitLt):
        scales = layer.state.SCB if layer.state.SCB is not None else layer.weight.SCB
        return layer.weight.data.float() * scales.float()[:, None] / 127
    state, packed = layer.weight.quant_state, layer.weight.data.flatten().long()
    index = torch.stack([packed >> 4, packed & 15], 1).flatten()
    scales = state.state2.code[state.absmax.long()]
    scales = scales * state.state2.absmax.repeat_interleave(256)[: len(scales)] + state.offset
    return (state.code[index] * scales.repeat_interleave(64)[: len(index)]).view(shape)
