"""Logistic regression of a few numbers, for what is weighed after it was learned."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


def fit(
    layers: Sequence[nn.Linear], told: Sequence[Tensor], truth: Tensor, *,
    weight: Tensor | None = None, nonnegative: bool = False, small: float = 1e-3,
) -> float:  # fmt: skip
    """Fit layers (n -> 1), with or without bias, in place, any of which is enough: their odds add
    up. Returns the cross-entropy.

    told: (N, n), for each layer. truth: float (N,), 0 or 1. weight: of each, (N,). nonnegative:
    nothing that is told may speak against. small: weight of the squares of the weights.
    """
    raw = [torch.zeros(each.shape[1], requires_grad=True) for each in told]
    bias = [
        torch.full((1,), -float(n), requires_grad=True)
        if layer.bias is not None
        else torch.zeros(1)
        for n, layer in enumerate(layers)
    ]
    free = [*raw, *(each for each in bias if each.requires_grad)]
    optimizer = torch.optim.LBFGS(free, max_iter=400, line_search_fn="strong_wolfe")

    def weights() -> list[Tensor]:
        return [functional.softplus(each) for each in raw] if nonnegative else raw

    def wrong() -> Tensor:
        each = [x @ w + b for x, w, b in zip(told, weights(), bias, strict=True)]
        odds = torch.stack(each).logsumexp(0)
        return functional.binary_cross_entropy_with_logits(odds, truth, weight)

    def loss() -> Tensor:
        optimizer.zero_grad()
        penalty = sum((each.square().sum() for each in weights()), torch.zeros(()))
        found = wrong() + small * penalty
        found.backward()
        return found

    optimizer.step(loss)
    with torch.no_grad():
        for layer, each, constant in zip(layers, weights(), bias, strict=True):
            layer.weight.copy_(each[None])
            if layer.bias is not None:
                layer.bias.copy_(constant)
        return float(wrong())
