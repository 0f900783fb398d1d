"""How far a picture shows the colours that its process orders: which, where and how many.

A small transformer reads the values of a process ("wires: red, 2 blue", "clip: left") as sorts of
things: a colour, a number, a place, nothing, something else. A colour it never knows by name, but
for whether it is a bare metal: in the place of the word stands what the picture shows of that
colour, how much, where and in how many spots. So what it learned of red wires holds for blue eggs,
and no product has to be known. Beside it, and learned for itself, a sum over all colours holds what
is ordered of each against what is seen of it: it knows no lists and places, and errs on other
products.
It knows no language model, no expert and no references, and decides nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from triad_ui.model.embedded.colour_naming import Naming
from triad_ui.model.embedded.colour_sight import (
    CELLS,
    COLOURS,
    METALS,
    SHAPE,
    Sight,
    colours_of,
)
from triad_ui.model.embedded.scene import Scene
from triad_ui.records import ManufacturingProcess, ProcessStep

ABSENCES = ("none", "no", "nothing", "without")
COUNTS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
PLACES = (
    "left", "right", "top", "bottom", "middle", "center", "centre", "upper", "lower", "tip", "end",
    "all", "both", "around", "side", "clockwise", "row", "rows", "order", "from", "cups", "places",
    "outer", "inner", "up", "down", "edge", "corner",
)  # fmt: skip
"""Words for places, and for the way in which a list is told."""
COLOUR, ABSENT, COUNT, PLACE, OTHER, SEEN_COLOUR = range(6)
"""Sorts of what is read; the last stands for each colour, whether ordered or not."""
SORT, VALUE, NAME, NTH, OF, ATTRIBUTE, STEP, BEFORE, WAYS = range(9)
"""Columns of `ordered`."""
MOST, MOST_COUNT, LONGEST = 32, 20, 15
WIDTH, HEADS, LAYERS, INNER = 96, 6, 3, 48
RELATIONS = 5
NEVER = -20.0
"""Log-odds of what is not asked."""


@dataclass(frozen=True, slots=True, eq=False)
class Contradiction:
    """odds: that the picture contradicts the process, a scalar, log-odds of two readings added up.
    steps: (S,), log-odds that it contradicts each step, NEVER of one without values. kinds:
    (kinds,), places: (9,), shares of what the fault may be and of where it may lie, if there is
    one."""

    odds: Tensor
    steps: Tensor
    kinds: Tensor
    places: Tensor


def ordered(process: ManufacturingProcess) -> Tensor:
    """The values that a process orders as "name: value", int64 (L, 9) with L <= MOST; columns SORT
    to WAYS. Phrases by themselves ("no cracks", "even grey") are passed over: they speak of what no
    colour shows, and six of ten photographs seemed to contradict them.

    VALUE: of COLOURS or PLACES, or the number. NAME: 1 for a word of the attribute's name. NTH,
    OF: place in its attribute. ATTRIBUTE: counted through the process. STEP: its number. BEFORE:
    the number right before a colour, 0 without. WAYS: bits of PLACES of the step's words.
    """
    rows: list[list[int]] = []
    number = 0
    for step in process.steps:
        for attribute in step.attributes:
            rows += _values(step, attribute, number)
            number += 1
    return torch.tensor(rows[:MOST], dtype=torch.long).reshape(-1, 9)


def _values(step: ProcessStep, attribute: str, number: int) -> list[list[int]]:
    name, colon, value = attribute.partition(":")
    if not colon:
        return []
    words = {*re.findall(r"[a-z]+", f"{step.text} {name}".lower())}
    ways = sum(1 << k for k, word in enumerate(PLACES) if word in words)
    rows = []
    before = 0
    for is_name, text in ((1, name), (0, value)):
        for word in re.findall(r"[a-z]+|\d+", text.lower()):
            sort, meant = _meant(word)
            if sort == OTHER and is_name:
                continue
            told = before if sort == COLOUR else 0
            before = meant if sort == COUNT else 0
            rows.append([sort, meant, is_name, 0, 0, number, step.number, told, ways])
    values = [row for row in rows if not row[NAME]]
    for nth, row in enumerate(values):
        row[NTH] = min(nth, LONGEST)
    for row in rows:
        row[OF] = min(len(values), LONGEST)
    return rows


def _meant(word: str) -> tuple[int, int]:
    """Sort and value of a word."""
    if word in COLOURS:
        return COLOUR, COLOURS.index(word)
    if word in ABSENCES:
        return ABSENT, 0
    if word in COUNTS[1:]:
        return COUNT, COUNTS.index(word)
    if word.isdigit() and int(word) <= MOST_COUNT:
        return COUNT, int(word)
    return (PLACE, PLACES.index(word)) if word in PLACES else (OTHER, 0)


class ColourReader(nn.Module):
    """Pictures and what is ordered -> log-odds that the one contradicts the other.

    kinds: of faults against a process, that it tells apart.
    """

    def __init__(self, kinds: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.sight = Sight()
        self.read = nn.Sequential(
            nn.Linear(SHAPE + CELLS**2, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH)
        )
        self.sort, self.name = nn.Embedding(6, WIDTH), nn.Embedding(2, WIDTH)
        self.count, self.before = (nn.Embedding(1 + MOST_COUNT, WIDTH) for _ in range(2))
        self.nth, self.of = (nn.Embedding(1 + LONGEST, WIDTH) for _ in range(2))
        self.place = nn.Embedding(len(PLACES), WIDTH)
        self.ways = nn.Linear(len(PLACES), WIDTH)
        self.wanted = nn.Linear(3, WIDTH)
        self.whole = nn.Parameter(torch.randn(1, 1, WIDTH) * 0.02)
        self.layers = nn.ModuleList(Layer(dropout) for _ in range(LAYERS))
        self.out = nn.LayerNorm(WIDTH)
        self.tell, self.blame = nn.Linear(WIDTH, 1), nn.Linear(WIDTH, 1)
        self.each = nn.Sequential(
            nn.Linear(2 * SHAPE + 13, INNER), nn.GELU(), nn.Dropout(dropout),
            nn.Linear(INNER, INNER), nn.GELU(),
        )  # fmt: skip
        self.add = nn.Sequential(nn.Linear(2 * INNER + 4, INNER), nn.GELU(), nn.Linear(INNER, 1))
        self.naming = Naming(WIDTH, kinds, CELLS)
        for part in (self.sort, self.name, self.count, self.before, self.nth, self.of, self.place):
            nn.init.normal_(part.weight, std=0.3)

    def forward(self, seen: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log-odds of a contradiction: of the process as it is read (N,), and as its colours add up
        (N,), and by each of its values (N, L).

        seen: (N, len(COLOURS), SHAPE + CELLS**2) of `Sight`. values: int64 (N, L, 9) of `ordered`,
        rows beyond a process's end -1.
        """
        return self._read(seen, values)[:3]

    def named(self, seen: Tensor, values: Tensor) -> tuple[Tensor, ...]:
        """What `forward` gives, then logits of the kind of the fault (N, kinds) and of its place
        (N, 9), if there is one; to these alone gradients flow."""
        read, summed, blame, tokens, looks = self._read(seen, values)
        tokens, looks = tokens.detach(), looks.detach()
        whole, colours, told = tokens.split([1, len(COLOURS), values.shape[1]], 1)
        maps = (seen[..., SHAPE:].detach() / 2) ** 2
        kinds, places = self.naming(whole[:, 0], colours, looks, told, blame.detach(), maps)
        return read, summed, blame, kinds, places

    def _read(self, seen: Tensor, values: Tensor) -> tuple[Tensor, ...]:
        """What `forward` gives, then all tokens, and the colours as they are seen."""
        on = values[..., SORT] >= 0
        held = values.clamp_min(0)
        colour = on & (values[..., SORT] == COLOUR)
        which = torch.where(colour, held[..., VALUE], 0)
        asked = functional.one_hot(which, len(COLOURS)).float() * colour[..., None]
        number = torch.where(held[..., BEFORE] > 0, held[..., BEFORE], 1) * (held[..., NAME] == 0)
        pieces, times = (asked * number[..., None]).sum(1), asked.sum(1)
        wanted = torch.stack([pieces.log1p(), times.log1p(), (times > 0).float()], -1)
        looks = self.read(seen)
        words = self._words(held, looks, colour, which)
        tokens = torch.cat(
            [
                self.whole.expand(len(values), 1, -1),
                looks + self.wanted(wanted) + self.sort.weight[SEEN_COLOUR],
                words,
            ],
            1,
        )
        relations = _relations(values, on, colour)
        first = tokens.shape[1] - on.shape[1]
        hidden = torch.cat([torch.zeros(len(on), first), torch.where(on, 0.0, -1e4)], 1)
        for layer in self.layers:
            tokens = layer(tokens, relations, hidden)
        tokens = self.out(tokens)
        none = ((values[..., SORT] == ABSENT) & on).float().sum(1)
        read = self.tell(tokens[:, 0])[:, 0]
        blame = self.blame(tokens[:, first:])[..., 0].masked_fill(~on, NEVER)
        return read, self._sum(seen[..., :SHAPE], wanted, pieces, none), blame, tokens, looks

    def _words(self, held: Tensor, looks: Tensor, colour: Tensor, which: Tensor) -> Tensor:
        """The values as they are read, (N, L, WIDTH)."""
        sort, value = held[..., SORT], held[..., VALUE]
        words = self.sort(sort) + self.name(held[..., NAME]) + self.nth(held[..., NTH])
        words = words + self.of(held[..., OF]) + self.before(held[..., BEFORE])
        bits = (held[..., WAYS, None] >> torch.arange(len(PLACES))) & 1
        words = words + self.ways(bits.float())
        shown = looks.gather(1, which[..., None].expand(-1, -1, WIDTH))
        words = words + shown * colour[..., None]
        for part, mine in ((self.count, COUNT), (self.place, PLACE)):
            words = words + part(torch.where(sort == mine, value, 0)) * (sort == mine)[..., None]
        return words

    def _sum(self, shape: Tensor, wanted: Tensor, pieces: Tensor, none: Tensor) -> Tensor:
        """What the colours say together, (N,): of each, what is seen beside what is ordered."""
        count = len(pieces)
        share = (pieces / (pieces.sum(1, keepdim=True) + 1e-6))[..., None]
        whole = torch.cat([wanted.sum(1).log1p(), none[:, None].log1p()], 1)
        metal = (torch.arange(len(COLOURS)) >= len(COLOURS) - METALS).float()
        told = [
            shape, wanted, share, whole[:, None].expand(-1, len(COLOURS), -1),
            metal[None, :, None].expand(count, -1, -1),
            shape.mean(1, keepdim=True).expand_as(shape),
            shape.amax(1, keepdim=True)[..., 2:6].expand(-1, len(COLOURS), -1),
        ]  # fmt: skip
        each = self.each(torch.cat(told, -1))
        return self.add(torch.cat([each.mean(1), each.amax(1), whole], -1))[:, 0]

    @torch.no_grad()
    def contradiction(self, scene: Scene, process: ManufacturingProcess) -> Contradiction | None:
        """What a picture says of a process; None of one that orders nothing in attributes."""
        values = ordered(process)
        if not len(values):
            return None
        seen = self.sight(colours_of(scene.near[None]))
        read, summed, blame, kinds, places = self.named(seen, values[None])
        steps = [step.number for step in process.steps if step.attributes]
        worst = [blame[0][values[:, STEP] == step] for step in steps]
        by_step = [float(each.max()) if len(each) else NEVER for each in worst]
        return Contradiction(
            (read + summed)[0], torch.tensor(by_step), kinds[0].softmax(0), places[0].softmax(0)
        )


class Layer(nn.Module):
    """Tokens look at each other, the more so as they belong together."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.ask, self.answer = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.near = nn.Parameter(torch.zeros(RELATIONS, HEADS))
        self.mix = nn.Sequential(
            nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH)
        )
        self.norm_1, self.norm_2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.drop = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, relations: Tensor, hidden: Tensor) -> Tensor:
        """tokens: (N, T, WIDTH). relations: (N, RELATIONS, T, T). hidden: (N, T), added to what is
        looked for."""
        count, length, _ = tokens.shape
        asked = self.ask(self.norm_1(tokens)).view(count, length, 3, HEADS, -1)
        query, key, value = asked.permute(2, 0, 3, 1, 4)
        bias = torch.einsum("nrij,rh->nhij", relations, self.near) + hidden[:, None, None]
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        tokens = tokens + self.drop(self.answer(found.transpose(1, 2).reshape(tokens.shape)))
        return tokens + self.drop(self.mix(self.norm_2(tokens)))


def _relations(values: Tensor, on: Tensor, colour: Tensor) -> Tensor:
    """Which tokens belong together, 0 or 1, (N, RELATIONS, T, T): of one attribute, of one step, of
    one colour, next in a list, and the one before. The first are the whole and each colour."""
    count, first = len(values), 1 + len(COLOURS)

    def with_first(own: Tensor, of_first: Tensor) -> Tensor:
        return torch.cat([of_first.expand(count, first), own], 1)

    none = torch.full((first,), -1)
    attribute = with_first(torch.where(on, values[..., ATTRIBUTE], -2), none)
    step = with_first(torch.where(on, values[..., STEP], -2), none)
    named = with_first(torch.where(colour, values[..., VALUE], -4), torch.arange(-1, first - 1))
    value = on & (values[..., NAME] == 0)
    nth = with_first(torch.where(value, values[..., NTH], -9), none * 9)

    def alike(one: Tensor) -> Tensor:
        return one[:, :, None] == one[:, None]

    same = alike(attribute) & (attribute[:, :, None] >= 0)
    found = [
        same,
        alike(step) & (step[:, :, None] >= 0),
        alike(named),
        same & (nth[:, :, None] == nth[:, None] + 1),
        same & (nth[:, :, None] == nth[:, None] - 1),
    ]
    return torch.stack(found, 1).float()
