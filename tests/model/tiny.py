"""A language model of two layers, a small tokenizer, a tower of random weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from triad_ui.expert.backbone import EfficientNetLite0, normalise
from triad_ui.model.chat import END, START, ChatTokenizer
from triad_ui.model.embedded.encoder import EmbeddedEncoder, Lexicon
from triad_ui.model.embedded.projector import Projector
from triad_ui.model.embedded.views import BLOCK_WIDTHS, BLOCKS
from triad_ui.model.generate import Prompt
from triad_ui.model.local import LocalTriad
from triad_ui.records import AnomalyMap, Roi, VisualInput

SPECIAL = ["<|endoftext|>", START, END]
CORPUS = (
    "system user assistant You are a helpful assistant. Are there any defects on the cable in this "
    "image? A. Yes B. No Answer with the option's letter from the given choices directly. What is "
    "wrong with it? There is a scratch at the top left. It contradicts step 2 of the process."
)


def write_tokenizer(file: Path, vocabulary: int = 400, special: Sequence[str] = SPECIAL) -> Path:
    """A byte-level BPE with ChatML's special tokens, trained on two sentences."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(special),
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator([CORPUS], trainer)
    tokenizer.save(str(file))
    return file


def tiny_config(vocabulary: int = 400) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=2,
        pad_token_id=0,
    )


class CountingLlama(LlamaForCausalLM):
    """Notes how many positions each call reads; says `script` when there is one."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__(config)
        self.reads: list[int] = []
        self.script: list[int] = []
        self._said = 0
        self.model.register_forward_hook(self._count, with_kwargs=True)
        self.lm_head.register_forward_hook(self._say)

    def _count(self, _module: object, _args: object, given: dict, _output: object) -> None:
        embedded = given.get("inputs_embeds")
        width = embedded.shape[1] if embedded is not None else 0
        self.reads.append(width)
        self._said = 0 if width > 1 else self._said + 1

    def _say(self, _module: object, _args: object, logits: Tensor) -> Tensor | None:
        if not self.script:
            return None
        scripted = torch.full_like(logits, -9.0)
        scripted[..., self.script[min(self._said, len(self.script) - 1)]] = 9.0
        return scripted


def tiny_language(seed: int = 0, vocabulary: int = 400) -> CountingLlama:
    """float32, frozen; its logits are spread out, so that greedy answers differ from prompt to
    prompt."""
    torch.manual_seed(seed)
    model = CountingLlama(tiny_config(vocabulary))
    for weight in model.parameters():
        if weight.ndim == 2:
            weight.data.mul_(6.0)
    return model.eval().requires_grad_(False)


def word_prompt(model: LlamaForCausalLM, ids: Sequence[int]) -> Prompt:
    """A prompt of plain tokens."""
    table = model.get_input_embeddings().weight

    def embed(start: int, end: int) -> Tensor:
        return table[torch.tensor(ids[start:end])]

    return Prompt(tuple(ids), embed)


def stub_tower(rgb: np.ndarray, side: int) -> dict[int, Tensor]:
    """Block outputs of the right widths that follow from the mean colours of a 12x12 raster."""
    import cv2

    small = cv2.resize(rgb, (12, 12), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    pixels = torch.from_numpy(small).permute(2, 0, 1)[None]
    blocks = {}
    for number, (block, width) in enumerate(zip(BLOCKS, BLOCK_WIDTHS)):
        random = torch.Generator().manual_seed(number)
        mixing = torch.randn(width, 3, generator=random)
        blocks[block] = torch.einsum("cd,bdhw->bchw", mixing, pixels)
    return blocks


@cache
def real_network() -> EfficientNetLite0:
    torch.manual_seed(5)
    return EfficientNetLite0().eval().requires_grad_(False)


def real_tower(rgb: np.ndarray, side: int) -> dict[int, Tensor]:
    """The embedded model's own network, weights drawn at random."""
    with torch.inference_mode():
        return real_network().features(normalise(rgb, side), BLOCKS)


def visual(
    seed: int = 0, rois: int = 2, *, mapped: bool = True, is_reference: bool = False
) -> VisualInput:
    """A picture of 240 x 200 pixels in patches of random colours, with up to five regions."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)
    rgb = np.ascontiguousarray(patches.repeat(10, 0).repeat(10, 1))
    boxes = [(10, 20, 70, 80), (100, 40, 190, 130), (20, 120, 90, 190), (150, 5, 230, 85),
             (90, 140, 140, 190)]  # fmt: skip
    amap = AnomalyMap(rng.random((24, 24), np.float32), 0.7, True, "fake@1") if mapped else None
    regions = tuple(Roi(*box, score=0.5) for box in boxes[:rois])
    return VisualInput(rgb, regions, amap, f"picture-{seed}", is_reference=is_reference)


def tiny_triad(folder: Path, context_limit: int = 2048, seed: int = 0) -> LocalTriad:
    """The whole embedded model around tiny parts."""
    language = tiny_language(seed)
    torch.manual_seed(seed + 1)
    projector = Projector(64, 3, 2, hidden=32).eval().requires_grad_(False)
    tokenizer = ChatTokenizer(write_tokenizer(folder / "tokenizer.json"))
    lexicon = Lexicon(tokenizer, language.get_input_embeddings().weight.detach())
    encoder = EmbeddedEncoder(projector, stub_tower, lexicon)
    return LocalTriad(language, tokenizer, encoder, "tiny", context_limit)
