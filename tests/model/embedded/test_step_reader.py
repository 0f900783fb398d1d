"""Reading a process against a picture: what a value is, what is looked at, that it can learn."""

from __future__ import annotations

import torch

from tests.model.tiny import stub_tower, visual
from triad_ui.model.embedded.scene import FAR, GRID, NEAR_PARTS, Scene, see
from triad_ui.model.embedded.step_reader import (
    LONGEST,
    NAME,
    TEXT,
    VALUE,
    Line,
    StepReader,
    line_of,
    padded,
)
from triad_ui.records import ProcessStep

WIDTH = 16


def encode(text: str) -> list[int]:
    return [ord(letter) for letter in text]


def reader(vocabulary: int = 12) -> StepReader:
    torch.manual_seed(0)
    made = StepReader(WIDTH, vocabulary).eval()
    made.words.copy_(torch.arange(vocabulary) * 2)
    made.sorts[:6] = 0
    made.sorts[6:8] = 2
    return made


def scenes(*seeds: int) -> Scene:
    found = [see(visual(seed).rgb, stub_tower) for seed in seeds]
    near, far = (torch.stack([getattr(each, part) for each in found]) for part in ("near", "far"))
    return Scene(near, far)


def test_a_scene_has_fine_and_coarse_cells_and_colours() -> None:
    scene = see(visual(3).rgb, stub_tower)
    assert scene.near.shape == (sum(NEAR_PARTS), GRID, GRID)
    assert scene.far.shape == (FAR, GRID // 2, GRID // 2)
    colours = scene.near[-NEAR_PARTS[-1] :]
    assert -1 <= float(colours.min()) < -0.5 and 0.5 < float(colours.max()) <= 1


def test_only_what_stands_behind_a_colon_or_alone_is_a_value() -> None:
    line = line_of(ProcessStep(4, "Fit it.", ("ring: red", "no burr")), encode)
    text = "".join(map(chr, line.ids))
    assert text == "Fit it. (ring: red; no burr" and line.number == 4
    told = {role: "" for role in (TEXT, NAME, VALUE)}
    for letter, role in zip(text, line.roles, strict=True):
        told[role] += letter
    assert told == {TEXT: "Fit it.", NAME: " (ring:", VALUE: " red; no burr"}
    assert len(line_of(ProcessStep(1, "x" * 99), encode).ids) == LONGEST


def test_words_that_were_never_learned_do_not_count() -> None:
    made = reader()
    assert made.targets(torch.tensor([0, 4, 5, 22, 23, 99])).tolist() == [0, 2, -1, 11, -1, -1]
    with torch.no_grad():
        made.nothing.normal_()
    lines = [
        Line(1, (0, 3, 5), (NAME, VALUE, VALUE)),
        Line(2, (4, 20), (NAME, VALUE)),
        *(Line(3 + n, (0, n), (NAME, VALUE)) for n in (2, 4, 6, 8)),
        *(Line(20 + n, (0, n), (NAME, VALUE)) for n in (12, 14)),
    ]
    scene = see(visual(0).rgb, stub_tower)
    reading = made.reading(scene, lines, torch.randn(30, WIDTH))
    assert reading.numbers == (1, 2, 5, 7, 9, 11, 32, 34)
    assert not reading.losses[:2].any()  # unknown words, a name, and a word of no sort
    assert bool((reading.losses[2:6, 0] < 0).any()) and not reading.losses[2:6, 1:].any()
    assert bool((reading.losses[6:, 2] < 0).any()) and not reading.losses[6:, :2].any()
    assert torch.equal(reading.lowest, reading.losses)  # one value each
    assert reading.written.shape == reading.seen.shape == (WIDTH,)


def test_a_word_is_told_from_those_before_it_and_its_own_picture() -> None:
    made, table = reader(), torch.randn(30, WIDTH)
    scene = scenes(0, 1)
    seen = made.eye(scene.near, scene.far)
    ids = torch.randint(0, 30, (4, 6))
    plain = made(seen, table[ids])
    later = ids.clone()
    later[:, 4] = (later[:, 4] + 1) % 30
    changed = made(seen, table[later])
    assert torch.allclose(plain[:, :5], changed[:, :5], atol=1e-5)
    assert not torch.allclose(plain[:, 5], changed[:, 5], atol=1e-3)
    alone = made(seen[:1], table[ids[:2]])
    assert torch.allclose(alone, plain[:2], atol=1e-5)
    assert not torch.allclose(made(seen[1:], table[ids[:2]]), plain[:2], atol=1e-3)


def test_the_least_borne_out_word_is_named() -> None:
    """Taught by hand that pictures of seed 0 go with word 4 and those of seed 1 with word 6."""
    made, table = reader().train(), torch.randn(30, WIDTH)
    scene = scenes(0, 1)
    lines = [Line(1, (2, 4), (NAME, VALUE)), Line(1, (2, 6), (NAME, VALUE))]
    ids, _ = padded(lines)
    optimizer = torch.optim.Adam(made.parameters(), 1e-3)
    for step in range(200):
        seen = made.eye(scene.near, scene.far)
        if step % 3 == 0:
            seen = made.nothing.expand_as(seen)
        loss = torch.nn.functional.cross_entropy(
            made(seen, table[ids])[:, 1], made.targets(ids)[:, 1]
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    made.eval()
    for own, other, number in ((4, 6, 0), (6, 4, 1)):
        picture = Scene(scene.near[number], scene.far[number])
        right, wrong = (Line(n, (2, word), (NAME, VALUE)) for n, word in ((1, own), (2, other)))
        reading = made.reading(picture, [right, wrong], table)
        assert not reading.losses[0].any() and float(reading.lowest[1, 0]) < -0.5
        assert torch.equal(reading.written, table[other])
        assert 0 < float(reading.known) < 1
        likeness = torch.nn.functional.cosine_similarity(reading.seen[None], table[[own, other]])
        assert float(likeness[0]) > float(likeness[1])
