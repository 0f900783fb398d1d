"""What the model is asked: the paper's multiple choice, with and without process and reference."""

from __future__ import annotations

from pathlib import Path

from tests.evaluation.drawn_set import SpotModel, judge, plate, process
from tests.fakes import FakeExpert
from triad_ui.evaluation.picture_files import read_picture


def pictures(folder: Path, count: int = 3):
    return [read_picture(plate(folder / f"{i}.png", grey=180 + i)) for i in range(count)]


def test_model_is_shown_the_first_reference_and_told_the_process(tmp_path: Path) -> None:
    query, *references = pictures(tmp_path)
    model = SpotModel()
    asks = judge(model, process())
    found = FakeExpert().score(query, references)
    assert asks(query, references, found, "plate").label == "normal"
    assert model.shown == [2]
    assert model.asked == [
        "The following is the production process of the steel plates:\n1. Paint it grey.\n"
        "The second image shows an acceptable steel plate. Compare with the acceptable steel "
        "plate, find out whether there are defects on the steel plate in the first image.\n"
        "A. Yes\nB. No\nAnswer with the option's letter from the given choices directly."
    ]


def test_zero_shot_without_process_asks_of_the_same_noun(tmp_path: Path) -> None:
    query = pictures(tmp_path)[0]
    model = SpotModel()
    found = FakeExpert().score(query, ())
    judge(model, process()).without_process(query, (), found, "plate")
    assert model.shown == [1]
    assert model.asked[0].startswith("Are there any defects on the steel plate in this image?\nA.")


def test_products_without_process_are_called_by_their_name_or_the_sets_noun() -> None:
    asks = judge(SpotModel(), nouns={"b": "glass bottle"})
    assert (asks.noun("bare_pcb"), asks.noun("b")) == ("bare pcb", "glass bottle")
    assert asks.process("bare_pcb") is None


def test_a_verdict_depends_on_the_process_only_where_it_is_told() -> None:
    one, other = judge(SpotModel(), process("Paint it.")), judge(SpotModel(), process("Bend it."))
    told = [asks.depends_on("plate", with_process=True) for asks in (one, other)]
    untold = [asks.depends_on("plate", with_process=False) for asks in (one, other)]
    assert told[0] != told[1]
    assert untold[0] == untold[1]
    assert judge(SpotModel()).depends_on("x", with_process=True) == judge(SpotModel()).depends_on(
        "x", with_process=False
    )
