"""CLIP's text tower: sentences in, their places in the space shared with pictures out.

Weights and tokenizer are transformers' and lie in one folder (`openai/clip-vit-large-patch14-336`).
As with the vision tower, the activation is an argument: April-GAN runs both towers with plain GELU,
AnomalyCLIP and OpenAI themselves with quick GELU. The steps of the tower are public, as a learned
prompt enters behind the token embedding and between the blocks.

It does not know what the sentences say, nor anything of pictures.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import CLIPConfig, CLIPModel, CLIPTextModelWithProjection, CLIPTokenizer
from transformers.activations import ACT2FN

from triad_ui.errors import WeightsError
from triad_ui.expert.clip import REPOSITORY, Activation, not_here
from triad_ui.expert.quietly import quietly

BATCH = 64
"""Sentences read at a time: bounds memory, changes no value."""


class ClipText:
    """A frozen text tower. It changes nothing in the model, which several may share."""

    def __init__(
        self,
        model: CLIPModel | CLIPTextModelWithProjection,
        tokenizer: CLIPTokenizer | None = None,
        *,
        activation: Activation = "gelu",
    ) -> None:
        """tokenizer: needed for sentences; without one there are only the steps of the tower."""
        self._tower = model.text_model
        self._projection: nn.Linear = model.text_projection
        self._tokenizer = tokenizer
        self._activation: Callable[[Tensor], Tensor] = ACT2FN[activation]

    @property
    def blocks(self) -> nn.ModuleList:
        """transformers' CLIPEncoderLayer of block 1, 2, ... at index 0, 1, ..."""
        return self._tower.encoder.layers

    @property
    def longest(self) -> int:
        """Tokens of the longest sentence that is read whole, start and end among them."""
        return int(self._tower.config.max_position_embeddings)

    @property
    def device(self) -> torch.device:
        return self._projection.weight.device

    def encode(self, texts: Sequence[str]) -> Tensor:
        """(N, D) float32, not normalised: the sentences in the space shared with pictures.

        A sentence that is too long is cut off. Sentences are read in batches of like length.
        ValueError without a tokenizer.
        """
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        found = torch.zeros(len(texts), self._projection.out_features, device=self.device)
        with torch.no_grad():
            for start in range(0, len(order), BATCH):
                rows = order[start : start + BATCH]
                ids, ends = self.tokenize([texts[row] for row in rows])
                found[torch.tensor(rows, device=self.device)] = self.run(ids, ends).float()
        return found

    def tokenize(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Token ids (N, T), as wide as the longest sentence, and the place (N,) of each end token.

        What stands behind the end does not matter: no token looks ahead. ValueError without a
        tokenizer.
        """
        if self._tokenizer is None:
            raise ValueError("this text tower came without its tokenizer")
        rows = self._tokenizer(list(texts), truncation=True, max_length=self.longest)["input_ids"]
        width = max((len(row) for row in rows), default=0)
        filler = self._tokenizer.eos_token_id
        padded = [row + [filler] * (width - len(row)) for row in rows]
        ids = torch.tensor(padded, dtype=torch.long, device=self.device).reshape(-1, width)
        ends = torch.tensor([len(row) - 1 for row in rows], dtype=torch.long, device=self.device)
        return ids, ends

    def run(self, ids: Tensor, ends: Tensor) -> Tensor:
        """(N, D), not normalised, of token ids (N, T) whose end tokens stand at `ends` (N,)."""
        hidden = self.place(self.embed(ids))
        for number in range(1, len(self.blocks) + 1):
            hidden = self.block(number, hidden)
        return self.finish(hidden, ends)

    def embed(self, ids: Tensor) -> Tensor:
        """(N, T, C): the token embeddings alone, to which a learned prompt can be put."""
        return self._tower.embeddings.token_embedding(ids.to(self.device))

    def place(self, embedded: Tensor) -> Tensor:
        """(N, T, C): with the position table, what block 1 reads. ValueError if T is too long."""
        if embedded.shape[1] > self.longest:
            raise ValueError(f"{embedded.shape[1]} tokens; at most {self.longest} are read")
        return embedded + self._tower.embeddings.position_embedding.weight[: embedded.shape[1]]

    def block(self, number: int, hidden: Tensor) -> Tensor:
        """Block `number` (1-based) of tokens (N, T, C): causal, under this tower's activation."""
        layer = self.blocks[number - 1]
        length = hidden.shape[1]
        ahead = torch.full((length, length), float("-inf"), dtype=hidden.dtype, device=self.device)
        mask = ahead.triu(1)[None, None]
        seen, _ = layer.self_attn(layer.layer_norm1(hidden), attention_mask=mask)
        hidden = hidden + seen
        inner = self._activation(layer.mlp.fc1(layer.layer_norm2(hidden)))
        return hidden + layer.mlp.fc2(inner)

    def finish(self, hidden: Tensor, ends: Tensor) -> Tensor:
        """(N, D) of the last block's tokens (N, T, C): final norm, end token, projection."""
        rows = torch.arange(len(hidden), device=hidden.device)
        return self._projection(self._tower.final_layer_norm(hidden)[rows, ends])


def load_clip_text(
    source: str | Path = REPOSITORY,
    *,
    activation: Activation = "gelu",
    dtype: torch.dtype = torch.float32,
    device: str | torch.device | None = None,
) -> ClipText:
    """The text tower with its tokenizer, from a folder or the Hugging Face cache; frozen.

    source, device: as `clip.load_clip`. Nothing is fetched. WeightsError, with the way out, when
    weights or tokenizer are not here or do not belong together.
    """
    try:
        config = CLIPConfig.from_pretrained(source, local_files_only=True)
        config.text_config.projection_dim = config.projection_dim
        tokenizer = CLIPTokenizer.from_pretrained(source, local_files_only=True)
        with quietly():
            model, told = CLIPTextModelWithProjection.from_pretrained(
                source,
                config=config.text_config,
                dtype=dtype,
                local_files_only=True,
                output_loading_info=True,
            )
    except Exception as error:  # transformers raises OSError, ValueError, and what readers raise
        raise WeightsError(not_here(source, "the text tower")) from error
    if told["missing_keys"] or told["mismatched_keys"]:
        raise WeightsError(f"{source} holds no complete CLIP text tower. {not_here(source, 'it')}")
    # Without its files transformers makes an empty tokenizer, which reads every word as unknown.
    if len(tokenizer) != config.text_config.vocab_size:
        raise WeightsError(
            f"The tokenizer in {source} knows {len(tokenizer)} tokens, the text tower "
            f"{config.text_config.vocab_size}. {not_here(source, 'it and its tokenizer')}"
        )
    where = device or ("cuda" if torch.cuda.is_available() else "cpu")
    return ClipText(model.to(where).eval().requires_grad_(False), tokenizer, activation=activation)


def encode_later(
    source: str | Path = REPOSITORY, *, activation: Activation = "gelu"
) -> Callable[[Sequence[str]], Tensor]:
    """`ClipText.encode` of a tower that is loaded when the first sentences are to be read.

    Raises then what `load_clip_text` raises.
    """
    lock = threading.Lock()
    towers: list[ClipText] = []

    def encode(texts: Sequence[str]) -> Tensor:
        with lock:
            if not towers:
                towers.append(load_clip_text(source, activation=activation))
        return towers[0].encode(texts)

    return encode
