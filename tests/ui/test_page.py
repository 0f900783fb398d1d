"""The page as served: its API names, its own routes, its headers, and the main path by client."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image

from tests.fakes import ANSWER, fake_settings, fake_workbench
from tests.ui.conftest import png
from tests.ui.evaluations import fake_evaluations
from triad_ui.ui.page import blocked, build_page, serve
from triad_ui.workbench import Workbench

API = {
    "/add_photo", "/add_references", "/again", "/ask", "/correct", "/drop_reference", "/engine",
    "/history", "/inspect", "/judge", "/load_model", "/open_case", "/pick_process", "/processes",
    "/cancel_load", "/examine_folder", "/examine_served", "/models", "/switch_model",
    "/unload_model",
    "/save_process", "/set_levels", "/settle", "/stop", "/use_example",
    "/choose_regions", "/edit_regions", "/judge_anew",
    "/how_to_look", "/how_to_look_at", "/choose_expert", "/save_threshold", "/reset_threshold",
    "/measure_threshold", "/add_defect", "/remove_defect", "/bring_back_defect",
    "/propose_defects", "/add_folder_to_pool", "/add_uploads_to_pool", "/clear_pool",
    "/cancel_pool", "/pool", "/cancel_inspect",
    "/look_at_data_set", "/evaluate", "/evaluation", "/cancel_evaluation", "/evaluated_product",
    "/use_threshold",
}  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Workbench]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = fake_settings(tmp_path_factory.mktemp("page"), port)
    workbench = fake_workbench(settings)
    page = serve(workbench, settings, fake_evaluations(settings.data_dir), block=False)
    yield f"http://127.0.0.1:{port}", workbench
    page.close()
    workbench.close()


@pytest.fixture
def case_id(served: tuple[str, Workbench]) -> str:
    _, workbench = served
    query = workbench.add_image(png(True), "bad.png")
    return workbench.inspect(query, [workbench.add_image(png(False), "good.png")]).id


def test_api_names_are_what_they_were(served: tuple[str, Workbench]) -> None:
    info = httpx.get(f"{served[0]}/gradio_api/info").json()
    assert set(info["named_endpoints"]) == API


def test_the_main_path_by_client(served: tuple[str, Workbench], tmp_path: Path) -> None:
    url, workbench = served
    client = Client(url, verbose=False)
    for name, data in (("bad.png", png(True)), ("good.png", png(False))):
        (tmp_path / name).write_bytes(data)
    client.predict(handle_file(tmp_path / "bad.png"), api_name="/add_photo")
    client.predict([handle_file(tmp_path / "good.png")], api_name="/add_references")
    case_id = client.predict("cable", "", "cable", api_name="/inspect")[0]
    assert client.predict(case_id, api_name="/judge")["model"]["label"] == "defective"
    answer = client.predict(case_id, "What is wrong?", api_name="/ask")
    assert answer[0][-1]["content"][0]["text"] == ANSWER
    saved = client.predict(
        case_id, "", "incorrect", "normal", "top", 2, "dent", "All is well.", "", "QA",
        api_name="/correct",
    )  # fmt: skip
    assert saved[0].startswith("Saved to sessions.db at ")
    case = workbench.case(case_id)
    assert case.turns[0].answer == ANSWER and case.corrections[0].answer == "All is well."
    assert client.predict("cable", "", api_name="/history")[0]["rows"][0]["id"] == case_id


@pytest.mark.parametrize(
    ("name", "size"),
    [("photo", (320, 240)), ("thumb", (144, 108)), ("map", (96, 96)), ("reference/1", (320, 240))],
)
def test_pictures_of_a_case(
    served: tuple[str, Workbench], case_id: str, name: str, size: tuple[int, int]
) -> None:
    url = f"{served[0]}/case/{case_id}/{name}.png"
    first = httpx.get(url)
    assert first.status_code == 200 and first.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(first.content)).size == size
    again = httpx.get(url, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304 and again.content == b""


def test_a_region_is_cut_at_full_resolution(served: tuple[str, Workbench], case_id: str) -> None:
    roi = served[1].case(case_id).rois[0]
    answer = httpx.get(f"{served[0]}/case/{case_id}/roi/1.png")
    pixels = np.array(Image.open(io.BytesIO(answer.content)))
    full = np.array(Image.open(io.BytesIO(png(True))))
    assert np.array_equal(pixels, full[roi.y0 : roi.y1, roi.x0 : roi.x1])


@pytest.mark.parametrize(
    "path",
    ["case/none/photo.png", "case/{id}/roi/99.png", "case/{id}/reference/0.png", "example/no.png",
     "case/..%2f..%2fsessions.db/photo.png"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(
    served: tuple[str, Workbench], case_id: str, path: str
) -> None:
    assert httpx.get(f"{served[0]}/{path.format(id=case_id)}").status_code == 404


def test_database_and_originals_are_not_served(served: tuple[str, Workbench], case_id: str) -> None:
    url, workbench = served
    original = workbench._images.path(workbench.case(case_id).query.sha256)
    database = original.parents[2] / "sessions.db"
    assert original.is_file() and database.is_file()
    for path in (original, database, Path("/etc/passwd")):
        assert httpx.get(f"{url}/gradio_api/file={path}").status_code in (403, 404)


def test_the_browser_is_told_to_stay_here(served: tuple[str, Workbench]) -> None:
    headers = httpx.get(served[0]).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    foreign = httpx.post(
        f"{served[0]}/gradio_api/queue/join", json={}, headers={"Origin": "https://evil.example"}
    )
    assert foreign.status_code == 403


def test_an_evaluation_by_client_and_its_files(served: tuple[str, Workbench]) -> None:
    client = Client(served[0], verbose=False)
    client.predict("parts", "reference", 2, ["plate"], "no", api_name="/evaluate")
    until = time.monotonic() + 60
    while (told := client.predict("", api_name="/evaluation"))[0]["phase"] != "done":
        assert time.monotonic() < until
        time.sleep(0.1)
    name = told[1]["kept"]
    for file in told[1]["files"]:
        answer = httpx.get(f"{served[0]}/evaluation/{name}/{file['file']}")
        assert answer.status_code == 200 and len(answer.content) > 100
        assert answer.headers["content-disposition"].startswith("attachment; ")
    for path in (f"{name}/card.json", "..%2f..%2fsessions.db/numbers.json", "x/report.html"):
        assert httpx.get(f"{served[0]}/evaluation/{path}").status_code == 404


def test_plotly_comes_from_this_page_once(served: tuple[str, Workbench]) -> None:
    first = httpx.get(f"{served[0]}/plotly.js")
    assert first.headers["content-type"].startswith("text/javascript") and "Plotly" in first.text
    again = httpx.get(f"{served[0]}/plotly.js", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304


def test_health(served: tuple[str, Workbench]) -> None:
    assert httpx.get(f"{served[0]}/health").json()["page"] == "up"


def test_building_the_page_asks_nothing_of_the_workbench(tmp_path: Path) -> None:
    settings = fake_settings(tmp_path)
    page = build_page(None, settings)  # type: ignore[arg-type]
    assert page.title == "Triad Workbench"
    assert settings.database_url.removeprefix("sqlite:///") in blocked(settings)


def test_model_events_share_one_line_and_feedback_waits_for_none(tmp_path: Path) -> None:
    page = build_page(None, fake_settings(tmp_path))  # type: ignore[arg-type]
    by_name = {fn.api_name: fn for fn in page.fns.values() if fn.fn is not None}
    for name in ("inspect", "ask", "again", "judge"):
        assert (by_name[name].concurrency_id, by_name[name].concurrency_limit) == ("gpu", 1)
    for name in ("correct", "stop", "history", "open_case", "engine"):
        assert by_name[name].concurrency_limit is None
