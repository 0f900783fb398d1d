"""Learned prompts: read safely from a checkpoint, and carried through the text tower as learned."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.expert.tiny_anomaly_clip import WIDTH, learner, save_clip
from triad_ui.errors import WeightsError
from triad_ui.expert.clip_text import ClipText, load_clip_text
from triad_ui.expert.prompt_learner import prompts_from, read_prompts, text_features


@pytest.fixture(scope="module")
def tower(tmp_path_factory: pytest.TempPathFactory) -> ClipText:
    folder = save_clip(tmp_path_factory.mktemp("clip"), blocks=4)
    return load_clip_text(folder, activation="quick_gelu", device="cpu")


def test_a_checkpoint_gives_what_was_saved(tmp_path: Path) -> None:
    path, state = tmp_path / "prompts.pth", learner(deep=3)
    torch.save({"epoch": 15, "prompt_learner": state}, path)
    prompts = read_prompts(path)
    assert prompts.tokens.shape == (2, 9, WIDTH) and prompts.ends.tolist() == [6, 7]
    assert torch.equal(prompts.tokens[0, :1], state["token_prefix_pos"][0, 0])
    assert torch.equal(prompts.tokens[1, 1:4], state["ctx_neg"][0, 0])
    assert torch.equal(prompts.tokens[1, 4:], state["token_suffix_neg"][0, 0])
    assert len(prompts.deep) == 3
    assert torch.equal(prompts.deep[1], state["compound_prompts_text.1"].half().float())


def test_a_missing_checkpoint_is_said_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"zqhang/AnomalyCLIP and save it as .*none\.pth"):
        read_prompts(tmp_path / "none.pth")


class _Code:
    def __reduce__(self) -> tuple:
        return print, ("run",)


@pytest.mark.parametrize("kind", ["bytes", "code", "other", "short", "misfit", "ends", "folder"])
def test_what_is_no_checkpoint_is_refused_and_not_run(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path, state = tmp_path / "prompts.pth", learner()
    if kind == "short":
        del state["ctx_neg"]
    elif kind == "misfit":
        state["compound_prompts_text.0"] = torch.zeros(2, WIDTH + 1)
    elif kind == "ends":
        state["tokenized_prompts_pos"] = torch.arange(40)
    content = {"code": _Code(), "other": [1, 2]}.get(kind, {"prompt_learner": state})
    if kind == "bytes":
        path.write_bytes(b"not a checkpoint")
    elif kind == "folder":
        path.mkdir()
    else:
        torch.save(content, path)
    with pytest.raises(WeightsError, match="Take checkpoints/9_12_4_multiscale"):
        read_prompts(path)
    assert "run" not in capsys.readouterr().out


def test_each_learned_part_counts_and_what_follows_the_end_does_not(tower: ClipText) -> None:
    base = text_features(tower, prompts_from(learner()))
    for name in ("ctx_neg", "token_suffix_neg", "compound_prompts_text.1"):
        state = learner()
        # not the same everywhere: a layer norm takes that off again
        drawn = torch.Generator().manual_seed(1)
        state[name] = state[name] + torch.randn(state[name].shape, generator=drawn)
        assert not torch.allclose(text_features(tower, prompts_from(state))[1], base[1], atol=1e-4)
    state = learner()
    state["token_suffix_pos"][..., 3:, :] += 5  # tokens 7 and 8: behind the end at 6
    assert torch.equal(text_features(tower, prompts_from(state))[0], base[0])


def test_deep_vectors_take_the_place_of_the_learned_words(tower: ClipText) -> None:
    """Before block 2 they overwrite tokens 1 and 2, so those matter through block 1 alone."""
    state = learner(deep=1)
    found = text_features(tower, prompts_from(state))
    hidden = tower.block(1, tower.place(prompts_from(state).tokens))
    hidden[:, 1:3] = state["compound_prompts_text.0"].half().float()
    for number in (2, 3, 4):
        hidden = tower.block(number, hidden)
    torch.testing.assert_close(found, tower.finish(hidden, torch.tensor([6, 7])))


@pytest.mark.parametrize("deep", [4, 9])
def test_prompts_of_a_deeper_tower_are_refused(tower: ClipText, deep: int) -> None:
    with pytest.raises(WeightsError, match="belong to another text tower"):
        text_features(tower, prompts_from(learner(deep=deep)))
