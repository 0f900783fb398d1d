"""What an expert is, and which there are by name.

It does not know how any of them works; importing this file loads no network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from triad_ui.errors import ExpertError, WeightsError
from triad_ui.expert.offers import offers
from triad_ui.records import AnomalyMap, Picture, Subject

DEFAULT = "reference"


class Expert(Protocol):
    """Looks at a query and says where it is suspicious."""

    @property
    def name(self) -> str:
        """The key in the registry."""

    @property
    def version(self) -> str:
        """Changes whenever the same pictures could give another map: code and weights."""

    def score(
        self,
        query: Picture,
        references: Sequence[Picture],
        pool: Sequence[Picture] = (),
        subject: Subject | None = None,
    ) -> AnomalyMap:
        """The query's anomaly map, on the scale that `records.AnomalyMap` states.

        references: known-good pictures of the same product, any size, possibly none. pool:
        unlabelled pictures of the same product, used only by the experts that compare a batch.
        subject: what else is known of the product. The scale is taken from the references where
        there are two or more; else it is the subject's stored one; else the expert's own, fixed.
        ExpertError when these pictures cannot be scored.
        """

    def raw(
        self,
        query: Picture,
        references: Sequence[Picture],
        pool: Sequence[Picture] = (),
        subject: Subject | None = None,
    ) -> tuple[np.ndarray, float]:
        """The uncalibrated map, float32 (h, w), and the image's score, in the expert's own unit.

        Higher is more suspicious; scales are made from these. Arguments and errors as in `score`.
        """


MEMORY_BYTES = 2**30


@dataclass(frozen=True, slots=True)
class Means:
    """What experts are made from.

    weights: Settings.expert_weights; for the names in EMBEDDED the folder of the base weights.
    cache: folder in which features are kept between starts, or None. memory_bytes: bounds what an
    expert that compares with a pool holds and takes beside its network.
    """

    weights: Path
    cache: Path | None = None
    memory_bytes: int = MEMORY_BYTES


Factory = Callable[[Means], Expert]
"""Makes the expert, its weights loaded; raises WeightsError."""


def _reference(means: Means) -> Expert:
    from triad_ui.expert.reference import ReferenceExpert

    return ReferenceExpert(means.weights / WEIGHTS_REFERENCE, cache=means.cache)


def _patch_core(means: Means) -> Expert:
    from triad_ui.expert.patch_core import load_patch_core

    return load_patch_core(means.weights, means.cache)


def _patch_core_embedded(means: Means) -> Expert:
    from triad_ui.expert.patch_core import load_patch_core_embedded

    return load_patch_core_embedded(means.weights / WEIGHTS_REFERENCE, means.cache)


def _anomaly_clip(means: Means) -> Expert:
    from triad_ui.expert.anomaly_clip import load_anomaly_clip

    return load_anomaly_clip(means.weights, means.cache)


def _april_gan(means: Means) -> Expert:
    from triad_ui.expert.april_gan import load_april_gan

    return load_april_gan(means.weights, means.cache)


def _april_gan_visa(means: Means) -> Expert:
    from triad_ui.expert.april_gan import load_april_gan

    return load_april_gan(means.weights, means.cache, name="april-gan-visa")


def _few_shot_bank(means: Means) -> Expert:
    from triad_ui.expert.few_shot_bank import load_few_shot_bank

    return load_few_shot_bank(means.weights, means.cache)


def _few_shot_bank_embedded(means: Means) -> Expert:
    from triad_ui.expert.few_shot_bank import load_few_shot_bank_embedded

    return load_few_shot_bank_embedded(means.weights / WEIGHTS_REFERENCE, means.cache)


def _musc(means: Means) -> Expert:
    from triad_ui.expert import clip, musc, musc_sight

    sight = musc_sight.through_clip(clip.source_in(means.weights))
    return musc.MuscExpert(sight, cache=means.cache, memory_bytes=means.memory_bytes)


def _musc_dinov2(means: Means) -> Expert:
    from triad_ui.expert import dinov2, musc, musc_sight

    sight = musc_sight.through_dinov2(dinov2.source_in(means.weights))
    return musc.MuscExpert(sight, cache=means.cache, memory_bytes=means.memory_bytes)


def _musc_embedded(means: Means) -> Expert:
    from triad_ui.expert import musc, musc_sight

    sight = musc_sight.through_embedded(means.weights / WEIGHTS_REFERENCE)
    return musc.MuscExpert(sight, cache=means.cache, memory_bytes=means.memory_bytes)


WEIGHTS_REFERENCE = "efficientnet-lite0-57934424.pth"
EXPERTS: dict[str, Factory] = {
    DEFAULT: _reference,
    "patch-core-embedded": _patch_core_embedded,
    "few-shot-bank-embedded": _few_shot_bank_embedded,
    "musc-embedded": _musc_embedded,
    "musc": _musc,
    "musc-dinov2": _musc_dinov2,
    "april-gan": _april_gan,
    "april-gan-visa": _april_gan_visa,
    "anomaly-clip": _anomaly_clip,
    "few-shot-bank": _few_shot_bank,
    "patch-core": _patch_core,
}
"""Every expert by name. A new one is a file of its own and a line here."""
EMBEDDED = frozenset({DEFAULT, "patch-core-embedded", "few-shot-bank-embedded", "musc-embedded"})
"""Experts that look through the base weights, which are fetched, not put there by a person."""


def known(name: str) -> str:
    """The name itself. ExpertError, with the names that there are, for one that is unknown."""
    if name not in EXPERTS:
        raise ExpertError(f"There is no expert called {name!r}. Known: {', '.join(EXPERTS)}.")
    return name


def load(
    name: str, weights: Path, cache: Path | None = None, memory_bytes: int = MEMORY_BYTES
) -> Expert:
    """The expert called `name`, its weights loaded; see `Means` for the others.

    ExpertError for an unknown name; WeightsError, with what to put where, when the weights are not
    here or cannot be read.
    """
    try:
        return EXPERTS[known(name)](Means(weights, cache, memory_bytes))
    except WeightsError as error:
        missing = "" if name in EMBEDDED else offers([name], weights)[0].problem
        if missing:
            raise WeightsError(f"The expert {name} cannot be loaded. {missing}") from error
        raise
