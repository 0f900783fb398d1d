"""The page's own addresses: pictures of a case, example thumbnails, evaluations, and /health.

Every picture is read through a use case by an opaque case id and rendered to 8 bits here; no
address names a file or a folder. Answers carry an ETag and are private to the browser's cache.
Knows nothing of Gradio.
"""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from triad_ui.errors import ImageError, NotFound, TriadError

if TYPE_CHECKING:
    import numpy as np

    from triad_ui.evaluating.kept import KeptEvaluations
    from triad_ui.records import Case
    from triad_ui.ui.examples import Example
    from triad_ui.workbench import Workbench

_LOG = logging.getLogger(__name__)
PREVIEW_SIDE = 1600
MAP_SIDE = 512
THUMB_SIDE = 144
CROP_SIDE = 1024

Render = Callable[[Request], tuple[str, Callable[[], bytes]]]
"""Request -> what the picture depends on (its ETag), and how to make its PNG."""


def routes(
    workbench: Workbench, examples: tuple[Example, ...], kept: KeptEvaluations | None = None
) -> list[Route]:
    """All addresses, to be put before Gradio's own."""

    def case_of(request: Request) -> Case:
        return workbench.case(request.path_params["case_id"])

    def photo(side: int) -> Render:
        def render(request: Request) -> tuple[str, Callable[[], bytes]]:
            record = case_of(request).query
            return f"{record!r}{side}", lambda: png(workbench.picture(record).rgb, side)

        return render

    def grey(request: Request) -> tuple[str, Callable[[], bytes]]:
        case = case_of(request)
        return f"{case.id}{case.anomaly_map.expert}", lambda: _grey_png(case)

    def reference(request: Request) -> tuple[str, Callable[[], bytes]]:
        case, n = case_of(request), request.path_params["n"]
        if not 1 <= n <= len(case.references):
            raise NotFound("This case has no such reference.")
        record = case.references[n - 1]
        return repr(record), lambda: png(workbench.picture(record).rgb, PREVIEW_SIDE)

    def roi(request: Request) -> tuple[str, Callable[[], bytes]]:
        case, n = case_of(request), request.path_params["n"]
        if not 1 <= n <= len(case.rois):
            raise NotFound("This case has no such region.")
        region = case.rois[n - 1]

        def make() -> bytes:
            from triad_ui.imaging.preview import crop

            return png(crop(workbench.picture(case.query).rgb, region), CROP_SIDE)

        return f"{case.query!r}{region.box}", make

    def example(request: Request) -> tuple[str, Callable[[], bytes]]:
        wanted = request.path_params["name"]
        found = next((e for e in examples if e.name == wanted), None)
        if found is None:
            raise NotFound("There is no such example.")
        return f"{found.query}{found.query.stat().st_mtime_ns}", found.thumbnail

    def health(_: Request) -> Response:
        status = workbench.engine_status()
        return JSONResponse({"page": "up", "model": status.state, "engine": status.engine})

    def plotly(request: Request) -> Response:
        from importlib.metadata import version

        from plotly.offline import get_plotlyjs

        tag = f'"plotly-{version("plotly")}"'
        headers = {"ETag": tag, "Cache-Control": "private, max-age=86400"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(get_plotlyjs(), media_type="text/javascript", headers=headers)

    def evaluation(request: Request) -> Response:
        name, file = request.path_params["name"], request.path_params["file"]
        try:
            data = kept.read(name, file) if kept else b""
        except NotFound as error:
            return PlainTextResponse(str(error), status_code=404)
        # as a file: a report is never shown under this page's own address
        shown = f'attachment; filename="evaluation-{name}-{file}"'
        headers = {"Content-Disposition": shown, "Cache-Control": "private, no-store"}
        return Response(data, media_type="application/octet-stream", headers=headers)

    def missing(_: Request) -> Response:
        return Response(status_code=204)

    return [
        Route("/health", health),
        Route("/case/{case_id}/photo.png", _picture(photo(PREVIEW_SIDE))),
        Route("/case/{case_id}/thumb.png", _picture(photo(THUMB_SIDE))),
        Route("/case/{case_id}/map.png", _picture(grey)),
        Route("/case/{case_id}/reference/{n:int}.png", _picture(reference)),
        Route("/case/{case_id}/roi/{n:int}.png", _picture(roi)),
        Route("/example/{name}.png", _picture(example)),
        *([Route("/evaluation/{name}/{file}", evaluation)] if kept else []),
        Route("/plotly.js", plotly),
        Route("/manifest.json", missing),
    ]


def _picture(render: Render) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        try:
            key, make = render(request)
            tag = f'"{hashlib.sha256(key.encode()).hexdigest()[:32]}"'
            headers = {"ETag": tag, "Cache-Control": "private, max-age=3600, must-revalidate"}
            if request.headers.get("if-none-match") == tag:
                return Response(status_code=304, headers=headers)
            return Response(make(), media_type="image/png", headers=headers)
        except (NotFound, ImageError) as error:
            return PlainTextResponse(str(error), status_code=404)
        except TriadError as error:
            return PlainTextResponse(str(error), status_code=503)
        except Exception:
            _LOG.exception("rendering %s failed", request.url.path)
            return PlainTextResponse("This picture could not be rendered.", status_code=500)

    return answer


def png(rgb: np.ndarray, longest: int) -> bytes:
    """A PNG of uint8 (h, w, 3), its longer side at most `longest`."""
    from triad_ui.imaging.preview import png_bytes, preview

    return png_bytes(preview(rgb, longest))


def jpeg(rgb: np.ndarray, longest: int, quality: int = 88) -> bytes:
    """A small JPEG for what is only a hint: thumbnails of pictures not yet inspected."""
    from PIL import Image

    from triad_ui.imaging.preview import preview

    file = io.BytesIO()
    Image.fromarray(preview(rgb, longest)).save(file, "JPEG", quality=quality)
    return file.getvalue()


def _grey_png(case: Case) -> bytes:
    from triad_ui.expert.heatmap import grey_map
    from triad_ui.imaging.preview import png_bytes

    return png_bytes(grey_map(case.anomaly_map, MAP_SIDE))
