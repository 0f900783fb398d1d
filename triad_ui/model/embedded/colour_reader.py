"""How far a picture shows the colours that its process orders: which, where and how many.

A small transformer reads the values of a process ("wires: red, 2 blue", "clip: left") as sorts of
things: a colour, a number, a place, nothing, something else. A colour it never knows by name, but
for whether it is a bare metal: in the place of the word stands what the picture shows of that
colour, how much, where and in how many spots, and by how much that differs from what is ordered. So
what it learned of red wires holds for blue eggs, and no product has to be known. Beside it, and
learned for itself, a sum over all colours holds what is ordered of each against what is seen of it:
it knows no lists and places, and errs on other products.
It knows no language model, no expert and no references, and decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from triad_ui.model.embedded.colour_beside import (
    IN_COLOUR,
    IN_NUMBER,
    IN_ORDER,
    by_colour,
    by_order,
    by_value,
    places_at,
    spots_told,
)
from triad_ui.model.embedded.colour_naming import Naming
from triad_ui.model.embedded.colour_orders import (
    ABSENT,
    ATTRIBUTE,
    BEFORE,
    COLOUR,
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
    ordered,
)
from triad_ui.model.embedded.colour_sight import (
    CELLS,
    SHAPE,
    Seen,
    Sight,
    is_grey,
    shades,
)
from triad_ui.model.embedded.colour_spots import TOLD
from triad_ui.model.embedded.paint import COLOURS, METALS
from triad_ui.model.embedded.scene import Scene
from triad_ui.records import ManufacturingProcess

WIDTH, HEADS, LAYERS, INNER = 96, 6, 3, 48
RELATIONS = 5
NEVER = -20.0
"""Log-odds of what is not asked."""


@dataclass(frozen=True, slots=True, eq=False)
class Contradiction:
    """odds: that the picture contradicts the process, (2,), log-odds as it is read and as its
    colours add up. steps: (S,), log-odds that it contradicts each step, NEVER of one without
    values. kinds: (kinds,), places: (9,), shares of what the fault may be and of where it may lie,
    if there is one."""

    odds: Tensor
    steps: Tensor
    kinds: Tensor
    places: Tensor


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
        self.at = nn.Sequential(
            nn.Linear(len(PLACES) + 2, INNER), nn.GELU(), nn.Linear(INNER, WIDTH)
        )
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
        self.naming = Naming(WIDTH, kinds, CELLS)
        for part in (self.sort, self.name, self.count, self.before, self.nth, self.of, self.place):
            nn.init.normal_(part.weight, std=0.3)

    def forward(self, seen: Seen, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log-odds of a contradiction: of the process as it is read (N,), and as its colours add up
        (N,), and by each of its values (N, L).

        seen: of N pictures. values: int64 (N, L, 9) of `ordered`,
        rows beyond a process's end -1.
        """
        return self._read(seen, values)[:3]

    def named(self, seen: Seen, values: Tensor) -> tuple[Tensor, ...]:
        """What `forward` gives, then logits of the kind of the fault (N, kinds) and of its place
        (N, 9), if there is one; to these alone gradients flow."""
        read, summed, blame, tokens, looks = self._read(seen, values)
        tokens, looks = tokens.detach(), looks.detach()
        whole, colours, told = tokens.split([1, len(COLOURS), values.shape[1]], 1)
        maps = (seen.colours[..., SHAPE:].detach() / 2) ** 2
        kinds, places = self.naming(whole[:, 0], colours, looks, told, blame.detach(), maps)
        return read, summed, blame, kinds, places

    def _read(self, seen: Seen, values: Tensor) -> tuple[Tensor, ...]:
        """What `forward` gives, then all tokens, and the colours as they are seen."""
        on = values[..., SORT] >= 0
        held = values.clamp_min(0)
        colour = on & (values[..., SORT] == COLOUR)
        which = torch.where(colour, held[..., VALUE], 0)
        asked = functional.one_hot(which, len(COLOURS)).float() * colour[..., None]
        number = torch.where(held[..., BEFORE] > 0, held[..., BEFORE], 1) * (held[..., NAME] == 0)
        pieces, times = (asked * number[..., None]).sum(1), asked.sum(1)
        wanted = torch.stack([pieces.log1p(), times.log1p(), (times > 0).float()], -1)
        missed = by_colour(seen, pieces)
        spots = spots_told(seen)
        looks = self.read(torch.cat([seen.colours, spots], -1))
        words = self._words(held, looks, colour, which) + self._beside(seen, values)
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
        relations = _relations(values, on, colour)
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
        return read, summed, blame, tokens, looks

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

    def _beside(self, seen: Seen, values: Tensor) -> Tensor:
        """What is seen in numbers and places beside the values, (N, L, WIDTH)."""
        place = values[..., SORT] == PLACE
        which = functional.one_hot(torch.where(place, values[..., VALUE], 0), len(PLACES))
        at = self.at(torch.cat([which, places_at(seen, values)], -1)) * place[..., None]
        return self.numbers(by_value(seen, values)) + self.order(by_order(seen, values)) + at

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
        seen = self.sight(shades(scene.picture[None]))
        read, summed, blame, kinds, places = self.named(seen, values[None])
        steps = [step.number for step in process.steps if step.attributes]
        worst = [blame[0][values[:, STEP] == step] for step in steps]
        by_step = [float(each.max()) if len(each) else NEVER for each in worst]
        return Contradiction(
            torch.cat([read, summed]),
            torch.tensor(by_step),
            kinds[0].softmax(0),
            places[0].softmax(0),
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
