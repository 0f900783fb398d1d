"""Which states stay, which go, which are copied; caches filled by hand, no model."""

from __future__ import annotations

import pytest
import torch

from tests.model.tiny import tiny_config
from triad_ui.model.growing_cache import STEP, bytes_per_position
from triad_ui.model.kept import CHEAP, KeptState, KeptStates

CONFIG = tiny_config()
ROOM = STEP * bytes_per_position(CONFIG, 4)
"""Bytes of a state of up to STEP positions."""


def fill(state: KeptState, keys: list[int]) -> None:
    """Read what is missing: each position's rows are its key."""
    fresh = keys[len(state.keys) :]
    rows = torch.tensor(fresh, dtype=torch.float32)[None, None, :, None].expand(1, 2, -1, 16)
    for layer in state.cache.layers:
        layer.update(rows, rows)
    state.keys.extend(fresh)
    state.ends[len(keys)] = torch.tensor(float(keys[-1]))


def ask(kept: KeptStates, keys: list[int]) -> int:
    """A whole request; returns how many positions were there already."""
    state = kept.take(keys, 0)
    there = len(state.keys)
    assert state.keys == keys[:there]
    for layer in state.cache.layers:
        assert layer.length == there
        if there:
            assert layer.keys[0, 0, :there, 0].tolist() == keys[:there]
    if there < len(keys):
        fill(state, keys)
    kept.give(state)
    return there


def keys(count: int, first: int = 0) -> list[int]:
    return list(range(first, first + count))


@pytest.fixture
def kept() -> KeptStates:
    return KeptStates(CONFIG, 4, 3 * ROOM)


def test_a_conversation_takes_its_state_along(kept: KeptStates) -> None:
    assert ask(kept, keys(100)) == 0
    assert ask(kept, keys(150)) == 100
    assert len(kept) == 1


def test_the_least_recently_used_goes_first(kept: KeptStates) -> None:
    for first in (1000, 2000, 3000):
        ask(kept, keys(100, first))
    ask(kept, keys(110, 1000))
    ask(kept, keys(100, 4000))
    assert kept.bytes <= 3 * ROOM
    assert [kept.begun(keys(100, first)) for first in (1000, 2000, 3000, 4000)] == [
        100, 0, 100, 100
    ]  # fmt: skip


def test_room_is_made_before_it_is_taken(kept: KeptStates) -> None:
    for first in (1000, 2000, 3000):
        ask(kept, keys(100, first))
    kept.take(keys(2 * STEP, 4000), 0)
    assert kept.bytes <= ROOM


def test_one_larger_than_the_bound_is_allowed_while_it_runs() -> None:
    kept = KeptStates(CONFIG, 4, 1)
    ask(kept, keys(100))
    assert len(kept) == 1
    assert ask(kept, keys(120)) == 100
    assert ask(kept, keys(120, 5000)) == 0
    assert len(kept) == 1


def test_a_branch_copies_where_there_is_room(kept: KeptStates) -> None:
    one, other = keys(200), keys(100) + keys(100, 5000)
    ask(kept, one)
    assert ask(kept, other) == 100
    assert len(kept) == 2
    assert ask(kept, [*one, 7]) == 200
    assert ask(kept, [*other, 7]) == 200


def test_a_branch_is_cut_where_there_is_none() -> None:
    kept = KeptStates(CONFIG, 4, ROOM)
    ask(kept, keys(200))
    assert ask(kept, keys(120) + keys(60, 5000)) == 120
    assert len(kept) == 1
    assert kept.bytes == ROOM


def test_a_few_positions_are_not_worth_a_copy(kept: KeptStates) -> None:
    ask(kept, keys(200))
    ask(kept, keys(200 - CHEAP) + keys(20, 5000))
    assert len(kept) == 1


def test_a_state_in_use_is_never_cut_nor_dropped() -> None:
    kept = KeptStates(CONFIG, 4, 1)
    running = kept.take(keys(200), 0)
    fill(running, keys(200))
    assert ask(kept, keys(190)) == 189  # a copy
    assert ask(kept, keys(50, 5000)) == 0
    assert running.keys == keys(200)
    assert running.cache.get_seq_length() == 200
    kept.give(running)
    assert ask(kept, keys(210)) == 200


def test_where_a_prompt_ended_is_remembered_until_it_is_cut(kept: KeptStates) -> None:
    ask(kept, keys(100))
    ask(kept, keys(150))
    assert kept.answered(keys(100)) == 99
    assert kept.answered(keys(99)) is None
    assert kept.answered([*keys(99), 7]) is None
    ask(kept, keys(90) + keys(30, 5000))  # 60 less than before: cut
    assert kept.answered(keys(100)) is None
    assert kept.answered(keys(90) + keys(30, 5000)) == 5029


def test_the_last_position_is_read_again_unless_its_end_is_known(kept: KeptStates) -> None:
    ask(kept, keys(100))
    assert ask(kept, keys(100)) == 100
    assert ask(kept, keys(80)) == 79


def test_what_is_cleared_while_in_use_does_not_come_back(kept: KeptStates) -> None:
    running = kept.take(keys(50), 0)
    fill(running, keys(50))
    kept.clear_idle()
    assert len(kept) == 1
    kept.clear()
    kept.give(running)
    assert len(kept) == 0
    assert kept.bytes == 0


def test_dropping_frees_the_memory(kept: KeptStates) -> None:
    state = kept.take(keys(50), 0)
    fill(state, keys(50))
    kept.drop(state)
    assert state.cache.bytes == 0
    assert kept.begun(keys(50)) == 0
