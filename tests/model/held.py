"""Bytes that a model really holds: every storage once, what quantization keeps beside it too."""

from __future__ import annotations

from collections.abc import Iterator

import torch


def held_bytes(model: torch.nn.Module) -> int:
    storages = {}
    for values in _tensors(model):
        storage = values.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
    return sum(storages.values())


def _tensors(model: torch.nn.Module) -> Iterator[torch.Tensor]:
    yield from model.parameters()
    yield from model.buffers()
    for module in model.modules():
        weight = getattr(module, "weight", None)
        places = [weight, getattr(module, "state", None), getattr(weight, "quant_state", None)]
        places.append(getattr(places[-1], "state2", None))
        for place in places:
            for value in vars(place).values() if hasattr(place, "__dict__") else ():
                if isinstance(value, torch.Tensor):
                    yield value
