"""Writes to a store as fast as it can and prints each id once it is acknowledged. Run as a job.

    python writer.py URL [COUNT]

COUNT: rounds to write, forever without it. A line: "case ID", "turn CASE ID", "correction CASE ID".
"""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import count

from tests.feedback.inspections import correction, inspection, turn
from triad_ui.feedback.store import FeedbackStore


def main(url: str, rounds: int | None) -> None:
    store = FeedbackStore(url)
    for number in range(rounds) if rounds else count():
        case_id = store.add_case(inspection(number, side=40))
        print("case", case_id, flush=True)
        growing = turn(state="streaming", answer="", verdict=None)
        turn_id = store.save_turn(case_id, growing)
        store.save_turn(case_id, replace(growing, id=turn_id, answer="half"))
        store.save_turn(case_id, turn(id=turn_id))
        print("turn", case_id, turn_id, flush=True)
        correction_id = store.add_correction(case_id, correction(turn_id=turn_id), key="k")
        print("correction", case_id, correction_id, flush=True)
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None)
