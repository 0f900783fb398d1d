"""Parts of which only what is so is kept: as of examples of the same seeds, without looking."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from triad_ui.rounds import truths as module
from triad_ui.rounds.drawn_cases import drawn_cases, stream
from triad_ui.rounds.truths import told_of, truths

FAMILIES = ("hex nut", "cable")


def test_truths_are_drawn_once_and_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHARD", 4)
    seen: list[tuple[int, int]] = []
    parts = truths(tmp_path, 40, 8, 1, lambda *told: seen.append(told), FAMILIES)
    cases = [
        case for seed in range(40, 48) for case in drawn_cases(seed, stream(seed), FAMILIES, 384)
    ]
    assert [(part.truth, part.visible) for part in parts] == [(c.truth, c.visible) for c in cases]
    assert all(not part.cells for part in parts)
    for part in parts:
        assert part.colours.dtype == torch.float32
        assert float(part.colours.sum()) == pytest.approx(1.0, abs=1e-5)
    assert seen[-1] == (8, 8)
    monkeypatch.setattr(
        "triad_ui.rounds.shards.ProcessPoolExecutor", lambda *_a: pytest.fail("drawn again")
    )
    again = truths(tmp_path, 40, 8, 1, lambda *told: None, FAMILIES)
    assert [part.truth for part in again] == [part.truth for part in parts]


def test_both_sorts_and_pairs_under_two_processes_are_drawn() -> None:
    cases = [drawn_cases(seed, stream(seed), FAMILIES, 96) for seed in range(60)]
    pairs = [each for each in cases if len(each) == 2]
    assert 4 <= len(pairs) <= 22
    for bad, good in pairs:
        assert bad.truth.defective and not bad.visible
        assert not good.truth.defective and good.visible
        assert bad.truth.process != good.truth.process
        assert np.array_equal(bad.sample.query, good.sample.query)
    truth = [case.truth for each in cases for case in each]
    assert {each.defective for each in truth} == {True, False}
    assert any(each.process is None for each in truth)
    assert {bool(each.expected) for each in truth if each.defective} == {True, False}


@pytest.mark.weights
def test_a_seed_tells_what_its_example_tells(efficientnet_weights: Path) -> None:
    from triad_ui.rounds.examples import ExampleMaker

    maker = ExampleMaker(efficientnet_weights, FAMILIES, 160)
    for seed in (3, 4):
        cases = drawn_cases(seed, stream(seed), FAMILIES, 160)
        told = [told_of(example) for example in maker.make(seed)]
        assert [(each.truth, each.visible) for each in told] == [
            (c.truth, c.visible) for c in cases
        ]
        assert all(len(each.cells) == 1 + each.truth.one_shot for each in told)
        assert float(told[0].colours.sum()) == pytest.approx(1.0, abs=0.01)
