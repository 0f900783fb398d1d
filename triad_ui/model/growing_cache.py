"""A key-value cache with room to grow: nothing is copied when a token is added.

transformers' own `DynamicCache` concatenates at every step, which at 7400 positions copies the
whole cache for each decoded token. Here the room is made once for a whole request, a cut costs
nothing, and the copy of a beginning is a cache of its own.
Knows neither prompts nor models: it is handed to one as `past_key_values`.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from transformers import PreTrainedConfig
from transformers.cache_utils import Cache, CacheLayerMixin

STEP = 256
"""Room is made in multiples of this many positions."""


class GrowingLayer(CacheLayerMixin):
    """Keys and values of one layer, (1, heads, room, width) each; the first `length` are filled."""

    is_sliding = False
    is_croppable = True

    def __init__(self, cache: GrowingCache) -> None:
        super().__init__()
        self._cache = cache
        self.length = 0

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        self.keys = key_states[:, :, :0]
        self.values = value_states[:, :, :0]
        self.is_initialized = True

    def update(
        self, key_states: Tensor, value_states: Tensor, *_: object, **__: object
    ) -> tuple[Tensor, Tensor]:
        """Write behind what is there; returns all keys and values so far, as views."""
        self._cache.between()
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        end = self.length + key_states.shape[-2]
        if end > self.keys.shape[-2]:
            self.keys = self._wider(self.keys, end)
            self.values = self._wider(self.values, end)
        self.keys[:, :, self.length : end] = key_states
        self.values[:, :, self.length : end] = value_states
        self.length = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    def copy_into(self, other: GrowingLayer, length: int) -> None:
        """The first `length` positions, in room of their own."""
        if self.is_initialized:
            other.lazy_initialization(self.keys, self.values)
            other.length = length
            other.keys = other._wider(self.keys, length)
            other.values = other._wider(self.values, length)

    def _wider(self, rows: Tensor, end: int) -> Tensor:
        room = -(-max(end, self._cache.expected) // STEP) * STEP
        made = rows.new_empty((*rows.shape[:2], room, rows.shape[3]))
        made[:, :, : self.length] = rows[:, :, : self.length]
        return made

    def reset(self) -> None:
        self.keys = self.values = None
        self.is_initialized, self.length = False, 0

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.length + query_length, 0

    def get_seq_length(self) -> int:
        return self.length

    def get_max_length(self) -> int:
        return -1


class GrowingCache(Cache):
    """One layer of the above for each of the model's.

    expected: positions that will be needed, so that room is made once. between: called before each
    layer of each step writes; what it raises leaves the layers uneven until `truncate`.
    """

    def __init__(self, config: PreTrainedConfig, expected: int = 0) -> None:
        count = config.get_text_config(decoder=True).num_hidden_layers
        self.expected = expected
        super().__init__(layers=[GrowingLayer(self) for _ in range(count)])

    between: Callable[[], None] = staticmethod(lambda: None)

    @property
    def bytes(self) -> int:
        """Memory that is held, room included."""
        return sum(
            rows.numel() * rows.element_size()
            for layer in self.layers
            if layer.is_initialized
            for rows in (layer.keys, layer.values)
        )

    def truncate(self, length: int) -> None:
        """Forget all from position `length` on; the room stays."""
        for layer in self.layers:
            layer.length = min(layer.length, length)

    def branch(self, config: PreTrainedConfig, length: int, expected: int) -> GrowingCache:
        """A second cache that begins with the first `length` positions of this one."""
        made = GrowingCache(config, expected)
        for layer, other in zip(self.layers, made.layers):
            layer.copy_into(other, length)
        return made


def bytes_per_position(config: PreTrainedConfig, element_size: int) -> int:
    """Memory that one position takes in the cache of a model with this configuration."""
    text = config.get_text_config(decoder=True)
    width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return text.num_hidden_layers * 2 * text.num_key_value_heads * width * element_size
