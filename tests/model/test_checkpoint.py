"""A folder is recognised by its contents, and whatever does not fit is refused with a reason."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.model.tiny_llava import pinpoints, write_authors, write_llava_next, write_onevision
from triad_ui.errors import WeightsError
from triad_ui.model.assemble import load_checkpoint
from triad_ui.model.checkpoint import open_checkpoint
from triad_ui.model.pinpoints import canvases

RECORDED = Path(__file__).parent / "recorded"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints")
    write_authors(folder / "authors")
    write_onevision(folder / "onevision")
    write_onevision(folder / "tied", tied=True, shards=2)
    write_llava_next(folder / "mistral", family="mistral")
    write_llava_next(folder / "vicuna", family="vicuna")
    return folder


def copied(made: Path, name: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / name, tmp_path / name))


def edit(
    folder: Path, change: Callable[[dict[str, Any]], object], file: str = "config.json"
) -> None:
    config = json.loads((folder / file).read_text("utf-8"))
    change(config)
    (folder / file).write_text(json.dumps(config), "utf-8")


def edit_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    state = load_file(folder / "model.safetensors")
    change(state)
    save_file(state, folder / "model.safetensors")


def refusal(folder: Path) -> str:
    with pytest.raises(WeightsError) as caught:
        open_checkpoint(folder)
    return str(caught.value)


def test_the_authors_layout(made: Path) -> None:
    found = open_checkpoint(made / "authors")
    assert found.layout == "authors" and found.template.name == "qwen_1_5"
    assert found.title.startswith("Triad-ov (authors' layout), Qwen2")
    assert (found.visual.mode, found.visual.max_tiles) == ("anyres_rois", 9)
    assert (found.visual.side, found.visual.grid, len(found.visual.pinpoints)) == (70, 5, 36)
    assert found.config.vision_config.num_hidden_layers == 3  # 4 are stated, the last is dropped
    assert found.config.text_config.rope_parameters["rope_theta"] == 1e6
    assert found.context_limit == 32768 and found.notes == ()
    head = found.weights["model.multi_modal_projector.linear_1.weight"]
    assert head.stored == "model.mm_projector.0.weight" and head.shape == (64, 32)


def test_the_published_layouts(made: Path) -> None:
    found = {name: open_checkpoint(made / name) for name in ("onevision", "mistral", "vicuna")}
    assert [one.template.name for one in found.values()] == [
        "qwen_1_5", "mistral_instruct", "vicuna_v1",
    ]  # fmt: skip
    assert [one.visual.max_tiles for one in found.values()] == [9, None, None]
    assert [one.context_limit for one in found.values()] == [32768, 32768, 4096]
    assert found["mistral"].visual.mean == (0.48145466, 0.4578275, 0.40821073)
    # stored as (height, width); ours are (width, height), in the same order
    assert found["mistral"].visual.pinpoints[:2] == ((140, 70), (70, 140))
    assert "not trained on regions" in found["onevision"].notes[0]


def test_a_tied_head_need_not_be_stored(made: Path) -> None:
    found = open_checkpoint(made / "tied")
    assert found.config.tie_word_embeddings and "lm_head.weight" not in found.weights


def test_a_head_that_only_the_text_config_ties_as_in_the_published_half_billion(
    made: Path, tmp_path: Path
) -> None:
    folder = copied(made, "onevision", tmp_path)
    edit_weights(folder, lambda state: state.pop("language_model.lm_head.weight"))
    edit(folder, lambda c: c.update(tie_word_embeddings=False))
    assert 'set "tie_word_embeddings": true' in refusal(folder)
    edit(folder, lambda c: c["text_config"].update(tie_word_embeddings=True))
    language = load_checkpoint(open_checkpoint(folder), precision="fp32", device="cpu")._language
    assert language.get_output_embeddings().weight is language.get_input_embeddings().weight


def test_the_folders_name_says_nothing(made: Path, tmp_path: Path) -> None:
    for name, source in (("mistral-lora", "authors"), ("triad-ov-qwen", "vicuna")):
        shutil.copytree(made / source, tmp_path / name)
        own, other = open_checkpoint(tmp_path / name), open_checkpoint(made / source)
        assert (own.title, own.template, own.visual) == (other.title, other.template, other.visual)


def test_regions_in_place_of_tiles_are_read_from_the_config(made: Path, tmp_path: Path) -> None:
    folder = copied(made, "authors", tmp_path)
    merge = "spatial_avgpool_auto_unpad_add_newl"
    edit(folder, lambda c: c.update(image_aspect_ratio="randomroi", mm_patch_merge_type=merge))
    assert open_checkpoint(folder).visual.mode == "rois"


@pytest.mark.parametrize("merge", ["flat", "spatial_unpad_extra", None])
def test_an_unknown_way_to_look_is_refused_not_guessed(
    made: Path, tmp_path: Path, merge: str | None
) -> None:
    folder = copied(made, "authors", tmp_path)
    edit(folder, lambda c: c.update(mm_patch_merge_type=merge))
    assert repr(merge) in refusal(folder)


def test_a_bare_llava_with_qwens_biases_is_qwen(made: Path, tmp_path: Path) -> None:
    folder = copied(made, "authors", tmp_path)
    edit(folder, lambda c: c.update(model_type="llava", architectures=None))
    assert open_checkpoint(folder).template.name == "qwen_1_5"
    edit(folder, lambda c: c.update(architectures=["LlavaMistralForCausalLM"]))
    assert "cannot be told" in refusal(folder)


@pytest.mark.parametrize(
    "value", [pinpoints(), "(1x1),...,(6x6)", str([tuple(pair) for pair in pinpoints()])]
)
def test_pinpoints_as_list_or_string(value: object) -> None:
    assert canvases(value, 70, height_first=False) == tuple(tuple(p) for p in pinpoints())


@pytest.mark.parametrize("value", [None, "", "what", [], [[70]], [[70, 71]], [[0, 70]], 5])
def test_pinpoints_that_are_none(value: object) -> None:
    with pytest.raises(WeightsError, match="image_grid_pinpoints"):
        canvases(value, 70, height_first=False)


def test_the_context_is_the_smallest_that_is_stated(made: Path, tmp_path: Path) -> None:
    folder = copied(made, "authors", tmp_path)
    edit(folder, lambda c: c.update(tokenizer_model_max_length=2048))
    assert open_checkpoint(folder).context_limit == 2048


def test_missing_surplus_and_wrong_shapes_are_counted_and_named(made: Path, tmp_path: Path) -> None:
    folder = copied(made, "onevision", tmp_path)

    def harm(state: dict[str, torch.Tensor]) -> None:
        del state["language_model.model.norm.weight"]
        state["language_model.model.extra.weight"] = torch.zeros(2)
        state["image_newline"] = torch.zeros(5)

    edit_weights(folder, harm)
    said = refusal(folder)
    assert "1 missing: model.language_model.norm.weight" in said
    assert "1 surplus: language_model.model.extra.weight" in said
    assert "1 of wrong shape: model.image_newline [5] instead of [64]" in said


def test_many_missing_names_are_cut_at_six(made: Path, tmp_path: Path) -> None:
    folder = copied(made, "onevision", tmp_path)
    gone = [f"language_model.model.layers.1.mlp.{part}_proj.weight" for part in ("up", "down")]
    gone += [
        f"language_model.model.layers.{n}.self_attn.{p}_proj.bias" for n in (0, 1) for p in "qkv"
    ]
    edit_weights(folder, lambda state: [state.pop(name) for name in gone])
    said = refusal(folder)
    assert "8 missing" in said and "not copied or saved whole" in said
    assert sum(said.count(part) for part in ("mlp.", "self_attn.")) == 6


def test_a_model_saved_without_its_tower(made: Path, tmp_path: Path) -> None:
    folder = copied(made, "mistral", tmp_path)
    edit_weights(
        folder, lambda s: [s.pop(name) for name in list(s) if name.startswith("vision_tower")]
    )
    assert "vision tower is not in this folder" in refusal(folder)


def test_another_tower_than_the_config_names(made: Path, tmp_path: Path) -> None:
    folder = copied(made, "authors", tmp_path)
    (folder / "vision_tower_config.json").unlink()
    edit(folder, lambda c: c.update(image_grid_pinpoints="(1x1),...,(6x6)"))
    assert "vision tower is another one" in refusal(folder)
    edit(folder, lambda c: c.update(mm_vision_tower="/disk/dino-v9"))
    assert "'/disk/dino-v9', which is not known" in refusal(folder)


def test_a_last_layer_too_many_is_surplus(made: Path, tmp_path: Path) -> None:
    folder = copied(made, "authors", tmp_path)
    edit(folder, lambda c: c.update(num_hidden_layers=3), "vision_tower_config.json")
    assert "16 surplus" in refusal(folder)


def test_an_adapter_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    assert "is an adapter, not a whole model" in refusal(tmp_path)


def test_wrong_folders_are_told_apart(made: Path, tmp_path: Path) -> None:
    assert "There is no folder" in refusal(tmp_path / "typo")
    (tmp_path / "empty").mkdir()
    assert "is empty" in refusal(tmp_path / "empty")
    folder = copied(made, "vicuna", tmp_path / "above")
    assert f"Name {folder}" in refusal(tmp_path / "above")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "a").touch()
    assert f"Name {folder}" in refusal(folder / "onnx")
    assert "holds several models" in refusal(made)
    assert "is a file" in refusal(folder / "config.json")
    (folder / "config.json").unlink()
    assert "no config.json" in refusal(folder)


@pytest.mark.parametrize("text", ["", "[1]", "{", "null"])
def test_a_damaged_config(made: Path, tmp_path: Path, text: str) -> None:
    folder = copied(made, "vicuna", tmp_path)
    (folder / "config.json").write_text(text)
    assert "config.json" in refusal(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model_type": "qwen2_vl"}, "qwen2_vl, which is not read here"),
        ({"quantization_config": {"quant_method": "awq"}}, "quantized already"),
        ({"text_config": {"model_type": "gemma"}}, "gemma"),
        ({"text_config": 5}, "config"),
        ({"vision_config": {"model_type": "clip_vision_model", "patch_size": 0}}, "config"),
        ({"image_grid_pinpoints": [[5, 5]]}, "image_grid_pinpoints"),
    ],
)
def test_a_config_that_is_not_read(
    made: Path, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    folder = copied(made, "vicuna", tmp_path)
    edit(folder, lambda c: c.update(change))
    assert words in refusal(folder)


@pytest.mark.parametrize(
    "change", [{"num_attention_heads": 7}, {"hidden_size": "x"}, {"hidden_size": 0},
               {"mm_projector_type": "linear"}, {"vocab_size": 100}, {"num_hidden_layers": None}],
)  # fmt: skip
def test_an_authors_config_that_cannot_be(
    made: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    folder = copied(made, "authors", tmp_path)
    edit(folder, lambda c: c.update(change))
    refusal(folder)


def test_files_of_two_models_are_noticed(made: Path, tmp_path: Path) -> None:
    folder = copied(made, "vicuna", tmp_path)
    edit(folder, lambda c: c.update(size={"shortest_edge": 336}), "preprocessor_config.json")
    assert "preprocessor_config.json resizes to [336]" in refusal(folder)
    shutil.copy(made / "vicuna/preprocessor_config.json", folder)
    shutil.copy(made / "authors/tokenizer.json", folder)
    assert "tokenizer" in refusal(folder)
    (folder / "tokenizer.json").write_text("{")
    assert "tokenizer.json is damaged" in refusal(folder)
    (folder / "tokenizer.json").unlink()
    assert "There is no tokenizer.json" in refusal(folder)


def test_the_recorded_checkpoint_opens_strictly(tmp_path: Path) -> None:
    tower = json.loads((RECORDED / "vision_tower_config.json").read_text("utf-8"))
    found = open_checkpoint(RECORDED / "checkpoint_ov", vision_config=tower)
    assert len(found.weights) == 85
    assert (found.visual.side, found.visual.grid, found.visual.mode) == (384, 27, "anyres_rois")
    assert "vision tower is another one" in refusal(RECORDED / "checkpoint_ov")
