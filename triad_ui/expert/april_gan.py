"""April-GAN as an expert: a picture against words, and against good parts where there are any.

Patch tokens of CLIP ViT-L/14-336 at 518 pixels, both towers with plain GELU, to which the authors'
four trained linear layers belong (X. Chen, Y. Han, J. Zhang, VAND workshop at CVPR 2023). The
sentences name the product and the described kinds of defect. The authors trained one set of layers
on MVTec-AD's test pictures and one on VisA's: figures on either are fair only with the other.

It does not know how maps are computed (`april_gan_maps`), which sentences are read
(`text_prompts`), nor what the map is used for.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from triad_ui.errors import ExpertError, WeightsError
from triad_ui.expert.april_gan_maps import (
    Evidence,
    distance_map,
    picture_score,
    square,
    text_map,
    text_probability,
    text_vectors,
)
from triad_ui.expert.april_gan_weights import FILES, read_linear
from triad_ui.expert.calibration import (
    LEAVE_ONE_OUT_GAIN,
    SELF_GAIN,
    calibrated,
    changed_pictures,
    leave_one_out_scale,
)
from triad_ui.expert.clip import REPOSITORY, SIDE, ClipVision, clip_pixels, load_clip
from triad_ui.expert.clip_text import encode_later
from triad_ui.expert.feature_cache import FeatureCache
from triad_ui.expert.few_shot_bank import nearest_distances
from triad_ui.expert.text_prompts import (
    Encode,
    SubjectText,
    likely_kinds,
    subject_text,
    words_key,
)
from triad_ui.records import AnomalyMap, Picture, Scale, Subject

CODE_VERSION = "1"
SMALLEST = 8
"""Pixels that a picture has at least on a side."""
IMAGE = 0
"""Key of the image features beside those of the blocks, which count from 1."""
HOT = 0.01
"""Share of the patches, the most suspicious ones, whose kind of defect is named."""
COPIES = 3
"""Changed copies of a lone reference that are looked at: a tower of this size takes seconds."""
KEPT = 16
"""Scales of sets of references that are remembered."""

Linear = Mapping[int, tuple[Tensor, Tensor]]
"""Weight (D, C) and bias (D,) of the trained layer for each block, by the block's number."""


class AprilGan:
    """Zero-shot without references, few-shot with any number of them."""

    def __init__(
        self,
        vision: ClipVision,
        encode: Encode,
        linear: Linear,
        *,
        name: str = "april-gan",
        cache: Path | None = None,
        side: int = SIDE,
    ) -> None:
        """vision: with its projection, plain GELU, bicubic table. encode: of the same CLIP.

        linear: on vision's device, by block. cache: folder for features of pictures and sentences,
        or None to keep them in memory.
        """
        self.name = name
        tower = _digest([vision.blocks[-1].mlp.fc2.bias])
        trained = _digest(tensor for layer in linear.values() for tensor in layer)
        self.version = f"{CODE_VERSION}.{side}-{tower}-{trained}"
        # Features do not depend on the trained layers: every set of them shares what is kept.
        self._kept = f"april-gan:{CODE_VERSION}.{side}-{tower}"
        self._vision, self._encode, self._linear = vision, encode, linear
        self._side = side
        self._features = FeatureCache(cache)
        self._scales: OrderedDict[tuple[str, ...], Scale] = OrderedDict()
        self._lock = threading.Lock()

    def score(
        self,
        query: Picture,
        references: Sequence[Picture],
        pool: Sequence[Picture] = (),
        subject: Subject | None = None,
    ) -> AnomalyMap:
        """The query's map (side, side), and the described kinds of defect that its worst place is
        most like. See `Expert.score`; `pool` is not used.

        Zero-shot without a stored scale, 0.5 is where faulty and good sentences are equally near.
        A lone reference is told apart from COPIES changed copies of itself.
        """
        subject = subject or Subject()
        evidence = self.evidence(query, references, subject)
        scale, known = self.scale(references, subject)
        text = self._text(subject)
        return calibrated(
            evidence.map,
            evidence.score,
            scale,
            expert=f"{self.name}@{self.version}",
            basis="references" if references else "text",
            known=known,
            kinds=likely_kinds(self._hottest(evidence), text),
        )

    def raw(
        self,
        query: Picture,
        references: Sequence[Picture],
        pool: Sequence[Picture] = (),
        subject: Subject | None = None,
    ) -> tuple[np.ndarray, float]:
        """The summed map, float32 (side, side) in 0..3 * blocks, and the image score in 0..1.25."""
        evidence = self.evidence(query, references, subject or Subject())
        return evidence.map, evidence.score

    def evidence(self, query: Picture, references: Sequence[Picture], subject: Subject) -> Evidence:
        """All that `score` is made of. ExpertError for a picture of less than 8 pixels a side."""
        seen = self._look(query)
        pair = self._text(subject).pair
        distinct = {picture.key: picture for picture in references}.values()
        memory = [self._look(picture) for picture in distinct]
        text = distance = torch.zeros(1, self._side, self._side, device=self._vision.device)
        vectors = []
        with torch.no_grad():
            for block, (weight, bias) in self._linear.items():
                vectors.append(text_vectors(seen[block], weight, bias))
                text = text + text_map(vectors[-1][None], pair, self._side)
                if memory:
                    units = [functional.normalize(each[block], dim=-1) for each in (seen, *memory)]
                    nearest = nearest_distances(units[0], units[1:])
                    distance = distance + distance_map(nearest[None], self._side)
            probability = text_probability(seen[IMAGE], pair)
        return Evidence(
            text[0].cpu().numpy(),
            distance[0].cpu().numpy() if memory else None,
            float(probability[0]),
            torch.stack(vectors),
        )

    def _look(self, picture: Picture) -> dict[int, Tensor]:
        """Patch tokens (P, C) by block and image features (1, D); read once a picture.

        Kept as float16, whether fresh or from the cache: half the space, the same scores to 1e-3.
        """
        key = f"{self._kept}:{picture.key}"
        kept = self._features.get(key)
        if kept is None:
            height, width = picture.rgb.shape[:2]
            if min(height, width) < SMALLEST:
                raise ExpertError(
                    f"The picture has {width} x {height} pixels; the expert needs {SMALLEST} or "
                    "more a side. Take a larger picture of the part."
                )
            tokens, image = self._vision.look(
                clip_pixels(picture.rgb, self._side), tuple(self._linear)
            )
            kept = {block: each[0, 1:].half().cpu().numpy() for block, each in tokens.items()}
            kept[IMAGE] = image.half().cpu().numpy()
            self._features.put(key, kept)
        device = self._vision.device
        return {block: torch.from_numpy(each).to(device).float() for block, each in kept.items()}

    def _text(self, subject: Subject) -> SubjectText:
        """The product's sentences as features, read once."""
        key = f"{self._kept}:text:{words_key(subject)}"
        kept = self._features.get(key)
        if kept is None:
            text = subject_text(self._encode, subject)
            kept = {0: text.pair.cpu().numpy(), 1: text.kinds.cpu().numpy()}
            self._features.put(key, kept)
        pair, kinds = (torch.from_numpy(kept[part]).to(self._vision.device) for part in (0, 1))
        return SubjectText(pair, tuple(defect.kind for defect in subject.defects), kinds)

    def _hottest(self, evidence: Evidence) -> Tensor:
        """Vectors (N, D) of the most suspicious patches, of all blocks."""
        count = evidence.vectors.shape[1]
        grid = cv2.resize(evidence.map, square(count), interpolation=cv2.INTER_AREA)
        worst = torch.from_numpy(grid).flatten().topk(max(1, round(count * HOT))).indices
        return evidence.vectors[:, worst.to(evidence.vectors.device)].flatten(0, 1)

    def scale(self, references: Sequence[Picture], subject: Subject) -> tuple[Scale, bool]:
        """The scale that `score` uses, and whether references or the store gave it.

        Leave-one-out over two or more references; else the stored one; else that of the lone
        reference; else, by words alone, fixed where good and faulty are equally near.
        """
        distinct = {picture.key: picture for picture in references}
        if len(distinct) < 2 and subject.scale is not None:
            return subject.scale, True
        if not distinct:
            return Scale(len(self._linear) / 2, 0.5), False
        key = (words_key(subject), *sorted(distinct))
        with self._lock:
            scale = self._scales.get(key)
        if scale is None:
            pictures = [distinct[name] for name in key[1:]]
            if len(pictures) > 1:
                scale = leave_one_out_scale(
                    lambda query, others: self.raw(query, others, (), subject), pictures
                )
            else:
                scale = self._lone_scale(pictures[0], subject)
            with self._lock:
                self._scales[key] = scale
                while len(self._scales) > KEPT:
                    self._scales.popitem(last=False)
        return scale, True

    def _lone_scale(self, reference: Picture, subject: Subject) -> Scale:
        """Of one reference: its own text evidence, and the distances of changed copies to it.

        Only the distances take the wide gain: copies hide how much parts differ, words do not.
        """
        found = [
            self.evidence(copy, [reference], subject)
            for copy in islice(changed_pictures(reference), 0, None, 6 // COPIES)
        ]
        text = max(float(each.text.max()) for each in found)
        distance = max(float(each.distance.max()) for each in found if each.distance is not None)
        place = LEAVE_ONE_OUT_GAIN * text + SELF_GAIN * distance
        probability = LEAVE_ONE_OUT_GAIN * max(each.probability for each in found)
        return Scale(place, picture_score(probability, place, len(self._linear)))


def load_april_gan(
    weights: Path,
    cache: Path | None = None,
    *,
    name: str = "april-gan",
    source: str | Path | None = None,
) -> AprilGan:
    """The expert with the authors' layers in `weights` and CLIP ViT-L/14-336.

    weights: the folder that holds FILES[name]. source: CLIP's folder or repository; by default a
    folder of the repository's last name in `weights`, else the Hugging Face cache. The text tower
    is read when the first new sentences are. WeightsError, with the way out, for what is not here.
    """
    layers = read_linear(weights / FILES[name])
    if source is None:
        beside = weights / REPOSITORY.rpartition("/")[2]
        source = beside if beside.is_dir() else REPOSITORY
    vision = load_clip(source, activation="gelu", resize="bicubic")
    depth, width = len(vision.blocks), vision.blocks[-1].layer_norm1.normalized_shape[0]
    shared = vision.project(torch.zeros(1, width, device=vision.device)).shape[1]
    if depth % len(layers) or layers[0][0].shape != (shared, width):
        raise WeightsError(
            f"{FILES[name]} has {len(layers)} layers of {tuple(layers[0][0].shape)} and does not "
            f"belong to the CLIP in {source} ({depth} blocks, {(shared, width)}). Use {REPOSITORY}."
        )
    step = depth // len(layers)
    linear = {
        step * number: (weight.to(vision.device), bias.to(vision.device))
        for number, (weight, bias) in enumerate(layers, 1)
    }
    return AprilGan(
        vision,
        encode_later(source, activation="gelu"),
        linear,
        name=name,
        cache=cache,
    )


def _digest(tensors: Iterable[Tensor]) -> str:
    """What tells these weights from others."""
    found = hashlib.sha256()
    for tensor in tensors:
        found.update(tensor.detach().float().cpu().numpy().tobytes())
    return found.hexdigest()[:8]
