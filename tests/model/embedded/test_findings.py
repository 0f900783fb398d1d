"""What a query's tokens say together: the place, kind and colours that its cells say one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.model.tiny import stub_tower, visual
from triad_ui.model.embedded import views
from triad_ui.model.embedded.encoder import EmbeddedEncoder
from triad_ui.model.embedded.findings import (
    COLOURS,
    FINDINGS,
    JUDGED,
    NAMED,
    PLACED,
    SHOWN_COLOURS,
    Findings,
)
from triad_ui.model.embedded.projector import Projector

WIDTH, KINDS = 64, 5


@pytest.fixture
def findings() -> Findings:
    """Every word is an axis of its own: good, kinds, colours, places, verdicts."""
    torch.manual_seed(0)
    axes = torch.eye(WIDTH)
    made = Findings(WIDTH, KINDS).eval().requires_grad_(False)
    made.start(axes[: 1 + KINDS], axes[10 : 10 + COLOURS], axes[30:39], axes[40:42])
    made.marks.zero_()
    return made


@pytest.fixture
def cells() -> views.Cells:
    return views.encode([visual(0, 2)], stub_tower)[0]


def told(findings: Findings, cells: views.Cells, tokens: torch.Tensor) -> torch.Tensor:
    return findings(tokens, cells, torch.zeros(views.EVIDENCE))


def test_the_faulty_cell_gives_kind_and_place(findings: Findings, cells: views.Cells) -> None:
    tokens = torch.zeros(len(cells), WIDTH)
    tokens[:, 0] = 1.0  # good
    for row, place in ((0, 0), (7, 2), (36, 4), (63, 8)):
        own = tokens.clone()
        own[row, 0], own[row, 3] = 0.0, 1.0  # the third kind
        seen = findings.judgement(own, cells, torch.zeros(views.EVIDENCE))
        assert int(seen.kinds.argmax()) == 2
        assert int(seen.places.argmax()) == place
        out = told(findings, cells, own)
        assert out.shape == (FINDINGS, WIDTH)
        assert int(out[NAMED].argmax()) == 3
        assert int(out[PLACED].argmax()) == 30 + place


def test_colours_stand_in_the_order_of_their_shares(findings: Findings, cells: views.Cells) -> None:
    tokens = torch.zeros(len(cells), WIDTH)
    base = tokens[:64]
    base[:40, 13], base[40:56, 17], base[56:, 10] = 1.0, 1.0, 1.0
    tokens[64:, 15] = 1.0  # of regions nothing is counted: they lie inside the picture
    out = told(findings, cells, tokens)[-SHOWN_COLOURS:]
    assert out.argmax(1)[:3].tolist() == [13, 17, 10]
    loudness = out.amax(1)
    assert bool((loudness[:-1] >= loudness[1:]).all())
    seen = findings.judgement(tokens, cells, torch.zeros(views.EVIDENCE))
    assert float(seen.colours.sum()) == pytest.approx(1.0, abs=1e-5)


def test_the_judgement_lies_between_the_two_words(findings: Findings, cells: views.Cells) -> None:
    findings.judge.weight.zero_()
    tokens = torch.randn(len(cells), WIDTH)
    for odds in (-9.0, 0.0, 9.0):
        findings.judge.bias.fill_(odds)
        word = told(findings, cells, tokens)[JUDGED] / findings.reach
        p = 1 / (1 + np.exp(-odds))
        assert word[40:42].tolist() == pytest.approx([1 - p, p], abs=1e-4)


def test_the_map_counts_otherwise_beside_a_reference(
    findings: Findings, cells: views.Cells
) -> None:
    tokens, evidence = torch.randn(len(cells), WIDTH), torch.rand(views.EVIDENCE)
    weight, bias = findings.judge.weight[0], findings.judge.bias[0]
    for shown in (0.0, 1.0):
        evidence[views.HAS_REFERENCE] = shown
        odds = float(findings.judgement(tokens, cells, evidence).faulty)
        wanted = weight[: views.EVIDENCE] @ evidence + bias
        wanted += weight[views.EVIDENCE :] @ evidence * shown
        assert odds == pytest.approx(float(wanted), abs=1e-5)


def test_evidence_is_what_the_map_says_of_the_whole() -> None:
    image = visual(0, 2)
    plain = views.evidence([image])
    values = image.anomaly_map.values
    assert plain.shape == (views.EVIDENCE,)
    assert plain[:4].tolist() == pytest.approx([1.0, 1.0, 0.0, 0.7])
    assert float(plain[5]) == pytest.approx(values.max())
    assert float(plain[6]) == pytest.approx(np.sort(values.ravel())[-5:].mean())
    assert float(plain[7]) == pytest.approx((values >= 0.5).mean() ** 0.5)
    beside = views.evidence([image, visual(1, 2, mapped=False, is_reference=True)])
    assert float(beside[2]) == 1.0 and torch.equal(beside[3:], plain[3:])
    blind = views.evidence([visual(0, 2, mapped=False)])
    assert blind.tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 0.5]
    for score in (0.0, 1.0):
        sure = replace(image, anomaly_map=replace(image.anomaly_map, score=score))
        assert bool(views.evidence([sure]).isfinite().all())


def test_an_image_score_counts_as_a_change_of_what_is_shown() -> None:
    encoder = EmbeddedEncoder(Projector(WIDTH, KINDS, hidden=32), stub_tower)
    image = visual(0, 2)
    other = replace(image, anomaly_map=replace(image.anomaly_map, score=0.2))
    assert encoder.keys([image]) != encoder.keys([other])
    assert encoder.count([image]) == views.count([image]) + FINDINGS
