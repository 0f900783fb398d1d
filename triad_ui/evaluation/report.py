"""An evaluation as one HTML file that needs nothing else: no network, no folder beside it.

Every text that came from a data set, a file name or an error is escaped, and a policy in the page
forbids it to load anything. It does not know how the numbers were made.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

import cv2
import numpy as np

from triad_ui.evaluation import plots, threshold
from triad_ui.evaluation.report_decisions import decisions, wrong_verdicts
from triad_ui.evaluation.results import Evaluation, ProductResult, WorstCase
from triad_ui.evaluation.summary import as_json, choice_in_words, reasons

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

POLICY = (
    "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; font-src data:"
)
COLUMNS = (
    ("image_auroc", "image AUROC"), ("image_ap", "AP"), ("image_f1_max", "F1-max"),
    ("pixel_auroc", "pixel AUROC, inside defective"), ("aupro", "AUPRO"), ("pixel_ap", "pixel AP"),
    ("pixel_f1_max", "pixel F1-max"), ("best_trivial_auroc", "best trivial cue, AUROC"),
    ("calm", "calm good"), ("found", "hot defective"),
)  # fmt: skip
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;color:#1f2937;max-width:70rem;margin:2rem auto;
padding:0 1rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem}
th,td{padding:.3rem .6rem;border-bottom:1px solid #d1d5db;text-align:right}
th:first-child,td:first-child,.text{text-align:left}td[rowspan]{vertical-align:top}
td.text{white-space:nowrap}tr:has(td[rowspan]) td{border-top:2px solid #d1d5db}
.scroll{overflow-x:auto}.plots{display:grid;gap:1rem;
grid-template-columns:repeat(auto-fit,minmax(min(28rem,100%),1fr))}.plots>div{min-width:0}
.worst{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:0;max-width:31rem}
figcaption{font-size:.85rem;overflow-wrap:anywhere}img{max-width:15rem;border:1px solid #d1d5db}
.note{color:#92400e}h2{margin-top:3rem;overflow-wrap:anywhere}
"""


def html(result: Evaluation) -> str:
    """The whole report. Pictures are small JPEGs in it; its script draws the plots (4.9 MB)."""
    from plotly.offline import get_plotlyjs

    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        "<meta name='viewport' content='width=device-width'>",
        f"<title>Evaluation of {escape(result.expert)}</title><style>{STYLE}</style>",
        f"<script>{get_plotlyjs()}</script></head><body>",
        *_head(result),
        *decisions(result),
        *(line for product in result.products for line in _product(product)),
        "</body></html>",
    ]
    return "\n".join(parts)


def _head(result: Evaluation) -> Iterator[str]:
    told = as_json(result)
    model = " and of a language model" if result.engine else ""
    yield f"<h1>Evaluation of the expert {escape(result.expert)}{model}</h1>"
    yield f"<p>{escape(result.made_by)} on {escape(result.root)} ({escape(result.layout)}). "
    yield f"References: {escape(choice_in_words(result))}. "
    yield f"Pool: {escape(result.pool or 'none')}. "
    yield f"Language model: {escape(result.engine or 'not asked')}.</p>"
    if result.stopped:
        yield "<p class='note'>The run was stopped: the products after these are missing.</p>"
    yield from (f"<p class='note'>{escape(note)}</p>" for note in result.notes)
    yield "<div class='scroll'><table><thead><tr><th>product</th>"
    yield "".join(f"<th>{title}</th>" for _, title in COLUMNS) + "<th>s/image</th></tr></thead>"
    seconds = told["seconds_per_image"]
    mean = {**told["mean"], "seconds_per_image": seconds}
    for name, values in (*told["products"].items(), ("mean", mean)):
        cells = (values[key] for key, _ in (*COLUMNS, ("seconds_per_image", "")))
        yield f"<tr><td>{escape(name)}</td>" + "".join(f"<td>{_cell(c)}</td>" for c in cells)
        yield "</tr>"
    yield "</table></div><p>Calm: good photographs without a pixel above the threshold; hot: "
    yield "defective ones with one. Where the best trivial cue (brightness, corner brightness or "
    yield "sharpness alone) comes close to the expert, the product does not show that the expert "
    yield "sees its defects. AUPRO, pixel AP and F1-max go over good photographs too.</p>"


def _product(product: ProductResult) -> Iterator[str]:
    good, bad = product.scores(defective=False), product.scores(defective=True)
    yield f"<h2>{escape(product.name)}</h2><p>{len(good)} good and {len(bad)} defective "
    yield f"photographs, {product.annotated} annotated ({escape(product.truth)}); references: "
    yield f"{escape(', '.join(product.references) or 'none')}; {product.paired} compared with "
    yield "their own reference.</p>"
    for note in product.notes:
        yield f"<p class='note'>{escape(note)}</p>"
    for name, reason in reasons(product).items():
        yield f"<p class='note'>{escape(name)} metrics: {escape(reason)}.</p>"
    if product.skipped:
        yield f"<p class='note'>{len(product.skipped)} photographs were skipped:</p><ul>"
        yield from (f"<li>{escape(s.name)}: {escape(s.reason)}</li>" for s in product.skipped)
        yield "</ul>"
    suggestion = product.suggestion
    default = threshold.at(threshold.DEFAULT, good, bad)
    yield f"<p>At the threshold 0.5: {_point(default)}."
    if suggestion:
        yield f" Suggested is {suggestion.point.threshold:.2f}, {escape(suggestion.reason)}: "
        yield f"{_point(suggestion.point)}."
    yield "</p><ul>"
    for cue in product.cues:
        yield f"<li>{escape(cue.name)} alone: AUROC {_cell(cue.auroc)}, {escape(cue.sentence)}</li>"
    yield "</ul>"
    yield from wrong_verdicts(product)
    yield "<div class='plots'>"
    chosen = suggestion.point.threshold if suggestion else None
    figures = (
        plots.roc(product),
        plots.histogram(good, bad, suggested=chosen),
        plots.escape_and_overkill(threshold.curve(good, bad), threshold.DEFAULT),
        plots.verdicts(product),
    )
    yield from (_plot(figure) for figure in figures if figure is not None)
    yield "</div>"
    for title, cases in (
        ("Good parts with the highest scores", [c for c in product.worst if not c.defective]),
        ("Defective parts with the lowest scores", [c for c in product.worst if c.defective]),
    ):
        if cases:
            yield f"<h3>{title}</h3><div class='worst'>"
            yield from (_case(case) for case in cases)
            yield "</div>"


def _plot(figure: Figure) -> str:
    return figure.to_html(
        full_html=False, include_plotlyjs=False, config={"displaylogo": False, "responsive": True}
    )


def _case(case: WorstCase) -> str:
    shown = "".join(
        f"<img alt='{alt}' src='data:image/jpeg;base64,{_jpeg(rgb)}'>"
        for alt, rgb in (("photograph", case.picture), ("its heat map", case.overlaid))
    )
    caption = f"{escape(case.name)}, {escape(case.kind)}: score {case.score:.3f}"
    return f"<figure>{shown}<figcaption>{caption}</figcaption></figure>"


def _jpeg(rgb: np.ndarray) -> str:
    _, data = cv2.imencode(
        ".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85]
    )
    return base64.b64encode(data.tobytes()).decode()


def _point(point: threshold.Point) -> str:
    escape_ = str(point.escape) if point.escape else "unknown, no defective part"
    overkill = str(point.overkill) if point.overkill else "unknown, no good part"
    return f"escape {escape_}, overkill {overkill}"


def _cell(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.3f}"
