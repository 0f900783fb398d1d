"""The pool: which pictures a query is compared with, and their features, looked up or computed.

A picture is looked at once, ever: its features stand in the feature cache under its key and the
network's. What is compared - unit vectors of one depth and reach - is made from them, and kept
within a limit, so that a new picture costs one look and one comparison with each member.

It does not know what the comparison gives.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
import torch
from torch import Tensor

from triad_ui.expert.feature_cache import FeatureCache, Features
from triad_ui.expert.musc_sight import Sight
from triad_ui.expert.mutual_scoring import aggregated, layer_normed, unit
from triad_ui.records import Picture

WHOLE = 0
"""Number under which the whole picture's vector stands beside its depths' features."""
DISK_BYTES = 16 * 2**30
"""Features on disk: 1,400 pictures of CLIP at 518 px, 90,000 of the embedded network."""


class PicturePool(Sequence[Picture]):
    """Pictures that are decoded only when they are looked at; their keys are known before."""

    def __init__(self, keys: Sequence[str], open_picture: Callable[[int], Picture]) -> None:
        """keys: each picture's `Picture.key`. open_picture: its number -> the decoded picture."""
        self.keys = tuple(keys)
        self._open = open_picture

    def __len__(self) -> int:
        return len(self.keys)

    @overload
    def __getitem__(self, index: int) -> Picture: ...
    @overload
    def __getitem__(self, index: slice) -> PicturePool: ...
    def __getitem__(self, index: int | slice) -> Picture | PicturePool:
        numbers = range(len(self.keys))[index]
        if isinstance(numbers, range):
            return PicturePool(self.keys[index], lambda number: self._open(numbers[number]))
        return self._open(numbers)


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A picture of the pool: its key, and how to get it when it has never been looked at."""

    key: str
    open: Callable[[], Picture]


def members(*groups: Sequence[Picture], distinct: bool = True) -> list[Member]:
    """The pictures of all groups; a `PicturePool` stays closed.

    distinct: each picture once, ordered by key; else all as they are given.
    """
    given = [member for group in groups for member in _of(group)]
    if not distinct:
        return given
    found: dict[str, Member] = {}
    for member in given:
        found.setdefault(member.key, member)
    return [found[key] for key in sorted(found)]


def _of(group: Sequence[Picture]) -> Iterator[Member]:
    if isinstance(group, PicturePool):
        for number, key in enumerate(group.keys):
            yield Member(key, lambda number=number: group[number])  # type: ignore[misc]
    else:
        for picture in group:
            yield Member(picture.key, lambda picture=picture: picture)  # type: ignore[misc]


class Looks:
    """Features and vectors of pictures through one network; safe to use from several threads."""

    def __init__(
        self,
        sight: Sight,
        cache: Path | None,
        *,
        features_bytes: int,
        vectors_bytes: int,
    ) -> None:
        """cache: folder for features, or None to keep them in memory.

        features_bytes, vectors_bytes: what is held in memory of either.
        """
        folder = None if cache is None else cache / sight.name
        self._sight = sight
        self._features = FeatureCache(folder, memory_bytes=features_bytes, disk_bytes=DISK_BYTES)
        self._vectors: dict[tuple[str, int, int], Tensor] = {}
        self._bytes = 0
        self._limit = vectors_bytes
        self._lock = threading.Lock()

    def of(self, member: Member) -> Features:
        """Layer-normed features (h, w, C) by depth, and under WHOLE the picture's vector (D,)."""
        key = f"{self._sight.name}@{self._sight.version}:{member.key}"
        features = self._features.get(key)
        if features is None:
            features = self._look(member.open().rgb)
            self._features.put(key, features)
        return features

    def vectors(self, member: Member, layer: int, reach: int, *, keep: bool = False) -> Tensor:
        """Unit vectors (h * w, C) of a depth and reach, on the network's device.

        keep: hold them for the next question if there is room.
        """
        name = (member.key, layer, reach)
        with self._lock:
            held = self._vectors.get(name)
        if held is not None:
            return held
        values = torch.from_numpy(self.of(member)[layer]).to(self._sight.device)
        patches = unit(aggregated(values[None].float(), reach))[0].flatten(0, 1)
        patches = patches.to(self._sight.dtype)
        if keep:
            with self._lock:
                size = patches.numel() * patches.element_size()
                if name not in self._vectors and self._bytes + size <= self._limit:
                    self._vectors[name] = patches
                    self._bytes += size
        return patches

    def keep_only(self, keys: set[str]) -> None:
        """Lets go of the vectors of all other pictures: the pool has changed."""
        with self._lock:
            for name in [name for name in self._vectors if name[0] not in keys]:
                gone = self._vectors.pop(name)
                self._bytes -= gone.numel() * gone.element_size()

    def _look(self, rgb: np.ndarray) -> Features:
        seen, whole = self._sight.look(rgb)
        kept = self._sight.kept
        features = {
            layer: layer_normed(values[None])[0].cpu().numpy().astype(kept, copy=False)
            for layer, values in seen.items()
        }
        return {WHOLE: whole.float().cpu().numpy(), **features}
