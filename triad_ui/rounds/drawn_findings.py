"""Findings that are drawn beside a truth instead of seen in its picture.

What findings say of families that were trained on is surer than what they say of others, so a
language model that learns from those reads the wrong ones: it would trust the kind and place that
it is told and doubt the judgement. Here whether a part is faulty is told as surely as it is so: a
finding is a channel whose log-likelihood ratio is normal with twice its mean as variance, of which
the odds that are told are the true ones. How much a channel tells is drawn anew each time, so that
any expert can stand behind it. Kind and place are told as in use: as the surface has them and as
the process has them, each as far as it is likelier, so that they are to be read, not weighed
again. What is so of kind, place and step changes places with what is likeliest, however little
likelier: an answer can name but one, and of answers that err as often as the findings nobody
learns which. Knows no pictures and no files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from triad_ui.instruct.attributes import COLOURS
from triad_ui.instruct.truth import Truth, words_in
from triad_ui.model.embedded.encoder import Lexicon
from triad_ui.model.embedded.findings import CONTRADICTED_BEFORE, PLACES, Findings, Judgement
from triad_ui.model.embedded.step_reader import SORTS, Reading
from triad_ui.records import LOCATIONS
from triad_ui.synthesis.surface import SURFACE_KINDS

STRANGE, DOUBTED, LOOKED = (0.3, 8.0), (0.1, 6.0), (0.3, 8.0)
"""Least and most of what is told in the mean of strangeness, of doubts of a process, and of whether
a close look shows a fault of the surface, in nats."""
NAMED, PLACED, STEPS = (2.0, 30.0), (2.0, 30.0), (0.5, 15.0)
LEAST_OF_ORDERS = 0.3
"""Kinds and places of a contradicted process may be told less surely: at least so much."""
SHOWN = 0.7
"""Share of faults against the process, of those that a reference shows, that look strange too."""


def drawn(
    truth: Truth, visible: bool, colours: Tensor, kind_index: Mapping[str, int], findings: Findings,
    lexicon: Lexicon, rng: np.random.Generator,
) -> tuple[Tensor, float]:  # fmt: skip
    """Tokens float32 (FINDINGS, width) as `Findings` would tell, and the log-odds of a fault in
    them, good and faulty being as likely, and faults of either sort.

    visible: whether a fault shows without the process. colours: (COLOURS,), shares of the picture.
    kind_index: as of `looking.Words`, from 1.
    """
    ordered = truth.defective and bool(truth.expected)
    strange = truth.defective and visible and (not ordered or rng.random() < SHOWN)
    odds = _ratio(strange, STRANGE, rng) - np.log(2)
    least = LEAST_OF_ORDERS if ordered else 1.0
    named, placed = (NAMED[0] * least, NAMED[1]), (PLACED[0] * least, PLACED[1])
    kind = kind_index.get(truth.kind, 0) - 1
    place = LOCATIONS.index(truth.location) if truth.location in LOCATIONS else -1
    doubt = blamed = reading = None
    if truth.process is not None and any(step.attributes for step in truth.process.steps):
        ratio = _ratio(truth.contradicts, DOUBTED, rng)
        doubt = torch.tensor(np.log(np.exp(ratio) / 2 + CONTRADICTED_BEFORE)).float()
        odds = np.logaddexp(odds, ratio - np.log(2))
        reading = _reading(truth, lexicon, rng)
        look = _ratio(truth.defective and not ordered, LOOKED, rng)
        blamed = doubt - functional.softplus(torch.tensor(look).float())
        share = float(torch.tensor(ratio - look).sigmoid())
        kinds = _either(_sorts(kind_index), kind, int(ordered), share, named, rng)
        places = _either([range(PLACES)] * 2, place, int(ordered), share, placed, rng)
    else:
        kinds = _among(len(kind_index), kind, named, rng).softmax(0)
        places = _among(PLACES, place, placed, rng).softmax(0)
    kinds, places = _likeliest(kinds, kind), _likeliest(places, place)
    seen = Judgement(torch.tensor(float(odds)), doubt, blamed, kinds, places, colours)
    return findings.told(seen, reading), float(odds)


def _sorts(kind_index: Mapping[str, int]) -> list[list[int]]:
    """Which kinds are faults of the surface, and which are against the process."""
    on = [number - 1 for kind, number in kind_index.items() if kind in SURFACE_KINDS]
    return [on, [number for number in range(len(kind_index)) if number not in on]]


def _either(
    sorts: Sequence[Sequence[int]], which: int, of: int, share: float,
    bounds: tuple[float, float], rng: np.random.Generator,
) -> Tensor:  # fmt: skip
    """Shares of all that is in `sorts`: of what the surface is told to show, 1 - share, and of what
    the process is told to speak against. which: what is so, -1 for nothing. of: of which sort."""
    told = torch.zeros(1 + max(number for sort in sorts for number in sort))
    for number, (sort, weight) in enumerate(zip(sorts, (1 - share, share))):
        if sort:
            so = sort.index(which) if number == of and which >= 0 else -1
            told[list(sort)] += weight * _among(len(sort), so, bounds, rng).softmax(0)
    return told / told.sum()


def _strength(bounds: tuple[float, float], rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(bounds))))


def _ratio(so: bool, bounds: tuple[float, float], rng: np.random.Generator) -> float:
    """Log-likelihood ratio of something that is so, or is not."""
    mean = _strength(bounds, rng)
    return (mean if so else -mean) + np.sqrt(2 * mean) * rng.normal()


def _among(count: int, which: int, bounds: tuple[float, float], rng: np.random.Generator) -> Tensor:
    """Log-likelihoods (count,), of which one is so; any of them for -1."""
    mean = _strength(bounds, rng)
    told = np.sqrt(mean) * rng.normal(size=count)
    told[which if which >= 0 else rng.integers(count)] += mean
    return torch.from_numpy(told).float()


def _likeliest(told: Tensor, which: int) -> Tensor:
    """The same with what is so and what is likeliest in each other's place; which: -1 for none."""
    if which < 0:
        return told
    best, told = int(told.argmax()), told.clone()
    told[[which, best]] = told[[best, which]]
    return told


def _reading(truth: Truth, lexicon: Lexicon, rng: np.random.Generator) -> Reading:
    """Which step is doubted, by which word, and what is seen instead."""
    steps = [step for step in truth.process.steps if step.attributes]
    numbers = tuple(step.number for step in steps)
    wrong = numbers.index(truth.step) if truth.contradicts and truth.step in numbers else -1
    doubted = _likeliest(_among(len(numbers), wrong, STEPS, rng), wrong)
    differ, instead = truth.apart
    if not truth.contradicts or not differ:
        step = steps[int(doubted.argmax())]
        differ = words_in(" ".join(a.partition(":")[2] or a for a in step.attributes)) or ["part"]
        instead = []
    shown = lexicon.vector(instead[int(rng.integers(len(instead)))]) if instead else 0.0
    sure = rng.uniform(0.4, 1.0) if instead else 0.0
    others = [lexicon.vector(str(word)) for word in rng.choice(COLOURS[:10], 3, replace=False)]
    return Reading(
        numbers,
        torch.zeros(len(numbers), SORTS),
        -doubted[:, None].expand(-1, SORTS),
        torch.tensor(1.0),
        lexicon.vector(differ[int(rng.integers(len(differ)))]),
        shown * sure + (1 - sure) * torch.stack(others).mean(0),
    )
