"""How the defects of products look, in words: typed, or proposed by the chat model and accepted.

It does not know how an expert reads them, nor how a model is asked (`dialogue.defects`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from triad_ui.dialogue.defects import proposal_prompt, read_descriptions
from triad_ui.errors import ExpertError, ModelError
from triad_ui.feedback.products import ProductStore
from triad_ui.model.language_model import GenerationOptions, LanguageModel
from triad_ui.products.names import product_key
from triad_ui.records import DefectDescription, KnownDefect, ManufacturingProcess

LONGEST_ANSWER = 240
"""Tokens of the chat model's list."""
LONGEST = 300
"""Characters of a kind and of a description, typed ones too."""


class Defects:
    """The descriptions of all products."""

    def __init__(self, store: ProductStore, model: Callable[[], LanguageModel]) -> None:
        """model: the current one; raises ModelNotReady."""
        self._store = store
        self._model = model

    def all(self, product: str) -> tuple[KnownDefect, ...]:
        """The descriptions of a product's defects, oldest first."""
        return self._store.defects(product_key(product))

    def removed(self, product: str) -> tuple[KnownDefect, ...]:
        """Those that were taken away and can be brought back."""
        return self._store.defects(product_key(product), removed=True)

    def add(
        self, product: str, descriptions: Sequence[DefectDescription], author: str = ""
    ) -> tuple[KnownDefect, ...]:
        """Store descriptions, each once. Raises ExpertError for one that says nothing, NotSaved."""
        tidy = [tidied(each) for each in descriptions]
        return self._store.add_defects(product_key(product), tidy, author=author)

    def edit(self, defect_id: str, description: DefectDescription, author: str = "") -> KnownDefect:
        """Put another description in the place of one. Raises ExpertError, NotFound, NotSaved."""
        return self._store.edit_defect(defect_id, tidied(description), author=author)

    def remove(self, defect_id: str) -> KnownDefect:
        """Take a description away; it can be brought back. Raises NotFound, NotSaved."""
        return self._store.set_removed(defect_id, True)

    def bring_back(self, defect_id: str) -> KnownDefect:
        """Raises NotFound, NotSaved."""
        return self._store.set_removed(defect_id, False)

    def propose(
        self,
        product: str,
        process: ManufacturingProcess | None = None,
        stop: threading.Event | None = None,
    ) -> tuple[DefectDescription, ...]:
        """Ask the chat model how defects of this product look; kinds that are known are left out.

        Nothing is stored: a person accepts with `add`. Raises ModelNotReady; ModelError when the
        answer holds no description, or it was stopped before it held one.
        """
        known = [each.description for each in self.all(product)]
        messages = proposal_prompt(product_key(product), process)
        options = GenerationOptions(max_new_tokens=LONGEST_ANSWER)
        stop = stop or threading.Event()
        chunks = self._model().stream((), messages, options, stop)
        answer = "".join(chunk.text for chunk in chunks)
        found = read_descriptions(answer, known)
        if found:
            return found
        if stop.is_set():
            raise ModelError("The model was stopped before it named a defect. Ask again.")
        raise ModelError(
            "The model named no new defect in a form that can be read. Ask again, load a larger "
            "model, or type what you know."
        )


def tidied(description: DefectDescription) -> DefectDescription:
    """The description on one line each. Raises ExpertError for one that says nothing."""
    kind, text = (" ".join(part.split()) for part in (description.kind, description.text))
    if not kind:
        raise ExpertError(
            "The defect has no name. Write its kind and how it looks, for example "
            "'scratch: a thin bright line'."
        )
    if max(len(kind), len(text)) > LONGEST:
        raise ExpertError(
            f"The description of {kind[:40]!r} has more than {LONGEST} characters. Shorten it; "
            "what an expert reads of it ends sooner."
        )
    return DefectDescription(kind, text, description.source)


def described(text: str) -> DefectDescription:
    """What a person typed as "kind: how it looks"; without a colon it is the kind alone.

    Raises ExpertError for what says nothing.
    """
    kind, _, look = text.partition(":")
    return tidied(DefectDescription(kind, look))
