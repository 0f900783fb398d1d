"""Procedural samples -> training examples, computed once and kept on disk.

An example is what the model would be shown in the workbench: the same expert's map, regions chosen
by the same rule, cells from the same frozen tower; and what is true. Files hold `SHARD` examples
each and are written whole, so that an interrupted run goes on where it stopped.
Knows nothing of the language model or of losses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from triad_ui.expert.backbone import load_efficientnet_lite0, normalise
from triad_ui.expert.reference import ReferenceExpert
from triad_ui.expert.roi import choose
from triad_ui.instruct.truth import Truth
from triad_ui.model.embedded import views
from triad_ui.model.embedded.scene import Scene, closer, see
from triad_ui.records import AnomalyMap, ImageRecord, Picture, Roi, VisualInput
from triad_ui.rounds.drawn_cases import DrawnCase, drawn_cases, stream
from triad_ui.rounds.shards import in_seeds, one_core, shards, written_whole
from triad_ui.synthesis.families import FAMILIES, HELD_OUT
from triad_ui.synthesis.families.palette import NAMED
from triad_ui.synthesis.sample import Sample

SHARD = 50
"""Seeds a file."""
COLOURS = tuple(NAMED)
TRAINED = tuple(sorted(set(FAMILIES) - set(HELD_OUT)))


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """cells: of the query, then of the reference if one is shown. truth: what is so, without the
    process when none is given. visible: a fault that shows against the reference or on the
    surface (not only against the process). masked: float (N query cells,), share of the cell under
    the fault. colours: float (N query cells, 10), share of each named colour in the cell.
    evidence: float (EVIDENCE,), what the expert says of the whole, see `views.evidence`. scene: of
    the query, closer: of its regions, good: of the same regions of the reference if one is shown,
    float16. frames: of these, x0, y0, x1, y1 as shares.
    """

    seed: int
    family: str
    cells: list[views.Cells]
    truth: Truth
    visible: bool
    masked: Tensor
    colours: Tensor
    evidence: Tensor
    scene: Scene
    closer: list[Scene]
    good: list[Scene]
    frames: Tensor


class ExampleMaker:
    """Turns seeds into examples; one a worker."""

    def __init__(
        self,
        weights: Path,
        families: Sequence[str] = TRAINED,
        size: int = 384,
        *,
        varied: bool = True,
    ) -> None:
        """varied: regions are now and then as a person might draw them, else the expert's, as in
        use."""
        network = load_efficientnet_lite0(weights)
        self._tower = lambda rgb, side: network.features(normalise(rgb, side), views.BLOCKS)
        self._expert = ReferenceExpert(weights)
        self._families = tuple(families)
        self._size = size
        self._varied = varied

    def make(self, seed: int) -> list[Example]:
        """The example of a seed, or two of the same pictures under two processes.

        References, process, pose of regions and fault all follow the seed.
        """
        rng = stream(seed)
        case, *other = drawn_cases(seed, rng, self._families, self._size)
        made = self.example(case, rng if self._varied else None)
        return [made, *(_under(made, each) for each in other)]

    def example(self, case: DrawnCase, rng: np.random.Generator | None = None) -> Example:
        """The example of a case. rng: with it regions are varied as a person might draw them."""
        sample = case.sample
        query = picture(sample.query, f"{sample.seed}-q")
        references = [picture(r, f"{sample.seed}-{i}") for i, r in enumerate(sample.references)]
        with torch.inference_mode():
            amap = self._expert.score(query, references)
            rois = choose(amap.values, query.record.size, "ranked")
            if rng is not None:
                rois = _varied(rois, sample, rng)
            images = visual_inputs(query, references, amap, rois)
            cells = views.encode(images, self._tower)
            scene = see(sample.query, self._tower).half()
            frames = views.shares(views.close_frames(images[0]), images[0])
            close, *good = (
                [look.half() for look in closer(image, frames, self._tower)] for image in images
            )
        boxes = cell_boxes(cells[0], len(rois))
        return Example(
            sample.seed,
            sample.family,
            cells,
            case.truth,
            visible=case.visible,
            masked=_shares(sample.mask[None].astype(np.float32), boxes)[:, 0],
            colours=_shares(colour_planes(sample.query), boxes),
            evidence=views.evidence(images),
            scene=scene,
            closer=close,
            good=good[0] if good else [],
            frames=frames,
        )


def _under(made: Example, case: DrawnCase) -> Example:
    """The same pictures under the process of another case, that they follow."""
    nowhere = torch.zeros_like(made.masked)
    return replace(made, truth=case.truth, visible=case.visible, masked=nowhere)


def picture(rgb: np.ndarray, name: str) -> Picture:
    """A drawn image as a decoded one."""
    height, width = rgb.shape[:2]
    return Picture(ImageRecord(name, name, width, height, "RGB 8-bit"), rgb)


def visual_inputs(
    query: Picture, references: Sequence[Picture], amap: AnomalyMap, rois: tuple[Roi, ...]
) -> list[VisualInput]:
    """What the model is shown of equally large pictures: the query and the first reference."""
    images = [VisualInput(query.rgb, rois, amap, query.key)]
    images += [VisualInput(r.rgb, rois, None, r.key, is_reference=True) for r in references[:1]]
    return images


def examples(
    folder: Path, weights: Path, first_seed: int, count: int, jobs: int,
    on_progress: Callable[[int, int], None], families: Sequence[str] = TRAINED, *,
    varied: bool = True,
) -> list[Example]:  # fmt: skip
    """Examples of `count` seeds from first_seed on, read from `folder` or made and written there.

    varied: see `ExampleMaker`.
    """
    paths = shards(
        folder, ".fine.pt", SHARD, first_seed, count, jobs,
        start=_start_worker, given=(weights, tuple(families), varied), write=_write_shard,
        on_made=in_seeds(on_progress, SHARD, count),
    )  # fmt: skip
    return [example for path in paths for example in _read(path)]


_worker: ExampleMaker | None = None


def _start_worker(weights: Path, families: tuple[str, ...], varied: bool) -> None:
    global _worker
    one_core()
    _worker = ExampleMaker(weights, families, varied=varied)


def _write_shard(path: Path, seed: int, count: int) -> None:
    assert _worker is not None
    made = [example for offset in range(count) for example in _worker.make(seed + offset)]
    with written_whole(path) as draft:
        torch.save([_packed(example) for example in made], draft)


def _packed(example: Example) -> tuple:
    cells = [(c.vectors.half(), c.places, c.kinds, c.index) for c in example.cells]
    return (
        example.seed, example.family, cells, example.truth, example.visible,
        example.masked.half(), example.colours.half(), example.evidence,
        [scene.parts() for scene in (example.scene, *example.closer, *example.good)],
        example.frames,
    )  # fmt: skip


def _read(path: Path) -> Iterator[Example]:
    # our own files, written a moment ago on this machine
    for told in torch.load(path, weights_only=False):
        seed, family, cells, truth, visible, masked, colours, evidence, scenes, frames = told
        scene, *close = (Scene(*each) for each in scenes)
        groups = [views.Cells(v.float(), p, k, i) for v, p, k, i in cells]
        yield Example(
            seed, family, groups, truth, visible, masked.float(), colours.float(), evidence,
            scene, close[: len(frames)], close[len(frames) :], frames,
        )  # fmt: skip


def _varied(rois: tuple[Roi, ...], sample: Sample, rng: np.random.Generator) -> tuple[Roi, ...]:
    """The expert's regions, and now and then a person's around the fault or one at random."""
    size = sample.query.shape[0]
    if sample.mask.any() and (rng.random() < 0.15):
        ys, xs = np.nonzero(sample.mask)
        side = max(np.ptp(xs), np.ptp(ys)) + rng.integers(size // 12, size // 5)
        side = int(min(side, size))
        centre = np.array([xs.mean(), ys.mean()]) + rng.normal(0, side / 8, 2)
        return (*rois[:3], Roi(*square(centre, side, size), source="user"))
    if rng.random() < 0.15:
        side = int(rng.integers(size // 8, size // 3))
        return (*rois[:3], Roi(*square(rng.random(2) * size, side, size), source="user"))
    return rois


def square(centre: np.ndarray, side: int, size: int) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of a square about a place of a picture size * size, moved into it."""
    x0, y0 = (int(np.clip(c - side / 2, 0, size - side)) for c in centre)
    return x0, y0, x0 + side, y0 + side


def cell_boxes(cells: views.Cells, regions: int) -> np.ndarray:
    """x0, y0, x1, y1 of each cell as fractions of the image, float32 (N, 4)."""
    is_roi = (cells.kinds % 2 == 1).numpy()
    xy = cells.places[:, :2].numpy()
    boxes = np.zeros((len(cells), 4), np.float32)
    for number in range(-1, regions):
        chosen = ~is_roi if number < 0 else is_roi & (cells.index.numpy() == number)
        places = xy[chosen]
        grid = round(len(places) ** 0.5)
        half = (places[-1] - places[0]) / (grid - 1) / 2
        boxes[chosen] = np.concatenate([places - half, places + half], 1)
    return boxes


def _shares(planes: np.ndarray, boxes: np.ndarray) -> Tensor:
    """Mean of each plane (P, H, W) in each box: float32 (N, P)."""
    _, height, width = planes.shape
    out = np.zeros((len(boxes), len(planes)), np.float32)
    for row, (x0, y0, x1, y1) in enumerate(boxes):
        xs = slice(int(x0 * width), max(int(x0 * width) + 1, round(float(x1) * width)))
        ys = slice(int(y0 * height), max(int(y0 * height) + 1, round(float(y1) * height)))
        out[row] = planes[:, ys, xs].mean((1, 2))
    return torch.from_numpy(out)


def colour_planes(rgb: np.ndarray) -> np.ndarray:
    """One float plane for each named colour: 1 where it is the nearest name in CIELAB."""
    small = cv2.resize(rgb, (96, 96), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).reshape(-1, 1, 3)
    names = np.array([NAMED[name] for name in COLOURS], np.float32)[None] / 255
    targets = cv2.cvtColor(names, cv2.COLOR_RGB2LAB)
    nearest = ((lab - targets) ** 2).sum(2).argmin(1)
    return (
        (nearest[None] == np.arange(len(COLOURS))[:, None]).reshape(-1, 96, 96).astype(np.float32)
    )
