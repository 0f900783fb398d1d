"""The use cases behind the buttons: inspect, ask, stop, correct, look back. Inspector + stores.

Every handler of the page and every command of the shell calls one method here. Originals are stored
before anything is computed, a question before it is answered, an answer as it grows.
Knows nothing of Gradio; imports no torch (the model comes in through a loader).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from triad_ui.answering import Answering
from triad_ui.dialogue.processes import find, parse
from triad_ui.errors import ProcessError, StoreError
from triad_ui.expert.offers import ExpertOffer
from triad_ui.feedback.store import FeedbackStore
from triad_ui.imaging.store import ImageStore
from triad_ui.inspecting import Inspecting
from triad_ui.inspector import Inspector
from triad_ui.model.catalogue import ModelCatalogue
from triad_ui.model.choice import Machine, ModelChoice, ModelOffer
from triad_ui.model.language_model import GenerationOptions
from triad_ui.model.loader import ModelLoader
from triad_ui.model.status import EngineStatus
from triad_ui.products.pools import Report
from triad_ui.products.products import Products
from triad_ui.records import (
    Case,
    CaseSummary,
    Correction,
    DefectDescription,
    ImageRecord,
    ManufacturingProcess,
    Picture,
    Policy,
    Roi,
    Turn,
    Verdict,
    Window,
)
from triad_ui.stops import Stops


class Workbench:
    """All use cases over one database, one image store, one set of experts and one model."""

    def __init__(
        self,
        images: ImageStore,
        store: FeedbackStore,
        inspector: Inspector,
        loader: ModelLoader,
        library: Mapping[str, ManufacturingProcess],
        catalogue: ModelCatalogue | None = None,
        *,
        offers: Callable[[], tuple[ExpertOffer, ...]] = tuple,
        image_root: Path | None = None,
    ) -> None:
        """offers: the experts that can be chosen. image_root: see `Products`."""
        self._images = images
        self._store = store
        self._inspector = inspector
        self._loader = loader
        self._library = dict(library)
        self._catalogue = catalogue or ModelCatalogue()
        self._offers = offers
        self._stops = Stops()
        self.products = Products(
            images, store.products, inspector.expert, loader.current, image_root
        )
        self._inspecting = Inspecting(images, store, inspector, self.products, self._stops)
        self._answering = Answering(images, store, inspector, loader, self._stops)

    # -- images ---------------------------------------------------------------------------------

    def add_image(self, data: bytes, name: str) -> ImageRecord:
        """Store an original at once. Raises ImageError, NotSaved."""
        return self._images.put(data, name)

    def picture(self, record: ImageRecord) -> Picture:
        """The pixels of a stored image at its page and window. Raises NotFound, StoreError."""
        return self._images.open(record)

    def at_window(
        self, record: ImageRecord, window: Window | None = None, page: int | None = None
    ) -> ImageRecord:
        """The same original seen with other grey levels or on another page."""
        wanted = replace(
            record, window=window or record.window, page=record.page if page is None else page
        )
        return self._images.open(wanted).record

    # -- processes ------------------------------------------------------------------------------

    def processes(self) -> tuple[ManufacturingProcess, ...]:
        """The newest version of every process, by name."""
        newest = dict(self._library)
        newest.update({process.name: process for process in self._store.processes()})
        return tuple(newest[name] for name in sorted(newest))

    def process(self, name: str) -> ManufacturingProcess:
        """The newest version of a process. Raises ProcessError naming close matches."""
        return find({process.name: process for process in self.processes()}, name)

    def save_process(self, text: str, name: str, product: str, plural: str) -> ManufacturingProcess:
        """Save edited text as the next version of a name. Raises ProcessError, NotSaved."""
        if not name.strip():
            raise ProcessError("The process has no name. Give it one, for example the product's.")
        process = parse(text, name=name.strip(), product=product, plural=plural)
        shipped = self._library.get(process.name)
        return self._store.save_process(process, at_least=shipped.version + 1 if shipped else 1)

    # -- inspections ----------------------------------------------------------------------------

    def inspect(
        self,
        query: ImageRecord,
        references: Sequence[ImageRecord] = (),
        process: ManufacturingProcess | None = None,
        *,
        product: str = "",
        expert: str = "reference",
        policy: Policy = "ranked",
        seed: int = 0,
        pool: Sequence[Picture] = (),
        defects: Sequence[DefectDescription] = (),
        report: Report | None = None,
        stop: threading.Event | None = None,
    ) -> Case:
        """Score with all that is kept of the product, choose regions, store.

        See `inspecting.Inspecting.inspect`. Raises ImageError, ExpertError, NotSaved, Stopped.
        """
        return self._inspecting.inspect(
            query, references, process,
            product=product, expert=expert, policy=policy, seed=seed, pool=pool, defects=defects,
            report=report, stop=stop,
        )  # fmt: skip

    def set_rois(self, case_id: str, rois: Sequence[Roi]) -> Case:
        """Replace the regions by a person's; `judge` then judges anew. Returns the case.

        rois: at most four, none is an answer too. Raises RegionError, NotFound, NotSaved.
        """
        return self._inspecting.set_rois(case_id, rois)

    def choose_rois(self, case_id: str, policy: Policy, seed: int = 0) -> Case:
        """Let others choose the regions, from the stored map; `judge` then judges anew.

        policy: as in `inspect`, or user: those that a person drew last. Raises NotFound, NotSaved.
        """
        return self._inspecting.choose_rois(case_id, policy, seed)

    def case(self, case_id: str) -> Case:
        """A stored case. Raises NotFound."""
        return self._store.case(case_id)

    def history(
        self, *, search: str = "", label: str = "", limit: int = 50, offset: int = 0
    ) -> tuple[CaseSummary, ...]:
        """Cases, newest first. search: in product, file names, questions and answers."""
        return self._store.cases(search=search, label=label, limit=limit, offset=offset)

    def judge(self, case_id: str, *, vote: bool = False) -> Verdict:
        """The model's yes/no on a case, stored with it. Raises ModelNotReady, ModelError.

        vote: weigh the answers with and without the good part.
        """
        return self._answering.judge(case_id, vote=vote)

    # -- dialogue -------------------------------------------------------------------------------

    def ask(
        self,
        case_id: str,
        question: str,
        options: GenerationOptions | None = None,
        *,
        vote: bool = False,
    ) -> Iterator[Turn]:
        """Answer a question about a case, yielding ever longer turns; the last one is final.

        What is stored when, and what is raised: see `answering.Answering.ask`.
        """
        return self._answering.ask(case_id, question, options, vote=vote)

    def stop(self, case_id: str) -> bool:
        """Stop what the model does for a case, from any tab. True when something was running."""
        return self._stops.stop(case_id)

    def correct(self, case_id: str, correction: Correction, *, key: str = "") -> str:
        """Store what a person says of a case or a turn; returns the correction's id.

        key: idempotency key; the same key stores once. Raises NotFound, NotSaved.
        """
        return self._store.add_correction(case_id, correction, key=key)

    # -- model ----------------------------------------------------------------------------------

    def models(self) -> tuple[ModelOffer, ...]:
        """What can be loaded, with what each needs and what stands in its way."""
        return self._catalogue.offers()

    def examine_model(self, choice: ModelChoice) -> ModelOffer:
        """Look at a folder or an endpoint that a person named, and load nothing.

        Raises TriadError saying what is wrong with it.
        """
        return self._catalogue.examine(choice)

    def machine(self) -> Machine:
        """Where a model would run, and how much memory is free there now."""
        return self._catalogue.machine()

    def switch_model(self, choice: ModelChoice) -> None:
        """Load another model in the background; returns at once. The old one answers until the new
        one has passed its test, and stays when that fails: see engine_status()."""
        self._loader.switch(choice)

    def unload_model(self) -> None:
        """Give up the model and its memory; an answer that is under way ends first."""
        self._loader.unload()

    def cancel_load(self) -> None:
        """Give up the download or load that is under way; what was fetched is kept."""
        self._loader.cancel()

    def engine_status(self) -> EngineStatus:
        """How far the language model is."""
        return self._loader.status()

    def load_model(self) -> None:
        """Start loading in the background (again, after a failure); returns at once."""
        self._loader.start()

    def wait_for_model(self, timeout: float | None = None) -> EngineStatus:
        """Wait until loading has ended, well or not, at most `timeout` seconds."""
        return self._loader.wait(timeout)

    # -- experts --------------------------------------------------------------------------------

    def experts(self) -> tuple[ExpertOffer, ...]:
        """The experts that can be chosen: what each uses and needs, and what stands in its way."""
        return self._offers()

    def warm_up(self, expert: str) -> None:
        """Load an expert before it is needed. Raises ExpertError, WeightsError."""
        self._inspector.warm_up(expert)

    def close(self) -> None:
        """Stop everything that runs and close the database."""
        self._stops.stop_all()
        self._loader.cancel()
        with suppress(StoreError):
            self._store.close()
