"""What a contradicted process says is wrong, and where: from what `ColourReader` made of it.

The value that is blamed looks at the colours as they are seen; where these lie is about where the
fault is, and what is blamed beside what is seen tells its kind.
It knows no colour by its name, no pictures and no product, and does not judge whether anything is
contradicted.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

LOOKS, ASKED, INNER = 2, 32, 64
"""Glances at the colours, width of what each asks for, inner width."""
THIRDS, MOMENTS = 9, 5


class Naming(nn.Module):
    """width: of the reader's tokens. kinds: of faults against a process. side: cells a side of a
    colour's map."""

    def __init__(self, width: int, kinds: int, side: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.ask, self.key = nn.Linear(width, LOOKS * ASKED), nn.Linear(2 * width, LOOKS * ASKED)
        self.kind = self._told(2 * width + LOOKS * width, kinds, dropout)
        self.place = self._told(width + LOOKS * (THIRDS + MOMENTS), THIRDS, dropout)
        self.register_buffer("along", torch.linspace(-1, 1, side), persistent=False)

    def forward(
        self, whole: Tensor, colours: Tensor, looks: Tensor, values: Tensor, blame: Tensor,
        maps: Tensor,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """Logits of kinds (N, kinds) and of the 3x3 places (N, 9), row by row.

        whole: (N, width), colours: (N, K, width) and values: (N, L, width), tokens as the reader
        leaves them; looks: (N, K, width), of the colours as they are seen. blame: (N, L), log-odds
        of each value. maps: (N, K, side**2), share of each colour in each cell, 0..1.
        """
        count, side = len(whole), len(self.along)
        blamed = (blame.softmax(1)[..., None] * values).sum(1)
        asked = self.ask(blamed).view(count, LOOKS, ASKED)
        keys = self.key(torch.cat([colours, looks], -1)).view(count, -1, LOOKS, ASKED)
        share = (torch.einsum("nhd,nkhd->nhk", asked, keys) / ASKED**0.5).softmax(-1)
        looked = torch.einsum("nhk,nkd->nhd", share, colours).flatten(1)
        where = torch.einsum("nhk,nkc->nhc", share, maps).view(count, LOOKS, side, side)
        kinds = self.kind(torch.cat([blamed, whole, looked], 1))
        return kinds, self.place(torch.cat([blamed, self._where(where)], 1))

    def _where(self, maps: Tensor) -> Tensor:
        """Maps (N, LOOKS, side, side) -> shares of the thirds, centre and spread, and how much."""
        thirds = functional.adaptive_avg_pool2d(maps, 3).flatten(2)
        thirds = thirds / (thirds.sum(-1, keepdim=True) + 0.02)
        total = maps.flatten(2).sum(-1) + 0.05
        across, down = maps.sum(2) / total[..., None], maps.sum(3) / total[..., None]
        moments = [way @ self.along**power for power in (1, 2) for way in (across, down)]
        told = [thirds.flatten(1) * 3, *(3 * moment for moment in moments), total.log()]
        return torch.cat(told, 1)

    @staticmethod
    def _told(width: int, out: int, dropout: float) -> nn.Sequential:
        return nn.Sequential(
            nn.Linear(width, INNER), nn.GELU(), nn.Dropout(dropout), nn.Linear(INNER, out)
        )
