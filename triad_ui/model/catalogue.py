"""What can be loaded here: the presets with what each still costs, and whatever a person names.

Nothing is loaded or fetched for it, and nobody is asked but a server that a person named. Heavy
libraries are imported when they are needed, not before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from triad_ui.errors import ModelError
from triad_ui.model import hub
from triad_ui.model.choice import PRECISIONS, Machine, ModelChoice, ModelOffer
from triad_ui.model.presets import PRESETS


class ModelCatalogue:
    """Offers for this machine.

    embedded_download: bytes of the embedded model that are not here yet. offline: a hub is not
    asked. allow_pickle: folders with .bin or .pth files are read too. cache: where a hub's models
    are kept, the user's usual place if None.
    """

    def __init__(
        self,
        *,
        embedded_download: Callable[[], int] = lambda: 0,
        offline: bool = False,
        allow_pickle: bool = False,
        cache: Path | None = None,
    ) -> None:
        self._embedded_download = embedded_download
        self._offline = offline
        self._allow_pickle = allow_pickle
        self._cache = cache

    def offers(self) -> tuple[ModelOffer, ...]:
        """Every preset, in the order of the page, with what stands in its way here."""
        machine = self.machine()
        return tuple(self._here(offer, machine) for offer in PRESETS)

    def examine(self, choice: ModelChoice) -> ModelOffer:
        """What stands at a path or address. Raises TriadError saying what is wrong with it."""
        if choice.kind == "folder":
            return self._folder(choice)
        if choice.kind == "served":
            return _served(choice)
        for offer in self.offers():
            if (offer.choice.kind, offer.choice.source) == (choice.kind, choice.source):
                return replace(offer, choice=choice)
        raise ModelError(f"There is no model {choice.source} among those offered.")

    def machine(self) -> Machine:
        """Where a model would run, and what is free there now."""
        from triad_ui.model.memory import machine

        return machine()

    def _here(self, offer: ModelOffer, machine: Machine) -> ModelOffer:
        download = offer.download
        problem = ""
        if offer.choice.kind == "embedded":
            download = self._embedded_download()
        elif offer.choice.kind == "hub":
            repository = offer.choice.source
            if hub.cached(repository, cache=self._cache):
                download = 0
            else:
                download = max(0, download - hub.fetched_bytes(repository, self._cache))
                if hub.is_offline(self._offline):
                    problem = (
                        "It is not on this machine, and fetching is switched off (TRIAD_OFFLINE or "
                        f"HF_HUB_OFFLINE). {hub.by_hand(repository)}"
                    )
        return replace(
            offer, download=download, problem=problem or too_large(offer, machine.total, machine)
        )

    def _folder(self, choice: ModelChoice) -> ModelOffer:
        from triad_ui.model.checkpoint import open_checkpoint
        from triad_ui.model.memory import need

        if not choice.source:
            raise ModelError("No folder is named. Give the path of one that holds a checkpoint.")
        allowed = choice.allow_pickle or self._allow_pickle
        checkpoint = open_checkpoint(Path(choice.source).expanduser(), allow_pickle=allowed)
        offer = ModelOffer(
            "own",
            checkpoint.title,
            "as its publisher states",
            choice,
            needs={
                precision: need(checkpoint, precision).total
                for precision in PRECISIONS
                if precision != "auto"
            },
            note=" ".join(checkpoint.notes),
        )
        machine = self.machine()
        return replace(offer, problem=too_large(offer, machine.total, machine))


def too_large(offer: ModelOffer, space: int, machine: Machine) -> str:
    """Why it fits in no precision, "" when one fits or nobody knows. space: bytes."""
    from triad_ui.model.memory import in_gb

    least = min(offer.needs.values(), default=0)
    if not space or least <= space:
        return ""
    return (
        f"It needs at least {in_gb(least)}; {machine.device} has {in_gb(space)}. Take a smaller "
        "model, or name the URL of a server that runs it."
    )


def _served(choice: ModelChoice) -> ModelOffer:
    from triad_ui.model.served import connect

    if not choice.source:
        raise ModelError(
            "No address is named. Give an endpoint's URL, for example http://localhost:8000/v1."
        )
    model = connect(choice.source)
    note = "It gets the image and the regions as pictures, which only approximates EG-RoI."
    if model.remote:
        note += f" The photos leave this machine, to {model.remote}."
    return ModelOffer("served", model.engine, "as its publisher states", choice, note=note)
