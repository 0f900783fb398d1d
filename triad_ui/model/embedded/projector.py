"""Cells -> visual tokens in the language model's width: the trained half of the EG-RoI tokenizer.

Each part of a cell is normalised on its own (block outputs differ by a factor of ten), then two
linear layers with GELU, then what the cell is and where it lies. `forward` works cell by cell and
does not know how many images or regions there are; `image` adds what a query's tokens say together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from triad_ui.model.embedded.close_comparer import CloseComparer
from triad_ui.model.embedded.close_reader import Close, CloseReader
from triad_ui.model.embedded.colour_reader import ColourReader
from triad_ui.model.embedded.findings import Findings
from triad_ui.model.embedded.region_reader import odds_of
from triad_ui.model.embedded.scene import Scene
from triad_ui.model.embedded.step_reader import Reading, StepReader
from triad_ui.model.embedded.views import CELL_PARTS, MAX_ROIS, Cells

PLACE_GRID = 8
HIDDEN = 0.3
"""Share of the cells in which a part is hidden while training."""


class Projector(nn.Module):
    """(N cells) -> float32 (N, width).

    width: of the language model. kinds: of fault, that its findings tell apart; surface: how many
    of them, the first, a close look tells apart. hidden: inner width. vocabulary: words that
    `steps` can tell. The output starts small (`scale`), because word embeddings are.
    """

    def __init__(
        self, width: int, kinds: int, surface: int, hidden: int = 768, scale: float = 0.1,
        vocabulary: int = 1,
    ) -> None:  # fmt: skip
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(part) for part in CELL_PARTS[:4])
        self.colours = nn.LayerNorm(CELL_PARTS[4], elementwise_affine=True)
        self.linear_1 = nn.Linear(sum(CELL_PARTS) + CELL_PARTS[4], hidden)
        self.linear_2 = nn.Linear(hidden, width)
        self.output = nn.LayerNorm(width, elementwise_affine=False)
        self.drop = nn.Dropout(0.15)
        self.kind = nn.Embedding(4, width)
        self.region = nn.Embedding(MAX_ROIS, width)
        self.place = nn.Parameter(torch.zeros(1, width, PLACE_GRID, PLACE_GRID))
        self.size = nn.Parameter(torch.zeros(width))
        self.scale = nn.Parameter(torch.full((width,), scale))
        for embedding in (self.kind, self.region):
            nn.init.normal_(embedding.weight, std=0.02)
        self.findings = Findings(width, kinds)
        self.close = CloseReader(surface)
        self.comparer = CloseComparer(surface)
        self.steps = StepReader(width, vocabulary)
        self.orders = ColourReader(kinds - surface)

    def forward(self, cells: Cells) -> Tensor:
        """Visual tokens float32 (N, width), in the order of the cells."""
        parts = cells.vectors.split(CELL_PARTS, 1)
        # in training, whole parts of a cell are hidden now and then: what the expert's map says
        # holds for products that were never seen, what the features say need not
        normed = [self._hide(norm(part)) for norm, part in zip(self.norms, parts[:4])]
        # raw colours say "red", normed ones say "different from its surroundings"
        colours, residual, colour_residual = parts[4], parts[5], parts[6]
        inner = torch.cat(
            [
                *normed,
                self._hide(colours * 2.0),
                self._hide(self.colours(colours)),
                self._hide(residual * 0.5),
                self._hide(colour_residual * 6.0),
                *parts[7:],
            ],
            1,
        )
        hidden = self.drop(functional.gelu(self.linear_1(inner)))
        tokens = self.output(self.linear_2(hidden)) * self.scale
        return tokens + self._where(cells.places) + self.kind(cells.kinds) + self._region(cells)

    def image(
        self, cells: Cells, evidence: Tensor | None = None, close: Close | None = None,
        reading: Reading | None = None,
    ) -> Tensor:  # fmt: skip
        """Visual tokens of one image. evidence: (EVIDENCE,) of a query, whose findings follow its
        cells; None for a reference. close: of its regions. reading: of a query that has a
        process."""
        tokens = self(cells)
        if evidence is None:
            return tokens
        return torch.cat([tokens, self.findings(tokens, cells, evidence, close, reading)])

    def learned(self) -> tuple[nn.Module, ...]:
        """What has learned before the language model does, and stays as it is."""
        return self.close, self.comparer, self.steps, self.orders

    def look(self, scenes: Sequence[Scene], frames: Tensor, good: Sequence[Scene] = ()) -> Close:
        """What regions of a query show, alone and beside the same regions of a good part. As of
        `CloseReader.look`."""
        close = self.close.look(scenes, frames, good)
        if not good:
            return close
        return replace(close, differ=odds_of(self.comparer.compare(scenes, good)[1]))

    def _hide(self, part: Tensor) -> Tensor:
        if not self.training:
            return part
        shown = torch.rand(len(part), 1, device=part.device) > HIDDEN
        return self.drop(part) * shown

    def _where(self, places: Tensor) -> Tensor:
        spots = (places[:, :2] * 2.0 - 1.0)[None, :, None]
        grid = functional.grid_sample(self.place, spots, align_corners=False, padding_mode="border")
        return grid[0, :, :, 0].T + places[:, 2:3] * self.size

    def _region(self, cells: Cells) -> Tensor:
        is_region = (cells.kinds % 2 == 1).float()[:, None]
        return self.region(cells.index) * is_region

    def start_places(self, names: Tensor) -> None:
        """Begin with words for the place: names (9, width), embeddings of the 3x3 names."""
        grid = names.T.reshape(1, -1, 3, 3)
        with torch.no_grad():
            self.place.copy_(
                functional.interpolate(grid, (PLACE_GRID, PLACE_GRID), mode="bilinear")
            )
