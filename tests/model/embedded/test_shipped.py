"""The shipped model itself: it streams, stops in time, converses, and reads each turn once."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from triad_ui.dialogue import prompt
from triad_ui.errors import PromptTooLong
from triad_ui.model.language_model import GenerationOptions
from triad_ui.records import Message, Turn, VisualInput
from triad_ui.settings import REPOSITORY
from triad_ui.weights import SMOLLM2, WeightCache

pytestmark = [pytest.mark.weights, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def model(efficientnet_weights: Path, smollm2_gguf: Path, weight_cache: WeightCache):
    from triad_ui.expert.backbone import load_efficientnet_lite0, normalise
    from triad_ui.model.embedded.load import convert_base, load_embedded
    from triad_ui.model.embedded.views import BLOCKS
    from triad_ui.wiring import CONVERTED

    base = weight_cache.commit(
        SMOLLM2, CONVERTED, lambda folder: convert_base(smollm2_gguf, folder)
    )
    network = load_efficientnet_lite0(efficientnet_weights)
    return load_embedded(
        base,
        REPOSITORY / "assets" / "embedded",
        lambda rgb, side: network.features(normalise(rgb, side), BLOCKS),
    )


@pytest.fixture(scope="module")
def images() -> tuple[VisualInput, ...]:
    pixels = np.random.default_rng(3).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    return (VisualInput(pixels, (), None, "noise"),)


def test_stop_ends_decoding_within_half_a_second(model, images) -> None:
    talk = [Message("system", prompt.SYSTEM), Message("user", "Tell a long story.", (0,))]
    stop = threading.Event()
    # hot sampling from the whole vocabulary hardly ever ends by itself
    options = GenerationOptions(max_new_tokens=512, temperature=5.0)
    pressed, last = 0.0, None
    for chunk in model.stream(images, talk, options, stop):
        last = chunk
        if chunk.tokens >= 5 and not pressed:
            stop.set()
            pressed = time.monotonic()
    assert pressed and last is not None and last.stopped and last.finished
    assert time.monotonic() - pressed <= 0.5
    spent = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - spent < 0.1  # nothing goes on in the background


def test_a_second_turn_knows_the_first_and_reads_only_its_own_words(model, images) -> None:
    asked = [Turn("1", "What do you see?", "There is a scratch at the top.", "complete")]
    options = GenerationOptions(max_new_tokens=8)
    first = prompt.conversation("plate", None, 1, prompt.YES, (), "What do you see?")
    list(model.stream(images, first, options, threading.Event()))
    later = prompt.conversation("plate", None, 1, prompt.YES, asked, "Where is the defect?")
    assert "There is a scratch at the top." in model.render(images, later)
    chunks = list(model.stream(images, later, options, threading.Event()))
    fresh = (VisualInput(images[0].rgb, (), None, "noise again"),)
    anew = list(model.stream(fresh, later, options, threading.Event()))
    assert "".join(c.text for c in chunks) == "".join(c.text for c in anew)


def test_an_oversized_process_is_refused_with_the_count(model, images) -> None:
    talk = [Message("system", prompt.SYSTEM), Message("user", "wire " * 3000, (0,))]
    with pytest.raises(PromptTooLong, match="2048") as caught:
        model.choice_logits(images, talk, (prompt.YES, prompt.NO))
    assert caught.value.tokens > 3000 and caught.value.limit == 2048
