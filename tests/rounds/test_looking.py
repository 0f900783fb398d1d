"""Stage (a): batches line up with their cells, and a few steps lower the loss."""

from __future__ import annotations

from dataclasses import replace

import torch

from tests.rounds.made_up import example, four, looking, projector, words
from triad_ui.rounds.looking import batch_of, train_looking


def test_a_batch_lines_up_with_its_cells() -> None:
    some = [example(1, defective=True), example(2, defective=False, one_shot=False)]
    batch = batch_of(some, words().kind_index)
    counts = [len(cells) for each in some for cells in each.cells]
    assert counts == [100, 52, 100]
    total = sum(counts)
    for part in (batch.cells, batch.faulty, batch.kind, batch.known, batch.colours):
        assert len(part) == total
    query, reference = slice(0, 100), slice(100, 152)
    assert torch.equal(batch.faulty[query] > 0, some[0].masked > 0.08)
    assert 0 < batch.faulty[query].sum() < 100
    assert set(batch.kind[query].tolist()) == {0, words().kind_index["scratch"]}
    assert not batch.known[reference].any()
    assert batch.faulty[reference].sum() == 0
    assert batch.colours[reference].sum() == 0
    assert batch.faulty[152:].sum() == 0
    assert bool(batch.known[152:].all())


def test_a_good_batch_has_no_loss_of_kind() -> None:
    torch.manual_seed(0)
    batch = batch_of([example(2, defective=False)], words().kind_index)
    made = projector()
    losses = looking(made)(made(batch.cells), batch)
    assert set(losses) == {"fault", "colour"}


def test_what_only_the_process_tells_is_not_asked_of_the_picture() -> None:
    hidden = replace(example(1, defective=True), visible=False)
    query = batch_of([hidden], words().kind_index).queries[0]
    assert (query.kind, query.place) == (0, None)
    shown = batch_of([example(1, defective=True)], words().kind_index).queries[0]
    assert (shown.kind, shown.place) == (words().kind_index["scratch"], 0)


def test_training_lowers_the_loss_and_finds_the_fault() -> None:
    torch.manual_seed(0)
    made, seen = projector(), []
    train_looking(
        made, looking(made), four(), epochs=60, seed=0, batch_size=4, rate=3e-3,
        on_step=lambda step, steps, losses: seen.append((step, steps, sum(losses.values()))),
    )  # fmt: skip
    assert [step for step, *_ in seen] == list(range(1, 61))
    assert seen[-1][1] == 60
    assert seen[-1][2] < 0.6 * seen[0][2]
    for each in (each for each in four() if each.truth.defective):
        cells = each.cells[0]
        seen = made.findings.judgement(made(cells), cells, each.evidence)
        assert int(seen.kinds.argmax()) == words().kind_index[each.truth.kind] - 1
        assert int(seen.places.argmax()) == 0  # the top left
