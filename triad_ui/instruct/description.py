"""InstructIAD's tasks: detection, attribute caption, analysis; and questions on one attribute.

(Triad, section 3.3.) A caption tells what is seen, attribute by attribute, and the fault; an
analysis gives the verdict and the attributes that prove it. What a grey picture cannot show is left
out, or said to be untellable. Knows no pictures and no model.
"""

from __future__ import annotations

import numpy as np

from triad_ui.instruct.attributes import Attribute, is_plural, sentence
from triad_ui.instruct.dialogue import what
from triad_ui.instruct.truth import Exchange, Truth, at, capital, one, there_is, with_article

DETECT = (
    "Is this {product} defective? Answer yes or no.",
    "Are there any defects on the {product} in this image? Answer yes or no.",
    "Is anything wrong with this {product}? Yes or no?",
    "Does the {product} have a defect? Answer with one word.",
)
CAPTION = (
    "Describe the {product}.", "What does the {product} look like?",
    "List what you see on the {product}.", "Describe this part in detail.",
    "Tell me its colours, counts and places.", "Give the attributes of the {product}.",
    "What do you see in the picture?",
)  # fmt: skip
ANALYSE = (
    "Is the {product} good or defective? Explain.",
    "Judge the {product} and give your reasons.",
    "Is there a defect? Say why.",
    "Inspect this {product}.",
    "Give your verdict and the evidence.",
)
GREY = (
    "I can't tell: the picture is grey.",
    "I can't tell the colour, as the picture is grey.",
    "The picture shows no colours, so I can't tell.",
)


def detection(truth: Truth, rng: np.random.Generator) -> list[Exchange]:
    """Yes or no, in a word."""
    return [(one(rng, *DETECT).format(product=truth.product), _yes(truth.defective))]


def caption(truth: Truth, rng: np.random.Generator) -> list[Exchange] | None:
    """What is seen, attribute by attribute, and the surface; None when nothing is described."""
    seen = truth.tellable
    if not seen:
        return None
    question = one(rng, *CAPTION).format(product=truth.product)
    if rng.random() < 0.5:
        phrases = ", ".join(a.phrase for a in seen if a.sort != "list")
        lists = [f"{capital(a.phrase)}." for a in seen if a.sort == "list"]
        start = capital(with_article(truth.product))
        told = [f"{start}: {phrases}." if phrases else f"{start}.", *lists]
    else:
        told = [sentence(a, rng) for a in seen]
    return [(question, " ".join([*told, _surface(truth, rng)]).strip())]


def analysis(truth: Truth, rng: np.random.Generator) -> list[Exchange]:
    """The verdict in a word, then what is seen that proves it."""
    question = one(rng, *ANALYSE).format(product=truth.product)
    verdict = "Defective." if truth.defective else "Good."
    told = what(truth, rng)
    seen = truth.tellable
    if not truth.defective and seen and rng.random() < 0.6:
        some = [seen[int(k)].phrase for k in rng.permutation(len(seen))[:2]]
        told = f"I see {' and '.join(some)}, as it should be."
        if truth.process is not None:
            told = f"I see {' and '.join(some)}, as ordered."
    return [(question, f"{verdict} {told}")]


def attribute_question(truth: Truth, rng: np.random.Generator) -> list[Exchange] | None:
    """One to three questions about single attributes; None when nothing is described."""
    if not truth.seen:
        return None
    chosen = rng.permutation(len(truth.seen))[: rng.integers(1, 4)]
    return [_asked(truth.seen[int(k)], truth, rng) for k in chosen]


def _yes(defective: bool) -> str:
    return "Yes." if defective else "No."


def _surface(truth: Truth, rng: np.random.Generator) -> str:
    """What a caption says of faults: a deviation stands among the attributes already."""
    if truth.defective and not truth.expected:
        return f"{there_is(truth.kind)}{at(truth)}."
    if truth.defective:
        return ""
    return one(rng, "The surface is sound.", "I see no damage.", "Nothing is damaged.", "")


def _asked(seen: Attribute, truth: Truth, rng: np.random.Generator) -> Exchange:
    name, value = seen.name.removeprefix("all "), seen.value
    be = "are" if is_plural(name) else "is"
    if truth.grey and seen.coloured:
        plain = seen.sort == "quality" and not Attribute(seen.step, name, "").coloured
        question = f"What colour {be} the {name}?" if plain else "What colours do you see?"
        return question, one(rng, *GREY)
    if seen.sort == "none":
        return f"{capital(be)} there {_some(name)}?", f"No, there {be} no {name}."
    if seen.sort == "count":
        question = one(rng, f"How many {name} are there?", f"How many {name} do you count?")
        return question, one(rng, f"{value}.", f"I count {seen.phrase}.")
    if seen.sort == "place":
        noun = name.removesuffix(" at")
        return f"Where is the {noun}?", one(
            rng, f"At the {value}.", f"The {noun} is at the {value}."
        )
    if seen.sort == "text":
        question = one(rng, f"What does the {name} read?", f"Read the {name}.")
        return question, one(rng, f"{value}.", f"It reads {value}.")
    if seen.sort == "list":
        row = "from left to right" if name == "left to right" else f"in the {name}"
        question = f"Name the {name}, in order." if is_plural(name) else f"What do you see {row}?"
        return question, f"{capital(value)}."
    if seen.sort == "quality" and value in _COLOURED:
        question = one(rng, f"What colour {be} the {name}?", f"Which colour {be} the {name}?")
        return question, one(rng, f"{capital(value)}.", f"The {name} {be} {value}.")
    told = f"{capital(seen.phrase)}."
    if not name:
        return f"What came out of step {seen.step}?", told
    return f"What about the {name}?", told


_COLOURED = (
    "red", "green", "blue", "yellow", "orange", "purple", "white", "black", "grey", "brown",
)  # fmt: skip


def _some(name: str) -> str:
    return f"any {name}" if is_plural(name) else with_article(name)
