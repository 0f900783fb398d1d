"""How much memory a model needs, told from its shapes before a weight is read, and what fits.

The estimate is weights as they are stored at a precision, the key-value cache of a conversation,
what one step of reading works with, and a fixed share for the libraries. It errs to the safe side.
Imports nothing heavy; knows nothing of files or of how a model is loaded.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil, prod
from typing import TYPE_CHECKING, Any

from triad_ui.errors import ModelError
from triad_ui.model.choice import PRECISIONS, Machine, ModelOffer, Precision
from triad_ui.model.machine import machine
from triad_ui.model.out_of_memory import in_words
from triad_ui.model.shapes import Shapes, head_sizes, shapes_of, tied

if TYPE_CHECKING:
    from triad_ui.model.layout import Checkpoint

__all__ = [
    "Need", "check_fits", "in_gb", "in_words", "machine", "need", "need_of_shapes", "needs_of",
    "pick_precision",
]  # fmt: skip

CONVERSATION = 20_480
"""Positions of a full conversation: two images of 8047 tokens, a process, questions, answers."""
CHUNK = 1024
"""Positions that are read at once on a GPU, as in `generate.py`; a processor takes fewer."""
VIEWS, ALL_VIEWS = 8, 41
"""Views in the tower together, and views of the largest image (base, 36 tiles, 4 regions)."""
LIBRARIES = 600 * 2**20
"""Kernels, workspaces of cuBLAS and gaps between blocks (a processor: torch's own libraries)."""

_BLOCK, _NESTED = 64, 256
"""nf4: values that share a scale, and scales that share a scale of their own."""


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes. weights: as held at the precision. cache: keys and values of a full conversation.
    work: of the larger of a tower's batch and a step of reading. libraries: a fixed share."""

    weights: int
    cache: int
    work: int
    libraries: int = LIBRARIES

    @property
    def total(self) -> int:
        return self.weights + self.cache + self.work + self.libraries


def need(checkpoint: Checkpoint, precision: Precision, *, positions: int | None = None) -> Need:
    """What a checkpoint needs for a conversation of `positions` (as long as it reads, at most
    CONVERSATION)."""
    from triad_ui.model.quantize import torch_dtype

    positions = positions or min(checkpoint.context_limit, CONVERSATION)
    shapes = {name: weight.shape for name, weight in checkpoint.weights.items()}
    element = torch_dtype(precision).itemsize
    return need_of_shapes(
        shapes, checkpoint.config.to_dict(), precision, positions=positions, element=element
    )


def needs_of(config: Mapping[str, Any], *, positions: int | None = None) -> dict[str, int]:
    """Bytes in all by precision, for a model that is not here: its config.json, sizes written out.

    positions: of a conversation; None: CONVERSATION, or `max_position_embeddings` if that is less.
    """
    shapes = shapes_of(config)
    reads = config.get("text_config", config).get("max_position_embeddings", CONVERSATION)
    positions = positions or min(reads, CONVERSATION)
    return {
        precision: need_of_shapes(shapes, config, precision, positions=positions).total
        for precision in PRECISIONS
        if precision != "auto"
    }


def need_of_shapes(
    shapes: Shapes,
    config: Mapping[str, Any],
    precision: Precision,
    *,
    positions: int = CONVERSATION,
    element: int | None = None,
) -> Need:
    """Bytes for tensors of these shapes. element: bytes of a value that is not quantized (4 in
    fp32, else 2; a processor without bfloat16 takes 4 for "auto", "int8" and "nf4" too)."""
    element = element or (4 if precision == "fp32" else 2)
    if tied(config):
        shapes = {name: shape for name, shape in shapes.items() if name != "lm_head.weight"}
    weights = sum(_bytes(name, shape, precision, element) for name, shape in shapes.items())
    text = config.get("text_config", config)
    _, kept, head = head_sizes(text)
    cache = 2 * text["num_hidden_layers"] * kept * head * positions * element
    work = max(_reading(text, precision, positions, element), _seeing(config, element))
    # visual tokens are kept beside the cache, so that a conversation begun anew is quick
    return Need(weights, cache, work + positions * text["hidden_size"] * element)


def pick_precision(checkpoint: Checkpoint, free: int) -> Precision:
    """The most exact precision that fits into `free` bytes (0: unknown, nothing is quantized).

    The smallest when none fits; `check_fits` then says so.
    """
    from triad_ui.model.quantize import torch_dtype

    whole: Precision = {2: "bf16", 4: "fp32"}[torch_dtype("auto").itemsize]
    if str(torch_dtype("auto")) == "torch.float16":
        whole = "fp16"
    if not free or need(checkpoint, whole).total <= free:
        return whole
    smaller = _smaller()
    for precision in smaller:
        if need(checkpoint, precision).total <= free:
            return precision
    return smaller[-1] if smaller else whole


def check_fits(
    checkpoint: Checkpoint,
    precision: Precision,
    free: int | Machine | None = None,
    *,
    held: int = 0,
    others: Iterable[ModelOffer] = (),
) -> None:
    """Refuse a checkpoint that is too large, before loading it.

    free: bytes, or the machine, or None to look; nothing is refused when it is unknown (0). held:
    bytes of the model that is loaded now and could make room. others: what else is offered.
    Raises ModelError with what it needs, what is free and what would fit.
    """
    where = machine() if free is None or isinstance(free, int) else free
    space = free if isinstance(free, int) else where.free
    wanted = need(checkpoint, precision).total
    if not space or wanted <= space:
        return
    facts = (
        f"{checkpoint.title} needs about {in_gb(wanted)} in {precision}; "
        f"{in_gb(space)} are free on {where.device}."
    )
    if wanted <= space + held:
        raise ModelError(
            f"{facts} Unload the current model first: it holds about {in_gb(held)}, then it fits."
        )
    for smaller in _smaller():
        less = need(checkpoint, smaller).total
        if less <= space:
            raise ModelError(f"{facts} In {smaller} it needs {in_gb(less)} and fits.")
        if less <= space + held:
            raise ModelError(
                f"{facts} Unload the current model, which holds about {in_gb(held)}: then it fits "
                f"in {smaller} ({in_gb(less)})."
            )
    fitting = [
        (bytes_, offer.title, name)
        for offer in others
        for name, bytes_ in offer.needs.items()
        if 0 < bytes_ <= space + held and name != "fp32" and not offer.problem
    ]
    if fitting:
        bytes_, title, name = max(fitting, key=lambda each: each[:2])  # bf16 stands before fp16
        raise ModelError(
            f"{facts} It fits in no precision. {title} in {name} needs {in_gb(bytes_)}."
        )
    raise ModelError(
        f"{facts} It fits in no precision. Close other programs, take a smaller model, or name the "
        "URL of a server that runs it."
    )


def in_gb(size: int) -> str:
    """Bytes for people, in the GB (2^30) that graphics cards are sold by: "14.2 GB", "90 MB"."""
    return f"{size / 2**30:.1f} GB" if size >= 2**30 / 10 else f"{ceil(size / 2**20)} MB"


def _smaller() -> tuple[Precision, ...]:
    return ("int8", "nf4") if importlib.util.find_spec("bitsandbytes") else ()


def _bytes(name: str, shape: tuple[int, ...], precision: Precision, element: int) -> int:
    """As held: quantized are the matrices of the language model's blocks, see `quantize.WHOLE`."""
    values = prod(shape)
    block = ".layers." in name and "vision_tower" not in name and len(shape) == 2
    if not block or precision not in ("int8", "nf4"):
        return values * element
    if precision == "int8":
        return values + 4 * shape[0]  # one float32 scale a row
    scales = ceil(values / _BLOCK)
    # a byte a scale, a float32 for each 256 of them, the table of 16 values, the offset
    return ceil(values / 2) + scales + 4 * ceil(scales / _NESTED) + 4 * 16 + 4


def _reading(text: Mapping[str, Any], precision: Precision, positions: int, element: int) -> int:
    """A step of reading: activations of one block, keys and values for every query head, the mask,
    and where weights are quantized the largest of them unpacked."""
    width, wide, words = text["hidden_size"], text["intermediate_size"], text["vocab_size"]
    heads, kept, head = head_sizes(text)
    block = CHUNK * (8 * width + 3 * wide) * element + CHUNK * 2 * width * 4
    attention = 2 * positions * (heads + kept) * head * element + CHUNK * positions * (element + 1)
    unpacked = wide * width * element if precision in ("int8", "nf4") else 0
    return block + attention + unpacked + words * (element + 4)


def _seeing(config: Mapping[str, Any], element: int) -> int:
    """A batch of views in the tower, then the features of all views, joined and shrunk."""
    vision = config.get("vision_config")
    if not vision:
        return 0
    features = (vision["image_size"] // vision["patch_size"]) ** 2
    width = config.get("text_config", config)["hidden_size"]
    batch = VIEWS * features * (10 * vision["hidden_size"] + 2 * vision["intermediate_size"])
    return (batch + 3 * ALL_VIEWS * features * width) * element
