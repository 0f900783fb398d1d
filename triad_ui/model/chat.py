"""Messages -> token ids and places for images, in the template that a model was trained with.

What a person typed is tokenised with special tokens switched off, so "<|im_end|>" or "<image>" in
a question or a process are the characters that they look like and nothing else. Text that stands
together is tokenised together, as the released code does; special tokens and images divide it.
Knows no pixels: an image is a run of positions that somebody else fills.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from triad_ui.records import Message

START, END = "<|im_start|>", "<|im_end|>"
VICUNA_SYSTEM = (
    "A chat between a curious human and an artificial intelligence assistant. The assistant gives "
    "helpful, detailed, and polite answers to the human's questions."
)


@dataclass(frozen=True, slots=True)
class ImageSlot:
    """Stands where the visual tokens of image `index` go."""

    index: int


@dataclass(frozen=True, slots=True)
class Special:
    """One of the tokenizer's special tokens, by its text."""

    text: str


Piece = int | ImageSlot
Part = str | Special | ImageSlot


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """How a conversation is written for one family of models.

    name: as LLaVA calls it. begin: once, before everything. message: the parts of one message.
    opening: what stands before the words of an answer that is to be given. end: the special token
    that ends an answer.
    """

    name: str
    begin: tuple[Part, ...]
    message: Callable[[Message], Iterator[Part]]
    opening: tuple[Part, ...]
    end: str


def _images(message: Message) -> Iterator[Part]:
    for index in message.images:
        yield ImageSlot(index)
        yield "\n"


def _chatml(message: Message) -> Iterator[Part]:
    yield Special(START)
    yield f"{message.role}\n"
    yield from _images(message)
    yield message.text
    yield Special(END)
    yield "\n"


def _vicuna(message: Message) -> Iterator[Part]:
    if message.role == "system":  # it was trained with its own and no other
        yield f"{VICUNA_SYSTEM} "
    elif message.role == "user":
        yield "USER: "
        yield from _images(message)
        yield f"{message.text} "
    else:
        yield f"ASSISTANT: {message.text}"
        yield Special("</s>")


def _mistral(message: Message) -> Iterator[Part]:
    if message.role == "user":
        yield "[INST] "
        yield from _images(message)
        yield f"{message.text} [/INST]"
    elif message.role == "assistant":  # there is no system turn
        yield f" {message.text}"
        yield Special("</s>")


CHATML = ChatTemplate("qwen_1_5", (), _chatml, (Special(START), "assistant\n"), END)
VICUNA = ChatTemplate("vicuna_v1", (Special("<s>"),), _vicuna, ("ASSISTANT:",), "</s>")
MISTRAL = ChatTemplate("mistral_instruct", (Special("<s>"),), _mistral, (), "</s>")


class ChatTokenizer:
    """A model's tokenizer and template; thread-safe, as it is never changed.

    source: a tokenizer, or the tokenizer.json that holds it. KeyError when it lacks the template's
    special tokens.
    """

    def __init__(self, source: Path | Tokenizer, template: ChatTemplate = CHATML) -> None:
        own = source if isinstance(source, Tokenizer) else Tokenizer.from_file(str(source))
        own.encode_special_tokens = True
        self._tokenizer = own
        self.template = template
        self.end = self._special(template.end)

    def encode(self, text: str) -> list[int]:
        """Ids of plain text; never a special token."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids, special tokens left out; an unfinished character is U+FFFD."""
        return self._tokenizer.decode(list(ids), skip_special_tokens=True)

    def pieces(self, messages: Sequence[Message], *, answer: bool = True) -> list[Piece]:
        """The conversation; with `answer`, up to where the assistant begins to speak."""
        out: list[Piece] = []
        text = ""
        for part in self._parts(messages, answer):
            if isinstance(part, str):
                text += part
                continue
            if text:
                out += self.encode(text)
            text = ""
            out.append(part if isinstance(part, ImageSlot) else self._special(part.text))
        return out + self.encode(text) if text else out

    def render(self, messages: Sequence[Message]) -> str:
        """The same conversation as text, images written as "<image>"; for the record."""
        shown = []
        for part in self._parts(messages, answer=True):
            if isinstance(part, ImageSlot):
                shown.append("<image>")
            else:
                shown.append(part if isinstance(part, str) else part.text)
        return "".join(shown)

    def _parts(self, messages: Sequence[Message], answer: bool) -> Iterator[Part]:
        yield from self.template.begin
        for message in messages:
            yield from self.template.message(message)
        if answer:
            yield from self.template.opening

    def _special(self, text: str) -> int:
        number = self._tokenizer.token_to_id(text)
        if number is None:
            raise KeyError(f"the tokenizer has no {text!r}, which {self.template.name} needs")
        return number
