"""The end of a network that looks at a region: its cells look at those around them, then tell.

Shared by what looks at a region alone and by what holds it against a good part's; each brings the
rows of its own. Knows no pictures.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH, LAYERS = 128, 3


class RegionReader(nn.Module):
    """Rows (N, WIDTH, g, g) -> what the regions show. kinds: that are told apart beside none."""

    def __init__(self, kinds: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_Layer(dropout) for _ in range(LAYERS))
        self.out = nn.GroupNorm(1, WIDTH)
        self.fault = nn.Conv2d(WIDTH, 1, 1)
        self.tell = nn.Sequential(
            nn.Linear(3 * WIDTH, WIDTH), nn.GELU(), nn.Dropout(2 * dropout),
            nn.Linear(WIDTH, 1 + kinds),
        )  # fmt: skip

    def told(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Log-odds of a fault in each cell, (N, g, g), and logits (N, 1 + kinds) of each region,
        none first."""
        for layer in self.layers:
            rows = layer(rows)
        rows = self.out(rows)
        cells = self.fault(rows)[:, 0]
        flat = rows.flatten(2)
        share = cells.flatten(1).softmax(1)[:, :, None]
        pooled = torch.cat([(flat @ share)[:, :, 0], flat.mean(2), flat.amax(2)], 1)
        return cells, self.tell(pooled)


def odds_of(kinds: Tensor) -> Tensor:
    """Log-odds of any kind against none: (N, 1 + kinds) -> (N,)."""
    return torch.logsumexp(kinds[:, 1:], 1) - kinds[:, 0]


class _Layer(nn.Module):
    """Cells look at those around them."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, WIDTH)
        self.near = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.mix = nn.Conv2d(WIDTH, WIDTH, 1)
        self.drop = nn.Dropout(dropout)

    def forward(self, rows: Tensor) -> Tensor:
        return rows + self.drop(self.mix(functional.gelu(self.near(self.norm(rows)))))
