"""Data sets below a root: found, looked at, and nothing outside it read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.evaluating.drawn_data_set import draw_data_set, draw_product, plate
from triad_ui.errors import EvaluationError, ImageError
from triad_ui.evaluating.data_sets import DataSets, ProductSeen


def test_both_layouts_are_found_and_their_products_are_not(tmp_path: Path) -> None:
    draw_data_set(tmp_path / "a/mvtec")
    draw_product(tmp_path / "single")
    (tmp_path / "b/table").mkdir(parents=True)
    (tmp_path / "b/table/manifest.csv").write_text("path,product,split,label\n")
    plate(tmp_path / "b/photos/0.png")
    plate(tmp_path / ".hidden/x/test/good/0.png")
    assert set(DataSets(tmp_path / "a").names()) == {"mvtec/parts"}
    assert set(DataSets(tmp_path / "b").names()) == {"table"}
    assert DataSets(tmp_path / "single").names() == (".",)
    assert DataSets(tmp_path).names() == (".",)  # `single` is a product of it


def test_what_a_folder_holds(tmp_path: Path) -> None:
    seen = DataSets(draw_data_set(tmp_path)).seen("parts")
    assert seen.layout == "MVTec AD"
    assert seen.products[0] == ProductSeen("plate", references=2, good=3, defective=3)


def test_a_product_whose_photographs_have_their_own_reference_can_be_compared(
    tmp_path: Path,
) -> None:
    for name in ("part", "good"):
        plate(tmp_path / f"{name}.png")
    rows = "path,product,split,label,reference\npart.png,own,test,1,good.png\n"
    (tmp_path / "manifest.csv").write_text(rows + "part.png,none,test,0,\n")
    own, none = DataSets(tmp_path).seen(".").products
    assert own == ProductSeen("own", 0, 0, 1, compared=True) and not none.compared


def test_without_a_root_nothing_can_be_named(tmp_path: Path) -> None:
    sets = DataSets(None)
    assert "--image-root" in sets.remedy() and sets.names() == ()
    with pytest.raises(EvaluationError, match="--image-root"):
        sets.open(str(tmp_path))
    assert DataSets(tmp_path).remedy() == ""


@pytest.mark.parametrize("folder", ["..", "/etc", "parts/../..", "absent", "pa\0rts"])
def test_folders_outside_are_refused(tmp_path: Path, folder: str) -> None:
    draw_data_set(tmp_path / "root")
    with pytest.raises(ImageError, match="There is no folder"):
        DataSets(tmp_path / "root").open(folder)


def test_an_empty_name_asks_for_one(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="No folder was named"):
        DataSets(tmp_path).open("  ")


def test_links_that_lead_out_are_refused(tmp_path: Path) -> None:
    root = draw_data_set(tmp_path / "root")
    plate(tmp_path / "secret.png")
    (root / "parts/plate/test/good/9.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(EvaluationError, match=r"secret\.png|9\.png leads out"):
        DataSets(root).open("parts")
    (root / "table").mkdir()
    (root / "table/manifest.csv").symlink_to(tmp_path / "secret.png")
    with pytest.raises(EvaluationError, match=r"manifest\.csv leads out"):
        DataSets(root).open("table")


def test_a_link_within_the_root_is_read(tmp_path: Path) -> None:
    root = draw_data_set(tmp_path / "root")
    (root / "parts/plate/test/good/9.png").symlink_to(root / "parts/plate/test/good/0.png")
    assert len(DataSets(root).open("parts", ["plate"]).products[0].tested) == 7
