"""The reference expert: how far each place of a part is from the nearest place of a good one.

Frozen EfficientNet-Lite0 features (after K. Roth et al., PatchCore, CVPR 2022, and Y. Li et al.,
Triad, ICCV 2025, few-shot experts), seen at two sizes, as small faults show in the one and what
belongs together in the other; see `residual_view`. The scale comes from the references themselves,
never from the query: a good part is calm, whatever its own maximum.

It does not know what the map is used for, regions, files, or the language model.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from triad_ui.expert.backbone import EfficientNetLite0, load_efficientnet_lite0
from triad_ui.expert.calibration import (
    MOST_LEFT_OUT,
    calibrated,
    changed,
)
from triad_ui.expert.feature_cache import FeatureCache
from triad_ui.expert.patch_bank import Features
from triad_ui.expert.residual_head import load_residual_head
from triad_ui.expert.residual_view import GoodParts, View, weigh
from triad_ui.records import AnomalyMap, Picture, Scale, Subject
from triad_ui.settings import REPOSITORY

LOOK_VERSION = "6"
"""Of the features, which are cached in files; to be raised when `View.look` sees otherwise."""
CODE_VERSION = "6"
"""Of the maps."""
SIDES = (320, 224)
"""A picture is seen at about as many pixels squared, the larger first: it gives the map its cells,
and the head reads it."""
SELF_GAIN = Scale(place=2.5, image=2.4)
"""Threshold over the largest value of changed copies of a lone reference.

Wide, because copies do not show how parts differ: at these gains about one good part in ten of
eight products went beyond it.
"""
LEFT_OUT_GAIN = Scale(place=1.2, image=1.25)
"""Threshold over the largest value of a reference against the others: as many went beyond it."""
SELF_GAIN_BESIDE_OTHERS = Scale(place=1.2, image=1.2)
SINGLE_THRESHOLD = 0.35
"""Fixed threshold without any reference: good parts of six of seven products stay below it in 7 of
10 pictures or more, and so do most defects. It is a hint, never a judgement."""
FLOOR = 0.03
"""Least threshold: differences below it are noise of compression, also where references agree."""
KEPT = 8
HEAD = REPOSITORY / "assets" / "expert"

Looks = Sequence[Features]
"""A picture's features, one set for each of SIDES."""


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """Good parts as each view sees them, and their scale."""

    parts: tuple[GoodParts, ...]
    scale: Scale


class ReferenceExpert:
    """The default expert: needs no pool, and is at its best from four references on."""

    name = "reference"

    def __init__(
        self,
        weights: Path,
        *,
        cache: Path | None = None,
        sides: Sequence[int] = SIDES,
        head: Path = HEAD,
    ) -> None:
        """weights: the .pth file. cache: folder for features, or None to keep them in memory.

        head: folder of the trained head. WeightsError when weights or head cannot be read.
        """
        self._network = load_efficientnet_lite0(weights)
        self._head = load_residual_head(head)
        self._views = tuple(
            View(self._network, side, fine=number == 0) for number, side in enumerate(sides)
        )
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()[:12]
        seen = "+".join(str(side) for side in sides)
        self._seen_by = f"{LOOK_VERSION}.{seen}-{digest}"
        self.version = f"{CODE_VERSION}.{seen}-{digest}-{self._head.digest[:8]}"
        self._features = FeatureCache(cache)
        self._known: OrderedDict[tuple[str, ...], _Known] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def network(self) -> EfficientNetLite0:
        """The frozen network, which the embedded language model looks through as well."""
        return self._network

    def score(
        self,
        query: Picture,
        references: Sequence[Picture],
        pool: Sequence[Picture] = (),
        subject: Subject | None = None,
    ) -> AnomalyMap:
        """The query's anomaly map: against the references, or without any against itself.

        References may differ in size and aspect from the query. `pool` is not used. Values have
        one cell for every 4 pixels at which the network sees the query. A lone reference is
        calibrated by the subject's stored scale if there is one, else by changed copies of itself.
        ExpertError for a picture of less than 8 pixels.
        """
        looks = self.looks(query)
        if references:
            known = self._of(references)
            place, image = self._judge(looks, known.parts)
            stored = subject.scale if subject is not None else None
            lone = len({picture.key for picture in references}) == 1
            scale = stored if lone and stored is not None else known.scale
        else:
            place, image = self._views[0].alone(looks[0])
            scale = Scale(SINGLE_THRESHOLD, SINGLE_THRESHOLD)
        return calibrated(
            place,
            image,
            scale,
            expert=f"{self.name}@{self.version}",
            basis="references" if references else "single image",
            known=bool(references),
        )

    def raw(
        self,
        query: Picture,
        references: Sequence[Picture],
        pool: Sequence[Picture] = (),
        subject: Subject | None = None,
    ) -> tuple[np.ndarray, float]:
        """The uncalibrated map, float32 (h, w), and the image's score; arguments as in `score`."""
        looks = self.looks(query)
        if not references:
            return self._views[0].alone(looks[0])
        return self._judge(looks, self._of(references).parts)

    def looks(self, picture: Picture) -> tuple[Features, ...]:
        """What each view sees of a picture, see `View.look`; cached: do not write into it.

        ExpertError for a picture of less than 8 pixels a side.
        """
        keys = [f"{self.name}@{self._seen_by}.{view.side}:{picture.key}" for view in self._views]
        known = [self._features.get(key) for key in keys]
        found = tuple(features for features in known if features is not None)
        if len(found) == len(keys):
            return found
        found = self._look(picture.rgb)
        for key, features in zip(keys, found, strict=True):
            self._features.put(key, features)
        return found

    def _look(self, rgb: np.ndarray) -> tuple[Features, ...]:
        """Through each view; the smaller one sees what the larger one was shown, made smaller."""
        found = []
        for view in self._views:
            rgb = view.again(rgb) if found else view.sized(rgb)
            found.append(view.look(rgb))
        return tuple(found)

    def _judge(self, looks: Looks, parts: Sequence[GoodParts]) -> tuple[np.ndarray, float]:
        """Map and score, unscaled, see `weigh`."""
        beside = [
            view.beside(features, good)
            for view, features, good in zip(self._views, looks, parts, strict=True)
        ]
        return weigh(beside, self._head.probabilities(looks[0], beside[0].nearest))

    def _of(self, references: Sequence[Picture]) -> _Known:
        """What these references look like, and their scale; a picture given twice counts once."""
        distinct = {picture.key: picture for picture in references}
        key = tuple(sorted(distinct))
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        pictures = [distinct[name] for name in key]
        looks = [self.looks(picture) for picture in pictures]
        parts = self._parts(looks)
        made = _Known(parts, self._scale(parts, looks, pictures[0].rgb))
        with self._lock:
            self._known[key] = made
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return made

    def _parts(self, looks: Sequence[Looks]) -> tuple[GoodParts, ...]:
        """Several good pictures as each view knows them."""
        return tuple(view.known(seen) for view, seen in zip(self._views, zip(*looks), strict=True))

    def _scale(
        self, parts: Sequence[GoodParts], looks: Sequence[Looks], first: np.ndarray
    ) -> Scale:
        """Leave-one-out over the references; for a lone one, against changed copies of itself.

        Some changed copies also bound the scale from below where references are near copies of
        each other, as frames of one burst are.
        """
        gain = SELF_GAIN if len(looks) == 1 else SELF_GAIN_BESIDE_OTHERS
        place, image = [FLOOR], [FLOOR]
        for copy in islice(changed(first), 0, None, 1 if len(looks) == 1 else 2):
            values, score = self._judge(self._look(copy), parts)
            place.append(gain.place * float(values.max()))
            image.append(gain.image * score)
        if len(looks) > 1:
            for index in np.unique(np.linspace(0, len(looks) - 1, MOST_LEFT_OUT).astype(int)):
                # known anew: the others share the whole part between them, as all do for a query
                others = self._parts([*looks[:index], *looks[index + 1 :]])
                values, score = self._judge(looks[index], others)
                place.append(LEFT_OUT_GAIN.place * float(values.max()))
                image.append(LEFT_OUT_GAIN.image * score)
        return Scale(max(place), max(image))
