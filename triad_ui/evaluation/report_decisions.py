"""The part of the report on decisions: model beside expert, by size of defect, and what was wrong.

Every text that came from a data set is escaped. It does not know the rest of the page.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from triad_ui.evaluation.decisions import MEASURES, decisions_json, mean_decisions, overall
from triad_ui.evaluation.defect_size import SIZES
from triad_ui.evaluation.results import CALLED, Evaluation, ProductResult

TITLES = ("accuracy", "balanced", "precision", "recall", "true negatives")
MOST_WRONG = 20


def decisions(result: Evaluation) -> Iterator[str]:
    """The tables of all products. Nothing when no product was judged by anyone."""
    told = {product.name: decisions_json(product) for product in result.products}
    if not told:
        return
    processes = {product.name: bool(product.process) for product in result.products}
    told["mean"] = mean_decisions(list(told.values()))
    yield "<h2>Decisions</h2><div class='scroll'><table><thead><tr><th>product</th>"
    yield "<th class='text'>decided by</th>" + "".join(f"<th>{title}</th>" for title in TITLES)
    yield "<th>undecided</th><th>balanced, more likely letter</th></tr></thead>"
    for name, by in told.items():
        known = processes.get(name, True)
        shown = [who for who in by if known or who != "model_without_process"]
        for place, who in enumerate(shown):
            yield "<tr>" if place else f"<tr><td rowspan='{len(shown)}'>{escape(name)}</td>"
            yield f"<td class='text'>{_named(who, result, known=known)}</td>"
            yield from _measures(by[who])
    yield "</table></div>"
    if result.engine:
        yield "<p>An undecided verdict (its two letters within ten per cent of even) counts as "
        yield "wrong in accuracy, balanced accuracy, recall and true negatives; the last column "
        yield "takes each verdict at its more likely letter, as the paper's multiple choice does. "
        yield "Verdicts are read from the letters' logits.</p>"
    yield from _sizes(result)


def wrong_verdicts(product: ProductResult) -> Iterator[str]:
    """The photographs that the model judged wrongly, the surest first; nothing without verdicts."""
    asked = product.verdicts()
    if not asked:
        return
    process = f"told the process {product.process}" if product.process else "told no process"
    wrong = [(i, v) for i, v in asked if CALLED[v.label] is not i.defective]
    wrong.sort(key=lambda pair: -abs(pair[1].p_defective - 0.5))
    yield f"<p>The model was {escape(process)}; {len(wrong)} of {len(asked)} verdicts are not "
    yield "right.</p>"
    if not wrong:
        return
    yield "<details><summary>Verdicts that are not right, the surest first</summary><ul>"
    for image, verdict in wrong[:MOST_WRONG]:
        yield f"<li>{escape(image.name)}, {escape(image.kind)}: {verdict.label}, probability of a "
        yield f"defect {verdict.p_defective:.2f}; the expert's score {image.score:.2f}</li>"
    if len(wrong) > MOST_WRONG:
        yield f"<li>and {len(wrong) - MOST_WRONG} more</li>"
    yield "</ul></details>"


def _measures(values: dict[str, Any]) -> Iterator[str]:
    yield "".join(f"<td>{_cell(values[measure])}</td>" for measure in MEASURES)
    forced = values.get("forced_choice")
    yield f"<td>{_undecided(values) if forced else '-'}</td>"
    yield f"<td>{_cell(forced['balanced_accuracy']) if forced else '-'}</td></tr>"


def _sizes(result: Evaluation) -> Iterator[str]:
    sizes = overall(result)["by_defect_size"]
    if not sizes:
        return
    yield "<h3>By size of the defect</h3><div class='scroll'><table><thead><tr><th>decided by</th>"
    yield "<th>small, below 1 % of the image</th><th>medium</th><th>large, above 10 %</th>"
    yield "<th>good parts</th></tr></thead>"
    for who, told in sizes.items():
        cells = (told[size] for size in (*SIZES, "normal"))
        yield f"<tr><td>{_named(who, result)}</td>"
        yield "".join(f"<td>{_share(cell)}</td>" for cell in cells) + "</tr>"
    yield "</table></div><p>Right decisions on products that have masks, undecided ones counting "
    yield "as wrong.</p>"


def _named(who: str, result: Evaluation, *, known: bool = True) -> str:
    """known: whether the product has a process that the model could be told."""
    if who == "expert":
        return "expert, at its threshold"
    if result.process != "without" and not known:
        return "model, no process known"
    with_process = who == "model" and result.process != "without"
    return f"model, {'with' if with_process else 'without'} process"


def _undecided(values: dict[str, Any]) -> str:
    return f"{values['undecided']} of {values['images']}"


def _share(told: dict[str, Any] | None) -> str:
    return "-" if told is None else f"{told['share']:.0%} ({told['right']} of {told['of']})"


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
