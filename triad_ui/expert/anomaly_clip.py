"""AnomalyCLIP: zero-shot, places of a picture against "object" and "damaged object" as learned.

A patch is as suspicious as it is nearer to the learned text of a damaged object than to that of a
good one, in CLIP's shared space (Q. Zhou et al., AnomalyCLIP, ICLR 2024, eq. 2 to 4 and section
4.2). References are not compared with; they only say which values good parts reach. By its authors'
design the prompts take no product name and no description of a defect, and the map stays theirs.
Where descriptions are given, ordinary sentences of the product name the kind of defect that the
worst places are most like (`text_prompts`). The published figures use block 24 alone.

It does not know how tokens and texts come about (`vv_attention`, `prompt_learner`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from triad_ui.errors import WeightsError
from triad_ui.expert.anomaly_map import smooth
from triad_ui.expert.calibration import Scales, calibrated
from triad_ui.expert.clip import REPOSITORY, SIDE, ClipVision, clip_pixels, load_clip, source_in
from triad_ui.expert.clip_text import encode_later, load_clip_text
from triad_ui.expert.feature_cache import FeatureCache, Features
from triad_ui.expert.prompt_learner import read_prompts, text_features
from triad_ui.expert.text_prompts import (
    Encode,
    SubjectText,
    likely_kinds,
    subject_text,
    words_key,
)
from triad_ui.expert.vv_attention import VV_BLOCKS, look_vv
from triad_ui.records import AnomalyMap, Picture, Scale, Subject

CODE_VERSION = "2"
WEIGHTS_FILE = "anomaly_clip.pth"
"""The learned prompts, in Settings.expert_weights; `read_prompts` says where they come from."""
LAYERS = (24,)
"""Blocks whose maps are summed. The authors' option list is 6, 12, 18, 24."""
TEMPERATURE = 0.07
SIGMA = 4.0
"""Smoothing of the map, in input pixels."""
EVEN = Scale(1.0, 1.0)
"""Raw values without a better scale: as near to the one text as to the other."""
GAIN = 1.5
"""Threshold over the largest odds of references, of which there are two or more."""
LONE_GAIN = 3.0
"""The same for one reference. Both are guesses, as no recording of real pictures is at hand."""
STEEPNESS = 2.0
CERTAIN = 1 - 1e-6
HOT = 0.01
"""Share of the patches, the most suspicious ones, whose kind of defect is named."""


def text_maps(
    tokens: Tensor, texts: Tensor, size: tuple[int, int], *, temperature: float = TEMPERATURE
) -> Tensor:
    """How probable "damaged" is at each place: float (B, *size), 0..1.

    tokens: (B, 1 + g * g, D) in the shared space, the class token first. texts: (2, D), row 1
    damaged. Neither need be of unit length. size: height and width, reached by bilinear
    interpolation of the probabilities (align_corners=False).
    """
    odds = functional.normalize(tokens[:, 1:], dim=-1) @ functional.normalize(texts, dim=-1).T
    chances = (odds / temperature).softmax(dim=-1)[..., 1]
    grid = round(chances.shape[1] ** 0.5)
    chances = chances.unflatten(1, (grid, -1))[:, None]
    return functional.interpolate(chances, size, mode="bilinear", align_corners=False)[:, 0]


def image_chances(features: Tensor, texts: Tensor, *, temperature: float = TEMPERATURE) -> Tensor:
    """How probable "damaged" is of whole images: (B,), 0..1, of image features (B, D)."""
    alike = functional.normalize(features, dim=-1) @ functional.normalize(texts, dim=-1).T
    return (alike / temperature).softmax(dim=-1)[:, 1]


def summed(maps: Sequence[Tensor], *, sigma: float = SIGMA) -> np.ndarray:
    """Maps (B, H, W) of several blocks added and smoothed: float32 (B, H, W), 0..len(maps)."""
    added = torch.stack(tuple(maps)).sum(dim=0).float().cpu().numpy()
    return np.stack([smooth(values, sigma) for values in added])


def hottest(tokens: Sequence[Tensor], texts: Tensor, *, share: float = HOT) -> Tensor:
    """Unit vectors (n, D) of the `share` of a picture's patches that are most likely damaged.

    tokens: (1, 1 + P, D) of each block, the class token first. texts: (2, D), row 1 damaged.
    """
    units = torch.stack([functional.normalize(each[0, 1:], dim=-1) for each in tokens])
    alike = units @ functional.normalize(texts, dim=-1).T
    suspicion = (alike[..., 1] - alike[..., 0]).mean(dim=0)
    worst = suspicion.topk(max(1, round(share * len(suspicion)))).indices
    return units[:, worst].flatten(0, 1)


def odds(chances: np.ndarray | float) -> np.ndarray:
    """Chances 0..1 as odds 0..1e6: the same order, and no ceiling for a threshold to run into."""
    bounded = np.minimum(chances, CERTAIN)
    return (bounded / (1 - bounded)).astype(np.float32)


class AnomalyClipExpert:
    """Works without references; with them it knows what good parts of this product reach."""

    name = "anomaly-clip"

    def __init__(
        self,
        vision: ClipVision,
        texts: Tensor,
        *,
        layers: Sequence[int] = LAYERS,
        vv_blocks: int = VV_BLOCKS,
        side: int = SIDE,
        cache: Path | None = None,
        encode: Encode | None = None,
    ) -> None:
        """vision: quick GELU and a bilinear position table. texts: (2, D) of `text_features`.

        layers: more than one are summed. side: input pixels. cache: folder for maps, or None.
        encode: reads sentences, under quick GELU too; None: no kind of defect is named.
        """
        self._encode = encode
        self._vision = vision
        self._texts = texts.float().to(vision.device)
        self._layers = tuple(layers)
        self._vv_blocks = vv_blocks
        self._side = side
        self._cache = FeatureCache(cache)
        self._scales = Scales(EVEN, gain=GAIN)
        digest = hashlib.sha256(texts.float().cpu().numpy().tobytes())
        digest.update(vision.blocks[-1].mlp.fc2.bias.float().cpu().numpy().tobytes())
        shown = "-".join(str(layer) for layer in self._layers)
        self.version = f"{CODE_VERSION}.{side}.{shown}.{vv_blocks}-{digest.hexdigest()[:12]}"

    def score(
        self,
        query: Picture,
        references: Sequence[Picture],
        pool: Sequence[Picture] = (),
        subject: Subject | None = None,
    ) -> AnomalyMap:
        """The query's anomaly map, (side, side), and the kinds of defect that `subject` describes.

        `pool` is not used. The scale: the references' own values, of one too; a stored scale
        comes before that of a lone reference; else it is the middle between the two texts.
        """
        scale, known = self._scales.of(self.raw, references, subject)
        if references and not known:
            values, score = self.raw(references[0], ())
            scale = Scale(LONE_GAIN * float(values.max()), LONE_GAIN * score)
        raw_map, raw_score = self.raw(query, references)
        return calibrated(
            raw_map,
            raw_score,
            scale,
            expert=f"{self.name}@{self.version}",
            basis="text",
            known=known or bool(references),
            kinds=self._kinds(query, subject),
            steepness=STEEPNESS,
        )

    def raw(
        self,
        query: Picture,
        references: Sequence[Picture],
        pool: Sequence[Picture] = (),
        subject: Subject | None = None,
    ) -> tuple[np.ndarray, float]:
        """Odds of "damaged" of each place, float32 (side, side), and of the whole image.

        They rank as the published chances do, of which `odds` makes them (of the mean over the
        layers where several are summed). Only the query matters. Do not write into the map.
        """
        kept = self._kept(query)
        return kept[0], float(kept[1][0])

    def chances(self, rgb: np.ndarray) -> tuple[np.ndarray, float]:
        """The published map, float32 (side, side) in 0..number of layers, and image score 0..1."""
        return self._chances(*self._look(rgb))

    def _look(self, rgb: np.ndarray) -> tuple[list[Tensor], Tensor]:
        pixels = clip_pixels(rgb, self._side)
        tokens, image = look_vv(self._vision, pixels, self._layers, vv_blocks=self._vv_blocks)
        return [tokens[layer].float() for layer in self._layers], image.float()

    def _chances(self, tokens: Sequence[Tensor], image: Tensor) -> tuple[np.ndarray, float]:
        size = (self._side, self._side)
        maps = [text_maps(each, self._texts, size) for each in tokens]
        return summed(maps)[0], float(image_chances(image, self._texts)[0])

    def _kept(self, picture: Picture) -> Features:
        """By number: 0 the map and 1 the image score, as odds; 2 the hottest vectors."""
        key = f"{self.name}@{self.version}:{picture.key}"
        kept = self._cache.get(key)
        if kept is None:
            tokens, image = self._look(picture.rgb)
            chances, whole = self._chances(tokens, image)
            kept = {
                0: odds(chances / len(self._layers)),
                1: odds(np.float32([whole])),
                2: hottest(tokens, self._texts).cpu().numpy(),
            }
            self._cache.put(key, kept)
        return kept

    def _kinds(self, query: Picture, subject: Subject | None) -> tuple[tuple[str, float], ...]:
        """The described kinds of defect that the query's worst places are most like."""
        if self._encode is None or subject is None or not subject.defects:
            return ()
        key = f"{self.name}@{self.version}:text:{words_key(subject)}"
        read = self._cache.get(key)
        if read is None:
            text = subject_text(self._encode, subject)
            read = {0: text.pair.cpu().numpy(), 1: text.kinds.cpu().numpy()}
            self._cache.put(key, read)
        names = tuple(defect.kind for defect in subject.defects)
        pair, kinds = (torch.from_numpy(read[part]) for part in (0, 1))
        hot = torch.from_numpy(self._kept(query)[2])
        return likely_kinds(hot, SubjectText(pair, names, kinds))


def load_anomaly_clip(
    weights: Path, cache: Path | None = None, *, source: str | Path | None = None
) -> AnomalyClipExpert:
    """The expert with the authors' prompts in `weights` and CLIP ViT-L/14-336.

    weights: the folder that holds WEIGHTS_FILE. source: CLIP's folder or repository, by default
    `source_in(weights)`. WeightsError, with the way out, for whatever is not here.
    """
    prompts = read_prompts(weights / WEIGHTS_FILE)
    source = source or source_in(weights)
    texts = text_features(load_clip_text(source, activation="quick_gelu", device="cpu"), prompts)
    vision = load_clip(source, activation="quick_gelu", resize="bilinear")
    if len(vision.blocks) < max(LAYERS):
        raise WeightsError(
            f"{source} is a CLIP of {len(vision.blocks)} blocks; AnomalyCLIP needs {max(LAYERS)}. "
            f"Use {REPOSITORY}."
        )
    encode = encode_later(source, activation="quick_gelu")
    return AnomalyClipExpert(vision, texts, cache=cache, encode=encode)
