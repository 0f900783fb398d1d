"""How an expert is set for a product: its threshold and scale, by hand or from known pictures.

Settings are added and never changed, so that what counted before can be seen. It does not know what
a threshold does to a map (`expert.threshold`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from triad_ui.errors import ExpertError
from triad_ui.evaluation.threshold import at
from triad_ui.expert.expert import Expert
from triad_ui.expert.threshold import checked, neutral
from triad_ui.feedback.products import ProductStore
from triad_ui.imaging.store import ImageStore
from triad_ui.imaging.stored_picture import StoredPicture
from triad_ui.products.known import known
from triad_ui.products.measured import Measured, Measuring
from triad_ui.products.names import product_key
from triad_ui.products.pools import Pools, Report, Skipped
from triad_ui.records import ImageRecord, ProductSettings

OTHER_VERSION = "It was scored by another version of the expert. Inspect it again to count it."


class Tuning:
    """The settings of all experts for all products."""

    def __init__(
        self,
        images: ImageStore,
        store: ProductStore,
        pools: Pools,
        expert: Callable[[str], Expert],
    ) -> None:
        self._images = images
        self._store = store
        self._pools = pools
        self._expert = expert

    def settings(self, product: str, expert: str) -> ProductSettings:
        """How an expert is set for a product; neutral, with `created` 0, when nobody set it."""
        key = product_key(product)
        return self._store.settings(key, expert) or ProductSettings(key, expert)

    def history(self, product: str, expert: str) -> tuple[ProductSettings, ...]:
        """Every setting there has been, newest first."""
        return self._store.settings_history(product_key(product), expert)

    def set_threshold(
        self, product: str, expert: str, threshold: float, author: str = ""
    ) -> ProductSettings:
        """Choose a threshold by hand; escape and overkill are those of the pictures measured last.

        Raises ExpertError for one that cannot be used, NotSaved.
        """
        kept = self.settings(product, expert)
        return self._keep(replace(kept, threshold=checked(threshold), author=author))

    def reset(self, product: str, expert: str, author: str = "") -> ProductSettings:
        """Back to the expert's own threshold and scale. Raises NotSaved."""
        return self._keep(ProductSettings(product_key(product), expert, author=author))

    def keep(
        self, measured: Measured, threshold: float | None = None, author: str = ""
    ) -> ProductSettings:
        """Store what was measured, at `threshold` or at the one that is suggested.

        Raises ExpertError without a good part to suggest one from, NotSaved.
        """
        if threshold is None:
            suggestion = measured.suggestion
            if suggestion is None:
                raise ExpertError(
                    "No picture of a good part was scored, so no threshold can be suggested. Add "
                    "one, or choose a threshold yourself."
                )
            threshold = suggestion.point.threshold
        before = self.settings(measured.product, measured.expert)
        return self._keep(
            ProductSettings(
                product_key(measured.product),
                measured.expert,
                checked(threshold),
                measured.scale or before.scale,
                good_scores=measured.good_scores,
                bad_scores=measured.bad_scores,
                measured_with=measured.measured_with,
                author=author,
            )
        )

    def measure_cases(self, product: str, expert: str) -> Measured:
        """Scores of the cases in History whose truth a person told.

        A photograph that was inspected several times counts once, as it was scored last. Raises
        ExpertError when there is none.
        """
        key = product_key(product)
        last = {
            case.image: case
            for case in self._store.told_cases(expert)
            if product_key(case.product) == key
        }
        cases = list(last.values())
        if not cases:
            raise ExpertError(
                f"Nobody has said of a part of {key} that the expert {expert} inspected whether it "
                "is good or defective. Correct some cases, or name pictures whose truth is known."
            )
        made_by = cases[-1].expert
        counted = [case for case in cases if case.expert == made_by]
        good, bad = (
            tuple(neutral(case.score, case.threshold) for case in counted if case.label == label)
            for label in ("normal", "defective")
        )
        skipped: list[Skipped] = [
            (case.name, OTHER_VERSION) for case in cases if case.expert != made_by
        ]
        return Measured(key, expert, good, bad, measured_with=made_by, skipped=tuple(skipped))

    def measure_pictures(
        self,
        product: str,
        expert: str,
        good: Sequence[ImageRecord],
        bad: Sequence[ImageRecord] = (),
        references: Sequence[ImageRecord] = (),
        *,
        report: Report | None = None,
        stop: threading.Event | None = None,
    ) -> Measured:
        """Score pictures of known truth as an inspection would, without the product's threshold.

        With fewer than two references the good pictures give a scale as well, which is kept with
        the threshold. Pictures are read one at a time. Raises Stopped; ExpertError when none could
        be scored; WeightsError.
        """
        told = known(self._store, self._pools, product, expert)
        measuring = Measuring(
            self._expert(expert),
            replace(told.subject, scale=None),
            self._stored(references),
            lambda picture: [each for each in told.pool if each.key != picture.key],
            report=report,
            stop=stop,
        )
        return measuring.measure(product_key(product), self._stored(good), self._stored(bad))

    def _keep(self, settings: ProductSettings) -> ProductSettings:
        """Store settings with the escape and overkill that their scores have at the threshold."""
        point = at(settings.threshold, settings.good_scores, settings.bad_scores)
        return self._store.add_settings(
            replace(
                settings,
                escape=point.escape.value if point.escape else None,
                overkill=point.overkill.value if point.overkill else None,
            )
        )

    def _stored(self, records: Sequence[ImageRecord]) -> list[StoredPicture]:
        return [StoredPicture(record, self._images) for record in records]
