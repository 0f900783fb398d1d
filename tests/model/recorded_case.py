"""Recorded outputs of the published Triad code, and what our own code makes of the same input.

A folder has the layout of `../shared/conformance/triad/README.md`. Everything goes the way that a
user's checkpoint and image go: opened and loaded from disk, regions by the `faithful` policy,
prompt by the template, logits by the decoder.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from torch import Tensor

from triad_ui.expert.roi import choose
from triad_ui.model.assemble import load_checkpoint
from triad_ui.model.chat import ImageSlot
from triad_ui.model.checkpoint import open_checkpoint
from triad_ui.model.generate import Prompt
from triad_ui.model.language_model import GenerationOptions
from triad_ui.model.layout import Checkpoint
from triad_ui.model.local import LocalTriad
from triad_ui.model.views import Views, cut, token_count
from triad_ui.model.visual_tokens import TriadEncoder, levels, scale
from triad_ui.records import Message, Roi, VisualInput

TOKENS, LOGITS = 2e-4, 2e-4
"""Largest differences from the recording in float32."""
ROOM = 8


@dataclass(frozen=True)
class Case:
    """One recorded case. root: the folder that has `checkpoint_ov/` and `cases/`."""

    root: Path
    name: str

    @property
    def folder(self) -> Path:
        return self.root / "cases" / self.name

    @property
    def expected(self) -> dict[str, Any]:
        return json.loads((self.folder / "expected.json").read_text("utf-8"))

    @property
    def step(self) -> int:
        """17 where only every 17th visual token is kept, as in the project's own cases."""
        return self.expected.get("visual_tokens_step", 1)

    def tensor(self, name: str) -> Tensor:
        with safe_open(self.folder / "expected.safetensors", "pt") as file:
            return file.get_tensor(name)


def outside() -> Path:
    """The cases outside the project: in TRIAD_CONFORMANCE or in its folder `triad`."""
    shared = Path(__file__).resolve().parents[3] / "shared" / "conformance"
    named = Path(os.environ.get("TRIAD_CONFORMANCE") or shared)
    return named if (named / "cases").is_dir() else named / "triad"


def cases(root: Path) -> list:
    """A parameter for each case in `root`; one that is skipped when there is none."""
    names = sorted(path.parent.name for path in root.glob("cases/*/expected.json"))
    found = [pytest.param(Case(root, name), id=name) for name in names]
    reason = pytest.mark.skip(reason=f"no cases in {root}; name a folder with TRIAD_CONFORMANCE")
    return found or [pytest.param(None, id="absent", marks=reason)]


def check_boxes(case: Case) -> None:
    for recorded, image in zip(case.expected["images"], images(case)):
        assert [list(roi.box) for roi in image.rois] == recorded["boxes_crop_xyxy"]


def check_views(case: Case) -> None:
    """Views by hash, before and after scaling."""
    layout = opened(case).visual
    table = levels(layout)
    for recorded, image in zip(case.expected["images"], images(case)):
        views = cut(image, layout)
        assert list(views.kinds) == recorded["patch_kinds"]
        assert len(views.pixels) == recorded["num_patches"]
        hashes = [hashlib.sha256(view.tobytes()).hexdigest() for view in views.pixels]
        assert hashes == recorded["patch_u8_sha256"]
        scaled = scale(views.pixels, table)
        hashes = [hashlib.sha256(view.tobytes()).hexdigest() for view in scaled]
        assert hashes == recorded["patch_f32_sha256"]


def check_layout(case: Case) -> None:
    """Counts, the numbers of the tile branch and where each part of the tokens stands."""
    layout = opened(case).visual
    for recorded, image in zip(case.expected["images"], images(case)):
        assert token_count(image, layout) == recorded["visual_tokens"]
        views = cut(image, layout)
        if views.plan or "anyres_grid_columns_rows" in recorded:
            assert views.plan
            assert [views.plan.columns, views.plan.rows] == recorded["anyres_grid_columns_rows"]
            assert list(views.plan.unpadded) == recorded["unpadded_rows_cols"]
            assert views.plan.shrink == pytest.approx(recorded["shrink_factor"], abs=1e-12)
        expected = [
            (part["kind"], part["start"], part["count"]) for part in recorded["token_layout"]
        ]
        assert _parts(views, layout.grid, len(image.rois)) == expected


def _parts(views: Views, grid: int, rois: int) -> list[tuple[str, int, int]]:
    plan = views.plan
    counts = {
        "base": grid**2,
        "tiles": plan.tokens if plan else 0,
        "roi": rois * (grid**2 if rois == 1 else (grid // 2) ** 2),
        "newline": 0 if plan else 1,
    }
    parts, start = [], 0
    for kind, count in counts.items():
        if count:
            parts.append((kind, start, count))
        start += count
    return parts


def check_prompt(case: Case) -> None:
    """The rendered prompt, its token ids and where the images stand in it and in the sequence."""
    expected, model = case.expected, loaded(case)
    assert model.render(images(case), messages(case)) == expected["prompt"]
    slot = expected["image_token_index"]
    pieces = model._tokenizer.pieces(messages(case))
    ids = [slot if isinstance(piece, ImageSlot) else piece for piece in pieces]
    assert ids == expected["input_ids"]
    assert [at for at, piece in enumerate(ids) if piece == slot] == expected["image_positions"]
    assert sum(piece != slot for piece in ids) == expected["text_tokens"]
    assert len(prompt(case).keys) == expected["sequence_length"]


def check_tokens(case: Case) -> None:
    """Visual tokens, as the encoder makes them and as they stand in the prompt."""
    read = prompt(case)
    for number, (recorded, tokens) in enumerate(zip(case.expected["images"], encoded(case))):
        expected, step = case.tensor(f"image{number}.visual_tokens"), case.step
        told(f"image {number}, visual tokens", tokens[::step], expected)
        torch.testing.assert_close(tokens[::step], expected, rtol=0, atol=TOKENS)
        start = recorded["sequence_start"]
        placed = read.embed(start, start + recorded["visual_tokens"])
        torch.testing.assert_close(placed[::step], expected, rtol=0, atol=TOKENS)


def check_logits(case: Case) -> None:
    """Logits of the whole vocabulary after the prompt."""
    decoder = loaded(case)._decoder
    logits = decoder.next_logits(prompt(case), threading.Event())
    told("logits", logits, case.tensor("last_logits"))
    torch.testing.assert_close(logits, case.tensor("last_logits"), rtol=0, atol=LOGITS)


def told(what: str, ours: Tensor, recorded: Tensor) -> None:
    """Print how near it is, for `pytest -s`."""
    print(f"\n{what}: {(ours - recorded).abs().max():.1e} of up to {recorded.abs().max():.0f}")


def check_greedy(case: Case) -> None:
    """The next ids, as far as the recording is sure of them."""
    expected = case.expected["greedy_next_ids"]
    options = GenerationOptions(max_new_tokens=len(expected))
    decoder = loaded(case)._decoder
    ids = list(decoder.tokens(prompt(case), options, threading.Event(), end=-1))
    unsure = [at for at, margin in enumerate(case.expected["greedy_margin"]) if margin < 2 * LOGITS]
    sure = min(unsure, default=len(expected))
    assert sure, "the recording has no id that is sure"
    assert ids[:sure] == expected[:sure]


@functools.lru_cache(maxsize=4)
def images(case: Case) -> tuple[VisualInput, ...]:
    """The case's images with their regions: of the map, copied from the query, or given."""
    made: list[VisualInput] = []
    for recorded in case.expected["images"]:
        path = case.folder / recorded["file"]
        rgb = np.asarray(Image.open(path).convert("RGB"))
        if recorded["boxes_source"] == "anomaly_map":
            rois = choose(_map(case, recorded), (rgb.shape[1], rgb.shape[0]), "faithful")
        elif recorded["boxes_source"] == "copied_from_query":
            rois = made[0].rois
        else:
            rois = tuple(
                Roi(x0, y0, x1 + 1, y1 + 1) for x0, y0, x1, y1 in recorded["boxes_inclusive_xyxy"]
            )
        made.append(VisualInput(rgb, rois, None, str(path), is_reference=bool(made)))
    return tuple(made)


def _map(case: Case, recorded: dict[str, Any]) -> np.ndarray:
    path = case.folder / recorded["map_file"]
    return np.load(path) if path.suffix == ".npy" else np.asarray(Image.open(path))


def messages(case: Case) -> tuple[Message, ...]:
    slots = tuple(range(len(case.expected["images"])))
    system = Message("system", "You are a helpful assistant.")
    return system, Message("user", case.expected["question"], slots)


def prompt(case: Case) -> Prompt:
    return loaded(case).prompt(images(case), messages(case), ROOM, threading.Event())


@functools.lru_cache(maxsize=4)
def encoded(case: Case) -> list[Tensor]:
    encoder = loaded(case)._encoder
    assert isinstance(encoder, TriadEncoder)
    pictures = images(case)
    return encoder.encode(pictures, range(len(pictures)), threading.Event())


def opened(case: Case) -> Checkpoint:
    return _opened(case.root, case.expected["mode"], case.expected["mm_patch_merge_type"])


def loaded(case: Case) -> LocalTriad:
    return _loaded(case.root, case.expected["mode"], case.expected["mm_patch_merge_type"])


@functools.cache
def _opened(root: Path, mode: str, merge: str) -> Checkpoint:
    """The recorded checkpoint with the case's two config values in force, as a folder of its own:
    the mode is read from the config like any other checkpoint's."""
    folder = Path(tempfile.mkdtemp(prefix="triad-recorded-"))
    for path in (root / "checkpoint_ov").iterdir():
        (folder / path.name).symlink_to(path.resolve())
    (folder / "vision_tower_config.json").symlink_to((root / "vision_tower_config.json").resolve())
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config |= {"image_aspect_ratio": mode, "mm_patch_merge_type": merge}
    (folder / "config.json").unlink()
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return open_checkpoint(folder)


@functools.cache
def _loaded(root: Path, mode: str, merge: str) -> LocalTriad:
    return load_checkpoint(_opened(root, mode, merge), precision="fp32", device="cpu")
