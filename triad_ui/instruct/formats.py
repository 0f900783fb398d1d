"""Training conversations in the formats of LLaVA, ms-swift and TRL, both ways.

An item names its pictures by path; a message says which of them stand before its text. Every format
is written from that and read back into it. LLaVA has no system message, so there it is left out:
the trainer's template brings its own. Knows no tasks and draws nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triad_ui.errors import TrainingError
from triad_ui.records import Message

MARK = "<image>"
_BOX = re.compile(r"\[(\d\.\d\d), (\d\.\d\d), (\d\.\d\d), (\d\.\d\d)\]")
_SPEAKERS = {"human": "user", "gpt": "assistant"}


@dataclass(frozen=True, slots=True)
class TrainingItem:
    """id: unique in its file. images: paths relative to the file, each shown by one message.
    messages: an optional system message, then user and assistant in turn."""

    id: str
    images: tuple[str, ...]
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Format:
    """write: an item as one record. read: back again. lines: one record a line, else one list.
    trainer: what it is for."""

    write: Callable[[TrainingItem], dict[str, Any]]
    read: Callable[[Mapping[str, Any]], TrainingItem]
    lines: bool
    trainer: str


def to_llava(item: TrainingItem) -> dict[str, Any]:
    """LLaVA's supervised format; two pictures are a list, as LLaVA-NeXT reads it."""
    shown = [message for message in item.messages if message.role != "system"]
    names = {role: name for name, role in _SPEAKERS.items()}
    record: dict[str, Any] = {"id": item.id}
    if item.images:
        record["image"] = item.images[0] if len(item.images) == 1 else list(item.images)
    record["conversations"] = [
        {"from": names[message.role], "value": _marked(message)} for message in shown
    ]
    return record


def from_llava(record: Mapping[str, Any]) -> TrainingItem:
    """Back from LLaVA's format; no system message."""
    images = record.get("image") or []
    images = [images] if isinstance(images, str) else images
    texts = [(_SPEAKERS[turn["from"]], turn["value"]) for turn in record["conversations"]]
    return _checked(TrainingItem(str(record["id"]), tuple(images), _unmarked(texts)))


def to_swift(item: TrainingItem) -> dict[str, Any]:
    """ms-swift's messages; boxes in answers go into `objects`, as shares of the first picture."""
    messages, boxes = [], []
    for message in item.messages:
        text = _marked(message)
        if message.role == "assistant":
            boxes += [[float(edge) for edge in found] for found in _BOX.findall(text)]
            text = _BOX.sub("<bbox>", text)
        messages.append({"role": message.role, "content": text})
    record = {"id": item.id, "messages": messages, "images": list(item.images)}
    if boxes:
        named = {"ref": [], "bbox": boxes, "bbox_type": "norm1", "image_id": [0] * len(boxes)}
        record["objects"] = named
    return record


def from_swift(record: Mapping[str, Any]) -> TrainingItem:
    """Back from ms-swift's format."""
    boxes = iter((record.get("objects") or {}).get("bbox") or [])

    def spoken(text: str) -> str:
        return re.sub("<bbox>", lambda _: f"[{', '.join(f'{e:.2f}' for e in next(boxes))}]", text)

    texts = [(turn["role"], spoken(turn["content"])) for turn in record["messages"]]
    images = tuple(record.get("images") or ())
    return _checked(TrainingItem(str(record["id"]), images, _unmarked(texts)))


def to_trl(item: TrainingItem) -> dict[str, Any]:
    """TRL's conversational format: content as a list of pictures and text."""
    messages = [
        {
            "role": message.role,
            "content": [{"type": "image"} for _ in message.images]
            + [{"type": "text", "text": _unmistakable(message.text)}],
        }
        for message in item.messages
    ]
    return {"id": item.id, "images": list(item.images), "messages": messages}


def from_trl(record: Mapping[str, Any]) -> TrainingItem:
    """Back from TRL's format; an image part may carry an empty text, as Arrow tables have it."""
    texts = [
        (
            turn["role"],
            "".join(
                f"{MARK}\n" if part["type"] == "image" else part["text"] for part in turn["content"]
            ),
        )
        for turn in record["messages"]
    ]
    images = tuple(record.get("images") or ())
    return _checked(TrainingItem(str(record["id"]), images, _unmarked(texts)))


FORMATS: Mapping[str, Format] = {
    "llava": Format(to_llava, from_llava, False, "LLaVA and LLaVA-NeXT"),
    "swift": Format(to_swift, from_swift, True, "ms-swift"),
    "trl": Format(to_trl, from_trl, True, "TRL"),
}


def write_items(path: Path, items: Iterable[TrainingItem], name: str) -> int:
    """Write items as UTF-8 in a format of `FORMATS`; how many. The file appears whole or not."""
    form = FORMATS[name]
    records = [form.write(item) for item in items]
    told = [json.dumps(record, ensure_ascii=False) for record in records]
    text = "\n".join(told) + "\n" if form.lines else "[\n" + ",\n".join(told) + "\n]\n"
    draft = path.with_suffix(path.suffix + ".part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
    return len(records)


def read_items(path: Path, name: str) -> list[TrainingItem]:
    """Read a file in a format of `FORMATS`. TrainingError names the record that can't be read."""
    form = FORMATS[name]
    text = path.read_text("utf-8")
    items = []
    try:
        records = [*map(json.loads, text.splitlines())] if form.lines else json.loads(text)
        for record in records:
            items.append(form.read(record))
    except (ValueError, LookupError, TypeError, AttributeError, StopIteration) as error:
        raise TrainingError(
            f"{path.name}: record {len(items) + 1} is not in the format of {form.trainer} "
            f"({error}). Export it anew."
        ) from error
    return items


def _marked(message: Message) -> str:
    return f"{MARK}\n" * len(message.images) + _unmistakable(message.text)


def _unmistakable(text: str) -> str:
    if MARK in text or "<bbox>" in text:
        raise TrainingError(
            f"The text {text[:60]!r} holds a mark that stands for a picture or a box. "
            "Take the mark out of it."
        )
    return text


def _unmarked(texts: Iterable[tuple[str, str]]) -> tuple[Message, ...]:
    """Marks become indices of pictures, counted through the whole conversation."""
    messages, shown = [], 0
    for role, text in texts:
        count = text.count(MARK)
        images = tuple(range(shown, shown + count))
        shown += count
        messages.append(Message(role, text.replace(f"{MARK}\n", ""), images))
    return tuple(messages)


def _checked(item: TrainingItem) -> TrainingItem:
    """The same, if it has as many marks as pictures and user and assistant speak in turn."""
    marks = sum(len(message.images) for message in item.messages)
    if marks != len(item.images):
        raise ValueError(f"{marks} marks for {len(item.images)} pictures")
    roles = [message.role for message in item.messages if message.role != "system"]
    if not roles or roles != ["user", "assistant"] * (len(roles) // 2):
        raise ValueError("user and assistant do not speak in turn")
    return item
