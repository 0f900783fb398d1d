"""Visual tokens of a query -> a few more that say in short what they say together.

A language model of this size finds one fact among a hundred cells only after long training. So the
projector sums up what it saw, in the model's own terms: whether the part looks faulty, what the
fault looks like, where it lies, which colours there are, and what of its process the picture does
not bear out. Each finding is a mixture of word embeddings, weighed by what was learned from drawn
parts; nothing here decides, the language model reads. Works image by image; it knows no words, only
their vectors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from triad_ui.model.embedded.close_reader import Close
from triad_ui.model.embedded.step_reader import Reading
from triad_ui.model.embedded.views import BASE, Cells
from triad_ui.model.embedded.weighed import (
    CLOSE,
    DOUBTS,
    STRANGE,
    beside,
    doubts,
    found,
    strange,
)

COLOURS, PLACES, SHOWN_COLOURS, NUMBERS = 10, 9, 6, 9
JUDGED, NAMED, PLACED = range(3)
CONTRADICTED, STEP, WRITTEN, SEEN = range(3 + SHOWN_COLOURS, 7 + SHOWN_COLOURS)
FINDINGS = 7 + SHOWN_COLOURS
"""Tokens added to a query: judgement, kind, place, the colours that cover most of it; and of its
process whether it is contradicted, in which step, by which word, and what is seen instead."""
CAUTION = 1.0
"""By how much the odds of a close look are lowered. What it is worth is weighed on drawn parts; on
photographs it sees more that is not there: it orders good and faulty ones of eight products with an
AUROC of .68, where drawn ones have .80 and the expert's score has .87 and .91 (`docs/log.md`)."""
COMPARED = 0.5
"""By how much the odds of what looks strange are lowered where regions are held against a good
part's, for the same reason: photographs of good parts differ in more ways than drawings of them."""
CONTRADICTED_BEFORE = 1 / 3
"""Odds of a contradicted process among those that doubts were weighed on."""
BOTH = 1.5
"""What a contradiction and a strange look count together, beside what each counts alone: of the
drawn faults half are of the surface, a quarter against the process alone, a quarter against both
the process and the good part."""
MEASURED = 2.5
"""Log-odds of a list or a ring that does not fit beyond which they count no more: a paint can be
misnamed in a light that no drawing has."""
FIRST = 2.0
"""By how much (a logarithm) the most suspicious region is likelier the one that a fault is told of
than others of which the close look is as sure: it is the expert's choice, and errs less."""
SHARPER = 4.0
"""Power of the shares of places as they are told."""
UNSURE = 0.02
"""Least share that either of cells and a close look leaves the other's kinds."""
EDGE = 0.03
"""How near a border, as a share of the picture's side, two places are about as likely."""
LEAST_COLOUR = 0.02
"""Share of the picture at which a colour is told half as loudly as it can be."""


class Findings(nn.Module):
    """Sums up a query's visual tokens.

    Faulty or not is judged by the expert's evidence, by how regions differ from a good part's, and
    by a close look, not by the cells: what they say of products that they were trained on is surer
    than what they say of others.

    width: of the language model. kinds: number of kinds of fault. The word vectors are buffers:
    kind_words (1 + kinds, width), the first for "good", colour_words (COLOURS, width) of unit
    length; place_words (PLACES, width) of unit length, the 3x3 places row by row; number_words
    (NUMBERS, width), of unit length, "1" first.
    """

    def __init__(self, width: int, kinds: int, reach: float = 2.4) -> None:
        super().__init__()
        self.register_buffer("kind_words", torch.zeros(1 + kinds, width))
        self.register_buffer("colour_words", torch.zeros(COLOURS, width))
        self.register_buffer("place_words", torch.zeros(PLACES, width))
        self.register_buffer("number_words", torch.zeros(NUMBERS, width))
        self.temperature = nn.Parameter(torch.tensor([10.0, 10.0]))
        self.bias = nn.Parameter(torch.zeros(1 + kinds))
        self.focus = nn.Parameter(torch.tensor(1.0))
        self.judge = nn.Linear(STRANGE, 1, bias=False)
        self.find = nn.Linear(2 * CLOSE, 1)
        self.against = nn.Linear(DOUBTS, 1)
        self.verdicts = nn.Parameter(torch.zeros(2, width))
        self.marks = nn.Parameter(torch.randn(FINDINGS, width) * 0.02)
        self.reach = nn.Parameter(torch.tensor(reach))

    def start(
        self, kinds: Tensor, colours: Tensor, places: Tensor, verdicts: Tensor, numbers: Tensor
    ) -> None:
        """Set the word vectors, all of unit length. verdicts: (2, width), good and faulty."""
        with torch.no_grad():
            self.kind_words.copy_(kinds)
            self.colour_words.copy_(colours)
            self.place_words.copy_(places)
            self.verdicts.copy_(verdicts)
            self.number_words.copy_(numbers)

    def kind_logits(self, tokens: Tensor) -> Tensor:
        """(N, width) -> (N, 1 + kinds), "good" first."""
        unit = functional.normalize(tokens, dim=1)
        return unit @ self.kind_words.T * self.temperature[0] + self.bias

    def colour_logits(self, tokens: Tensor) -> Tensor:
        """(N, width) -> (N, COLOURS)."""
        return functional.normalize(tokens, dim=1) @ self.colour_words.T * self.temperature[1]

    def judgement(
        self,
        tokens: Tensor,
        cells: Cells,
        evidence: Tensor,
        close: Close | None = None,
        reading: Reading | None = None,
    ) -> Judgement:
        """What one query's tokens say together, its regions looked at closely, and its process
        where it has one. tokens: (N, width) of its cells, in their order."""
        logits = self.kind_logits(tokens)
        weight = (fault_odds(logits) * self.focus).softmax(0)
        kinds = weight @ logits[:, 1:].softmax(1)
        thirds = (cells.places[:, :2] * 3).long().clamp(0, 2)
        places = torch.zeros(PLACES).index_add(0, thirds[:, 1] * 3 + thirds[:, 0], weight)
        if close is not None:
            kinds, places = _closer(kinds, places, close)
        colours = self.colour_logits(tokens[cells.kinds == BASE]).softmax(1).mean(0)
        # strange beside good parts, a fault by its looks, or against the process: any is enough,
        # and what is against the process often looks strange as well
        odd = strange(evidence, close)
        faulty = self.judge(odd)[0] - COMPARED * odd[-1]
        seen = None
        if close is not None:
            seen = self.find(beside(found(close), evidence))[0]
            faulty = torch.logaddexp(faulty, seen - CAUTION)
        contradicted = blamed = None
        if reading is not None:
            contradicted = self.against(doubts(reading))[0]
            if reading.colours is not None:
                measured = torch.tensor(min(reading.colours.measured, MEASURED))
                measured = _beyond(measured, 1.0) + math.log(CONTRADICTED_BEFORE)
                contradicted = torch.logaddexp(contradicted, measured)
            # what is no likelier than before the process was read makes no part faulty
            beyond = _beyond(contradicted, CONTRADICTED_BEFORE)
            # a part has one fault: what the surface shows needs no other
            blamed = contradicted - (functional.softplus(seen) if seen is not None else 0.0)
            both = faulty + beyond + math.log(BOTH)
            faulty = torch.logaddexp(torch.logaddexp(faulty, beyond), both)
            if reading.colours is not None:
                share = beyond.sigmoid() if seen is None else (beyond - seen).sigmoid()
                named = reading.colours.kinds
                named = torch.cat([torch.zeros(len(kinds) - len(named)), named])
                kinds = kinds + share * (named - kinds)
                places = places + share * (reading.colours.places - places)
        return Judgement(faulty, contradicted, blamed, kinds, places, colours)

    def forward(
        self,
        tokens: Tensor,
        cells: Cells,
        evidence: Tensor,
        close: Close | None = None,
        reading: Reading | None = None,
    ) -> Tensor:
        """Visual tokens float32 (FINDINGS, width) that follow the query's own."""
        return self.told(self.judgement(tokens, cells, evidence, close, reading), reading)

    def told(self, seen: Judgement, reading: Reading | None) -> Tensor:
        """The same of a judgement and the reading that it comes from."""
        shares, order = seen.colours.topk(SHOWN_COLOURS)
        loudness = shares / (shares + LEAST_COLOUR)
        told = torch.cat(
            [
                self._between(seen.faulty.sigmoid()),
                (_sharper(seen.kinds) @ self.kind_words[1:])[None],
                (_sharper(seen.places) @ self.place_words)[None],
                self.colour_words[order] * loudness[:, None],
                self._of_process(seen, reading),
            ]
        )
        return told * self.reach + self.marks

    def _between(self, faulty: Tensor) -> Tensor:
        """(1, width): from the word for good parts to that for faulty ones."""
        return ((1 - faulty) * self.verdicts[0] + faulty * self.verdicts[1])[None]

    def _of_process(self, seen: Judgement, reading: Reading | None) -> Tensor:
        """(4, width), zeros without a process; step and words as loud as the contradiction."""
        if reading is None or seen.blamed is None:
            return torch.zeros(4, self.marks.shape[1])
        share = seen.blamed.sigmoid()
        places = torch.tensor([min(number, NUMBERS) - 1 for number in reading.numbers])
        doubted = -reading.lowest.min(1).values
        if reading.colours is not None:
            doubted = doubted + reading.colours.steps
        step = doubted.softmax(0) @ self.number_words[places]
        words = functional.normalize(torch.stack([reading.written, reading.seen]), dim=1)
        return torch.cat([self._between(share), torch.cat([step[None], words]) * share])


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """faulty: log-odds, a scalar; contradicted: of the process, and blamed: of that as far as no
    fault of the surface explains the part; None without one. kinds: shares (kinds,), places:
    (PLACES,), colours: (COLOURS,); each sums to 1."""

    faulty: Tensor
    contradicted: Tensor | None
    blamed: Tensor | None
    kinds: Tensor
    places: Tensor
    colours: Tensor


def _beyond(odds: Tensor, before: float) -> Tensor:
    """Log-odds, as far as the odds exceed those before."""
    return (odds.exp() - before).clamp_min(1e-9).log()


def fault_odds(logits: Tensor) -> Tensor:
    """Log-odds of any fault against "good": (N, 1 + kinds) of `Findings.kind_logits` -> (N,)."""
    return torch.logsumexp(logits[:, 1:], 1) - logits[:, 0]


def _closer(kinds: Tensor, places: Tensor, close: Close) -> tuple[Tensor, Tensor]:
    """Shares of kinds and places, as a close look has them as far as it found a fault of the
    surface, which are the first kinds; else as they were."""
    surface = close.kinds.shape[1] - 1
    lead = torch.zeros_like(close.odds)
    lead[0] = FIRST
    weight = (close.odds + lead).softmax(0)
    seen = close.odds.max().sigmoid().clamp(UNSURE, 1 - UNSURE)
    other = kinds[surface:].sum().clamp(UNSURE, 1 - UNSURE)
    share = seen * (1 - other) / (seen * (1 - other) + (1 - seen) * other)
    named = weight @ close.kinds[:, 1:].softmax(1)
    rest = kinds[surface:] / kinds[surface:].sum().clamp_min(1e-6)
    kinds = torch.cat([share * named, (1 - share) * rest])
    # below 1/3, below 2/3, below 1, softly; the middle one is what lies between
    below = torch.sigmoid((torch.tensor([1 / 3, 2 / 3]) - close.centres()[:, :, None]) / EDGE)
    thirds = torch.stack([below[..., 0], below[..., 1] - below[..., 0], 1 - below[..., 1]], 2)
    near = weight @ (thirds[:, 1, :, None] * thirds[:, 0, None, :]).flatten(1)
    return kinds, share * near + (1 - share) * places


def _sharper(shares: Tensor) -> Tensor:
    """The likeliest more so: of a word between "left" and "top left", or "dent" and "wrong colour",
    neither is read."""
    sharp = shares**SHARPER
    return sharp / sharp.sum().clamp_min(1e-9)
