"""PatchCore: the distance of each patch to the nearest one in a thinned memory of good parts.

K. Roth et al., "Towards Total Recall in Industrial Anomaly Detection", CVPR 2022: two network
layers, 3 x 3 means, a greedy coreset, the worst patch's distance reweighted as the image's score.
Through Wide ResNet-50-2 (stages 2 and 3 at 224 pixels, as published) or, with nothing to fetch,
through the EfficientNet-Lite0 that the workbench has. The whole picture is squeezed into the
square; published code cuts off its border, where a part may be damaged as well.

It does not know how a coreset is picked, what a scale is made of, or what the map is used for.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from triad_ui.errors import ExpertError
from triad_ui.expert.backbone import load_efficientnet_lite0, normalise
from triad_ui.expert.calibration import Scales, calibrated
from triad_ui.expert.coreset import greedy_centres, size_of
from triad_ui.expert.feature_cache import FeatureCache
from triad_ui.expert.patch_memory import PatchMemory, distance_map, embed
from triad_ui.expert.wide_resnet import find_wide_resnet, load_wide_resnet
from triad_ui.records import AnomalyMap, Picture, Scale, Subject

CODE_VERSION = "1"
SIDE = 224
FRACTION = 0.1
LEAST = 4096
"""Patches up to which a memory is kept whole: thinning saves nothing there, and few references
have no patch to spare."""
DIMENSIONS = 128
"""Vectors of more channels are projected to so many for picking the coreset, as the authors do."""
STAGES = (2, 3)
BLOCKS = (4, 7, 10)
FIXED = Scale(place=1.0, image=1.0)
"""Never in use: without a reference there is no distance either."""
MOST_MEMORIES = 4
"""Sets of references whose memory is kept. LEAST vectors take 25 MB (Wide ResNet) or 4 MB."""

Layers = Callable[[Tensor], Sequence[Tensor]]
"""Pixels (1, 3, SIDE, SIDE) -> the network's layers, finest first, (1, C, h, w) each."""


class PatchCoreExpert:
    """PatchCore through any frozen network; needs at least one reference, better four or more."""

    def __init__(
        self,
        name: str,
        layers: Layers,
        *,
        weights_digest: str,
        cache: Path | None = None,
        fraction: float = FRACTION,
        least: int = LEAST,
        device: str | torch.device = "cpu",
    ) -> None:
        """name: in the registry. layers: the network. weights_digest: identity of its weights.

        cache: folder for features, or None to keep them in memory. fraction, least: of all patches
        that fraction is kept, but `least` if there are as many. device: where `layers` computes.
        """
        self.name = name
        self.version = f"{CODE_VERSION}.{SIDE}-{fraction:g}-{least}-{weights_digest[:12]}"
        self._layers = layers
        self._digest = weights_digest
        self._fraction = fraction
        self._least = least
        self._device = torch.device(device)
        self._features = FeatureCache(cache)
        self._scales = Scales(FIXED)
        self._memories: OrderedDict[tuple[str, ...], PatchMemory] = OrderedDict()
        self._lock = threading.Lock()

    def score(
        self,
        query: Picture,
        references: Sequence[Picture],
        pool: Sequence[Picture] = (),
        subject: Subject | None = None,
    ) -> AnomalyMap:
        """The query's anomaly map (SIDE, SIDE), on the references' own scale.

        `pool` is not used. ExpertError without a reference.
        """
        _needs(references)
        # first the scale: its memories, each without one reference, give way to the full one
        scale, known = self._scales.of(self.raw, references, subject, copies=True)
        values, score = self.raw(query, references)
        made_by = f"{self.name}@{self.version}"
        return calibrated(values, score, scale, expert=made_by, known=known)

    def raw(
        self,
        query: Picture,
        references: Sequence[Picture],
        pool: Sequence[Picture] = (),
        subject: Subject | None = None,
    ) -> tuple[np.ndarray, float]:
        """Euclidean distances, enlarged and smoothed, (SIDE, SIDE), and the reweighted score."""
        _needs(references)
        memory = self._memory(references)
        found = self.patches(query)
        patches = torch.from_numpy(found.reshape(-1, found.shape[-1])).to(self._device)
        with torch.inference_mode():
            distances, positions = memory.nearest(patches)
            score = memory.image_score(patches, distances, positions)
        grid = distances.cpu().numpy().reshape(found.shape[:2])
        return distance_map(grid, (SIDE, SIDE)), score

    def patches(self, picture: Picture) -> np.ndarray:
        """The picture's patch vectors, float32 (h, w, C), cached. Do not write into them."""
        key = f"patch-core@{CODE_VERSION}.{SIDE}-{self._digest}:{picture.key}"
        kept = self._features.get(key)
        if kept is None:
            with torch.inference_mode():
                layers = self._layers(normalise(picture.rgb, SIDE).to(self._device))
                vectors = embed(layers).cpu().numpy()
            kept = {0: vectors.reshape(*layers[0].shape[-2:], -1)}
            self._features.put(key, kept)
        return kept[0]

    def _memory(self, references: Sequence[Picture]) -> PatchMemory:
        """The coreset of these references; a picture given twice counts once."""
        distinct = {picture.key: picture for picture in references}
        key = tuple(sorted(distinct))
        with self._lock:
            if key in self._memories:
                self._memories.move_to_end(key)
                return self._memories[key]
        every = [self.patches(distinct[name]) for name in key]
        flat = np.concatenate([patches.reshape(-1, patches.shape[-1]) for patches in every])
        memory = PatchMemory(self._thinned(flat))
        with self._lock:
            self._memories[key] = memory
            while len(self._memories) > MOST_MEMORIES:
                self._memories.popitem(last=False)
        return memory

    def _thinned(self, flat: np.ndarray) -> Tensor:
        vectors = torch.from_numpy(flat).to(self._device)
        count = max(size_of(len(vectors), self._fraction), min(len(vectors), self._least))
        if count == len(vectors):
            return vectors
        wide = vectors.shape[1] > 2 * DIMENSIONS
        return vectors[greedy_centres(vectors, count, dimensions=DIMENSIONS if wide else None)]


def load_patch_core(folder: Path, cache: Path | None = None) -> PatchCoreExpert:
    """PatchCore as published, with the Wide ResNet-50-2 found in `folder`; on a card if there is
    one. WeightsError, with the way out, when it is not there."""
    path = find_wide_resnet(folder)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = load_wide_resnet(path, device=device)
    return PatchCoreExpert(
        "patch-core",
        lambda pixels: _named(network(pixels), STAGES),
        weights_digest=_digest(path),
        cache=cache,
        device=device,
    )


def load_patch_core_embedded(weights: Path, cache: Path | None = None) -> PatchCoreExpert:
    """PatchCore through EfficientNet-Lite0. WeightsError when `weights` cannot be read."""
    return PatchCoreExpert(
        "patch-core-embedded",
        _embedded_layers(weights),
        weights_digest=_digest(weights),
        cache=cache,
    )


def _embedded_layers(weights: Path) -> Layers:
    network = load_efficientnet_lite0(weights)
    return lambda pixels: _named(network.features(pixels, BLOCKS), BLOCKS)


def _needs(references: Sequence[Picture]) -> None:
    if not references:
        raise ExpertError(
            "PatchCore compares a part with known-good ones, and none was given. Add a "
            "reference, or choose the expert 'reference', which does without."
        )


def _named(found: Mapping[int, Tensor], names: Sequence[int]) -> list[Tensor]:
    return [found[name] for name in names]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
