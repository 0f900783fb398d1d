"""Table 6: small, medium and large defects, and good parts."""

from __future__ import annotations

import pytest

from triad_ui.evaluation.defect_size import size_of, split


@pytest.mark.parametrize(
    ("share", "size"),
    [(0.0001, "small"), (0.00999, "small"), (0.01, "medium"), (0.1, "medium"), (0.1001, "large")],
)
def test_limits_are_those_of_the_paper(share: float, size: str) -> None:
    assert size_of(share) == size


def test_split_counted_by_hand() -> None:
    found = split(
        [
            (True, 0.005, True),
            (True, 0.005, None),  # undecided: not right
            (True, 0.05, False),
            (True, None, True),  # no mask: no size
            (False, None, False),
            (False, None, True),
            (False, None, None),
        ]
    )
    assert found.small and (found.small.count, found.small.of) == (1, 2)
    assert found.medium and (found.medium.count, found.medium.of) == (0, 1)
    assert found.large is None
    assert found.normal and (found.normal.count, found.normal.of) == (1, 3)
