"""April-GAN as an expert, on a tiny CLIP: what it says without, with one and with references."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.expert.april_gan_case import check_recorded
from tests.expert.drawn_parts import plate
from tests.expert.tiny_clip import DEPTH, SHARED, WIDTH, save_tiny_clip
from triad_ui.errors import ExpertError
from triad_ui.expert.april_gan import AprilGan
from triad_ui.expert.april_gan_maps import batch_scores, picture_score
from triad_ui.expert.clip import clip_pixels, load_clip
from triad_ui.expert.clip_text import load_clip_text
from triad_ui.expert.text_prompts import subject_text
from triad_ui.records import DefectDescription, ImageRecord, Picture, Scale, Subject

SIDE = 70
PLATE = Subject("plate", (DefectDescription("scratch", ""), DefectDescription("rust", "Brown.")))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("clip")
    save_tiny_clip(found)
    return found


def _linear() -> dict[int, tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(5)
    return {
        block: (torch.randn(SHARED, WIDTH, generator=generator), torch.zeros(SHARED))
        for block in range(2, DEPTH + 1, 2)
    }


def _expert(folder: Path, cache: Path | None = None) -> AprilGan:
    vision = load_clip(folder, device="cpu")
    encode = load_clip_text(folder, device="cpu").encode
    return AprilGan(vision, encode, _linear(), side=SIDE, cache=cache)


@pytest.fixture(scope="module")
def expert(folder: Path) -> AprilGan:
    return _expert(folder)


def test_the_recorded_case_in_this_repository() -> None:
    check_recorded(Path(__file__).parent / "recorded" / "april_gan.safetensors")


def test_image_scores_never_divide_nothing_by_nothing() -> None:
    probability = torch.tensor([0.2, 0.8])
    assert batch_scores(probability, torch.tensor([3.0, 3.0])).tolist() == pytest.approx([0.1, 0.4])
    assert batch_scores(probability[:1], torch.tensor([3.0])).tolist() == pytest.approx([0.1])
    assert batch_scores(probability, torch.tensor([1.0, 3.0])).tolist() == pytest.approx([0.1, 0.9])
    scores = [picture_score(p, peak, 4) for p, peak in ((0.2, 1.0), (0.2, 3.0), (0.8, 3.0))]
    assert scores == sorted(scores) == pytest.approx([0.1625, 0.2875, 0.5875])


def test_without_references_words_alone_decide_as_published(folder: Path, expert: AprilGan) -> None:
    query = plate(1, scratch=True)
    vision = load_clip(folder, device="cpu")
    tokens, image = vision.look(clip_pixels(query.rgb, SIDE), (2, 4))
    pair = subject_text(load_clip_text(folder, device="cpu").encode, Subject("plate")).pair
    summed = torch.zeros(SIDE, SIDE)
    for block, (weight, bias) in _linear().items():
        vectors = functional.normalize(tokens[block][0, 1:] @ weight.T + bias, dim=-1)
        logits = (100 * vectors @ pair).T.reshape(1, 2, 5, 5)
        large = functional.interpolate(logits, (SIDE, SIDE), mode="bilinear", align_corners=True)
        summed += large.softmax(dim=1)[0, 1]
    found, score = expert.raw(query, [], (), Subject("plate"))
    assert np.abs(found - summed.numpy()).max() < 5e-3, "features are kept in half precision"
    probability = (100 * functional.normalize(image) @ pair).softmax(dim=-1)[0, 1]
    assert score == pytest.approx(float(probability), abs=5e-3)
    said = expert.score(query, [], (), Subject("plate"))
    assert (said.basis, said.calibrated, said.kinds) == ("text", False, ())
    assert said.values.dtype == np.float32 and said.values.shape == (SIDE, SIDE)
    assert np.array_equal(said.values > 0.5, found > 1.0), "of two blocks, half is 1"
    assert (said.score > 0.5) == (score > 0.5)


def test_references_add_the_distance_to_the_nearest_patch(expert: AprilGan) -> None:
    good, bad = plate(2), plate(3, scratch=True)
    alone, _ = expert.raw(good, [], (), PLATE)
    beside_itself, score = expert.raw(good, [plate(4), good], (), PLATE)
    assert np.allclose(beside_itself, alone, atol=1e-4), "its own patches are at no distance"
    assert score == pytest.approx(
        picture_score(expert.raw(good, [], (), PLATE)[1], float(alone.max()), 2), abs=1e-4
    )
    one, two = (expert.raw(bad, refs, (), PLATE)[0] for refs in ([good], [good, plate(4)]))
    words, _ = expert.raw(bad, [], (), PLATE)
    assert (one >= two - 1e-5).all() and (two >= words - 1e-5).all() and two.max() > words.min()
    assert (one > two + 1e-4).any(), "another reference must be able to explain a place"


def test_good_parts_are_calm_on_the_scale_of_their_references(expert: AprilGan) -> None:
    references = [plate(seed) for seed in range(4)]
    for left_out in range(4):
        others = references[:left_out] + references[left_out + 1 :]
        raw, score = expert.raw(references[left_out], others, (), PLATE)
        scale, known = expert.scale(references, PLATE)
        assert known and raw.max() <= scale.place and score <= scale.image
    said = [expert.score(plate(seed), references, (), PLATE) for seed in range(20, 25)]
    assert all(each.calibrated and each.basis == "references" for each in said)
    assert max(float(each.values.max()) for each in said) < 0.5
    assert max(each.score for each in said) < 0.5
    # what random weights make of words is chance; distances are told whatever the weights
    own, other = (expert.evidence(plate(seed), references, PLATE).distance for seed in (0, 20))
    assert own.max() < 1e-3 < other.max()


def test_a_lone_reference_is_told_from_changed_copies_of_itself(expert: AprilGan) -> None:
    reference = plate(1)
    said = expert.score(reference, [reference], (), PLATE)
    assert said.calibrated and said.values.max() < 0.5 and said.score < 0.5
    stored = Subject("plate", PLATE.defects, Scale(0.5, 0.25))
    assert expert.scale([reference], stored) == (stored.scale, True)
    assert expert.scale([], stored) == (stored.scale, True)
    more = expert.scale([reference, plate(2)], stored)
    assert more[0] != stored.scale and more[1], "two references know better than the store"
    assert expert.scale([reference, reference], stored) == (stored.scale, True)


def test_the_scale_is_that_of_the_words(expert: AprilGan) -> None:
    references = [plate(1), plate(2)]
    plain, _ = expert.scale(references, Subject("plate"))
    described, _ = expert.scale(references, PLATE)
    assert plain != described and expert.scale(references, Subject("plate"))[0] == plain
    assert expert.scale(references[::-1], PLATE)[0] == described


def test_the_map_names_the_described_kinds(expert: AprilGan) -> None:
    said = expert.score(plate(3, scratch=True), [plate(1)], (), PLATE)
    assert {kind for kind, _ in said.kinds} == {"scratch", "rust"}
    shares = [share for _, share in said.kinds]
    assert shares == sorted(shares, reverse=True) and 0 <= sum(shares) <= 1.00001
    turned = Subject("plate", PLATE.defects[::-1])
    assert dict(expert.score(plate(3, scratch=True), [plate(1)], (), turned).kinds) == (
        pytest.approx(dict(said.kinds), abs=1e-4)
    )


def test_what_was_read_once_is_not_read_again(folder: Path, tmp_path: Path) -> None:
    query, references = plate(3), [plate(1), plate(2)]
    first = _expert(folder, tmp_path).score(query, references, (), PLATE)

    def never(texts: object) -> torch.Tensor:
        raise AssertionError("the sentences were read before")

    vision = load_clip(folder, device="cpu")
    vision.look = never  # type: ignore[method-assign]
    again = AprilGan(vision, never, _linear(), side=SIDE, cache=tmp_path, name="april-gan-visa")
    second = again.score(query, references, (), PLATE)
    assert np.array_equal(first.values, second.values) and first.score == second.score
    assert first.kinds == second.kinds
    assert first.expert.split("@")[1] == second.expert.split("@")[1]


def test_other_layers_are_another_version(folder: Path, expert: AprilGan) -> None:
    vision = load_clip(folder, device="cpu")
    linear = {block: (weight * 1.01, bias) for block, (weight, bias) in _linear().items()}
    other = AprilGan(vision, load_clip_text(folder, device="cpu").encode, linear, side=SIDE)
    assert other.version != expert.version


def test_a_speck_of_a_picture_is_refused(expert: AprilGan) -> None:
    speck = Picture(ImageRecord("s", "s", 5, 9, "RGB"), np.zeros((9, 5, 3), np.uint8))
    with pytest.raises(ExpertError, match="larger picture"):
        expert.score(speck, [])
