"""The text tower against stock transformers, on a tiny CLIP with words of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

from tests.expert.tiny_clip import END, SHARED, START, save_tiny_clip, words
from triad_ui.errors import WeightsError
from triad_ui.expert.clip_text import BATCH, ClipText, encode_later, load_clip_text

TEXTS = ["a part", "The PART,  broken\tin the middle!", "x", "naïve 42 teile's"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("clip")
    save_tiny_clip(found)
    return found


def _stock(folder: Path, activation: str, texts: list[str]) -> torch.Tensor:
    """What transformers itself gives, every sentence padded to the full length."""
    config = CLIPConfig.from_pretrained(folder)
    config.text_config.hidden_act = activation
    model = CLIPModel.from_pretrained(folder, config=config).eval()
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    read = tokenizer(texts, padding="max_length", max_length=77, return_tensors="pt")
    with torch.no_grad():
        return model.text_projection(model.text_model(input_ids=read["input_ids"]).pooler_output)


@pytest.mark.parametrize("activation", ["gelu", "quick_gelu"])
def test_features_are_stock_transformers_under_either_activation(
    folder: Path, activation: str
) -> None:
    tower = load_clip_text(folder, activation=activation, device="cpu")
    expected = _stock(folder, activation, TEXTS)
    found = tower.encode(TEXTS)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert found.shape == (len(TEXTS), SHARED) and found.dtype == torch.float32
    other = "gelu" if activation == "quick_gelu" else "quick_gelu"
    apart = (found - _stock(folder, other, TEXTS)).abs().max()
    assert apart > 1e-3, "the two activations must tell this tower apart, or the test shows nothing"


def test_sentences_are_words_between_start_and_end(folder: Path) -> None:
    tower = load_clip_text(folder, device="cpu")
    known = words()
    ids, ends = tower.tokenize(["part", "The p"])
    assert ids[0].tolist() == [known[START], known["part</w>"], *[known[END]] * 2]
    assert ids[1].tolist() == [known[START], known["the</w>"], known["p</w>"], known[END]]
    assert ends.tolist() == [2, 3]


def test_a_long_sentence_is_cut_and_still_ends(folder: Path) -> None:
    tower = load_clip_text(folder, device="cpu")
    ids, ends = tower.tokenize(["b c " * 200])
    assert ids.shape == (1, tower.longest) and ends.tolist() == [tower.longest - 1]
    assert ids[0, -1] == words()[END]
    with pytest.raises(ValueError, match="at most 77"):
        tower.place(torch.zeros(1, 78, 24))


def test_neighbours_and_batches_change_nothing(folder: Path) -> None:
    tower = load_clip_text(folder, device="cpu")
    many = [f"a part with number {index} and {'more ' * (index % 7)}" for index in range(BATCH + 9)]
    together = tower.encode(many)
    alone = torch.cat([tower.encode([text]) for text in many])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)
    assert tower.encode([]).shape == (0, SHARED)


def test_the_steps_alone_need_no_tokenizer(folder: Path) -> None:
    model = CLIPModel.from_pretrained(folder, local_files_only=True).eval()
    tower = ClipText(model)
    whole = load_clip_text(folder, device="cpu")
    ids, ends = whole.tokenize(TEXTS)
    with torch.no_grad():
        hidden = tower.place(tower.embed(ids))
        for number in range(1, len(tower.blocks) + 1):
            hidden = tower.block(number, hidden)
        found = tower.finish(hidden, ends)
    torch.testing.assert_close(found, whole.encode(TEXTS), atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match="without its tokenizer"):
        tower.encode(["part"])


def test_what_is_not_here_is_told_with_the_way_out(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"hf download openai/clip-vit-large-patch14-336"):
        load_clip_text(tmp_path)
    for name in ("config.json", "model.safetensors"):
        shutil.copy(folder / name, tmp_path)
    with pytest.raises(WeightsError, match="The tokenizer in"):
        load_clip_text(tmp_path)


def test_a_tower_for_later_is_loaded_with_the_first_sentence(folder: Path, tmp_path: Path) -> None:
    encode = encode_later(folder)
    torch.testing.assert_close(
        encode(TEXTS).cpu(), load_clip_text(folder, device="cpu").encode(TEXTS), atol=1e-4, rtol=0
    )
    later = encode_later(tmp_path)  # nothing is there, and nobody has asked yet
    with pytest.raises(WeightsError):
        later(["part"])
