"""`StepReader` learns which words of a process a picture bears out.

Each step that gives a part attributes is told word by word from its picture; a share of the lines
calls things by any noun, so that what is left to go by is what is written of them, and a share of
the pictures is hidden, so that it is known what would be said of any part. Knows no files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from triad_ui.errors import TrainingError
from triad_ui.model.embedded.colour_reader import ColourReader
from triad_ui.model.embedded.encoder import Lexicon, read_process
from triad_ui.model.embedded.findings import CONTRADICTED_BEFORE
from triad_ui.model.embedded.projector import Projector
from triad_ui.model.embedded.step_reader import PLACES, VALUE, Line, StepReader, line_of, padded
from triad_ui.model.embedded.weighed import doubts
from triad_ui.records import ManufacturingProcess, ProcessStep
from triad_ui.rounds import logistic
from triad_ui.rounds.falling_rate import falling_rate
from triad_ui.rounds.step_pictures import Shown
from triad_ui.synthesis.families.palette import METALS, NAMED
from triad_ui.synthesis.product import Family, Spec

Encode = Callable[[str], Sequence[int]]

LINES = 4
"""Lines of a picture in a batch."""
STRANGE = 0.45
"""Share of lines about a thing called by any noun."""
SAME_TEXT = 0.35
"""Share of those whose step keeps its text."""
ELSEWHERE = 0.06
"""Share of lines from processes of other parts, as people write them: no picture bears them out."""
HIDDEN = 0.12
"""Share of pictures that are hidden."""
ASIDE = 0.1
"""Weight of a word that is no value: it is told by habit."""
SORTED = (
    frozenset((*NAMED, *METALS, "none")),
    frozenset("123456789"),
    frozenset(("left", "right", "top", "bottom", "middle", "center", "upper", "lower", "tip")),
)
VERBS = ("Fit", "Make", "Add", "Paint", "Place", "Mount", "Colour", "Set", "Finish")


def vocabulary(families: Sequence[Family], encode: Encode, draws: int = 1500) -> Tensor:
    """Ids of all words in which these families' processes are told, int64 (V,), rising."""
    seen: set[int] = set()
    for family in families:
        rng = np.random.default_rng(1)
        for _ in range(draws):
            spec = family.draw_spec(rng)
            for shown in (spec, family.logical_defect(spec, rng).spec):
                for step in family.process(shown, rng).steps:
                    seen.update(line_of(step, encode).ids)
    return torch.tensor(sorted(seen))


def sorts_of(words: Tensor, decode: Callable[[Sequence[int]], str]) -> Tensor:
    """The sorts of these words, int64 (V,): 0 colours, metals and "none"; 1 numbers; 2 places; -1
    for others."""
    told = [decode([int(word)]).strip() for word in words]
    return torch.tensor([next((k for k, s in enumerate(SORTED) if w in s), -1) for w in told])


def lines_of(
    shown: Shown,
    families: Mapping[str, Family],
    processes: Sequence[ManufacturingProcess],
    nouns: Sequence[str],
    encode: Encode,
    rng: np.random.Generator,
) -> list[Line]:
    """LINES lines that are true of a part, some in strange words, some from elsewhere."""
    process = families[shown.family].process(shown.spec, rng)
    steps = [step for step in process.steps if step.attributes]
    chosen = [steps[int(k)] for k in rng.permutation(len(steps))[:LINES]]
    while len(chosen) < LINES:
        chosen.append(steps[int(rng.integers(len(steps)))])
    lines = []
    for step in chosen:
        lot = rng.random()
        if lot < ELSEWHERE and processes:
            other = processes[int(rng.integers(len(processes)))].steps
            step = other[int(rng.integers(len(other)))]
        elif lot < ELSEWHERE + STRANGE:
            step = _strange(step, nouns, rng)
        lines.append(line_of(step, encode))
    return lines


def _strange(step: ProcessStep, nouns: Sequence[str], rng: np.random.Generator) -> ProcessStep:
    """One of a step's attributes, of a thing by another name."""
    name, colon, value = step.attributes[int(rng.integers(len(step.attributes)))].partition(":")
    if not colon:
        return step
    noun = nouns[int(rng.integers(len(nouns)))]
    words = [*name.split()[:-1], noun] if rng.random() < 0.7 else [noun]
    text = step.text
    if rng.random() >= SAME_TEXT:
        text = f"{VERBS[int(rng.integers(len(VERBS)))]} the {noun}."
    return ProcessStep(step.number, text, (f"{' '.join(words)}:{value}",))


def pair_of(
    shown: Shown, family: Family, rng: np.random.Generator
) -> tuple[ManufacturingProcess, ManufacturingProcess]:
    """A process that orders what is shown, and one that does not, in one step."""
    wrong = shown.ordered
    if _alike(wrong, shown.spec):
        wrong = family.logical_defect(wrong, rng).spec
    return family.process(shown.spec, rng), family.process(wrong, rng)


def _alike(one: Spec, other: Spec) -> bool:
    return {**one, "twin": None} == {**other, "twin": None}


def weigh(
    projector: Projector,
    pictures: Sequence[Shown],
    families: Mapping[str, Family],
    lexicon: Lexicon,
    seed: int,
    readers: Mapping[str, ColourReader],
) -> float:
    """Fit what the doubts of a process weigh, by logistic regression on pairs; returns the loss.

    pictures: that no reader was trained on, half of them of families that the reader of steps was
    not, so that its doubts are weighed as they deserve on a new product. readers: of colours, of
    these families by name, each one that did not learn from it; of others the projector's own. Of
    contradicted processes there are as many as CONTRADICTED_BEFORE says.
    """
    rng = np.random.default_rng([seed, 4])
    told, wrong = [], []
    for shown in pictures:
        if shown.grey:
            continue
        for label, process in enumerate(pair_of(shown, families[shown.family], rng)):
            reader = readers.get(shown.family)
            reading = read_process(projector, shown.scene, process, lexicon, reader)
            if reading is not None:
                told.append(doubts(reading))
                wrong.append(float(label))
    doubt, truth = torch.stack(told), torch.tensor(wrong)
    weight = torch.where(truth > 0, 1.0, 1 / CONTRADICTED_BEFORE)
    weight = weight / weight.mean()
    return logistic.fit(
        [projector.findings.against], [doubt], truth, weight=weight, nonnegative=True
    )  # a doubt never speaks for a process


def train_reading(
    reader: StepReader,
    pictures: Sequence[Shown],
    families: Mapping[str, Family],
    table: Tensor,
    encode: Encode,
    nouns: Sequence[str],
    *,
    steps: int,
    seconds: float,
    seed: int,
    on_step: Callable[[int, int, dict[str, float]], None],
    processes: Sequence[ManufacturingProcess] = (),
    batch_size: int = 48,
    rate: float = 1.2e-3,
) -> None:
    """Train in place for `steps` batches or `seconds`; the rate falls to nothing by then.

    table: word vectors (all ids, width), frozen. nouns: any words, to call things by. processes: as
    people write them. on_step: (step, steps, {"value": loss}). TrainingError without pictures.
    """
    if not pictures:
        raise TrainingError("There is no picture to learn from; draw some first.")
    rng = np.random.default_rng([seed, 3])
    optimizer = torch.optim.AdamW(
        reader.parameters(), lr=rate, weight_decay=0.05, betas=(0.9, 0.98)
    )
    reader.train()
    for step in falling_rate(optimizer, rate, steps, seconds):
        chosen = [pictures[int(k)] for k in rng.integers(len(pictures), size=batch_size)]
        lines = [
            line
            for shown in chosen
            for line in lines_of(shown, families, processes, nouns, encode, rng)
        ]
        loss, value = _loss(reader, chosen, lines, table, rng)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimizer.step()
        on_step(step, steps, {"value": value})
    reader.eval()


def _loss(
    reader: StepReader,
    chosen: Sequence[Shown],
    lines: Sequence[Line],
    table: Tensor,
    rng: np.random.Generator,
) -> tuple[Tensor, float]:
    """Weighted cross-entropy of the words, and the plain one of values."""
    seen = reader.eye(
        torch.stack([shown.scene.near for shown in chosen]).float(),
        torch.stack([shown.scene.far for shown in chosen]).float(),
    )
    hidden = torch.from_numpy(rng.random(len(chosen)) < HIDDEN)[:, None, None]
    seen = torch.where(hidden, reader.nothing.expand(1, PLACES, -1), seen)
    ids, roles = padded(lines)
    rows = reader.targets(ids)
    logits = reader(seen, table[ids])
    on = (rows >= 0) & (roles >= 0)
    wrong = functional.cross_entropy(logits[on], rows[on], reduction="none")
    weight = torch.where(roles[on] == VALUE, 1.0, ASIDE)
    return (wrong * weight).sum() / weight.sum(), float(wrong.detach()[roles[on] == VALUE].mean())
