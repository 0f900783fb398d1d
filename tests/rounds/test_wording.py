"""Parts told in words: learning lowers the loss, and the share of right letters is counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model

from tests.model.tiny import tiny_language, write_tokenizer
from tests.rounds.made_up import projector
from triad_ui.dialogue import prompt
from triad_ui.model.chat import ChatTokenizer
from triad_ui.rounds import wording as module
from triad_ui.rounds.talker import Talker
from triad_ui.rounds.wording import train_words, words_right

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")


@pytest.fixture
def talker(tmp_path: Path) -> Talker:
    torch.manual_seed(0)
    lora = LoraConfig(r=8, lora_alpha=32, target_modules=["q_proj", "v_proj", "down_proj"],
                      task_type="CAUSAL_LM")  # fmt: skip
    tokenizer = ChatTokenizer(write_tokenizer(tmp_path / "tokenizer.json"))
    return Talker(get_peft_model(tiny_language(), lora), projector(), tokenizer)


def test_learning_lowers_the_loss_and_leaves_the_projector(
    talker: Talker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 4)
    monkeypatch.setattr(module, "RATE", 1e-2)
    before = {name: value.clone() for name, value in talker.projector.state_dict().items()}
    seen: list[float] = []
    train_words(
        talker, steps=40, seed=0, on_step=lambda step, steps, found: seen.append(found["answer"])
    )
    assert len(seen) == 40 and np.mean(seen[-8:]) < 0.85 * np.mean(seen[:8])
    for name, value in talker.projector.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize("answers", [prompt.YES, prompt.NO])
def test_right_letters_are_counted(
    talker: Talker, monkeypatch: pytest.MonkeyPatch, answers: str
) -> None:
    """A model that always says the same is right as often as that is the truth."""
    said: list[str] = []
    real = module.text_case

    def watched(*arguments: object) -> object:
        case = real(*arguments)
        said.append(case.label)
        return case

    monkeypatch.setattr(module, "text_case", watched)
    token = talker.tokenizer.encode(answers)[0]

    class Always(torch.nn.Linear):
        def forward(self, input_ids: torch.Tensor, **_: object) -> object:
            logits = torch.zeros(1, 1, 512)
            logits[..., token] = 1.0
            return type("Output", (), {"logits": logits})

    talker.language = Always(1, 1)
    share = words_right(talker, ["gear"], cases=30)
    truth = "defective" if answers == prompt.YES else "normal"
    assert share == pytest.approx(said.count(truth) / 30) and 0 < share < 1
