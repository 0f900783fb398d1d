"""EIAD's four question sorts: discrimination, rough location, box, class (section III-A of EIAD).

Location and class are multiple choice, as in the paper, or answered in words; the box is x0, y0,
x1, y1 in shares of the picture, as LLaVA writes boxes. A good part has no place, box or class, and
the answer says so. Knows no pictures and no model.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from triad_ui.instruct.truth import Exchange, Truth, one, place, with_article
from triad_ui.records import LOCATIONS

KINDS = (
    "scratch", "crack", "loose thread", "abrasion", "dent", "stain", "hole", "contamination",
    "discoloration", "bubble", "burr", "chip", "print smear", "texture fault", "pasted patch",
    "wrong colour", "missing part", "extra part", "swapped parts", "wrong count",
    "wrong position", "wrong text",
)  # fmt: skip
"""Names from which a class is chosen: the faults that the drawn parts have."""
LETTERS = "ABCDEFGHI"
NO_DEFECT = "no defect"
DIRECTLY = "Answer with the option's letter from the given choices directly."
DISCRIMINATE = (
    "Is there a defect on the {product}?", "Is the {product} in the picture defective?",
    "Does this {product} have any fault?", "Are there anomalies on the {product}?",
)  # fmt: skip
LOCATE = (
    "Divide the picture into nine equal parts. Where is the defect?",
    "In which part of the picture is the defect?",
    "Where on the {product} is the fault?",
    "Which of the nine cells of the picture holds the defect?",
)
BOX = (
    "Give the bounding box of the defect.",
    "Where exactly is the defect? Answer with a box [x0, y0, x1, y1].",
    "Box the fault on the {product}: [x0, y0, x1, y1] as shares of the picture.",
)
CLASSIFY = (
    "What kind of defect is on the {product}?", "Which defect does the {product} have?",
    "Classify the defect.", "To which class does the fault belong?",
)  # fmt: skip


def discrimination(truth: Truth, rng: np.random.Generator) -> list[Exchange]:
    """Yes or no as choices; now and then the other way round, so that the letter must be read."""
    words = ("Yes", "No") if rng.random() < 0.8 else ("No", "Yes")
    question = one(rng, *DISCRIMINATE).format(product=truth.product)
    right = words.index("Yes" if truth.defective else "No")
    return [(_choices(question, words), LETTERS[right])]


def rough_location(truth: Truth, rng: np.random.Generator) -> list[Exchange] | None:
    """One of the nine cells; None when nobody knows the place."""
    if truth.defective and truth.location is None:
        return None
    question = one(rng, *LOCATE).format(product=truth.product)
    if rng.random() < 0.4:
        where = f"{place(truth).capitalize()}." if truth.defective else "There is no defect."
        return [(question, where)]
    others = [name for name in LOCATIONS if name != truth.location]
    right = truth.location if truth.defective and truth.location else NO_DEFECT
    return [_chosen(question, right, others, rng)]


def fine_mapping(truth: Truth, rng: np.random.Generator) -> list[Exchange] | None:
    """The box in shares of the picture with two places; None when it is not known."""
    if truth.defective and truth.extent is None:
        return None
    question = one(rng, *BOX).format(product=truth.product)
    return [(question, box_text(truth.extent) if truth.extent else "There is no defect.")]


def classification(
    truth: Truth, rng: np.random.Generator, kinds: Sequence[str] = KINDS
) -> list[Exchange]:
    """The kind of fault among others."""
    question = one(rng, *CLASSIFY).format(product=truth.product)
    if rng.random() < 0.4:
        kind = f"{with_article(truth.kind).capitalize()}." if truth.defective else "There is none."
        return [(question, kind)]
    others = [kind for kind in kinds if kind != truth.kind]
    return [_chosen(question, truth.kind or NO_DEFECT, others, rng)]


def box_text(extent: Sequence[float]) -> str:
    """ "[0.12, 0.30, 0.44, 0.61]" from four shares."""
    return f"[{', '.join(f'{share:.2f}' for share in extent)}]"


def _chosen(question: str, right: str, others: Sequence[str], rng: np.random.Generator) -> Exchange:
    """Four options, the right one among them; "no defect" among half of them."""
    wrong = [others[int(k)] for k in rng.permutation(len(others))[:3]]
    if right != NO_DEFECT and rng.random() < 0.5:
        wrong[0] = NO_DEFECT
    options = [right, *wrong]
    options = [options[int(k)] for k in rng.permutation(len(options))]
    return _choices(question, options), LETTERS[options.index(right)]


def _choices(question: str, options: Sequence[str]) -> str:
    """The question with lettered options, in the words of the paper's evaluation."""
    listed = "\n".join(f"{letter}. {option}" for letter, option in zip(LETTERS, options))
    return f"{question}\n{listed}\n{DIRECTLY}"
