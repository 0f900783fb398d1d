"""The reference bank: how far each place of a part is from the nearest place of a good one.

Frozen EfficientNet-Lite0 features at three depths, averaged over 3x3 cells, as unit vectors; the
distance of a patch is 1 - cosine to the nearest reference patch (after K. Roth et al., PatchCore,
CVPR 2022, and Y. Li et al., Triad, ICCV 2025, few-shot experts). The scale comes from the
references themselves, never from the query: a good part is calm, whatever its own maximum.

It does not know what the map is used for, regions, files, or the language model.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.nn import functional

from triad_ui.errors import ExpertError
from triad_ui.expert.anomaly_map import combine, resize, smooth, squash, top_mean
from triad_ui.expert.backbone import (
    BLOCK_STRIDES,
    MULTIPLE,
    EfficientNetLite0,
    load_efficientnet_lite0,
    normalise,
)
from triad_ui.expert.feature_cache import FeatureCache
from triad_ui.expert.patch_bank import PatchBank, own_distances
from triad_ui.records import AnomalyMap, Picture, Subject

CODE_VERSION = "2"
BLOCKS = (4, 4, 7, 10)
"""Depths whose maps are averaged; block 4 twice, as its fine cells say best where."""
PLACING_BLOCK = 2
PLACING_WEIGHT = 0.2
PLACING_PIXELS = 4
"""In a photograph of more than PLACING_PIXELS times the pixels that the network sees, a finer depth
(cells of 4 pixels) says where in a suspicious area the fault lies: faults thinner than a coarse
cell are real there, while in a small picture they are grain. It has no part in score and scale."""
SIDE = 320
"""A picture is seen at about SIDE * SIDE pixels, whatever its aspect."""
LONGEST = 4 * SIDE
CELL = 4
"""Input pixels per cell of the anomaly map."""
SIGMA = 1.0
"""Smoothing of the map, in its cells."""
RIM = 0.6
"""Weight of distances at the very border, rising to 1 within one cell of 16 input pixels.

Patches there see padding, so that any two parts differ more at the rim than inside.
"""
STEEPNESS = 4.0
LEAVE_ONE_OUT_GAIN = 1.2
"""Threshold over the largest leave-one-out distance: new good parts go a little beyond it."""
MOST_LEFT_OUT = 8
SELF_GAIN = 2.4
"""Threshold over the largest distance of a lone reference to changed copies of itself.

Wide, because copies do not show how parts differ: good parts of six products reached 1.5 to 3.2
times that distance (90th percentile), textures of free-lying parts the most.
"""
SELF_GAIN_BESIDE_OTHERS = 1.2
SINGLE_THRESHOLD = 0.35
"""Fixed threshold without any reference: good parts of six of seven products stay below it in 7 of
10 pictures or more, and so do most defects. It is a hint, never a judgement."""
SINGLE_RADIUS = {4: 4, 7: 2, 10: 2}
FLOOR = 0.03
"""Least threshold: distances below it are noise of compression, also where references agree."""


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """Distances that count as 0.5: of a place on the map, and of an image (mean of its top)."""

    place: float
    image: float


class ReferenceExpert:
    """The default expert: needs no pool, and is at its best from four references on."""

    name = "reference"

    def __init__(self, weights: Path, *, cache: Path | None = None, side: int = SIDE) -> None:
        """weights: the .pth file. cache: folder for features, or None to keep them in memory.

        WeightsError when the weights cannot be read.
        """
        self._network = load_efficientnet_lite0(weights)
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()
        self._side = side
        self.version = f"{CODE_VERSION}.{side}-{digest[:12]}"
        self._features = FeatureCache(cache)
        self._banks: OrderedDict[tuple[str, ...], tuple[PatchBank, Scale]] = OrderedDict()
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
        one cell for every 4 pixels at which the network sees the query. ExpertError for a picture
        of less than 8 pixels.
        """
        features = self.feature_maps(query)
        if references:
            bank, scale = self._bank(references)
            placed = distances = self._fuse(bank.distances(features, blocks=BLOCKS))
            if query.rgb.shape[0] * query.rgb.shape[1] > PLACING_PIXELS * self._side**2:
                fine = bank.distances(features, blocks=(PLACING_BLOCK,))[PLACING_BLOCK]
                placed = _placed(distances, fine)
        else:
            scale = Scale(SINGLE_THRESHOLD, SINGLE_THRESHOLD)
            judged = {block: features[block] for block in set(BLOCKS)}
            placed = distances = self._fuse(own_distances(judged, SINGLE_RADIUS))
        return AnomalyMap(
            values=squash(placed, scale.place, STEEPNESS),
            score=float(squash(np.float32(top_mean(distances)), scale.image, STEEPNESS)),
            calibrated=bool(references),
            expert=f"{self.name}@{self.version}",
            basis="references" if references else "single image",
        )

    def feature_maps(self, picture: Picture) -> dict[int, np.ndarray]:
        """Unit vectors of the picture's patches by block (2, 4, 7, 10), float32 (h, w, C); cached.

        h and w follow the picture's aspect, at strides 4, 8, 16 and 16 of about SIDE * SIDE pixels.
        Do not write into them. ExpertError for a picture of less than 8 pixels a side.
        """
        key = f"{self.name}@{self.version}:{picture.key}"
        features = self._features.get(key)
        if features is None:
            features = self._compute(picture.rgb)
            self._features.put(key, features)
        return features

    def _compute(self, rgb: np.ndarray) -> dict[int, np.ndarray]:
        if min(rgb.shape[:2]) < 8:
            raise ExpertError(
                f"The picture has {rgb.shape[1]} x {rgb.shape[0]} pixels; the expert needs 8 or "
                "more a side. Take a larger picture of the part."
            )
        with torch.inference_mode():
            pixels = normalise(rgb, seen_size(rgb.shape[0], rgb.shape[1], self._side))
            found = {}
            for block, values in self._network.features(pixels, (PLACING_BLOCK, *BLOCKS)).items():
                mean = functional.avg_pool2d(values, 3, 1, 1, count_include_pad=False)
                unit = functional.normalize(mean[0].permute(1, 2, 0), dim=-1)
                found[block] = unit.contiguous().numpy()
        return found

    def _bank(self, references: Sequence[Picture]) -> tuple[PatchBank, Scale]:
        """The patches and the scale of these references; a picture given twice counts once."""
        distinct = {picture.key: picture for picture in references}
        key = tuple(sorted(distinct))
        with self._lock:
            if key in self._banks:
                self._banks.move_to_end(key)
                return self._banks[key]
        pictures = [distinct[name] for name in key]
        bank = PatchBank([self.feature_maps(picture) for picture in pictures])
        made = bank, self._scale(bank, pictures)
        with self._lock:
            self._banks[key] = made
            while len(self._banks) > 8:
                self._banks.popitem(last=False)
        return made

    def _scale(self, bank: PatchBank, pictures: Sequence[Picture]) -> Scale:
        """Leave-one-out over the references; for a lone one, against changed copies of itself.

        The changed copies also bound the scale from below where references are near copies of
        each other, as frames of one burst are.
        """
        copies = [
            self._fuse(bank.distances(self._compute(copy), blocks=BLOCKS))
            for copy in changed(pictures[0].rgb)
        ]
        gain = SELF_GAIN if len(pictures) == 1 else SELF_GAIN_BESIDE_OTHERS
        place = [gain * float(d.max()) for d in copies]
        image = [gain * top_mean(d) for d in copies]
        if len(pictures) > 1:
            for index in np.unique(np.linspace(0, len(pictures) - 1, MOST_LEFT_OUT).astype(int)):
                features = self.feature_maps(pictures[index])
                left_out = bank.distances(features, without=int(index), blocks=BLOCKS)
                distances = self._fuse(left_out)
                place.append(LEAVE_ONE_OUT_GAIN * float(distances.max()))
                image.append(LEAVE_ONE_OUT_GAIN * top_mean(distances))
        return Scale(max(FLOOR, *place), max(FLOOR, *image))

    @staticmethod
    def _fuse(distances: dict[int, np.ndarray]) -> np.ndarray:
        """Maps of the blocks to one: rim weighted down, averaged, smoothed; float32 (h, w)."""
        fine = min(BLOCKS)
        height, width = (n * BLOCK_STRIDES[fine] // CELL for n in distances[fine].shape)
        weighted = [
            distances[block] * _rim(distances[block].shape, 16 // BLOCK_STRIDES[block])
            for block in BLOCKS
        ]
        return smooth(combine(weighted, (height, width)), SIGMA)


def _placed(distances: np.ndarray, fine: np.ndarray) -> np.ndarray:
    """The map with its height as before and its peak where the finer depth puts it; (h, w)."""
    fine = smooth(resize(fine * _rim(fine.shape, 4), distances.shape), SIGMA)
    placed = (1 - PLACING_WEIGHT) * distances + PLACING_WEIGHT * fine
    return placed * (distances.max() / max(float(placed.max()), 1e-6))


def seen_size(height: int, width: int, side: int = SIDE) -> tuple[int, int]:
    """(height, width) at which a picture is seen: its aspect, about side * side pixels.

    Area, not the longer side, is kept constant: crops of one surface then keep a like scale.
    Sides are multiples of 32; very long pictures are cut off at LONGEST by squeezing.
    """
    scale = side / (height * width) ** 0.5

    def fit(length: int) -> int:
        return min(LONGEST, max(2 * MULTIPLE, round(length * scale / MULTIPLE) * MULTIPLE))

    return fit(height), fit(width)


def changed(rgb: np.ndarray) -> Iterator[np.ndarray]:
    """The picture as it might have come out at another moment: light, place, turn and focus."""
    height, width = rgb.shape[:2]
    down, across = max(1, height // 33), max(1, width // 33)
    yield np.clip(rgb * 1.1, 0, 255).astype(np.uint8)
    yield np.clip(rgb * 0.9, 0, 255).astype(np.uint8)
    yield np.ascontiguousarray(rgb[down:, across:])
    yield np.ascontiguousarray(rgb[:-down, :-across])
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 1.5, 1.0)
    yield cv2.warpAffine(rgb, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
    yield cv2.GaussianBlur(rgb, (0, 0), 0.7 * max(1.0, max(height, width) / SIDE))


def _rim(shape: tuple[int, int], cells: int) -> np.ndarray:
    """Weights (h, w): RIM on the border, 1 from `cells` cells inwards."""
    rows, columns = (np.minimum(np.arange(n), np.arange(n)[::-1]) for n in shape)
    inwards = np.minimum(rows[:, None], columns[None])
    return (RIM + (1 - RIM) * np.clip(inwards / cells, 0, 1)).astype(np.float32)
