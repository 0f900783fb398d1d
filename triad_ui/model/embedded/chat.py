"""Messages -> token ids and places for images, in the base model's chat template (ChatML).

What a person typed is tokenised with special tokens switched off, so "<|im_end|>" or "<image>" in
a question or a process are the characters that they look like and nothing else.
Knows no pixels: an image is a run of positions that somebody else fills.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from triad_ui.records import Message

START, END = "<|im_start|>", "<|im_end|>"


@dataclass(frozen=True, slots=True)
class ImageSlot:
    """Stands where the visual tokens of image `index` go."""

    index: int


Piece = int | ImageSlot


class ChatTokenizer:
    """The base model's tokenizer and template; thread-safe, as it is never changed."""

    def __init__(self, file: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(file))
        self._tokenizer.encode_special_tokens = True
        self.start = self._tokenizer.token_to_id(START)
        self.end = self._tokenizer.token_to_id(END)

    def encode(self, text: str) -> list[int]:
        """Ids of plain text; never a special token."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids, special tokens left out; an unfinished character is U+FFFD."""
        return self._tokenizer.decode(list(ids), skip_special_tokens=True)

    def pieces(self, messages: Sequence[Message], *, answer: bool = True) -> list[Piece]:
        """The conversation; with `answer`, up to where the assistant begins to speak."""
        out: list[Piece] = []
        newline = self.encode("\n")
        for message in messages:
            out += [self.start, *self.encode(f"{message.role}\n")]
            for index in message.images:
                out += [ImageSlot(index), *newline]
            out += [*self.encode(message.text), self.end, *newline]
        if answer:
            out += [self.start, *self.encode("assistant\n")]
        return out

    def render(self, messages: Sequence[Message]) -> str:
        """The same conversation as text, images written as "<image>"; for the record."""
        lines = []
        for message in messages:
            images = "<image>\n" * len(message.images)
            lines.append(f"{START}{message.role}\n{images}{message.text}{END}\n")
        return "".join(lines) + f"{START}assistant\n"
