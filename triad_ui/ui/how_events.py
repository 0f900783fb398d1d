"""What the events of "How to look" do: expert, threshold, known defects and pool of a product.

Each answers with what the panel shows next, and with a problem beside the part that it is about.
Fields that are left out of an answer stay as they are shown. Knows no component, only the order of
its outputs.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from triad_ui.errors import ExpertError, TriadError
from triad_ui.products.filling import Filling
from triad_ui.products.names import product_key
from triad_ui.products.pools import Added, Report
from triad_ui.records import DefectDescription
from triad_ui.ui import present_how
from triad_ui.ui.guard import guard
from triad_ui.ui.present import Json
from triad_ui.ui.process_picker import chosen_process

if TYPE_CHECKING:
    import threading

    from triad_ui.settings import Settings
    from triad_ui.workbench import Workbench

LONGEST = 4000
"""Characters of what the browser says."""
TYPED = "Write the kind, a colon and how it looks, for example 'scratch: a thin bright line'."


class HowEvents:
    """Handlers over one workbench; most take (what the panel says, expert, product)."""

    def __init__(self, workbench: Workbench, settings: Settings) -> None:
        self._workbench = workbench
        self._first = settings.expert
        self._filling = Filling(lambda: workbench.products)

    @guard
    def refresh(self, expert: str, product: str) -> Json:
        """All that is kept of the product; -> panel."""
        pools = self._workbench.products.pools
        return self._shown(expert, product) | {
            "folders": list(pools.folders()), "remedy": pools.remedy(),
        }  # fmt: skip

    @guard
    def other_product(self, expert: str, product: str) -> Json:
        """Another product is named; -> panel."""
        return self._shown(expert, product)

    @guard
    def pick(self, said: str, expert: str, product: str) -> tuple[str, Json]:
        """Choose an expert; -> expert, panel."""
        offer = next((each for each in self._workbench.experts() if each.name == said), None)
        if offer is None or not offer.ready:
            told = offer.problem if offer else "There is no such expert. Reload the page."
            return expert or self._first, self._shown(expert, product, "expert", told)
        return offer.name, self._shown(offer.name, product)

    # -- threshold ------------------------------------------------------------------------------

    @guard
    def save_threshold(self, said: str, expert: str, product: str) -> Json:
        """Keep a threshold; -> panel."""
        tuning = self._workbench.products.tuning
        name = self._expert(expert)
        return self._done(
            "threshold", expert, product,
            lambda: tuning.set_threshold(product, name, number(said)),
            f"Saved for {product_key(product)}. It counts from the next Inspect on.",
        )  # fmt: skip

    @guard
    def reset_threshold(self, _: str, expert: str, product: str) -> Json:
        """Back to the expert's own; -> panel."""
        tuning = self._workbench.products.tuning
        return self._done(
            "threshold", expert, product, lambda: tuning.reset(product, self._expert(expert)),
            f"{product_key(product)} has the expert's own threshold again.",
        )  # fmt: skip

    @guard
    def measure_threshold(self, _: str, expert: str, product: str) -> Json:
        """Keep the threshold that divides the corrected cases best; -> panel."""
        tuning = self._workbench.products.tuning
        name = self._expert(expert)

        def measured() -> str:
            found = tuning.measure_cases(product, name)
            kept = tuning.keep(found)
            suggestion = found.suggestion
            return f"Saved {kept.threshold:.3f}: {suggestion.reason if suggestion else ''}."

        return self._done("threshold", expert, product, measured)

    # -- known defects --------------------------------------------------------------------------

    @guard
    def add_defect(self, said: str, expert: str, product: str) -> Json:
        """Keep 'kind: description' lines, typed or accepted; -> panel."""
        defects = self._workbench.products.defects
        return self._done(
            "defects", expert, product, lambda: defects.add(product, described(said)), typed=""
        )

    @guard
    def remove_defect(self, said: str, expert: str, product: str) -> Json:
        """Take a description away, by its id; -> panel."""
        defects = self._workbench.products.defects
        return self._done(
            "defects", expert, product, lambda: defects.remove(said[:LONGEST]), undo=said
        )

    @guard
    def bring_back_defect(self, said: str, expert: str, product: str) -> Json:
        """Undo the last removal; -> panel."""
        defects = self._workbench.products.defects
        return self._done("defects", expert, product, lambda: defects.bring_back(said[:LONGEST]))

    @guard
    def propose_defects(
        self, expert: str, product: str, name: str | None, text: str | None
    ) -> Json:
        """Ask the language model; nothing is kept yet; -> panel."""
        found: list[Json] = []

        def ask() -> None:
            process = chosen_process(self._workbench, name, text, product)
            proposals = self._workbench.products.defects.propose(product, process)
            found.extend(present_how.described(each) for each in proposals)

        return self._done("defects", expert, product, ask) | {"proposed": found}

    # -- pool -----------------------------------------------------------------------------------

    @guard
    def add_uploads(
        self, paths: list[str] | None, expert: str, product: str
    ) -> tuple[None, Json, gr.Timer]:
        """Put uploads into the pool, in the background; -> upload, panel, timer."""
        files = [(path, Path(path).name) for path in paths or ()]

        def work(report: Report, stop: threading.Event) -> Added:
            return self._workbench.products.pools.add_uploads(product, files, report, stop)

        def forget() -> None:
            for path, _ in files:
                with suppress(OSError):
                    Path(path).unlink()

        return None, *self._fill(expert, product, work, forget)

    @guard
    def add_folder(self, said: str, expert: str, product: str) -> tuple[Json, gr.Timer]:
        """Put a folder's pictures into the pool, in the background; -> panel, timer."""

        def work(report: Report, stop: threading.Event) -> Added:
            return self._workbench.products.pools.add_folder(product, said[:LONGEST], report, stop)

        return self._fill(expert, product, work)

    @guard
    def cancel_pool(self, expert: str, product: str) -> tuple[Json, gr.Timer]:
        """End the filling; what was read stays in the pool; -> panel, timer."""
        self._filling.stop()
        return self.follow_pool(expert, product)

    @guard
    def clear_pool(self, _: str, expert: str, product: str) -> Json:
        """Take all pictures out; -> panel."""
        pools = self._workbench.products.pools
        return self._done("pool", expert, product, lambda: f"{pools.empty(product)} taken out.")

    @guard
    def follow_pool(self, expert: str, product: str) -> tuple[Json, gr.Timer]:
        """How far the filling is; -> panel, timer."""
        state = self._filling.state()
        if state.under_way:  # the rest is not read each second
            return {"filling": present_how.filling(state)}, gr.Timer(active=True)
        return self._shown(expert, product), gr.Timer(active=False)

    def _fill(
        self,
        expert: str,
        product: str,
        work: Callable[[Report, threading.Event], Added],
        after: Callable[[], None] = lambda: None,
    ) -> tuple[Json, gr.Timer]:
        try:
            self._filling.start(product_key(product), work, self._expert(expert), after)
        except TriadError as error:
            after()
            return self._shown(expert, product, "pool", str(error)), gr.Timer(active=True)
        return {"filling": present_how.filling(self._filling.state())}, gr.Timer(active=True)

    # -- what is shown --------------------------------------------------------------------------

    def _expert(self, expert: str | None) -> str:
        return expert or self._first

    def _done(
        self,
        part: str,
        expert: str,
        product: str,
        act: Callable[[], Any],
        said: str = "",
        **more: Any,
    ) -> Json:
        """The panel after `act`, or with what stood against it. said: unless `act` says it."""
        try:
            answer = act()
        except TriadError as error:
            return self._shown(expert, product, part, str(error))
        told = answer if isinstance(answer, str) else said
        return self._shown(expert, product) | {"done": {"part": part, "text": told}} | more

    def _shown(self, expert: str, product: str, part: str = "", problem: str = "") -> Json:
        products, name = self._workbench.products, self._expert(expert)
        return {
            "product": product_key(product or ""),
            "experts": present_how.experts(self._workbench.experts(), name),
            "threshold": present_how.threshold(products.tuning.settings(product or "", name)),
            "defects": present_how.defects(products.defects.all(product or "")),
            "pool": len(products.pools.pool(product or "")),
            "filling": present_how.filling(self._filling.state()),
            "problem": {"part": part, "text": problem},
        }


def number(said: str) -> float:
    """A threshold as the browser sent it."""
    try:
        return float(said[:40])
    except ValueError:
        raise ExpertError("The threshold is no number. Move the slider and save again.") from None


def described(said: str) -> list[DefectDescription]:
    """The descriptions that a panel sent: JSON of what was accepted, or typed lines."""
    said = said[:LONGEST]
    with suppress(ValueError, TypeError, KeyError, RecursionError):
        accepted = [(str(each["kind"]), str(each["text"])) for each in json.loads(said)]
        if accepted:
            return [DefectDescription(kind, text, "model") for kind, text in accepted]
    found = []
    for line in filter(str.strip, said.splitlines()):
        kind, colon, text = (part.strip() for part in line.partition(":"))
        if not (kind and colon and text):
            raise ExpertError(f"{line.strip()[:80]!r} does not say how the defect looks. {TYPED}")
        found.append(DefectDescription(kind, text))
    if not found:
        raise ExpertError(f"No defect was described. {TYPED}")
    return found
