"""The reference expert: how far each place of a part is from the nearest place of a good one.

Frozen EfficientNet-Lite0 features at four depths, averaged over 3x3 cells, as unit vectors; the
distance of a patch is 1 - cosine to the nearest reference patch (after K. Roth et al., PatchCore,
CVPR 2022, and Y. Li et al., Triad, ICCV 2025, few-shot experts). A small head that was trained on
drawn scenes says which of the differences look like faults (`residual_head`). An image's score
weighs together how its worst place stands out, the head's word, and how far the whole texture is
from that of the good parts. The scale comes from the references themselves, never from the query:
a good part is calm, whatever its own maximum.

It does not know what the map is used for, regions, files, or the language model.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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
from triad_ui.expert.calibration import changed
from triad_ui.expert.feature_cache import FeatureCache
from triad_ui.expert.patch_bank import Features, PatchBank, own_distances
from triad_ui.expert.residual_head import load_residual_head
from triad_ui.records import AnomalyMap, Picture, Scale, Subject
from triad_ui.settings import REPOSITORY

CODE_VERSION = "3"
BLOCKS = (4, 4, 7, 10)
"""Depths whose distances are averaged; block 4 twice, as its fine cells say best where."""
SEEN_BLOCKS = (2, 4, 7, 10)
"""Depths that the head reads; block 2 is pooled to the cells of block 4."""
TEXTURE_BLOCK = 10
SIDE = 320
"""A picture is seen at about SIDE * SIDE pixels, whatever its aspect."""
LONGEST = 4 * SIDE
CELL = 4
"""Input pixels per cell of the anomaly map."""
SIGMA = 1.0
"""Smoothing of the map, in its cells."""
AROUND = 10.0
"""How wide, in cells of the map, the surroundings are that a place stands out from."""
RIM = 0.6
"""Weight of distances at the very border, rising to 1 within one cell of 16 input pixels.

Patches there see padding, so that any two parts differ more at the rim than inside.
"""
FAULT_SHARE = 1 / 3
"""Weight of the head's probability in a place of the map, the distance having the rest."""
STANDING_OUT, FAULTY, TEXTURE = 0.4, 0.4, 0.2
"""Weights in the geometric mean that is an image's score."""
LEAST = 1e-4
STEEPNESS = 4.0
LEAVE_ONE_OUT_GAIN = 1.2
"""Threshold over the largest leave-one-out distance: new good parts go a little beyond it."""
MOST_LEFT_OUT = 8
SELF_GAIN = 2.4
"""Threshold over the largest distance of a lone reference to changed copies of itself: wide,
because copies do not show how parts differ."""
SELF_GAIN_BESIDE_OTHERS = 1.2
SINGLE_THRESHOLD = 0.35
"""Fixed threshold without any reference: good parts of six of seven products stay below it in 7 of
10 pictures or more, and so do most defects. It is a hint, never a judgement."""
SINGLE_RADIUS = {4: 4, 7: 2, 10: 2}
FLOOR = 0.03
"""Least threshold: differences below it are noise of compression, also where references agree."""
HEAD = REPOSITORY / "assets" / "expert"


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """What a set of references says: patches, textures (N, D), scale."""

    bank: PatchBank
    textures: np.ndarray
    scale: Scale


class ReferenceExpert:
    """The default expert: needs no pool, and is at its best from four references on."""

    name = "reference"

    def __init__(
        self,
        weights: Path,
        *,
        cache: Path | None = None,
        side: int = SIDE,
        head: Path | None = HEAD,
    ) -> None:
        """weights: the .pth file. cache: folder for features, or None to keep them in memory.

        head: folder of the trained head; None only to make what it is trained from. WeightsError
        when weights or head cannot be read.
        """
        self._network = load_efficientnet_lite0(weights)
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()
        self._side = side
        self._seen_by = f"{CODE_VERSION}.{side}-{digest[:12]}"
        self._head = None if head is None else load_residual_head(head)
        self.version = self._seen_by + ("" if self._head is None else f"-{self._head.digest[:8]}")
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
        features = self.feature_maps(query)
        if references:
            known = self._of(references)
            place, image = self._judge(features, known.bank, known.textures)
            stored = subject.scale if subject is not None else None
            lone = len({picture.key for picture in references}) == 1
            scale = stored if lone and stored is not None else known.scale
        else:
            scale = Scale(SINGLE_THRESHOLD, SINGLE_THRESHOLD)
            place, image = self._alone(features)
        return AnomalyMap(
            values=squash(place, scale.place, STEEPNESS),
            score=float(squash(np.float32(image), scale.image, STEEPNESS)),
            calibrated=bool(references),
            expert=f"{self.name}@{self.version}",
            basis="references" if references else "single image",
        )

    def raw(
        self,
        query: Picture,
        references: Sequence[Picture],
        pool: Sequence[Picture] = (),
        subject: Subject | None = None,
    ) -> tuple[np.ndarray, float]:
        """The uncalibrated map, float32 (h, w), and the image's score; arguments as in `score`."""
        features = self.feature_maps(query)
        if not references:
            return self._alone(features)
        known = self._of(references)
        return self._judge(features, known.bank, known.textures)

    def feature_maps(self, picture: Picture) -> dict[int, np.ndarray]:
        """Unit vectors of the picture's patches by block (2, 4, 7, 10), float32 (h, w, C); cached.

        h and w follow the picture's aspect, at strides 8, 8, 16 and 16 of about SIDE * SIDE pixels.
        Do not write into them. ExpertError for a picture of less than 8 pixels a side.
        """
        key = f"{self.name}@{self._seen_by}:{picture.key}"
        features = self._features.get(key)
        if features is None:
            features = self.look(picture.rgb)
            self._features.put(key, features)
        return features

    def look(self, rgb: np.ndarray) -> dict[int, np.ndarray]:
        """What `feature_maps` gives, of pixels uint8 (H, W, 3), computed anew."""
        if min(rgb.shape[:2]) < 8:
            raise ExpertError(
                f"The picture has {rgb.shape[1]} x {rgb.shape[0]} pixels; the expert needs 8 or "
                "more a side. Take a larger picture of the part."
            )
        with torch.inference_mode():
            pixels = normalise(rgb, seen_size(rgb.shape[0], rgb.shape[1], self._side))
            found = {}
            for block, values in self._network.features(pixels, SEEN_BLOCKS).items():
                mean = functional.avg_pool2d(values, 3, 1, 1, count_include_pad=False)
                if block == 2:
                    mean = functional.avg_pool2d(mean, 2)
                unit = functional.normalize(mean[0].permute(1, 2, 0), dim=-1)
                found[block] = unit.contiguous().numpy()
        return found

    def _alone(self, features: Features) -> tuple[np.ndarray, float]:
        judged = {block: features[block] for block in set(BLOCKS)}
        distances = self._fuse(own_distances(judged, SINGLE_RADIUS))
        return distances, top_mean(distances)

    def _judge(
        self, features: Features, bank: PatchBank, textures: np.ndarray, without: int | None = None
    ) -> tuple[np.ndarray, float]:
        """Raw map (h, w) and image score against references, one of them left out if `without`."""
        nearest = bank.nearest(features, without=without)
        distances = self._fuse({block: found for block, (found, _) in nearest.items()})
        if self._head is None:
            return distances, top_mean(distances)
        fault = self._head.probabilities(features, nearest)
        spread = np.maximum(resize(fault, distances.shape), 0)
        place = distances ** (1 - FAULT_SHARE) * spread**FAULT_SHARE
        others = textures if without is None else np.delete(textures, without, axis=0)
        other_texture = float(np.linalg.norm(others - _texture(features), axis=1).min())
        stands_out = top_mean(distances - smooth(distances, AROUND))
        image = (
            max(stands_out, LEAST) ** STANDING_OUT
            * max(top_mean(fault), LEAST) ** FAULTY
            * max(other_texture, LEAST) ** TEXTURE
        )
        return place, image

    def _of(self, references: Sequence[Picture]) -> _Known:
        """Patches, textures and scale of these references; a picture given twice counts once."""
        distinct = {picture.key: picture for picture in references}
        key = tuple(sorted(distinct))
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        pictures = [distinct[name] for name in key]
        features = [self.feature_maps(picture) for picture in pictures]
        bank, textures = PatchBank(features), np.stack([_texture(found) for found in features])
        made = _Known(bank, textures, self._scale(bank, textures, pictures))
        with self._lock:
            self._known[key] = made
            while len(self._known) > 8:
                self._known.popitem(last=False)
        return made

    def _scale(self, bank: PatchBank, textures: np.ndarray, pictures: Sequence[Picture]) -> Scale:
        """Leave-one-out over the references; for a lone one, against changed copies of itself.

        The changed copies also bound the scale from below where references are near copies of
        each other, as frames of one burst are.
        """
        gain = SELF_GAIN if len(pictures) == 1 else SELF_GAIN_BESIDE_OTHERS
        found = [
            (gain, self._judge(self.look(copy), bank, textures))
            for copy in changed(pictures[0].rgb)
        ]
        if len(pictures) > 1:
            for index in np.unique(np.linspace(0, len(pictures) - 1, MOST_LEFT_OUT).astype(int)):
                features = self.feature_maps(pictures[index])
                left_out = self._judge(features, bank, textures, without=int(index))
                found.append((LEAVE_ONE_OUT_GAIN, left_out))
        place = [gain * float(values.max()) for gain, (values, _) in found]
        image = [gain * score for gain, (_, score) in found]
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


def _texture(features: Features) -> np.ndarray:
    """What the whole picture is made of: means and spreads of the channels, float32 (2 C,)."""
    cells = features[TEXTURE_BLOCK].reshape(-1, features[TEXTURE_BLOCK].shape[-1])
    parts = cells.mean(axis=0), cells.std(axis=0)
    return np.concatenate([part / max(float(np.linalg.norm(part)), LEAST) for part in parts])


def seen_size(height: int, width: int, side: int = SIDE) -> tuple[int, int]:
    """(height, width) at which a picture is seen: its aspect, about side * side pixels.

    Area, not the longer side, is kept constant: crops of one surface then keep a like scale.
    Sides are multiples of 32; very long pictures are cut off at LONGEST by squeezing.
    """
    scale = side / (height * width) ** 0.5

    def fit(length: int) -> int:
        return min(LONGEST, max(2 * MULTIPLE, round(length * scale / MULTIPLE) * MULTIPLE))

    return fit(height), fit(width)


def _rim(shape: tuple[int, int], cells: int) -> np.ndarray:
    """Weights (h, w): RIM on the border, 1 from `cells` cells inwards."""
    rows, columns = (np.minimum(np.arange(n), np.arange(n)[::-1]) for n in shape)
    inwards = np.minimum(rows[:, None], columns[None])
    return (RIM + (1 - RIM) * np.clip(inwards / cells, 0, 1)).astype(np.float32)
