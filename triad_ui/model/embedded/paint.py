"""Which paint each place of a picture shows, whatever the light and the camera.

A small convolutional network beside what the whole picture tells of light and camera. It knows no
products and no processes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

COLOURS = (
    "red", "green", "blue", "yellow", "orange", "purple", "white", "black", "grey", "brown",
    "steel", "brass", "copper", "oxide",
)  # fmt: skip
"""Words for paints; the last METALS are bare metals, "oxide" the black one."""
METALS = 4
SIDE = 120
"""Pixels a side of what is told."""
LEVELS = (0.05, 0.5, 0.95)
"""Shares of the pixels below the levels that tell of the light."""
WIDTH = 32


class Paint(nn.Module):
    """Pictures (N, 3, H, H), -1..1 -> logits (N, 1 + len(COLOURS), SIDE, SIDE), the last of what
    is none of them, as what lies behind a part."""

    def __init__(self) -> None:
        super().__init__()
        self.pixels = nn.Conv2d(3, WIDTH, 3, 1, 1)
        self.light = nn.Sequential(
            nn.Linear(3 * (2 + len(LEVELS)), WIDTH), nn.GELU(), nn.Linear(WIDTH, 2 * WIDTH)
        )
        self.near = nn.Conv2d(WIDTH, WIDTH, 3, 1, 1)
        self.around = nn.Sequential(
            nn.Conv2d(WIDTH, WIDTH, 3, 2, 1), nn.GELU(),
            nn.Conv2d(WIDTH, WIDTH, 3, 2, 1), nn.GELU(),
            nn.Conv2d(WIDTH, WIDTH, 3, 1, 1), nn.GELU(),
        )  # fmt: skip
        self.both = nn.Conv2d(2 * WIDTH, WIDTH, 1)
        self.name = nn.Conv2d(WIDTH, 1 + len(COLOURS), 1)

    def forward(self, pictures: Tensor) -> Tensor:
        pixels = functional.adaptive_avg_pool2d(pictures, SIDE)
        flat = pixels.flatten(2)
        levels = torch.quantile(flat, torch.tensor(LEVELS), dim=-1)
        light = self.light(torch.cat([flat.mean(-1), flat.std(-1), *levels], 1))
        first, second = light[:, :, None, None].chunk(2, 1)
        near = functional.gelu(self.pixels(pixels) + first)
        near = functional.gelu(self.near(near) + second)
        around = functional.interpolate(self.around(near), size=SIDE, mode="bilinear")
        return self.name(functional.gelu(self.both(torch.cat([near, around], 1))))
