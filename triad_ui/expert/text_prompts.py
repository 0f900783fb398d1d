"""What an image is compared with in words: a product as good, as faulty, with its known defects.

States and templates are those of April-GAN (X. Chen et al., VAND workshop, CVPR 2023; after
WinCLIP, J. Jeong et al., CVPR 2023) and must not be changed: the published layers were trained with
them. Descriptions of defects join the faulty side as in IAD-GPT's abnormal prompt generator (Z. Li
et al., section III-A), each kind as one more abnormal state, and are kept apart as well, so that a
suspicious place can be given the name of the kind that it is most like.

It does not know which network reads the sentences, nor what is done with the features.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from triad_ui.records import DefectDescription, Subject

NORMAL_STATES = (
    "{}", "flawless {}", "perfect {}", "unblemished {}",
    "{} without flaw", "{} without defect", "{} without damage",
)  # fmt: skip
ABNORMAL_STATES = (
    "damaged {}", "broken {}", "{} with flaw", "{} with defect", "{} with damage",
)  # fmt: skip
TEMPLATES = (
    "a bad photo of a {}.", "a low resolution photo of the {}.", "a bad photo of the {}.",
    "a cropped photo of the {}.", "a bright photo of a {}.", "a dark photo of the {}.",
    "a photo of my {}.", "a photo of the cool {}.", "a close-up photo of a {}.",
    "a black and white photo of the {}.", "a bright photo of the {}.", "a cropped photo of a {}.",
    "a jpeg corrupted photo of a {}.", "a blurry photo of the {}.", "a photo of the {}.",
    "a good photo of the {}.", "a photo of one {}.", "a close-up photo of the {}.",
    "a photo of a {}.", "a low resolution photo of a {}.", "a photo of a large {}.",
    "a blurry photo of a {}.", "a jpeg corrupted photo of the {}.", "a good photo of a {}.",
    "a photo of the small {}.", "a photo of the large {}.", "a black and white photo of a {}.",
    "a dark photo of a {}.", "a photo of a cool {}.", "a photo of a small {}.",
    "there is a {} in the scene.", "there is the {} in the scene.", "this is a {} in the scene.",
    "this is the {} in the scene.", "this is one {} in the scene.",
)  # fmt: skip
TEMPERATURE = 100.0
"""What cosines are multiplied by before a softmax: CLIP's own, rounded."""

Encode = Callable[[Sequence[str]], Tensor]
"""Sentences -> (N, D), not normalised; `clip_text.ClipText.encode` is one."""


@dataclass(frozen=True, slots=True, eq=False)
class SubjectText:
    """A product in words, as features.

    pair: (D, 2), unit columns: good, faulty. names: the described kinds of defect. kinds: (D, K),
    a unit column for each of them.
    """

    pair: Tensor
    names: tuple[str, ...]
    kinds: Tensor


def state_texts(states: Sequence[str], product: str) -> list[list[str]]:
    """The sentences of each state in every template: one list of len(TEMPLATES) a state."""
    noun = plain(product) or "part"
    return [[each.format(state.format(noun)) for each in TEMPLATES] for state in states]


def defect_texts(product: str, defect: DefectDescription) -> tuple[list[str], str]:
    """A described kind as a state in every template, and its description as one sentence or ""."""
    noun, kind = plain(product) or "part", plain(defect.kind)
    sentence = plain(defect.text)
    state = f"{noun} with {kind}" if kind else f"damaged {noun}"
    return [each.format(state) for each in TEMPLATES], sentence


def subject_text(encode: Encode, subject: Subject) -> SubjectText:
    """Reads the product's sentences: 420 of them, and 36 more a described kind of defect.

    Without descriptions `pair` is April-GAN's ensemble: unit vectors of all sentences of a side,
    averaged, made unit again. With K of them the faulty side is the mean of 5 + K states, and a
    kind's state is its template sentences and its description, half each.
    """
    good = state_texts(NORMAL_STATES, subject.product)
    faulty = state_texts(ABNORMAL_STATES, subject.product)
    described = [defect_texts(subject.product, defect) for defect in subject.defects]
    groups = [*good, *faulty, *(sentences for sentences, _ in described)]
    told = [[sentence] for _, sentence in described if sentence]
    read = functional.normalize(encode([text for group in (*groups, *told) for text in group]))
    means = [part.mean(dim=0) for part in read.split([len(group) for group in (*groups, *told)])]
    generic = len(good) + len(faulty)
    kinds, descriptions = means[generic : len(groups)], iter(means[len(groups) :])
    for index, (_, sentence) in enumerate(described):
        if sentence:
            kinds[index] = (kinds[index] + next(descriptions)) / 2
    sides = means[: len(good)], means[len(good) : generic] + kinds
    pair = torch.stack([torch.stack(side).mean(dim=0) for side in sides], dim=1)
    columns = torch.stack(kinds, dim=1) if kinds else pair[:, :0]
    return SubjectText(
        functional.normalize(pair, dim=0),
        tuple(defect.kind for defect in subject.defects),
        functional.normalize(columns, dim=0),
    )


def likely_kinds(vectors: Tensor, text: SubjectText) -> tuple[tuple[str, float], ...]:
    """The described kinds of defect that a place is most like, best first, each with 0..1.

    vectors: (N, D), unit, of the place in the shared space. The numbers are shares of a softmax
    over the good part and all kinds, averaged over the vectors: where nothing is like a defect all
    are near 0, and they never add up to more than 1. Empty without descriptions or vectors.
    """
    if not text.names or not len(vectors):
        return ()
    columns = torch.cat([text.pair[:, :1], text.kinds], dim=1)
    shares = (TEMPERATURE * vectors @ columns).softmax(dim=-1).mean(dim=0)[1:]
    found = zip(text.names, (float(share) for share in shares), strict=True)
    return tuple(sorted(found, key=lambda item: -item[1]))


def words_key(subject: Subject) -> str:
    """What tells two subjects apart in words: a digest of product and descriptions."""
    parts = [subject.product, *(part for d in subject.defects for part in (d.kind, d.text))]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]


def plain(text: str) -> str:
    """A user's words on one line, without CLIP's control tokens ("<|endoftext|>" ends a text)."""
    return " ".join(re.sub(r"<\|[^|]*\|>", " ", text).split())
