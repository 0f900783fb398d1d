"""Known answers that every freshly loaded model must give before it may take the old one's place.

A model with wrong base weights, scrambled tensors or a blind tower loads without an error and
speaks fluent nonsense; nobody notices before parts are judged by it (AnomalyGPT, issue 42). So:
- language: a plain English text is little surprising, and read a second time hardly at all (that
  needs attention and positions to be right). Measured in nats a token on the embedded model: 2.3
  and 0.2; with permuted word vectors 13.3 and 1.9; rows of all query matrices permuted 7.4 and 7.4;
  without positions 4.2 and 4.2; random weights 11.2, which is chance;
- sight: two different pictures give different logits, one picture twice the same;
- what was recorded for these very weights, in `triad_self_test.json` beside them, if it is there:
  that also catches one wrong layer, which the bounds above do not.
Knows nothing of where a model comes from. A model that cannot be measured on plain text (a served
one) is asked for its sight alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from triad_ui.errors import ModelError
from triad_ui.model.language_model import LanguageModel
from triad_ui.records import Message, VisualInput

FILE = "triad_self_test.json"
TEXT = (
    "Once upon a time there was a little girl who lived with her mother in a small house near the "
    "forest. Every morning she went to the well to fetch water, and every evening she sat by the "
    "fire and listened to the stories that her grandmother told. One day, when the snow was deep "
    "and the wind was cold, there was a knock at the door."
)
FIRST, AGAIN = 4.0, 1.2
"""Most nats a token, for the first and the second reading of TEXT."""
SEEN = 0.05
"""Least difference between the logits of two unlike pictures: many steps of bfloat16 at 0."""
STEADY = 0.25
"""Most difference between two looks at one picture, as a share of that between unlike ones."""
TOLERANCE = {"fp32": 0.02, "bf16": 0.05, "fp16": 0.05, "int8": 0.15, "nf4": 0.3}
"""Nats by which a reading may differ from the recorded one."""
SIDE = 256
TALK = (Message("user", "Is there anything red in this picture? Answer Yes or No.", (0,)),)
CHOICES = ("Yes", "No")


@runtime_checkable
class Reader(Protocol):
    """A model whose reading of plain text can be measured, as all that run here."""

    def token_losses(self, text: str) -> Sequence[float]:
        """Nats of each token but the first."""
        ...


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model answers. first, again: nats a token. red, blue: the logit of Yes less that of
    No. steady: the largest difference of a logit between two looks at one picture. apart: the
    same between the two pictures."""

    first: float | None
    again: float | None
    red: float
    blue: float
    steady: float
    apart: float


def self_test(model: LanguageModel, recorded: Path | None = None) -> Answers:
    """Ask, and compare with what any sound model answers and with what is recorded.

    recorded: the folder of the weights, or None. Takes a second or two on the embedded model.
    Returns the answers. Raises ModelError with what is wrong, in words for a user.
    """
    known = read(recorded)
    answers = ask(model)
    for problem in (*_language(answers), *_sight(answers), *_recorded(answers, known, model)):
        raise ModelError(
            f"The model was loaded but fails its self-test: {problem} It is not used. Check that "
            "base weights, adapter and configuration belong together, and load them again."
        )
    return answers


def ask(model: LanguageModel) -> Answers:
    """The answers themselves, judged by nobody."""
    first = again = None
    if isinstance(model, Reader):
        losses = [float(loss) for loss in model.token_losses(f"{TEXT}\n{TEXT}")]
        half = len(losses) // 2
        # the break between both readings is no part of either
        first = sum(losses[: half - 1]) / (half - 1)
        again = sum(losses[half + 2 :]) / len(losses[half + 2 :])
    looks = [_look(model, colour, key) for colour, key in ((0, "1"), (0, "2"), (2, "1"))]
    red, red_again, blue = looks
    return Answers(
        first,
        again,
        red=red[0] - red[1],
        blue=blue[0] - blue[1],
        steady=_apart(red, red_again),
        apart=_apart(red, blue),
    )


def record(model: LanguageModel, folder: Path) -> Answers:
    """Write a model's answers beside its weights. Only for weights that are known to be right."""
    answers = ask(model)
    (folder / FILE).write_text(f"{json.dumps(asdict(answers), indent=1)}\n", "utf-8")
    return answers


def read(folder: Path | None) -> Answers | None:
    """What was recorded in a folder, or None. Raises ModelError when it is there and damaged."""
    file = folder / FILE if folder else None
    if file is None or not file.is_file():
        return None
    try:
        return Answers(**json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(
            f"The recorded answers in {file} cannot be read ({error}). Restore the file, or remove "
            "it to test the model without them."
        ) from error


def picture(channel: int, key: str) -> VisualInput:
    """A plain part with a grain: red (0), green (1) or blue (2), SIDE x SIDE."""
    rgb = np.full((SIDE, SIDE, 3), 30, np.uint8)
    rgb[..., channel] = 200
    rgb[96:160, 64:192] += np.uint8(20)
    return VisualInput(rgb, (), None, f"self-test-{channel}-{key}")


def _look(model: LanguageModel, channel: int, key: str) -> tuple[float, ...]:
    return model.choice_logits((picture(channel, key),), TALK, CHOICES)


def _apart(left: Sequence[float], right: Sequence[float]) -> float:
    return max(abs(a - b) for a, b in zip(left, right))


def _language(answers: Answers) -> list[str]:
    if answers.first is None or answers.again is None:
        return []
    if not math.isfinite(answers.first + answers.again):
        return ["reading a plain text gives no numbers (NaN or infinity)."]
    if answers.first > FIRST or answers.again > AGAIN:
        return [
            "it does not understand plain English "
            f"({answers.first:.1f} nats a token at first and {answers.again:.1f} when it reads the "
            f"same again; at most {FIRST:.0f} and {AGAIN:.1f} in any language model)."
        ]
    return []


def _sight(answers: Answers) -> list[str]:
    if not all(map(math.isfinite, (answers.red, answers.blue, answers.steady, answers.apart))):
        return ["looking at a picture gives no numbers (NaN or infinity)."]
    if answers.apart < SEEN:
        return ["it does not see: a red and a blue picture give it the same answer."]
    if answers.steady > STEADY * answers.apart:
        return ["it does not look steadily: one picture gives it two different answers."]
    return []


def _recorded(answers: Answers, known: Answers | None, model: LanguageModel) -> list[str]:
    if known is None:
        return []
    words = model.engine.split()
    allowed = max((TOLERANCE[word] for word in words if word in TOLERANCE), default=0.05)
    found = []
    for name, share in (("first", 1), ("again", 1), ("red", 8), ("blue", 8), ("apart", 8)):
        now, then = getattr(answers, name), getattr(known, name)
        if now is not None and then is not None and abs(now - then) > share * allowed:
            found.append(
                f"its answers are not those recorded for these weights ({name}: {now:.2f}, "
                f"recorded {then:.2f}, allowed {share * allowed:.2f} apart). If the weights were "
                f"changed on purpose, remove {FILE} beside them."
            )
    return found
