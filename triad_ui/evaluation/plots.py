"""The pictures of an evaluation as plotly figures, for the page and for the report alike.

No name that came from a data set gets into a figure, as plotly reads markup in its texts. It does
not know where figures are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from triad_ui.dialogue.verdict import UNDECIDED_BAND
from triad_ui.evaluation import threshold
from triad_ui.evaluation.results import ProductResult

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

GOOD, BAD, NEUTRAL = "#1f6fb4", "#c2410c", "#6b7280"
"""Blue and orange: told apart by the colour-blind too."""
BINS = 40


def roc(product: ProductResult) -> Figure | None:
    """Recall over fall-out of image scores, the default threshold marked; None with one class."""
    import plotly.graph_objects as go

    curve = product.curve
    if not curve.both:
        return None
    figure = go.Figure()
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", name="chance",
                       line={"color": NEUTRAL, "dash": "dot"}, hoverinfo="skip")  # fmt: skip
    figure.add_scatter(
        x=[0.0, *curve.fall_out.tolist()], y=[0.0, *curve.recall.tolist()], mode="lines",
        name=f"AUROC {curve.auroc:.3f}", line={"color": BAD, "width": 2.5},
        customdata=[1.0, *curve.thresholds.tolist()],
        hovertemplate="score %{customdata:.3f}<br>overkill %{x:.0%}, found %{y:.0%}<extra></extra>",
    )  # fmt: skip
    judged = product.by_expert
    figure.add_scatter(
        x=[1 - judged.tnr], y=[judged.recall], mode="markers", name="threshold 0.5",
        marker={"color": BAD, "size": 11, "symbol": "diamond"},
    )  # fmt: skip
    return _laid_out(figure, "good parts called defective", "defective parts found", percent=True)


def histogram(
    good: Sequence[float],
    bad: Sequence[float],
    at: float = threshold.DEFAULT,
    suggested: float | None = None,
) -> Figure:
    """Image scores 0..1 of both classes, with the threshold in use and the suggested one."""
    figure = _bars(good, bad, "score")
    _line(figure, at, f"threshold {at:.2f}", "solid")
    if suggested is not None and abs(suggested - at) > 0.005:
        _line(figure, suggested, f"suggested {suggested:.2f}", "dash", low=True)
    figure = _laid_out(figure, "score of the image", "photographs")
    figure.update_xaxes(range=[0, 1])
    return figure


def verdicts(product: ProductResult) -> Figure | None:
    """The model's probabilities of a defect in both classes, with the band of the undecided; None
    where it was not asked."""
    asked = product.verdicts()
    if not asked:
        return None
    good, bad = (
        [verdict.p_defective for image, verdict in asked if image.defective == defective]
        for defective in (False, True)
    )
    figure = _bars(good, bad, "probability")
    figure.add_vrect(
        x0=0.5 - UNDECIDED_BAND, x1=0.5 + UNDECIDED_BAND, fillcolor=NEUTRAL, opacity=0.2,
        line_width=0, annotation_text="undecided", annotation_position="top left",
    )  # fmt: skip
    figure = _laid_out(figure, "the model's probability of a defect", "photographs")
    figure.update_xaxes(range=[0, 1])
    return figure


def _bars(good: Sequence[float], bad: Sequence[float], what: str) -> Figure:
    import plotly.graph_objects as go

    figure = go.Figure()
    edges = np.linspace(0, 1, BINS + 1)
    middles = ((edges[1:] + edges[:-1]) / 2).tolist()
    for scores, name, colour, shape in ((good, "good", GOOD, ""), (bad, "defective", BAD, "/")):
        counts, _ = np.histogram(np.clip(np.asarray(scores, dtype=float), 0, 1), edges)
        figure.add_bar(
            x=middles, y=counts.tolist(), width=1 / BINS, name=f"{name} ({len(scores)})",
            marker={"color": colour, "pattern": {"shape": shape}}, opacity=0.65,
            hovertemplate=f"{what} %{{x:.2f}}: %{{y}}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="overlay")
    return figure


def escape_and_overkill(points: Sequence[threshold.Point], at: float | None = None) -> Figure:
    """Escape and overkill over the threshold, each with its 95 % interval as a band."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for name, colour, dash in (("escape", BAD, "solid"), ("overkill", GOOD, "dash")):
        known = [(p.threshold, share) for p in points if (share := getattr(p, name)) is not None]
        if not known:
            continue
        x = [place for place, _ in known]
        low, high = [share.low for _, share in known], [share.high for _, share in known]
        figure.add_scatter(
            x=[*x, *x[::-1]], y=[*high, *low[::-1]], fill="toself", fillcolor=colour, opacity=0.15,
            line={"width": 0}, hoverinfo="skip", showlegend=False,
        )  # fmt: skip
        figure.add_scatter(
            x=x, y=[share.value for _, share in known], mode="lines", name=name,
            line={"color": colour, "width": 2.5, "dash": dash}, customdata=list(zip(low, high)),
            hovertemplate=f"at %{{x:.2f}} {name} %{{y:.0%}} (%{{customdata[0]:.0%}} to "
            "%{customdata[1]:.0%})<extra></extra>",
        )  # fmt: skip
    if at is not None:
        _line(figure, at, f"threshold {at:.2f}", "solid")
    figure = _laid_out(figure, "threshold", "share of parts", percent=True)
    figure.update_xaxes(range=[0, 1], tickformat=".1f")
    return figure


def _line(figure: Figure, at: float, text: str, dash: str, *, low: bool = False) -> None:
    figure.add_vline(
        x=at, line={"color": NEUTRAL, "dash": dash, "width": 1.5}, annotation_text=text,
        annotation_position="top right", annotation_yshift=-18 if low else 0,
    )  # fmt: skip


def _laid_out(figure: Figure, x: str, y: str, *, percent: bool = False) -> Figure:
    figure.update_layout(
        template="plotly_white", height=320, margin={"l": 60, "r": 16, "t": 30, "b": 48},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis_title=x, yaxis_title=y,
    )  # fmt: skip
    if percent:
        figure.update_xaxes(tickformat=".0%", range=[-0.01, 1.01])
        figure.update_yaxes(tickformat=".0%", range=[-0.01, 1.02])
    return figure
