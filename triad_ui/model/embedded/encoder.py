"""The embedded model's visual tokens: cells of the frozen tower through the trained projector.

Implements `VisualEncoder`. The query's tokens carry the residual to the reference, so every image's
key is that of the whole set.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence

from torch import Tensor

from triad_ui.errors import ModelError
from triad_ui.model.embedded.findings import FINDINGS
from triad_ui.model.embedded.projector import Projector
from triad_ui.model.embedded.views import Tower, count, encode, evidence
from triad_ui.model.generate import STOPPED
from triad_ui.records import VisualInput

CONTEXT_LIMIT = 2048
"""SmolLM2 reads 8192 positions; ours has been trained on short ones and gets slow beyond this."""


class EmbeddedEncoder:
    """Tower and projector as one."""

    def __init__(self, projector: Projector, tower: Tower) -> None:
        self._projector = projector
        self._tower = tower

    def count(self, images: Sequence[VisualInput]) -> int:
        return count(images) + FINDINGS

    def keys(self, images: Sequence[VisualInput]) -> tuple[Hashable, ...]:
        """Pixels, regions and map of every image, and which of them is meant."""
        parts = []
        for image in images:
            amap = image.anomaly_map
            seen = None
            if amap is not None:
                bytes_ = hash(amap.values.tobytes())
                seen = (amap.expert, amap.calibrated, amap.score, amap.values.shape, bytes_)
            boxes = tuple(roi.box for roi in image.rois)
            parts.append((image.key, boxes, seen, image.is_reference))
        together = tuple(parts)
        return tuple((together, index) for index in range(len(images)))

    def encode(
        self, images: Sequence[VisualInput], wanted: Sequence[int], stop: threading.Event
    ) -> list[Tensor]:
        if stop.is_set():
            raise ModelError(STOPPED)
        cells = encode(images, self._tower)
        told = evidence(images)
        return [self._projector.image(cells[i], None if i else told) for i in wanted]
