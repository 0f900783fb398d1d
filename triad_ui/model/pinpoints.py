"""AnyRes canvases and tiling rules as checkpoints write them -> the values that we follow.

Knows nothing of files.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from triad_ui.errors import WeightsError
from triad_ui.model.layout import Mode

Canvases = tuple[tuple[int, int], ...]

_KNOWN: dict[tuple[str, str], Mode] = {
    ("anyres", "spatial_unpad"): "anyres_rois",
    ("anyres", "spatial_avgpool_auto_unpad_randomroi_newl"): "anyres_rois",
    ("randomroi", "spatial_avgpool_auto_unpad_add_newl"): "rois",
}
"""(rule of `image_aspect_ratio`, `mm_patch_merge_type`) whose outputs are known exactly."""


def tiling(aspect: object, merge: object) -> tuple[Mode, int | None]:
    """(mode, max_tiles) of a config's `image_aspect_ratio` and `mm_patch_merge_type`.

    Raises WeightsError for a combination whose visual tokens are not known here: to guess would
    give a model that runs and is quietly wrong.
    """
    found = re.fullmatch(r"anyres(?:_max_(\d+))?(?:_randomroi)?", str(aspect))
    kind = "anyres" if found else str(aspect)
    mode = _KNOWN.get((kind, str(merge)))
    if mode is None:
        known = ", ".join(f"{kind}... with {merge}" for kind, merge in _KNOWN)
        raise WeightsError(
            f"How this model looks at a picture is not known here: image_aspect_ratio {aspect!r} "
            f"with mm_patch_merge_type {merge!r}. Known are: {known}."
        )
    return mode, int(found[1]) if found and found[1] else None


def trained_on_regions(aspect: object) -> bool:
    """Whether `image_aspect_ratio` names regions beside or in place of tiles."""
    return "randomroi" in str(aspect)


def canvases(value: object, side: int, *, height_first: bool) -> Canvases:
    """(width, height) canvases from a list of pairs or from one of LLaVA's strings.

    value: [[384, 768], ...]; "(1x1),...,(6x6)", counted in views, all between the first and the
    last; or the list as a string. height_first: pairs are (height, width), as in transformers.
    Raises WeightsError when it is none of these or no multiple of `side`.
    """
    try:
        if isinstance(value, str):
            ends = [(int(a), int(b)) for a, b in re.findall(r"\(\s*(\d+)\s*x\s*(\d+)\s*\)", value)]
            if ends:
                pairs = [
                    (side * i, side * j)
                    for i in range(ends[0][0], ends[-1][0] + 1)
                    for j in range(ends[0][1], ends[-1][1] + 1)
                ]
            else:
                pairs = ast.literal_eval(value)
        else:
            pairs = value
        found = tuple((int(a), int(b)) for a, b in pairs)
    except (ValueError, TypeError, SyntaxError) as error:
        raise WeightsError(
            f"config.json has image_grid_pinpoints {str(value)[:80]!r}; expected are pairs of "
            'sizes or "(1x1),...,(6x6)".'
        ) from error
    if not found or any(size < side or size % side for pair in found for size in pair):
        raise WeightsError(
            f"config.json has image_grid_pinpoints that are no multiples of the tower's {side} "
            f"pixels: {str(value)[:80]}."
        )
    return tuple((b, a) for a, b in found) if height_first else found


def context_limit(*limits: object, text: Mapping[str, Any]) -> int:
    """The smallest of the limits that a checkpoint states: tokenizer's, positions, window."""
    stated = [*limits, text.get("max_position_embeddings"), text.get("sliding_window")]
    known = [int(limit) for limit in stated if isinstance(limit, int | float) and 0 < limit < 1e9]
    return min(known, default=4096)
