"""Inspecting a stored photograph, and its regions chosen anew: what is told to whom, stored when.

What is kept of the product goes to the expert with the pictures; originals are opened when they are
looked at. Part of the workbench, which is the door to it.
Knows nothing of pages and of the language model.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from triad_ui.errors import NotFound
from triad_ui.expert.roi import drawn
from triad_ui.feedback.store import FeedbackStore
from triad_ui.imaging.store import ImageStore
from triad_ui.imaging.stored_picture import StoredPicture
from triad_ui.inspector import Inspector, regions
from triad_ui.products.pools import Report, in_steps, lit_like
from triad_ui.products.products import Products
from triad_ui.records import (
    Case,
    DefectDescription,
    ImageRecord,
    ManufacturingProcess,
    Picture,
    Policy,
    Roi,
)
from triad_ui.stops import Stops


class Inspecting:
    """The expert at work on photographs, each inspection one stored case."""

    def __init__(
        self,
        images: ImageStore,
        store: FeedbackStore,
        inspector: Inspector,
        products: Products,
        stops: Stops,
    ) -> None:
        self._images = images
        self._store = store
        self._inspector = inspector
        self._products = products
        self._stops = stops

    def inspect(
        self,
        query: ImageRecord,
        references: Sequence[ImageRecord] = (),
        process: ManufacturingProcess | None = None,
        *,
        product: str = "",
        expert: str = "reference",
        policy: Policy = "ranked",
        seed: int = 0,
        pool: Sequence[Picture] = (),
        defects: Sequence[DefectDescription] = (),
        report: Report | None = None,
        stop: threading.Event | None = None,
    ) -> Case:
        """Score, choose regions, store. Raises ImageError, ExpertError, NotSaved, Stopped.

        The product's pool, defect descriptions, stored scale and threshold are used as the expert
        can. pool, defects: more of them, for this time only. policy: ranked, faithful, null (drawn
        at random by `seed`) or anyres (none). Deep references are rendered under the query's
        window. report, stop: of the expert's work; once stopped nothing is stored, and what was
        looked at is kept for the next time.
        """
        started = time.perf_counter()
        picture = self._images.open(query)
        compared = [StoredPicture(lit_like(query, each), self._images) for each in references]
        product = product.strip() or (process.product if process else "") or "part"
        known = self._products.known(product, expert, query)
        subject = known.subject
        if defects:
            told = {each.kind.casefold(): each for each in (*subject.defects, *defects)}
            subject = replace(subject, defects=tuple(told.values()))
        inspection = self._inspector.inspect(
            picture,
            compared,
            process,
            product=product,
            expert=expert,
            pool=[*known.pool, *pool],
            subject=subject,
            threshold=known.threshold,
            policy=policy,
            seed=seed,
            decode_seconds=time.perf_counter() - started,
            report=in_steps(report, "Comparing: step"),
            stop=stop,
        )
        return self._store.case(self._store.add_case(inspection))

    def set_rois(self, case_id: str, rois: Sequence[Roi]) -> Case:
        """Replace the regions by a person's; `judge` then judges anew. Returns the case.

        rois: at most four, none is an answer too. They are cut at the photo's border; a box that
        the expert had found keeps its score. Turns keep the regions they were asked with. Raises
        RegionError, NotFound, NotSaved.
        """
        case = self._store.case(case_id)
        found = regions(case.anomaly_map, case.query, "ranked")
        known = [*found, *(roi for roi in case.rois if roi.source == "expert")]
        kept = drawn([roi.box for roi in rois], case.query.size, known)
        return self._new_regions(case, kept, "user")

    def choose_rois(self, case_id: str, policy: Policy, seed: int = 0) -> Case:
        """Let others choose the regions, from the stored map; `judge` then judges anew.

        policy: ranked, faithful, null, anyres as in `inspect`; user: those that a person drew last
        (NotFound when nobody did). The expert does not run again. Raises NotFound, NotSaved.
        """
        case = self._store.case(case_id)
        if policy == "user":
            chosen = self._store.last_rois(case_id, "user")
            if chosen is None:
                raise NotFound(
                    "Nobody has drawn regions on this photo yet. Press Edit regions and draw them."
                )
        else:
            chosen = regions(case.anomaly_map, case.query, policy, seed)
        return self._new_regions(case, chosen, policy)

    def _new_regions(self, case: Case, rois: tuple[Roi, ...], policy: Policy) -> Case:
        if (rois, policy) == (case.rois, case.policy):
            return case
        self._store.set_rois(case.id, rois, policy)
        self._stops.outdate(case.id)
        return self._store.case(case.id)
