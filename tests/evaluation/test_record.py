"""The file that lets a run go on: appended line by line, forgiving to what was cut off."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from triad_ui.errors import EvaluationError
from triad_ui.evaluation.record import Record, digest
from triad_ui.evaluation.record_lines import (
    MOST_CELLS,
    map_as_json,
    map_from_json,
    verdict_as_json,
    verdict_from_json,
)
from triad_ui.records import AnomalyMap, Verdict


def test_what_was_put_in_is_there_for_the_next_run(tmp_path: Path) -> None:
    first = Record(tmp_path / "new folder" / "r.jsonl")
    first.put("a", {"score": 0.25})
    assert first.get("a") == {"score": 0.25}
    second = Record(first.path)
    assert list(second) == ["a"]
    assert (second.get("a"), second.get("b")) == ({"score": 0.25}, None)


def test_a_line_that_was_cut_off_is_passed_over_and_not_written_onto(tmp_path: Path) -> None:
    record = Record(tmp_path / "r.jsonl")
    record.put("a", {"score": 1})
    record.put("b", {"score": 2})
    record.path.write_bytes(record.path.read_bytes()[:-9])
    cut = Record(record.path)
    assert cut.get("a") == {"score": 1}
    assert cut.get("b") is None
    cut.put("c", {"score": 3})
    again = Record(record.path)
    assert (again.get("a"), again.get("b"), again.get("c")) == ({"score": 1}, None, {"score": 3})


def test_a_file_that_is_no_record_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear all,\nthis is a letter.\n")
    with pytest.raises(EvaluationError, match="not a record"):
        Record(tmp_path / "letter.txt")


def test_a_folder_in_its_place_is_told(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="cannot be read"):
        Record(tmp_path)


def test_digest_tells_apart_what_differs() -> None:
    assert digest("a", ["b", 1]) == digest("a", ["b", 1])
    assert len({digest("a", "b"), digest("ab"), digest("a", "b", None), digest("b", "a")}) == 4


def test_a_map_comes_back_bit_for_bit() -> None:
    values = np.random.default_rng(0).random((37, 53), np.float32)
    found = AnomalyMap(values, 0.1 + 0.2, True, "x@3", "pool", (("scratch", 0.7),), 0.4)
    back = map_from_json({**map_as_json(found), "seconds": 1.5})
    assert back is not None
    assert back.values.dtype == np.float32
    np.testing.assert_array_equal(back.values, values)
    assert (back.score, back.calibrated, back.expert, back.basis, back.kinds, back.threshold) == (
        found.score, True, "x@3", "pool", (("scratch", 0.7),), 0.4,
    )  # fmt: skip


def test_a_map_that_is_too_large_or_damaged_is_made_anew() -> None:
    big = AnomalyMap(np.zeros((1, MOST_CELLS + 1), np.float32), 0.0, False, "x@1")
    assert map_from_json({**map_as_json(big), "seconds": 1.0}) is None
    small = map_as_json(AnomalyMap(np.zeros((4, 4), np.float32), 0.0, False, "x@1"))
    assert map_from_json({**small, "seconds": 1.0, "map": "AAAA"}) is None
    assert map_from_json({"label": "normal", "p_defective": 0.1, "seconds": 1.0}) is None


def test_verdicts_come_back_and_nonsense_does_not() -> None:
    line = {**verdict_as_json(Verdict("undecided", 0.52)), "seconds": 0.1}
    assert verdict_from_json(line) == Verdict("undecided", 0.52)
    assert verdict_from_json({**line, "label": "fine"}) is None
    assert verdict_from_json({**line, "p_defective": 2}) is None
    assert verdict_from_json({}) is None
