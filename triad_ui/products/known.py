"""What an expert is told of a product beside the pictures that an inspection names.

It does not know what an expert makes of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from triad_ui.expert.offers import uses
from triad_ui.expert.threshold import NEUTRAL
from triad_ui.feedback.products import ProductStore
from triad_ui.products.names import product_key
from triad_ui.products.pools import Pools
from triad_ui.records import ImageRecord, Picture, Subject


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """pool: unlabelled pictures, read when they are looked at. subject: name, descriptions of
    defects, stored scale. threshold: the product's, 0.5 for none."""

    pool: Sequence[Picture]
    subject: Subject
    threshold: float


def known(
    store: ProductStore, pools: Pools, product: str, expert: str, query: ImageRecord | None = None
) -> Known:
    """What is kept of a product for an expert; its pool without the query.

    Pool and descriptions are read only for experts that use them. Raises StoreError.
    """
    key, used = product_key(product), uses(expert)
    settings = store.settings(key, expert)
    defects = store.defects(key) if "text" in used else ()
    return Known(
        pool=pools.pictures(product, query) if "pool" in used else (),
        subject=Subject(
            " ".join(product.split()) or key,
            tuple(each.description for each in defects),
            settings.scale if settings else None,
        ),
        threshold=settings.threshold if settings else NEUTRAL,
    )
