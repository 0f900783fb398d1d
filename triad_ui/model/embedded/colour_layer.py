"""What tokens of a process and of a picture's colours learn from each other in `ColourReader`."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from triad_ui.model.embedded.colour_orders import ATTRIBUTE, NAME, NTH, STEP, VALUE
from triad_ui.model.embedded.paint import COLOURS

WIDTH, HEADS = 96, 6
RELATIONS = 5


class Layer(nn.Module):
    """Tokens look at each other, the more so as they belong together."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.ask, self.answer = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.near = nn.Parameter(torch.zeros(RELATIONS, HEADS))
        self.mix = nn.Sequential(
            nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH)
        )
        self.norm_1, self.norm_2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.drop = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, relations: Tensor, hidden: Tensor) -> Tensor:
        """tokens: (N, T, WIDTH). relations: (N, RELATIONS, T, T). hidden: (N, T), added to what is
        looked for."""
        count, length, _ = tokens.shape
        asked = self.ask(self.norm_1(tokens)).view(count, length, 3, HEADS, -1)
        query, key, value = asked.permute(2, 0, 3, 1, 4)
        bias = torch.einsum("nrij,rh->nhij", relations, self.near) + hidden[:, None, None]
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        tokens = tokens + self.drop(self.answer(found.transpose(1, 2).reshape(tokens.shape)))
        return tokens + self.drop(self.mix(self.norm_2(tokens)))


def relations_of(values: Tensor, on: Tensor, colour: Tensor) -> Tensor:
    """Which tokens belong together, 0 or 1, (N, RELATIONS, T, T): of one attribute, of one step, of
    one colour, next in a list, and the one before. The first are the whole and each colour."""
    count, first = len(values), 1 + len(COLOURS)

    def with_first(own: Tensor, of_first: Tensor) -> Tensor:
        return torch.cat([of_first.expand(count, first), own], 1)

    none = torch.full((first,), -1)
    attribute = with_first(torch.where(on, values[..., ATTRIBUTE], -2), none)
    step = with_first(torch.where(on, values[..., STEP], -2), none)
    named = with_first(torch.where(colour, values[..., VALUE], -4), torch.arange(-1, first - 1))
    value = on & (values[..., NAME] == 0)
    nth = with_first(torch.where(value, values[..., NTH], -9), none * 9)

    def alike(one: Tensor) -> Tensor:
        return one[:, :, None] == one[:, None]

    same = alike(attribute) & (attribute[:, :, None] >= 0)
    found = [
        same,
        alike(step) & (step[:, :, None] >= 0),
        alike(named),
        same & (nth[:, :, None] == nth[:, None] + 1),
        same & (nth[:, :, None] == nth[:, None] - 1),
    ]
    return torch.stack(found, 1).float()
