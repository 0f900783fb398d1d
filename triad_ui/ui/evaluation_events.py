"""What the Evaluation tab's events do: look at a folder, run, follow, cancel, choose, use.

A run belongs to the workbench, not to a page: every page shows the same one, and `seen` is what of
it a page has shown already. Knows no component, only the order of its outputs.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast, get_args

import gradio as gr

from triad_ui.errors import EvaluationError, TriadError
from triad_ui.evaluating.runs import Asked, Choice, Evaluations, RunState
from triad_ui.ui import present, present_evaluation, present_product
from triad_ui.ui.guard import guard

if TYPE_CHECKING:
    from triad_ui.workbench import Workbench

LONGEST = 4000
"""Characters of what the browser says."""
MALFORMED = "The threshold came in a form that is not known here. Reload the page and choose again."


class EvaluationEvents:
    """Handlers over the runs of one workbench, whose products get the thresholds."""

    def __init__(self, runs: Evaluations, workbench: Workbench) -> None:
        self._runs = runs
        self._workbench = workbench

    @guard
    def shown(self, folder: str | None, seen: str) -> tuple[Any, ...]:
        """The tab comes to the front; -> folder, expert, what is found, products, `follow`."""
        data_sets = self._runs.data_sets
        names = data_sets.names()
        folders = [(data_sets.label(name), name) for name in names]
        ready = [(offer.title, offer.name) for offer in self._runs.experts() if offer.ready]
        choice: dict[str, Any] = {"choices": folders}
        found: tuple[Any, Any] = gr.skip(), gr.skip()
        if data_sets.remedy():
            found = present_evaluation.problem(data_sets.remedy()), gr.skip()
        elif not folder and len(names) == 1:
            choice["value"], found = names[0], self.look(names[0])
        return gr.Dropdown(**choice), gr.Dropdown(choices=ready), *found, *self._follow(seen)

    @guard
    def look(self, folder: str | None) -> tuple[present.Json, Any]:
        """Say what stands in a folder; -> what is found, products to choose from."""
        # told beside the field and not as a passing note: it is about what was typed
        try:
            seen = self._runs.data_sets.seen((folder or "")[:LONGEST])
        except TriadError as error:
            return present_evaluation.problem(str(error)), gr.Dropdown(
                choices=[], value=[], multiselect=True
            )
        names = [product.name for product in seen.products]
        return present_evaluation.data_set(seen), gr.Dropdown(
            choices=names, value=[], multiselect=True
        )

    @guard
    def start(
        self, folder: str, expert: str, shots: float, products: list[str], process: str
    ) -> tuple[Any, ...]:
        """Begin a run; -> `follow`."""
        if process not in get_args(Asked):
            raise EvaluationError("Say whether the language model is to be asked, and how.")
        choice = Choice(
            folder or "", expert, int(shots or 0), tuple(products or ()), cast("Asked", process)
        )
        self._runs.start(choice)
        return self._follow("")

    @guard
    def cancel(self) -> tuple[Any, ...]:
        """End the run that is under way, whoever began it; -> `follow`."""
        self._runs.stop()
        return self._follow("")

    @guard
    def follow(self, seen: str) -> tuple[Any, ...]:
        """How far the run is; -> progress, table, one product, kept ones, timer, Evaluate, seen."""
        return self._follow(seen)

    @guard
    def choose(self, name: str) -> Any:
        """Show one product of the table; -> one product."""
        state = self._runs.state()
        return self._product(state, name)

    @guard
    def use(self, said: str) -> present.Json:
        """Keep a threshold for a product, with what it did to the photographs; -> what is said."""
        run, name, called, level = wanted(said)
        measured = self._runs.measured(run, name, called)
        kept = self._workbench.products.tuning.keep(measured, level)
        shots = present_product.references_of(self._runs.product(name))
        return present_product.used(kept, self._titles()[kept.expert], shots)

    # -- what is shown --------------------------------------------------------------------------

    def _follow(self, seen: str) -> tuple[Any, ...]:
        state, titles = self._runs.state(), self._titles()
        now = f"{state.run} {len(state.finished)} {state.phase}"
        progress = present_evaluation.progress(state, titles)
        timer, button = gr.Timer(active=state.under_way), gr.Button(interactive=not state.under_way)
        if now == seen:
            return progress, gr.skip(), gr.skip(), gr.skip(), timer, button, seen
        # the first product shows by itself, and then whichever a person chose
        one: Any = gr.skip()
        if not state.finished:
            one = None
        elif seen.split()[:2] in ([], [state.run, "0"]) or not seen.startswith(state.run):
            one = self._product(state, state.finished[0].name)
        kept = present_evaluation.kept(self._runs.kept.cards(), titles)
        table = present_evaluation.results(state, titles)
        return progress, table, one, kept, timer, button, now

    def _product(self, state: RunState, name: str) -> present.Json:
        made_by = self._titles().get(state.choice.expert, "") if state.choice else ""
        result = self._runs.product(name)
        return present_product.product(result, made_by, state.run)

    def _titles(self) -> dict[str, str]:
        return {offer.name: offer.title for offer in self._runs.experts()}


def wanted(said: str) -> tuple[str, str, str, float]:
    """Run, product, its name under Inspect and threshold, as the browser sent them."""
    try:
        told = json.loads(said if len(said) <= LONGEST else "")
        run, name, called = told["run"], told["product"], told["called"]
        level = float(told["threshold"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise EvaluationError(MALFORMED) from error
    if not all(isinstance(text, str) for text in (run, name, called)) or not 0 < level < 1:
        raise EvaluationError(MALFORMED)
    if not called.strip():
        raise EvaluationError("The product has no name. Type it as it is called under Inspect.")
    return run, name, called.strip(), level
