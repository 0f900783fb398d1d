"""What a query's tokens say together: the place, kind and colours that its cells say one by one."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.model.tiny import stub_tower, visual, write_tokenizer
from triad_ui.model.chat import ChatTokenizer
from triad_ui.model.embedded import views
from triad_ui.model.embedded.close_reader import Close
from triad_ui.model.embedded.encoder import EmbeddedEncoder, Lexicon
from triad_ui.model.embedded.findings import (
    CAUTION,
    COLOURS,
    COMPARED,
    CONTRADICTED,
    FINDINGS,
    JUDGED,
    NAMED,
    PLACED,
    Findings,
)
from triad_ui.model.embedded.projector import Projector
from triad_ui.model.embedded.weighed import SUREST, strange
from triad_ui.records import ManufacturingProcess, ProcessStep

WIDTH, KINDS, SURFACE = 64, 5, 3


@pytest.fixture
def findings() -> Findings:
    """Every word is an axis of its own: good, kinds, colours, places, verdicts, numbers."""
    torch.manual_seed(0)
    axes = torch.eye(WIDTH)
    made = Findings(WIDTH, KINDS).eval().requires_grad_(False)
    made.start(axes[: 1 + KINDS], axes[10 : 10 + COLOURS], axes[30:39], axes[40:42], axes[45:54])
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
    out = told(findings, cells, tokens)[PLACED + 1 : CONTRADICTED]
    assert out.argmax(1)[:3].tolist() == [13, 17, 10]
    loudness = out.amax(1)
    assert bool((loudness[:-1] >= loudness[1:]).all())
    seen = findings.judgement(tokens, cells, torch.zeros(views.EVIDENCE))
    assert float(seen.colours.sum()) == pytest.approx(1.0, abs=1e-5)


def test_the_judgement_lies_between_the_two_words(findings: Findings, cells: views.Cells) -> None:
    tokens = torch.randn(len(cells), WIDTH)
    for odds in (-9.0, 0.0, 9.0):
        judged_as(findings, odds)
        word = told(findings, cells, tokens)[JUDGED] / findings.reach
        p = 1 / (1 + np.exp(-odds))
        assert word[40:42].tolist() == pytest.approx([1 - p, p], abs=1e-4)


def judged_as(findings: Findings, odds: float) -> None:
    """Where there is no calibrated map."""
    findings.judge.weight.copy_(torch.tensor([[0.0, 0.0, odds, 0.0, 0.0, 0.0]]))


def test_a_calibrated_score_is_judged_by_its_threshold(
    findings: Findings, cells: views.Cells
) -> None:
    tokens, evidence = torch.randn(len(cells), WIDTH), torch.rand(views.EVIDENCE)
    findings.judge.weight.copy_(torch.tensor([[3.0, 2.0, -1.0, 1.0, 1.0, 1.0]]))
    for odds in (-0.4, 0.0, 0.4):
        evidence[views.ODDS] = odds
        for known, expected in ((1.0, 3 * odds), (0.0, 2 * odds - 1)):
            evidence[views.CALIBRATED] = known
            seen = findings.judgement(tokens, cells, evidence)
            assert float(seen.faulty) == pytest.approx(expected, abs=1e-5)


def test_a_close_look_counts_otherwise_beside_a_reference(
    findings: Findings, cells: views.Cells
) -> None:
    tokens, evidence = torch.randn(len(cells), WIDTH), torch.rand(views.EVIDENCE)
    for shown in (0.0, 1.0):
        evidence[views.HAS_REFERENCE] = shown
        for odds, usual in ((-20.0, -4.0), (4.0, -4.0), (4.0, 3.0)):
            close = looked([-9.0, odds])
            assert close.usual == -4.0
            if usual > 0:  # a good part looks faulty there, too
                good = torch.tensor([[0.0, -30.0, -5.0, -30.0], [0.0, -30.0, 3.0, -30.0]])
                close = replace(close, good=good)
                assert close.usual == pytest.approx(3.0)
            told = torch.tensor([-1.0, max(odds, -8.0) / 8]) - close.usual / 8
            odd = findings.judge.weight[0] @ strange(evidence)
            look = findings.find.weight[0, :2] @ told + findings.find.bias[0] - CAUTION
            look += findings.find.weight[0, 2:] @ told * shown
            seen = findings.judgement(tokens, cells, evidence, close).faulty
            assert float(seen) == pytest.approx(np.logaddexp(float(odd), float(look)), abs=1e-4)
            alone = findings.judgement(tokens, cells, evidence).faulty
            assert float(alone) == pytest.approx(float(odd), abs=1e-4)


def test_what_differs_from_a_good_part_adds_to_what_the_expert_finds_strange(
    findings: Findings, cells: views.Cells
) -> None:
    tokens, evidence = torch.randn(len(cells), WIDTH), torch.rand(views.EVIDENCE)
    evidence[views.CALIBRATED] = 1.0
    findings.find.bias.fill_(-40.0)  # a close look alone finds nothing
    findings.judge.weight.copy_(torch.tensor([[3.0, 2.0, -1.0, 1.5, 2.5, -0.5]]))
    close = looked([-20.0, -20.0])
    alone = 3 * float(evidence[views.ODDS])
    assert float(findings.judgement(tokens, cells, evidence, close).faulty) == pytest.approx(alone)
    for first, other in ((-3.0, 2.0), (4.0, -7.0), (1.0, 90.0)):
        beside = replace(close, differ=torch.tensor([first, other]))
        odds = [first, min(max(first, other), SUREST)]
        expected = alone + (1.5 * odds[0] + 2.5 * odds[1]) / SUREST - 0.5 - COMPARED
        seen = findings.judgement(tokens, cells, evidence, beside)
        assert float(seen.faulty) == pytest.approx(expected, abs=1e-4)


def looked(
    odds: Sequence[float],
    frames: Sequence[Sequence[float]] = ((0.0, 0.0, 0.2, 0.2), (0.5, 0.4, 0.9, 0.8)),
    spot: tuple[int, int] = (9, 3),
) -> Close:
    """A close look: how surely each frame shows a fault, of the second kind; which of its cells
    (row, column of 12) lies under it."""
    kinds = torch.full((len(odds), 1 + SURFACE), -30.0)
    kinds[:, 0], kinds[:, 2] = 0.0, torch.tensor(odds)
    cells = torch.full((len(odds), 12, 12), -30.0)
    cells[:, spot[0], spot[1]] = 5.0
    return Close(torch.tensor(frames), cells, kinds)


def test_a_close_look_gives_kind_and_place_as_far_as_it_found_a_fault(
    findings: Findings, cells: views.Cells
) -> None:
    tokens = torch.zeros(len(cells), WIDTH)
    tokens[:, 0] = 1.0
    # at the top left the third kind, or rather the fifth, that is none of the surface
    tokens[0, 0], tokens[0, 3], tokens[0, 5] = 0.0, 0.5, 0.6
    evidence = torch.zeros(views.EVIDENCE)
    sure = findings.judgement(tokens, cells, evidence, looked([-7.0, 7.0]))
    # the second frame: row 9 of 12 from .4 to .8, column 3 from .5 to .9
    assert looked([-7.0, 7.0]).centres()[1].tolist() == pytest.approx([0.617, 0.717], abs=2e-3)
    assert int(sure.places.argmax()) == 7  # bottom center
    assert int(sure.kinds.argmax()) == 1
    unsure = findings.judgement(tokens, cells, evidence, looked([-7.0, -7.0]))
    plain = findings.judgement(tokens, cells, evidence)
    assert int(unsure.places.argmax()) == int(plain.places.argmax()) == 0
    assert int(unsure.kinds.argmax()) == int(plain.kinds.argmax()) == 4
    for seen in (sure, unsure):
        assert float(seen.kinds.sum()) == pytest.approx(1, abs=1e-4)
        assert float(seen.places.sum()) == pytest.approx(1, abs=1e-4)
    near = findings.judgement(tokens, cells, evidence, looked([7.0], [(0.0, 0.0, 0.68, 0.68)]))
    # at (.198, .538): clear of borders; on a border both sides are likely
    assert float(near.places[3]) > 0.9
    # of two that look as faulty, the fault is where the expert's own first choice is
    first = ((0.0, 0.0, 0.2, 0.2), (0.5, 0.4, 0.9, 0.8))
    alike = findings.judgement(tokens, cells, evidence, looked([6.0, 7.0], first))
    assert int(alike.places.argmax()) == 0
    surer = findings.judgement(tokens, cells, evidence, looked([4.0, 7.0], first))
    assert int(surer.places.argmax()) == 7
    border = looked([7.0], [(0.3333 - 0.1, 0.1, 0.3333 + 0.1, 0.3)], (5, 5))
    at = findings.judgement(tokens, cells, evidence, border).places
    assert 0.3 < float(at[0]) < 0.9 and float(at[0] + at[1]) > 0.9
    # what is told of two is the likelier, more than its share
    said = findings(tokens, cells, evidence, border)[PLACED, 30:39] / findings.reach
    assert said.tolist() == pytest.approx((at**4 / (at**4).sum()).tolist(), abs=1e-4)
    assert float(said.max()) > float(at.max()) + 0.05


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


def encoder_of(projector: Projector, folder: Path) -> EmbeddedEncoder:
    tokenizer = ChatTokenizer(write_tokenizer(folder / "tokenizer.json"))
    return EmbeddedEncoder(projector, stub_tower, Lexicon(tokenizer, torch.randn(600, WIDTH)))


def test_an_image_score_counts_as_a_change_of_what_is_shown(tmp_path: Path) -> None:
    encoder = encoder_of(Projector(WIDTH, KINDS, SURFACE, hidden=32), tmp_path)
    image = visual(0, 2)
    other = replace(image, anomaly_map=replace(image.anomaly_map, score=0.2))
    assert encoder.keys([image]) != encoder.keys([other])
    assert encoder.count([image]) == views.count([image]) + FINDINGS


def test_another_process_is_another_picture_to_the_model(tmp_path: Path) -> None:
    torch.manual_seed(0)
    projector = Projector(WIDTH, KINDS, SURFACE, hidden=32, vocabulary=600).eval()
    projector.steps.words.copy_(torch.arange(600))
    projector.steps.sorts.zero_()
    projector.findings.start(*(torch.randn(n, WIDTH) for n in (1 + KINDS, COLOURS, 9, 2, 9)))
    encoder = encoder_of(projector, tmp_path)
    stop, plain = threading.Event(), visual(0, 1)
    tokens, keys = [], []
    for attributes in (("ring: red",), ("ring: blue",), ()):
        steps = (ProcessStep(1, "Fit the ring.", attributes),)
        shown = replace(plain, process=ManufacturingProcess("cap", "cap", "caps", steps))
        keys.append(encoder.keys([shown]))
        tokens.append(encoder.encode([shown], [0], stop)[0])
    keys.append(encoder.keys([plain]))
    tokens.append(encoder.encode([plain], [0], stop)[0])
    assert len(set(keys)) == 4
    assert all(len(each) == encoder.count([plain]) for each in tokens)
    assert not torch.equal(tokens[0], tokens[1])
    assert torch.equal(tokens[2], tokens[3])  # steps without attributes say nothing
