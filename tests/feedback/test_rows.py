"""Records become rows whatever number types they are made of, and floats come back bit by bit."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.feedback.inspections import inspection
from triad_ui.feedback.rows import map_columns, map_values, rois_from_json, rois_to_json
from triad_ui.feedback.schema import AnomalyMapRow
from triad_ui.feedback.store import FeedbackStore
from triad_ui.records import AnomalyMap, Roi, Timings, Verdict


@pytest.mark.parametrize("shape", [(1, 1), (0, 5), (37, 91)])
def test_a_map_is_kept_bit_by_bit(shape: tuple[int, int]) -> None:
    bits = np.random.default_rng(0).integers(0, 2**32, shape, dtype=np.uint32)
    back = map_values(AnomalyMapRow(**map_columns(bits.view(np.float32))))
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back.view(np.uint32), bits)


def test_regions_survive_json() -> None:
    rois = (Roi(0, 1, 2, 3, 0.1 + 0.2, "expert"), Roi(-1, 0, 9, 9, None, "random"), Roi(0, 0, 1, 1))
    assert rois_from_json(json.loads(json.dumps(rois_to_json(rois)))) == rois


def test_numpy_numbers_and_any_memory_layout_are_taken(store: FeedbackStore) -> None:
    values = np.arange(12, dtype=np.float32).reshape(3, 4).T[::-1]
    given = replace(
        inspection(),
        anomaly_map=AnomalyMap(values, np.float32(0.25), np.bool_(True), "x@1", "single image"),
        rois=(Roi(*np.arange(4), score=np.float32(0.5)),),
        timings=Timings(total=np.float64(1.5)),
        references=(),
        process=None,
    )
    case_id = store.add_case(given)
    store.set_verdict(case_id, Verdict("normal", np.float32(0.125), None, np.int64(2)))
    case = store.case(case_id)
    np.testing.assert_array_equal(case.anomaly_map.values, values)
    assert case.anomaly_map.score == 0.25 and case.anomaly_map.calibrated is True
    assert case.anomaly_map.basis == "single image"
    assert case.rois == (Roi(0, 1, 2, 3, 0.5),)
    assert case.verdict == Verdict("normal", 0.125, None, 2)
    assert case.references == () and case.process is None
