"""How far a picture bears out each step of its process.

A small causal transformer was trained to go on with a step's line, word by word, from what is
before it and from the picture ("ring:" -> "red"). What a picture says of a word is how much more
likely it makes it: log p(word | picture) - log p(word), the pointwise mutual information, among the
words of its sort (colours, numbers, places), as a product that was never met makes a model unsure
of what sort of word comes next, which speaks against none of them. A step that orders red where
blue is seen has a word that the picture makes unlikely; one that speaks of what no picture shows is
left as it is. Other words do not count.
It decides nothing and knows no expert, no references and no language model but its word vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from triad_ui.model.embedded.colour_reader import Contradiction
from triad_ui.model.embedded.scene import FAR, GRID, NEAR_PARTS, Scene
from triad_ui.records import ProcessStep

WIDTH, HEADS, LAYERS = 160, 5, 3
LONGEST = 48
"""Words of a step that are read."""
PLACES = (GRID // 2) ** 2
TEXT, NAME, VALUE = range(3)
SORTS = 3
MOST, LEAST = 3.0, -6.0
"""Bounds of what one word gains, in nats: beyond them it is as sure as it can be."""


@dataclass(frozen=True, slots=True)
class Line:
    """A step as words. ids: of its tokens, at most LONGEST. roles: TEXT, NAME (of an attribute) or
    VALUE of each."""

    number: int
    ids: tuple[int, ...]
    roles: tuple[int, ...]


def line_of(step: ProcessStep, encode: Callable[[str], Sequence[int]]) -> Line:
    """A step as it is read: its text, then its attributes; "name: value", or a value alone."""
    ids = list(encode(step.text))
    roles = [TEXT] * len(ids)
    for number, attribute in enumerate(step.attributes):
        name, colon, value = attribute.partition(":")
        new = encode(("; " if number else " (") + name + colon)
        ids += new
        roles += [NAME if colon else VALUE] * len(new)
        if colon:
            new = encode(value)
            ids += new
            roles += [VALUE] * len(new)
    return Line(step.number, tuple(ids[:LONGEST]), tuple(roles[:LONGEST]))


def padded(lines: Sequence[Line]) -> tuple[Tensor, Tensor]:
    """Ids and roles, int64 (N, L); 0 and -1 beyond a line's end."""
    longest = max(len(line.ids) for line in lines)
    ids = torch.zeros(len(lines), longest, dtype=torch.long)
    roles = torch.full((len(lines), longest), -1)
    for row, line in enumerate(lines):
        ids[row, : len(line.ids)] = torch.tensor(line.ids)
        roles[row, : len(line.ids)] = torch.tensor(line.roles)
    return ids, roles


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a picture says of a process. numbers: of its steps, (S,). losses: float32 (S, SORTS), in
    nats, what the values of each lose, 0 and below; lowest: (S, SORTS), the word of each that is
    borne out least, LEAST..0. known: scalar 0..1, how much the picture bears out the values on the
    whole: much, where the product is like those that were learned. written: word vector (width,)
    of the least borne out of all. seen: (width,), what the picture makes likely in its place.
    colours: what `ColourReader` says of the same process, of the same steps; None if nothing."""

    numbers: tuple[int, ...]
    losses: Tensor
    lowest: Tensor
    known: Tensor
    written: Tensor
    seen: Tensor
    colours: Contradiction | None = None


class StepReader(nn.Module):
    """Scenes and lines -> what of each line's words the scene makes likely.

    width: of the word vectors. vocabulary: how many words it can tell; `words` (V,) are their ids,
    rising, `sorts` (V,) their sorts, 0..SORTS - 1, or -1 for words that do not count.
    """

    def __init__(self, width: int, vocabulary: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.register_buffer("words", torch.zeros(vocabulary, dtype=torch.long))
        self.register_buffer("sorts", torch.full((vocabulary,), -1))
        self.eye = Eye(dropout)
        self.read = nn.Linear(width, WIDTH)
        self.norm = nn.LayerNorm(width)
        self.place = nn.Parameter(torch.randn(LONGEST, WIDTH) * 0.02)
        self.start = nn.Parameter(torch.randn(1, 1, WIDTH) * 0.02)
        self.nothing = nn.Parameter(torch.randn(1, 1, WIDTH) * 0.02)
        self.layers = nn.ModuleList(Layer(dropout) for _ in range(LAYERS))
        self.out = nn.LayerNorm(WIDTH)
        self.tell = nn.Linear(WIDTH, vocabulary)

    def targets(self, ids: Tensor) -> Tensor:
        """Ids of tokens -> rows of the vocabulary, -1 for one that is not in it."""
        rows = torch.searchsorted(self.words, ids).clamp_max(len(self.words) - 1)
        return torch.where(self.words[rows] == ids, rows, torch.full_like(rows, -1))

    def forward(self, seen: Tensor, vectors: Tensor) -> Tensor:
        """Logits float32 (N, L, V) of each word, from those before it.

        seen: (M, PLACES, WIDTH) of `Eye`, or `nothing`; vectors: word vectors (N, L, width), N a
        multiple of M, the lines of each scene one after the other.
        """
        count, length, _ = vectors.shape
        before = self.read(self.norm(vectors[:, :-1]))
        words = torch.cat([self.start.expand(count, 1, -1), before], 1) + self.place[:length]
        for layer in self.layers:
            words = layer(words, seen)
        return self.tell(self.out(words))

    @torch.no_grad()
    def reading(self, scene: Scene, lines: Sequence[Line], table: Tensor) -> Reading:
        """What a scene says of the lines of a process. table: all word vectors (all ids, width)."""
        ids, roles = padded(lines)
        rows = self.targets(ids)
        sorts = torch.where(rows < 0, rows, self.sorts[rows.clamp_min(0)])
        vectors = table[ids].float()
        seen = self.eye(scene.near[None].float(), scene.far[None].float())
        likely = self(seen, vectors)
        usual = self(self.nothing.expand(1, PLACES, -1), vectors)
        gains = torch.zeros(SORTS, *ids.shape)
        for sort in range(SORTS):
            own = (self.sorts == sort).nonzero()[:, 0]
            at = ((roles == VALUE) & (sorts == sort)).nonzero(as_tuple=True)
            among = torch.searchsorted(own, rows[at])[:, None]
            told = [
                logits[at][:, own].log_softmax(1).gather(1, among) for logits in (likely, usual)
            ]
            gains[sort][at] = (told[0] - told[1])[:, 0].clamp(LEAST, MOST)
        counted = (sorts >= 0) & (roles == VALUE)
        known = gains.sum(0)[counted].clamp(0, MOST).mean() / MOST if counted.any() else gains.sum()
        lost = gains.clamp_max(0)
        lowest = gains.min(0).values
        worst = divmod(int(lowest.argmin()), lowest.shape[1])
        like = self.sorts == sorts[worst]
        share = likely[worst].masked_fill(~like, -torch.inf).softmax(0)
        return Reading(
            tuple(line.number for line in lines),
            lost.sum(2).T,
            lost.min(2).values.T,
            known,
            vectors[worst],
            share @ table[self.words].float(),
        )


class Eye(nn.Module):
    """Scenes -> places that the words look at, float32 (N, PLACES, WIDTH)."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(4 * part) for part in NEAR_PARTS[:3])
        self.far_norm = nn.LayerNorm(FAR)
        self.read = nn.Linear(4 * sum(NEAR_PARTS) + FAR, WIDTH)
        self.place = nn.Parameter(torch.randn(PLACES, WIDTH) * 0.02)
        self.near = nn.Linear(9 * WIDTH, WIDTH)
        self.mix = _mixer()
        self.norm_1, self.norm_2, self.out = (nn.LayerNorm(WIDTH) for _ in range(3))
        self.drop, self.hide = nn.Dropout(dropout), nn.Dropout(0.15)

    def forward(self, near: Tensor, far: Tensor) -> Tensor:
        """near, far: as of `Scene`, (N, ...)."""
        side = GRID // 2
        parts = [_rows(functional.pixel_unshuffle(part, 2)) for part in near.split(NEAR_PARTS, 1)]
        normed = [self.hide(norm(part)) for norm, part in zip(self.norms, parts[:3], strict=True)]
        colours = parts[3] * 2
        told = torch.cat([*normed, colours, self.hide(self.far_norm(_rows(far)))], -1)
        places = self.read(told) + self.place
        flat = self.norm_1(places).transpose(1, 2).reshape(len(near), -1, side, side)
        around = functional.unfold(flat, 3, padding=1).transpose(1, 2)
        places = places + self.drop(functional.gelu(self.near(around)))
        places = places + self.drop(self.mix(self.norm_2(places)))
        return self.out(places)


class Layer(nn.Module):
    """Words look at the words before them, then at the scene."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.own, self.look = Attention(), Attention()
        self.mix = _mixer()
        self.norm_1, self.norm_2, self.norm_3 = (nn.LayerNorm(WIDTH) for _ in range(3))
        self.drop = nn.Dropout(dropout)

    def forward(self, words: Tensor, seen: Tensor) -> Tensor:
        """words: (N, L, WIDTH). seen: (M, PLACES, WIDTH), N a multiple of M."""
        normed = self.norm_1(words)
        words = words + self.drop(self.own(normed, normed, causal=True))
        asked = self.norm_2(words).reshape(len(seen), -1, WIDTH)
        words = words + self.drop(self.look(asked, seen)).reshape(words.shape)
        return words + self.drop(self.mix(self.norm_3(words)))


class Attention(nn.Module):
    """Rows (N, L, WIDTH) gather from others (N, K, WIDTH)."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(WIDTH, WIDTH)
        self.key_value = nn.Linear(WIDTH, 2 * WIDTH)
        self.output = nn.Linear(WIDTH, WIDTH)

    def forward(self, rows: Tensor, others: Tensor, causal: bool = False) -> Tensor:
        """causal: a row gathers only from those up to its own place."""
        count, length, _ = rows.shape
        query = self.query(rows).view(count, length, HEADS, -1).transpose(1, 2)
        both = self.key_value(others).view(count, -1, 2, HEADS, WIDTH // HEADS)
        key, value = both.permute(2, 0, 3, 1, 4)
        found = functional.scaled_dot_product_attention(query, key, value, is_causal=causal)
        return self.output(found.transpose(1, 2).reshape(count, length, WIDTH))


def _mixer() -> nn.Sequential:
    return nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))


def _rows(values: Tensor) -> Tensor:
    """(N, C, h, w) -> (N, h * w, C)."""
    return values.flatten(2).transpose(1, 2)
