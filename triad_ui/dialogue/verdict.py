"""Yes/no logits and reply text -> Verdict.

The label comes from the probability alone; words only add place, step and kind. A probability near
one half is "undecided", which is an answer and not a failure.
Knows no model: logits come in as two numbers, words as a string.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

from triad_ui.records import LOCATIONS, Label, Verdict

UNDECIDED_BAND = 0.1
"""Half width around 0.5 in which the verdict is undecided."""

DEFECT_KINDS = (
    "scratch", "crack", "loose thread", "abrasion", "dent", "stain", "hole", "contamination",
    "discoloration", "bubble", "burr", "chip", "print smear", "texture fault", "pasted patch",
    "wrong colour", "missing part", "extra part", "swapped parts", "wrong count",
    "wrong position", "wrong text",
)  # fmt: skip
"""Names of defects that answers are searched for: those that the shipped model has learned."""

_SYNONYMS = {"centre": "center", "middle": "center", "upper": "top", "lower": "bottom"}
_BY_LENGTH = sorted(LOCATIONS, key=len, reverse=True)


def p_defective(yes_logit: float, no_logit: float) -> float:
    """Two-way softmax: the probability of "yes, defective", 0..1.

    Raises ValueError when a logit is not finite, which means a broken model.
    """
    if not (math.isfinite(yes_logit) and math.isfinite(no_logit)):
        raise ValueError("The yes/no logits are not finite.")
    difference = yes_logit - no_logit
    if difference >= 0:
        return 1.0 / (1.0 + math.exp(-difference))
    grown = math.exp(difference)
    return grown / (1.0 + grown)


def vote(zero_shot_p: float, one_shot_p: float) -> float:
    """The probability of "defective" from two passes, each weighed by how sure it is, 0..1.

    zero_shot_p: of the photo alone. one_shot_p: of the photo beside a good part. The weight of an
    answer is c = |2p - 1|, and the result sum(c p) / sum(c); 0.5 when neither is sure of anything.
    So two passes of one mind keep it, and of two that contradict each other the surer one decides.
    This is our reading: the paper leaves its vote to a supplement that is not at hand.
    ValueError outside 0..1.
    """
    if not (0 <= zero_shot_p <= 1 and 0 <= one_shot_p <= 1):
        raise ValueError(f"probabilities are needed, not {zero_shot_p} and {one_shot_p}")
    sure = [abs(2 * p - 1) for p in (zero_shot_p, one_shot_p)]
    if sum(sure) == 0:
        return 0.5
    return (sure[0] * zero_shot_p + sure[1] * one_shot_p) / sum(sure)


def label_of(p: float, band: float = UNDECIDED_BAND) -> Label:
    """Defective above 0.5 + band, normal below 0.5 - band, undecided between."""
    if p > 0.5 + band:
        return "defective"
    if p < 0.5 - band:
        return "normal"
    return "undecided"


def find_location(text: str) -> str | None:
    """The first 3x3 name in a text: "in the upper-left corner" -> "top left"; None without one."""
    words = re.sub(r"[^a-z]+", " ", text.lower()).split()
    plain = " ".join(_SYNONYMS.get(word, word) for word in words)
    plain = re.sub(r"\b(left|right) (top|bottom)\b", r"\2 \1", plain)
    plain = re.sub(r"\bcenter (left|right|top|bottom)\b", r"\1", plain)
    plain = re.sub(r"\b(left|right|top|bottom) center\b", r"\1", plain)
    found = [(m.start(), -len(n), n) for n in _BY_LENGTH if (m := re.search(rf"\b{n}\b", plain))]
    return min(found)[2] if found else None


def find_step(text: str, steps: int | None = None) -> int | None:
    """The first "step N" in a text; None without one or when the process has fewer `steps`."""
    match = re.search(r"\bstep\s*(?:no\.?\s*|number\s*|#\s*)?(\d{1,2})\b", text, re.IGNORECASE)
    if match is None:
        return None
    number = int(match.group(1))
    return number if number >= 1 and (steps is None or number <= steps) else None


def find_kind(text: str, kinds: tuple[str, ...] = DEFECT_KINDS) -> str:
    """The first of `kinds` named in a text as a word of its own: "two holes" but not "whole"; ""
    without one. "scratched" and "chipped" name their kind as well."""
    found = [
        (match.start(), -len(kind), kind)
        for kind in kinds
        if (match := re.search(rf"\b{re.escape(kind)}(?:s|es|ed|ped)?\b", text, re.IGNORECASE))
    ]
    return min(found)[2] if found else ""


def without_quotes(text: str, steps: Sequence[str]) -> str:
    """A text without the process steps that it quotes as "step 3: Insulate it from the top", of
    which no word says where on the part something is, or what. steps: their texts, in order."""
    for number, step in enumerate(steps, 1):
        words = re.escape(step.strip().rstrip("."))
        quoted = rf"(\bstep\s*{number})\s*[:,(\"\u201c]+\s*{words}\b"
        text = re.sub(quoted, r"\1", text, flags=re.IGNORECASE)
    return text


def parse(
    p: float,
    text: str = "",
    *,
    steps: Sequence[str] | None = None,
    kinds: tuple[str, ...] = DEFECT_KINDS,
) -> Verdict:
    """The verdict of a reply: label from `p`, place, step and kind from its words.

    A normal verdict carries no place, step or kind. steps: texts of the process's steps, None
    without one. kinds: names that count as a kind of defect.
    """
    verdict = Verdict(label=label_of(p), p_defective=p)
    if verdict.label == "normal":
        return verdict
    own = without_quotes(text, steps or ())
    return replace(
        verdict,
        location=find_location(own),
        step=find_step(text, None if steps is None else len(steps)),
        kind=find_kind(own, kinds),
    )
