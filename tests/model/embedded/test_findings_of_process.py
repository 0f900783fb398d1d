"""What findings make of a process that was read: how doubtful it is, where, and what is wrong."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from tests.model.embedded.test_findings import (
    KINDS,
    SURFACE,
    WIDTH,
    cells,
    findings,
    judged_as,
    looked,
)
from triad_ui.model.embedded import views
from triad_ui.model.embedded.colour_reader import NEVER, WAYS_READ, Contradiction
from triad_ui.model.embedded.findings import (
    BOTH,
    CONTRADICTED,
    MEASURED,
    SEEN,
    STEP,
    WRITTEN,
    Findings,
)
from triad_ui.model.embedded.step_reader import LEAST, SORTS, Reading
from triad_ui.model.embedded.weighed import doubts

__all__ = ["cells", "findings"]  # fixtures

UNTOLD = (torch.full((KINDS - SURFACE,), 1 / (KINDS - SURFACE)), torch.full((9,), 1 / 9))
"""Kind and place of a contradiction, of which nothing is known."""


def reading(*lowest: float) -> Reading:
    """Of steps 2, 3, ..., a colour of each borne out as told; axis 60 is written, 61 is seen."""
    axes, told = torch.eye(WIDTH), torch.zeros(len(lowest), SORTS)
    told[:, 0] = torch.tensor(lowest)
    known = torch.tensor(0.5)
    return Reading(tuple(range(2, 2 + len(lowest))), told, told, known, axes[60], axes[61])


def test_a_contradicted_process_makes_a_sound_part_faulty(
    findings: Findings, cells: views.Cells
) -> None:
    judged_as(findings, -3.0)
    findings.against.weight.fill_(4.0)
    findings.against.bias.fill_(-4.0)
    tokens, evidence = torch.randn(len(cells), WIDTH), torch.zeros(views.EVIDENCE)
    agreed, against = reading(0.0, -0.2, 0.0), reading(0.0, -6.0, -0.6)
    without = findings.judgement(tokens, cells, evidence)
    assert float(without.faulty) == pytest.approx(-3.0) and without.contradicted is None
    good = findings.judgement(tokens, cells, evidence, None, agreed)
    bad = findings.judgement(tokens, cells, evidence, None, against)
    assert float(good.faulty) < -2 and float(bad.faulty) > 2
    assert float(bad.contradicted) == pytest.approx(-4 + 4 * 1.5 * (6 + 6.6) / -LEAST)
    said = findings(tokens, cells, evidence, None, against)
    assert int(said[STEP].argmax()) == 45 + 2  # step 3, "1" is at axis 45
    assert int(said[WRITTEN].argmax()) == 60 and int(said[SEEN].argmax()) == 61
    assert int(said[CONTRADICTED].argmax()) == 41  # "faulty"
    quiet = findings(tokens, cells, evidence, None, agreed)[[STEP, WRITTEN, SEEN]]
    assert float(quiet.abs().max()) < 0.1 * float(said[WRITTEN].max())
    nothing = findings(tokens, cells, evidence)[CONTRADICTED:]
    assert not nothing.any()


def test_a_strange_look_and_a_contradiction_count_more_together(
    findings: Findings, cells: views.Cells
) -> None:
    findings.against.weight.fill_(4.0)
    findings.against.bias.fill_(-2.0)
    tokens, evidence = torch.randn(len(cells), WIDTH), torch.zeros(views.EVIDENCE)
    odds = []
    for look in (-30.0, -0.5):
        judged_as(findings, look)
        for read in (reading(0.0, 0.0), reading(0.0, -1.5)):
            odds.append(findings.judgement(tokens, cells, evidence, None, read).faulty.exp())
    nothing, contradicted, strange, both = odds
    assert float(contradicted) > 0.3 > float(nothing)
    assert float(both) == pytest.approx(float(contradicted + strange * (1 + BOTH * contradicted)),
                                        rel=0.05)  # fmt: skip


def test_what_the_surface_shows_needs_no_contradiction_to_explain_it(
    findings: Findings, cells: views.Cells
) -> None:
    findings.against.weight.zero_()
    findings.against.bias.fill_(1.0)
    with torch.no_grad():
        findings.find.weight.fill_(8.0)
        findings.find.bias.zero_()
    tokens, evidence = torch.randn(len(cells), WIDTH), torch.zeros(views.EVIDENCE)
    told = {}
    for odds in (-7.0, 7.0):
        close = looked([odds], [(0.1, 0.1, 0.3, 0.3)])
        seen = findings.judgement(tokens, cells, evidence, close, reading(0.0, -1.0))
        assert float(seen.contradicted) == pytest.approx(1.0)
        told[odds] = findings.told(seen, reading(0.0, -1.0))
        assert seen.blamed is not None and (float(seen.blamed) > 0.9) is (odds < 0)
    # which word is contradicted is told as loudly as it is to blame
    words = {odds: float(said[WRITTEN].norm()) for odds, said in told.items()}
    assert words[7.0] < 0.1 * words[-7.0]


def test_a_list_or_ring_that_does_not_fit_is_enough_but_counts_only_so_far(
    findings: Findings, cells: views.Cells
) -> None:
    judged_as(findings, -3.0)
    findings.against.weight.zero_()
    findings.against.bias.fill_(-4.0)
    tokens, evidence = torch.randn(len(cells), WIDTH), torch.zeros(views.EVIDENCE)
    odds = {}
    for measured in (NEVER, 0.0, 1.5, MEASURED, 8.0):
        colours = Contradiction(torch.zeros(WAYS_READ), torch.zeros(3), *UNTOLD, measured=measured)
        read = replace(reading(0.0, 0.0, 0.0), colours=colours)
        found = findings.judgement(tokens, cells, evidence, None, read)
        odds[measured] = float(found.contradicted.exp())
        assert (float(found.faulty) > -1) is (measured > 1)
    # what fits, or is as likely as not, changes nothing of what was read
    assert odds[NEVER] == odds[0.0] == pytest.approx(math.exp(-4.0), rel=1e-4)
    assert odds[1.5] == pytest.approx(odds[0.0] + (math.exp(1.5) - 1) / 3, rel=1e-4)
    assert odds[8.0] == odds[MEASURED] == pytest.approx(odds[0.0] + (math.exp(MEASURED) - 1) / 3)


def test_doubts_are_the_worst_of_each_sort_and_all_together() -> None:
    lowest = torch.tensor([[-1.0, 0.0, -2.0], [-3.0, 0.0, 0.0]])
    losses = torch.tensor([[-1.5, 0.0, -2.0], [-3.0, 0.0, 0.0]])
    known, word = torch.tensor(0.5), torch.zeros(4)
    read = Reading((1, 2), losses, lowest, known, word, word)
    told = doubts(read) * LEAST
    assert told[:6].tolist() == pytest.approx([-3, 0, -2, -4.5, 0, -2])
    assert told[6:12].tolist() == [0] * 6 and torch.allclose(told[12:], told[:12] * 0.5)
    odds = torch.tensor([4.0, -30.0, 2.0])
    colours = Contradiction(odds, torch.zeros(2), *UNTOLD, readable=0.5)
    again = doubts(replace(read, colours=colours))
    assert torch.equal(again[:6], told[:6] / LEAST) and again[6:9].tolist() == [0.5, -1.0, 0.25]
    assert torch.equal(again[9:12], again[6:9] * 0.5)  # as far as its values can be read
    assert torch.equal(again[12:], again[:12] * 0.5)


def test_the_step_told_is_the_one_that_both_readings_doubt(
    findings: Findings, cells: views.Cells
) -> None:
    findings.against.bias.fill_(9.0)
    tokens, evidence = torch.randn(len(cells), WIDTH), torch.zeros(views.EVIDENCE)
    read = reading(-1.0, -0.5, 0.0)
    for steps, told in (([0.0, 0.0, 0.0], 2), ([NEVER, 3.0, -3.0], 3), ([-3.0, 1.0, 9.0], 4)):
        colours = Contradiction(torch.ones(WAYS_READ), torch.tensor(steps), *UNTOLD)
        said = findings(tokens, cells, evidence, None, replace(read, colours=colours))
        assert int(said[STEP].argmax()) == 45 + told - 1  # "1" is at axis 45


def test_a_contradiction_is_named_and_placed_as_far_as_nothing_else_explains_it(
    findings: Findings, cells: views.Cells
) -> None:
    tokens, evidence = torch.randn(len(cells), WIDTH), torch.zeros(views.EVIDENCE)
    alone = findings.judgement(tokens, cells, evidence)
    logical = KINDS - SURFACE
    kinds, places = torch.eye(logical)[logical - 1], torch.eye(9)[5]
    colours = Contradiction(torch.ones(WAYS_READ), torch.zeros(3), kinds, places)
    read = replace(reading(-1.0, -0.5, 0.0), colours=colours)
    for bias, told in ((9.0, True), (-9.0, False)):
        findings.against.weight.zero_()
        findings.against.bias.fill_(bias)
        seen = findings.judgement(tokens, cells, evidence, None, read)
        assert float(seen.kinds.sum()) == pytest.approx(1) == float(seen.places.sum())
        named = torch.cat([torch.zeros(SURFACE), kinds])
        assert torch.allclose(seen.kinds, named if told else alone.kinds, atol=1e-3)
        assert torch.allclose(seen.places, places if told else alone.places, atol=1e-3)
