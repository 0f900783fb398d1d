"""A recorded PatchCore case, read from its file and compared number by number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from triad_ui.expert.coreset import greedy_centres, size_of
from triad_ui.expert.patch_memory import PatchMemory, distance_map

TOLERANCE = 1e-4


def equals_recorded(file: Path) -> None:
    """Asserts that coreset, neighbours, distances, scores and maps are those in `file`."""
    with np.load(file) as stored:
        held = {name: stored[name] for name in stored.files}
    vectors = torch.from_numpy(held["ref_features"])
    picked = greedy_centres(vectors, size_of(len(vectors), float(held["coreset_fraction"])))
    assert picked.tolist() == held["coreset_indices"].tolist()
    memory = PatchMemory(vectors[picked])
    grid, side = int(held["grid"]), int(held["map_size"])
    for index, query in enumerate(held["query"]):
        patches = torch.from_numpy(query)
        distances, positions = memory.nearest(patches)
        _close(distances, held["patch_distance"][index])
        assert positions.tolist() == held["nearest_index"][index].tolist()
        _close(distances.max(), held["score_max"][index])
        score = memory.image_score(patches, distances, positions, int(held["num_neighbors"]))
        _close(score, held["score_reweighted"][index])
        _close(distance_map(distances.reshape(grid, -1).numpy(), (side, side)), held["map"][index])


def _close(found: object, expected: object) -> None:
    np.testing.assert_allclose(np.asarray(found), expected, atol=TOLERANCE, rtol=0)
