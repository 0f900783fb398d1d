"""What an expert is, and which there are by name.

It does not know how any of them works; importing this file loads no network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from triad_ui.errors import ExpertError
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


Factory = Callable[[Path, Path | None], Expert]
"""weights folder, cache folder or None -> the expert, its weights loaded.

The folder is Settings.expert_weights; for the names in EMBEDDED it is where the base weights are.
"""


def _reference(weights: Path, cache: Path | None) -> Expert:
    from triad_ui.expert.reference import ReferenceExpert

    return ReferenceExpert(weights / WEIGHTS_REFERENCE, cache=cache)


def _patch_core(weights: Path, cache: Path | None) -> Expert:
    from triad_ui.expert.patch_core import load_patch_core

    return load_patch_core(weights, cache)


def _patch_core_embedded(weights: Path, cache: Path | None) -> Expert:
    from triad_ui.expert.patch_core import load_patch_core_embedded

    return load_patch_core_embedded(weights / WEIGHTS_REFERENCE, cache)


def _anomaly_clip(weights: Path, cache: Path | None) -> Expert:
    from triad_ui.expert.anomaly_clip import load_anomaly_clip

    return load_anomaly_clip(weights, cache)


def _few_shot_bank(weights: Path, cache: Path | None) -> Expert:
    from triad_ui.expert.few_shot_bank import load_few_shot_bank

    return load_few_shot_bank(weights, cache)


def _few_shot_bank_embedded(weights: Path, cache: Path | None) -> Expert:
    from triad_ui.expert.few_shot_bank import load_few_shot_bank_embedded

    return load_few_shot_bank_embedded(weights / WEIGHTS_REFERENCE, cache)


WEIGHTS_REFERENCE = "efficientnet-lite0-57934424.pth"
EXPERTS: dict[str, Factory] = {
    DEFAULT: _reference,
    "patch-core": _patch_core,
    "patch-core-embedded": _patch_core_embedded,
    "anomaly-clip": _anomaly_clip,
    "few-shot-bank": _few_shot_bank,
    "few-shot-bank-embedded": _few_shot_bank_embedded,
}
"""Every expert by name. A new one is a file of its own and a line here."""
EMBEDDED = frozenset({DEFAULT, "patch-core-embedded", "few-shot-bank-embedded"})
"""Experts that look through the base weights, which are fetched, not put there by a person."""


def load(name: str, weights: Path, cache: Path | None = None) -> Expert:
    """The expert called `name`, with its weights from the folder `weights`.

    cache: folder in which features may be kept between starts, or None. ExpertError for an
    unknown name; WeightsError when the weights cannot be read.
    """
    factory = EXPERTS.get(name)
    if factory is None:
        raise ExpertError(f"There is no expert called {name!r}. Known: {', '.join(EXPERTS)}.")
    return factory(weights, cache)
