"""What can be loaded here: the presets with what each still costs, and whatever a person names.

Nothing is loaded or fetched for it. Heavy libraries are imported when a folder is examined, not
before.
"""

from __future__ import annotations

from dataclasses import replace

from triad_ui.errors import ModelError
from triad_ui.model.choice import Machine, ModelChoice, ModelOffer
from triad_ui.model.presets import PRESETS


class ModelCatalogue:
    """Offers. embedded_download: bytes of base weights that are not here yet. offline: nothing is
    fetched from a hub."""

    def __init__(self, *, embedded_download: int = 0, offline: bool = False) -> None:
        self._embedded_download = embedded_download
        self._offline = offline

    def offers(self) -> tuple[ModelOffer, ...]:
        """Every preset, in the order of the page."""
        return tuple(PRESETS)

    def examine(self, choice: ModelChoice) -> ModelOffer:
        """What stands at a path or URL. Raises TriadError saying what is wrong with it."""
        for offer in PRESETS:
            if replace(offer.choice, precision=choice.precision) == choice:
                return offer
        raise ModelError("Name a folder with a checkpoint, or the URL of an endpoint.")

    def machine(self) -> Machine:
        """Where a model would run, and what is free there now."""
        from triad_ui.model.memory import machine

        return machine()
