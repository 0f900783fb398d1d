"""How far a picture shows the colours that its process orders: which, where and how many.

A small transformer reads the values of a process ("wires: red, 2 blue", "clip: left") as sorts of
things: a colour, a number, a place, nothing, something else. A colour it never knows by name, but
for whether it is a bare metal: in the place of the word stands what the picture shows of that
colour, how much, where and in how many spots, and by how much that differs from what is ordered. So
what it learned of red wires holds for blue eggs, and no product has to be known. Beside it, and
learned for itself, a sum over all colours holds what is ordered of each against what is seen of it,
and each value is read alone: these know no whole processes, and err on other products.
It knows no language model, no expert and no references, and decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from triad_ui.model.embedded.colour_alone import IN_PLACE, Alone
from triad_ui.model.embedded.colour_beside import (
    IN_COLOUR,
    IN_HOLE,
    IN_NUMBER,
    IN_ORDER,
    IN_ROUND,
    by_colour,
    by_hole,
    by_order,
    by_round,
    by_value,
    places_at,
    spots_told,
)
from triad_ui.model.embedded.colour_grid import by_grid
from triad_ui.model.embedded.colour_layer import WIDTH, Layer, relations_of
from triad_ui.model.embedded.colour_measured import NEVER, Measured
from triad_ui.model.embedded.colour_naming import Naming
from triad_ui.model.embedded.colour_orders import (
    ABSENT,
    BEFORE,
    COUNT,
    LONGEST,
    MOST_COUNT,
    NAME,
    NTH,
    OF,
    PLACE,
    PLACES,
    SEEN_COLOUR,
    SORT,
    STEP,
    VALUE,
    WAYS,
    colours_in,
    ordered,
    readable,
)
from triad_ui.model.embedded.colour_rows import IN_ROW, by_row
from triad_ui.model.embedded.colour_sight import (
    CELLS,
    SHAPE,
    Seen,
    Sight,
    is_grey,
    shades,
)
from triad_ui.model.embedded.colour_spots import TOLD
from triad_ui.model.embedded.colour_words import in_words
from triad_ui.model.embedded.paint import COLOURS, METALS
from triad_ui.model.embedded.scene import Scene
from triad_ui.records import ManufacturingProcess

LAYERS, INNER = 3, 48
WAYS_READ = 3
"""Log-odds that are told of a process, each in another way."""


@dataclass(frozen=True, slots=True, eq=False)
class Contradiction:
    """odds: that the picture contradicts the process, (WAYS_READ,), log-odds as it is read, as its
    colours add up, and by any value alone. steps: (S,), log-odds that it contradicts each step,
    NEVER of one without values. kinds: (kinds,), places: (9,), shares of what the fault may be and
    of where it may lie, if there is one. written, seen: a word that is ordered, and one for what
    there is instead; "" where it can't be told or nothing is doubted. readable: see
    `colour_orders.readable`. measured: log-odds of a contradiction by lists, rings and grids alone,
    if one was as likely as not before."""

    odds: Tensor
    steps: Tensor
    kinds: Tensor
    places: Tensor
    written: str = ""
    seen: str = ""
    readable: float = 1.0
    measured: float = NEVER


class ColourReader(nn.Module):
    """Pictures and what is ordered -> log-odds that the one contradicts the other.

    kinds: of faults against a process, that it tells apart.
    """

    def __init__(self, kinds: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.sight = Sight()
        self.read = nn.Sequential(
            nn.Linear(SHAPE + CELLS**2 + TOLD, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH)
        )
        self.numbers, self.order = nn.Linear(IN_NUMBER, WIDTH), nn.Linear(IN_ORDER, WIDTH)
        self.row, self.round = nn.Linear(IN_ROW, WIDTH), nn.Linear(IN_ROUND, WIDTH)
        self.hole = nn.Linear(IN_HOLE, WIDTH)
        self.at = nn.Sequential(nn.Linear(IN_PLACE, INNER), nn.GELU(), nn.Linear(INNER, WIDTH))
        self.sort, self.name = nn.Embedding(6, WIDTH), nn.Embedding(2, WIDTH)
        self.count, self.before = (nn.Embedding(1 + MOST_COUNT, WIDTH) for _ in range(2))
        self.nth, self.of = (nn.Embedding(1 + LONGEST, WIDTH) for _ in range(2))
        self.place = nn.Embedding(len(PLACES), WIDTH)
        self.ways = nn.Linear(len(PLACES), WIDTH)
        self.wanted = nn.Linear(3 + IN_COLOUR, WIDTH)
        self.whole = nn.Parameter(torch.randn(1, 1, WIDTH) * 0.02)
        self.layers = nn.ModuleList(Layer(dropout) for _ in range(LAYERS))
        self.out = nn.LayerNorm(WIDTH)
        self.tell, self.blame = nn.Linear(WIDTH, 1), nn.Linear(WIDTH, 1)
        self.each = nn.Sequential(
            nn.Linear(2 * SHAPE + 13 + TOLD + IN_COLOUR, INNER), nn.GELU(), nn.Dropout(dropout),
            nn.Linear(INNER, INNER), nn.GELU(),
        )  # fmt: skip
        self.add = nn.Sequential(nn.Linear(2 * INNER + 4, INNER), nn.GELU(), nn.Linear(INNER, 1))
        self.alone = Alone(dropout)
        self.measured = Measured()
        self.naming = Naming(WIDTH, kinds, CELLS)
        for part in (self.sort, self.name, self.count, self.before, self.nth, self.of, self.place):
            nn.init.normal_(part.weight, std=0.3)

    def forward(self, seen: Seen, values: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Log-odds of a contradiction: of the process as it is read (N,), as its colours add up
        (N,), by any value alone (N,); and by each of its values in the process (N, L).

        seen: of N pictures. values: int64 (N, L, 9) of `ordered`,
        rows beyond a process's end -1.
        """
        return self._read(seen, values)[:4]

    def named(self, seen: Seen, values: Tensor) -> tuple[Tensor, ...]:
        """What `forward` gives, then logits of the kind of the fault (N, kinds) and of its place
        (N, 9), if there is one; to these alone gradients flow."""
        *odds, blame, tokens, looks = self._read(seen, values)
        tokens, looks = tokens.detach(), looks.detach()
        whole, colours, told = tokens.split([1, len(COLOURS), values.shape[1]], 1)
        maps = (seen.colours[..., SHAPE:].detach() / 2) ** 2
        kinds, places = self.naming(whole[:, 0], colours, looks, told, blame.detach(), maps)
        return *odds, blame, kinds, places

    def _read(self, seen: Seen, values: Tensor) -> tuple[Tensor, ...]:
        """What `forward` gives, then all tokens, and the colours as they are seen."""
        on = values[..., SORT] >= 0
        held = values.clamp_min(0)
        colour, which = colours_in(values)
        asked = functional.one_hot(which, len(COLOURS)).float() * colour[..., None]
        number = torch.where(held[..., BEFORE] > 0, held[..., BEFORE], 1) * (held[..., NAME] == 0)
        pieces, times = (asked * number[..., None]).sum(1), asked.sum(1)
        wanted = torch.stack([pieces.log1p(), times.log1p(), (times > 0).float()], -1)
        missed = by_colour(seen, pieces)
        spots = spots_told(seen)
        looks = self.read(torch.cat([seen.colours, spots], -1))
        told = self._beside(seen, values, colour, which)
        words = self._words(held, looks, colour, which) + self._beside_words(told)
        tokens = torch.cat(
            [
                self.whole.expand(len(values), 1, -1),
                looks
                + self.wanted(torch.cat([wanted, missed], -1))
                + self.sort.weight[SEEN_COLOUR],
                words,
            ],
            1,
        )
        relations = relations_of(values, on, colour)
        first = tokens.shape[1] - on.shape[1]
        hidden = torch.cat([torch.zeros(len(on), first), torch.where(on, 0.0, -1e4)], 1)
        for layer in self.layers:
            tokens = layer(tokens, relations, hidden)
        tokens = self.out(tokens)
        none = ((values[..., SORT] == ABSENT) & on).float().sum(1)
        read = self.tell(tokens[:, 0])[:, 0]
        blame = self.blame(tokens[:, first:])[..., 0].masked_fill(~on, NEVER)
        also = torch.cat([spots, missed], -1)
        summed = self._sum(seen.colours[..., :SHAPE], wanted, pieces, none, also)
        return read, summed, self.alone(told, values), blame, tokens, looks

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

    def _beside(self, seen: Seen, values: Tensor, colour: Tensor, which: Tensor) -> Tensor:
        """What is seen of each value by itself, (N, L, IN_ALONE)."""
        place = values[..., SORT] == PLACE
        there = functional.one_hot(torch.where(place, values[..., VALUE], 0), len(PLACES))
        at = torch.cat([there, places_at(seen, values)], -1) * place[..., None]
        own = seen.colours[..., :SHAPE].gather(1, which[..., None].expand(-1, -1, SHAPE))
        told = (by(seen, values) for by in (by_value, by_order, by_row, by_round, by_hole))
        return torch.cat([own * colour[..., None], *told, at], -1)

    def _beside_words(self, told: Tensor) -> Tensor:
        """The same as part of the words, (N, L, WIDTH)."""
        parts = told.split([SHAPE, IN_NUMBER, IN_ORDER, IN_ROW, IN_ROUND, IN_HOLE, IN_PLACE], -1)
        layers = (self.numbers, self.order, self.row, self.round, self.hole)
        found = sum(layer(part) for layer, part in zip(layers, parts[1:-1], strict=True))
        return found + self.at(parts[-1]) * (parts[-1] != 0).any(-1, keepdim=True)

    def _sum(
        self, shape: Tensor, wanted: Tensor, pieces: Tensor, none: Tensor, also: Tensor
    ) -> Tensor:
        """What the colours say together, (N,): of each, what is seen beside what is ordered."""
        count = len(pieces)
        share = (pieces / (pieces.sum(1, keepdim=True) + 1e-6))[..., None]
        whole = torch.cat([wanted.sum(1).log1p(), none[:, None].log1p()], 1)
        metal = (torch.arange(len(COLOURS)) >= len(COLOURS) - METALS).float()
        told = [
            shape, also, wanted, share, whole[:, None].expand(-1, len(COLOURS), -1),
            metal[None, :, None].expand(count, -1, -1),
            shape.mean(1, keepdim=True).expand_as(shape),
            shape.amax(1, keepdim=True)[..., 2:6].expand(-1, len(COLOURS), -1),
        ]  # fmt: skip
        each = self.each(torch.cat(told, -1))
        return self.add(torch.cat([each.mean(1), each.amax(1), whole], -1))[:, 0]

    @torch.no_grad()
    def contradiction(self, scene: Scene, process: ManufacturingProcess) -> Contradiction | None:
        """What a picture says of a process; None of one that orders nothing in attributes, and of
        a picture without colours, which is no reason to doubt any."""
        values = ordered(process)
        if not len(values) or is_grey(scene.picture):
            return None
        pixels, beside = shades(scene.picture[None]), values[None]
        every = self.sight.shares(pixels)
        seen = self.sight.seen(pixels, every)
        *odds, blame, kinds, places = self.named(seen, beside)
        found = (by_row(seen, beside), by_round(seen, beside), by_grid(every, beside))
        measured = self.measured(*found, beside)
        blame, most = torch.logaddexp(blame, measured), float(measured.max())
        steps = [step.number for step in process.steps if step.attributes]
        worst = [blame[0][values[:, STEP] == step] for step in steps]
        by_step = [float(each.max()) if len(each) else NEVER for each in worst]
        told = torch.cat(odds)
        written, there, where = "", "", places[0].softmax(0)
        if max(float(told.mean()), most) >= 0:
            written, there, where = in_words(seen, beside, blame[0], where)
        return Contradiction(
            told,
            torch.tensor(by_step),
            kinds[0].softmax(0),
            where,
            written,
            there,
            readable=readable(process, values),
            measured=most,
        )
