"""History: order, pages, search as typed, labels, and 2000 cases at once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.feedback.inspections import correction, inspection, turn
from triad_ui.feedback.store import FeedbackStore
from triad_ui.records import CaseSummary, Correction, Verdict


def test_newest_first_whatever_the_clock_says(
    store: FeedbackStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = []
    for moment in (3000.0, 1000.0, 2000.0):
        monkeypatch.setattr(time, "time", lambda moment=moment: moment)
        ids.append(store.add_case(inspection()))
    assert [line.id for line in store.cases()] == ids[::-1]
    assert [line.id for line in store.cases(limit=1, offset=1)] == [ids[1]]
    assert store.cases(offset=9) == () == store.cases(limit=-1)


def test_a_line_says_what_the_case_says(store: FeedbackStore) -> None:
    given = inspection(seed=5)
    case_id = store.add_case(given)
    (line,) = store.cases()
    assert line == CaseSummary(
        case_id, line.created, "cable", given.query.record, given.anomaly_map.score, None, None, 0
    )
    verdict = Verdict("defective", 0.75, "left", 1, "cut")
    store.set_verdict(case_id, verdict)
    store.save_turn(case_id, turn())
    store.save_turn(case_id, turn())
    store.add_correction(case_id, correction(label="normal"))
    store.add_correction(case_id, correction(label="undecided"))
    store.add_correction(case_id, Correction(agrees=True))
    (line,) = store.cases()
    assert (line.verdict, line.corrected, line.turns) == (verdict, "undecided", 2)


def test_search_takes_every_sign_as_it_stands(store: FeedbackStore) -> None:
    names = ["100%.png", "100.png", "a_b.png", "aXb.png", "it's.png", 'say "so".png', "c\\d.png"]
    ids = {name: store.add_case(inspection(name=name, product="part")) for name in names}

    def found(search: str) -> set[str]:
        return {line.query.name for line in store.cases(search=search)}

    assert found("%") == {"100%.png"}
    assert found("a_b") == {"a_b.png"}
    assert found("it's") == {"it's.png"}
    assert found('"so"') == {'say "so".png'}
    assert found("\\") == {"c\\d.png"}
    assert found("100") == {"100%.png", "100.png"}
    assert found("'; DROP TABLE cases; --") == set()
    assert found("GOOD.PNG") == set(names), "names of references count, whatever their case"
    assert found("  ") == set(names)

    store.save_turn(ids["100.png"], turn(question="Why so dull?", answer="Too little zinc."))
    assert found("zinc dull") == {"100.png"}
    assert found("ZINC 100.png part") == {"100.png"}
    assert found("zinc shiny") == set()


def test_labels_are_the_models_or_a_persons(store: FeedbackStore) -> None:
    plain, bad, overruled, agreed = (store.add_case(inspection(i)) for i in range(4))
    store.set_verdict(bad, Verdict("defective", 0.9))
    store.set_verdict(overruled, Verdict("defective", 0.8))
    store.add_correction(overruled, correction(label="normal"))
    store.set_verdict(agreed, Verdict("undecided", 0.5))
    store.add_correction(agreed, Correction(agrees=True))

    def found(label: str) -> set[str]:
        return {line.id for line in store.cases(label=label)}

    assert found("") == {plain, bad, overruled, agreed}
    assert found("defective") == {bad, overruled}
    assert found("normal") == {overruled}
    assert found("undecided") == {agreed}
    assert found("corrected") == {overruled, agreed}
    with pytest.raises(ValueError, match="label"):
        found("wrong")
    store.set_rois(bad, (), "user")
    assert found("defective") == {overruled}, "the verdict was on other regions"


def test_two_thousand_cases_are_listed_at_once(tmp_path: Path) -> None:
    store = FeedbackStore(f"sqlite:///{tmp_path / 'many.db'}")
    given = inspection(side=64)
    first = store.add_case(given)
    store.set_verdict(first, Verdict("defective", 0.9))
    store.save_turn(first, turn(answer="words " * 200))
    store.add_correction(first, correction())
    _multiply(store, first, 2000)
    for options in ({}, {"search": "nowhere"}, {"label": "defective"}, {"offset": 1950}):
        best = min(_seconds(store, options) for _ in range(3))
        assert best < 0.1, f"{options}: {best:.3f} s"
    assert len(store.cases(limit=5000)) == 2001
    store.close()


def _seconds(store: FeedbackStore, options: dict) -> float:
    started = time.perf_counter()
    store.cases(**options)
    return time.perf_counter() - started


def _multiply(store: FeedbackStore, case_id: str, times: int) -> None:
    """Copies of a case with all its rows, written in SQL for speed."""
    tables = {
        "cases": "id",
        "case_images": "case_id",
        "case_regions": "case_id",
        "anomaly_maps": "case_id",
        "turns": "case_id",
        "corrections": "case_id",
    }

    def work(db) -> None:
        db.execute(text("CREATE TEMP TABLE copies AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
                        f"SELECT i + 1 FROM n WHERE i < {times}) SELECT i FROM n"))  # fmt: skip
        for table, key in tables.items():
            info = db.execute(text(f"PRAGMA table_info({table})"))
            columns = [row[1] for row in info if row[1] != "number"]
            values = [f"{name} || '-' || i" if name in (key, "id") else name for name in columns]
            db.execute(
                text(
                    f"INSERT INTO {table} ({', '.join(columns)}) "
                    f"SELECT {', '.join(values)} FROM {table}, copies WHERE {key} = :it"
                ),
                {"it": case_id},
            )
        db.execute(text("DROP TABLE copies"))

    store._database.write(work)
