"""Messages and images -> the messages of the OpenAI protocol, and the same as text for the record.

What a person typed must stay what it looks like: the server puts our text into its own template
and reads special tokens anywhere in it, so "<|im_end|>" or "<image>" in a process is taken apart.
Knows nothing of connections.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from triad_ui.model.language_model import GenerationOptions
from triad_ui.model.served_images import PictureCoder
from triad_ui.records import Message, VisualInput

_SPECIAL = re.compile(r"<(?=[^\s<>]{1,64}>)|\[(?=/?[A-Z_]+\])|<(?=<SYS>>|</SYS>>)")


def plain(text: str) -> str:
    """The text with a space after the opening sign of all that could be a special token:
    "<|im_end|>" -> "< |im_end|>", "[INST]" -> "[ INST]"; all else is unchanged."""
    text = text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate is no JSON
    return _SPECIAL.sub(lambda found: found.group() + " ", text)


def wire_messages(
    coder: PictureCoder, images: Sequence[VisualInput], messages: Sequence[Message]
) -> list[dict[str, Any]]:
    """The messages as JSON values. A message without images has a string as its content, which
    every server takes; one with images has parts: label, picture, label, picture, ..., text."""
    wire: list[dict[str, Any]] = []
    pictures = 0
    for message in messages:
        content: str | list[dict[str, Any]] = plain(message.text)
        if message.images:
            parts: list[dict[str, Any]] = []
            shown = coder.labelled(images, message.images, pictures)
            pictures += len(shown)
            for label, url in shown:
                parts.append({"type": "text", "text": f"{label}\n"})
                parts.append({"type": "image_url", "image_url": {"url": url}})
            content = [*parts, {"type": "text", "text": f"\n{content}"}]
        wire.append({"role": message.role, "content": content})
    return wire


def without_system(wire: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same with the system's words put before those of the first user, for models whose
    template knows no system."""
    system = "\n".join(each["content"] for each in wire if each["role"] == "system")
    rest = [each for each in wire if each["role"] != "system"]
    if system and rest and isinstance(rest[0]["content"], str):
        rest[0] = rest[0] | {"content": f"{system}\n{rest[0]['content']}"}
    elif system and rest:
        words = {"type": "text", "text": f"{system}\n"}
        rest[0] = rest[0] | {"content": [words, *rest[0]["content"]]}
    return rest


def without_pictures(wire: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same words and no picture: what a server that leaves pictures out would read."""
    return [
        each
        if isinstance(each["content"], str)
        else each | {"content": [part for part in each["content"] if part["type"] == "text"]}
        for each in wire
    ]


def as_text(wire: Sequence[dict[str, Any]]) -> str:
    """What was sent as one string, pictures written as "<image>". The server's own template, which
    stands around it, is not known here."""
    shown = []
    for message in wire:
        content = message["content"]
        if not isinstance(content, str):
            content = "".join(
                part["text"] if part["type"] == "text" else "<image>\n" for part in content
            )
        shown.append(f"[{message['role']}]\n{content}\n")
    return "\n".join(shown)


def request_body(
    model: str, wire: list[dict[str, Any]], options: GenerationOptions
) -> dict[str, Any]:
    """What is sent to the chat of a server; without a name when it has but one model."""
    body: dict[str, Any] = {"messages": wire, "max_tokens": options.max_new_tokens}
    body |= {"temperature": options.temperature, "seed": options.seed}
    if model:
        body["model"] = model
    if options.temperature > 0:
        body["top_p"] = options.top_p
        # transformers serve draws at random only when it is told so in its own way
        own = {"do_sample": True, "temperature": options.temperature, "top_p": options.top_p}
        body["generation_config"] = json.dumps(own)
    return body
