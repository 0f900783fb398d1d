"""What a person sets up for products: pools, how experts are set, how defects look.

One door to `pools`, `tuning` and `defects`, and what an inspection takes from them. A product is
one however its name is typed.
Knows nothing of pages.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from triad_ui.expert.expert import Expert
from triad_ui.expert.offers import uses
from triad_ui.expert.watched import Preparing
from triad_ui.feedback.products import ProductStore
from triad_ui.imaging.store import ImageStore
from triad_ui.model.language_model import LanguageModel
from triad_ui.products.defects import Defects
from triad_ui.products.known import Known, known
from triad_ui.products.names import product_key
from triad_ui.products.pools import Pools, Report, in_steps
from triad_ui.products.tuning import Tuning
from triad_ui.records import ImageRecord


class Products:
    """What is kept of all products; `Workbench.products`."""

    def __init__(
        self,
        images: ImageStore,
        store: ProductStore,
        expert: Callable[[str], Expert],
        model: Callable[[], LanguageModel],
        image_root: Path | None = None,
    ) -> None:
        """expert: by name; raises ExpertError, WeightsError. model: raises ModelNotReady.

        image_root: the folder below which folders of pictures may be named, or None.
        """
        self._store = store
        self._expert = expert
        self.pools = Pools(images, store, image_root)
        self.tuning = Tuning(images, store, self.pools, expert)
        self.defects = Defects(store, model)

    def names(self) -> tuple[str, ...]:
        """The products that were inspected or that anything is kept of, each once, by name."""
        return tuple(sorted({product_key(name) for name in self._store.products()}))

    def known(self, product: str, expert: str, query: ImageRecord | None = None) -> Known:
        """What an expert is told when it inspects `query`. Raises StoreError."""
        return known(self._store, self.pools, product, expert, query)

    def prepare_pool(
        self,
        product: str,
        expert: str,
        report: Report | None = None,
        stop: threading.Event | None = None,
    ) -> int:
        """Let an expert look at the pool now, so that inspecting is quick; how many pictures.

        0 for experts that use no pool. Raises Stopped, ExpertError, WeightsError, StoreError.
        """
        if "pool" not in uses(expert):
            return 0
        looking, pool = self._expert(expert), self.pools.pictures(product)
        if not isinstance(looking, Preparing):
            return 0
        looking.prepare(pool, report=in_steps(report, "Looking at picture"), stop=stop)
        return len(pool)
