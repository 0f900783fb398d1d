"""The shipped model has looked: its yes/no differs between good and faulty parts it never saw.

Goes the whole way of a user: expert, regions, visual tokens, logits. Seeds are far from those of
training and validation; a quarter of the families was never trained on. The faults are those that
the picture shows, on the surface or against the reference. Then, of families that it was trained
on, the same pictures under two processes, one of them disobeyed: only the text tells them apart.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from triad_ui.evaluation.metrics import auroc
from triad_ui.inspector import Inspector
from triad_ui.records import ImageRecord, Picture
from triad_ui.settings import REPOSITORY
from triad_ui.synthesis.families import FAMILIES, HELD_OUT
from triad_ui.synthesis.sample import Sample, make_pair, make_sample
from triad_ui.weights import SMOLLM2, WeightCache

PICTURES, PAIRS = 48, 20
FIRST_SEED = 700_000_000
pytestmark = [pytest.mark.weights, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def inspector(efficientnet_weights: Path, smollm2_gguf: Path, weight_cache: WeightCache):
    import torch

    from triad_ui.expert.backbone import load_efficientnet_lite0, normalise
    from triad_ui.expert.reference import ReferenceExpert
    from triad_ui.model.embedded.load import convert_base, load_embedded
    from triad_ui.model.embedded.views import BLOCKS
    from triad_ui.wiring import CONVERTED

    base = weight_cache.commit(
        SMOLLM2, CONVERTED, lambda folder: convert_base(smollm2_gguf, folder)
    )
    network = load_efficientnet_lite0(efficientnet_weights)
    model = load_embedded(
        base,
        REPOSITORY / "assets" / "embedded",
        lambda rgb, side: network.features(normalise(rgb, side), BLOCKS),
        torch.float32,  # the same on every machine; bfloat16 is emulated on some, ten times as slow
    )
    expert = ReferenceExpert(efficientnet_weights)
    return Inspector(lambda name: expert, lambda: model)


def picture(rgb: np.ndarray, name: str) -> Picture:
    return Picture(ImageRecord(name, name, rgb.shape[1], rgb.shape[0], "RGB 8-bit"), rgb)


def log_odds(inspector: Inspector, sample: Sample) -> float:
    references = [picture(r, f"{sample.seed}-{i}") for i, r in enumerate(sample.references)]
    query = picture(sample.query, f"{sample.seed}-query")
    inspection = inspector.inspect(query, references, sample.process, product=sample.family)
    p = min(max(inspector.verdict(inspection).p_defective, 1e-12), 1 - 1e-12)
    return math.log(p / (1 - p))


def test_yes_no_tells_faulty_from_good(inspector: Inspector) -> None:
    samples = [
        make_sample(FIRST_SEED + number, references=1 if number % 2 else 4, flip=False)
        for number in range(PICTURES)
    ]
    scores = np.array([log_odds(inspector, sample) for sample in samples])
    faulty = np.array([sample.label == "defective" for sample in samples])
    new = np.array([sample.family in HELD_OUT for sample in samples])
    assert 15 < faulty.sum() < PICTURES - 15
    reached = auroc(scores, faulty)
    on_new = auroc(scores[new], faulty[new])
    print(f"AUROC {reached:.3f} over {PICTURES}, {on_new:.3f} over {new.sum()} of new families")
    assert reached >= 0.80


def test_the_process_tells_pairs_of_the_same_pictures_apart(inspector: Inspector) -> None:
    known = sorted(set(FAMILIES) - set(HELD_OUT))
    gained = []
    for number in range(PAIRS):
        disobeyed, obeyed = make_pair(FIRST_SEED + 1000 + number, families=known)
        gained.append(log_odds(inspector, disobeyed) - log_odds(inspector, obeyed))
    right = float(np.mean(np.array(gained) > 0))
    print(f"the disobeyed process is doubted more in {right:.2f} of {PAIRS} pairs")
    assert right >= 0.6
