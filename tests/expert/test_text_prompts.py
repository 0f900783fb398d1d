"""The sentences on a product, what they average to, and which described defect a place is like."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from triad_ui.expert.text_prompts import (
    ABNORMAL_STATES,
    NORMAL_STATES,
    TEMPLATES,
    defect_texts,
    likely_kinds,
    plain,
    state_texts,
    subject_text,
)
from triad_ui.records import DefectDescription, Subject

SCRATCH = DefectDescription("scratch", "A scratched screw shows a fine bright line.")
RUST = DefectDescription("rust", "", "model")


def _encode(texts: Sequence[str]) -> Tensor:
    """A reader that gives each sentence a vector of its own, always the same, of any length."""
    rows = []
    for text in texts:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "little")
        generator = torch.Generator().manual_seed(seed)
        rows.append(torch.randn(32, generator=generator) * (1 + seed % 5))
    return torch.stack(rows)


def _unit_mean(texts: Sequence[str]) -> Tensor:
    return functional.normalize(_encode(texts)).mean(dim=0)


def test_the_ensemble_has_the_published_size_and_words() -> None:
    assert (len(NORMAL_STATES), len(ABNORMAL_STATES), len(TEMPLATES)) == (7, 5, 35)
    assert len({*NORMAL_STATES, *ABNORMAL_STATES}) == 12 and len(set(TEMPLATES)) == 35
    assert all(text.count("{}") == 1 for text in (*NORMAL_STATES, *ABNORMAL_STATES, *TEMPLATES))
    good = [text for group in state_texts(NORMAL_STATES, "metal_nut") for text in group]
    assert len(good) == 245 and good[0] == "a bad photo of a metal_nut."
    assert "this is one metal_nut without damage in the scene." in good
    bad = [text for group in state_texts(ABNORMAL_STATES, "metal_nut") for text in group]
    assert len(bad) == 175 and "a photo of the cool damaged metal_nut." in bad


def test_without_descriptions_a_side_is_the_mean_of_its_unit_sentences() -> None:
    text = subject_text(_encode, Subject("screw"))
    for column, states in enumerate((NORMAL_STATES, ABNORMAL_STATES)):
        sentences = [each for group in state_texts(states, "screw") for each in group]
        expected = functional.normalize(_unit_mean(sentences), dim=0)
        torch.testing.assert_close(text.pair[:, column], expected, atol=1e-6, rtol=0)
    assert text.names == () and text.kinds.shape == (32, 0)


def test_a_described_kind_is_one_more_abnormal_state() -> None:
    text = subject_text(_encode, Subject("screw", (SCRATCH, RUST)))
    alone = subject_text(_encode, Subject("screw"))
    torch.testing.assert_close(text.pair[:, 0], alone.pair[:, 0], atol=1e-6, rtol=0)
    scratch = _unit_mean([each.format("screw with scratch") for each in TEMPLATES])
    scratch = (scratch + _unit_mean([SCRATCH.text])) / 2
    rust = _unit_mean([each.format("screw with rust") for each in TEMPLATES])
    generic = [_unit_mean(group) for group in state_texts(ABNORMAL_STATES, "screw")]
    faulty = torch.stack([*generic, scratch, rust]).mean(dim=0)
    expected = functional.normalize(faulty, dim=0)
    torch.testing.assert_close(text.pair[:, 1], expected, atol=1e-6, rtol=0)
    assert text.names == ("scratch", "rust")
    for column, mean in enumerate((scratch, rust)):
        expected = functional.normalize(mean, dim=0)
        torch.testing.assert_close(text.kinds[:, column], expected, atol=1e-6, rtol=0)


def test_a_place_is_named_for_the_kind_it_is_like() -> None:
    text = subject_text(_encode, Subject("screw", (SCRATCH, RUST)))
    place = functional.normalize(text.kinds[:, 1] + 0.1 * text.kinds[:, 0], dim=0)[None]
    (first, best), (second, next_best) = likely_kinds(place, text)
    assert (first, second) == ("rust", "scratch") and best > 0.95 > 0.05 > next_best >= 0
    calm = likely_kinds(text.pair[:, :1].T, text)
    assert max(share for _, share in calm) < 0.01, "a good place is like no defect"
    both = likely_kinds(torch.cat([place, text.pair[:, :1].T]), text)
    assert both[0][1] == pytest.approx((best + dict(calm)["rust"]) / 2, abs=1e-6)


def test_nothing_is_named_without_descriptions_or_places() -> None:
    assert likely_kinds(torch.ones(1, 32), subject_text(_encode, Subject("screw"))) == ()
    described = subject_text(_encode, Subject("screw", (RUST,)))
    assert likely_kinds(torch.empty(0, 32), described) == ()


def test_what_users_write_is_read_as_words_only() -> None:
    assert plain(" a\n{part} <|endoftext|>of <|x|>  steel ") == "a {part} of steel"
    assert state_texts(("damaged {}",), "{0} {x}")[0][0] == "a bad photo of a damaged {0} {x}."
    assert state_texts(("{}",), "  ")[0][0] == "a bad photo of a part."
    sentences, told = defect_texts("", DefectDescription("", "<|endoftext|>"))
    assert sentences[0] == "a bad photo of a damaged part." and told == ""
