"""How far the language model is, as one frozen value that loader, page and shell pass on.

Imports nothing heavy. `loader.py` makes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from triad_ui.model.choice import ModelChoice


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """What happens to the language model now, and which one answers meanwhile.

    state, message (one sentence for a person) and fraction (0..1 of the current stage, None when
    unknown) tell the latest: "fetching", "loading" and "failed" may be told of a model that is to
    take the place of one that still answers. engine: identity of the model that answers now, ""
    when none does. choice: what that one was chosen as; without one, what is under way or about to
    be loaded; None when there is nothing of either.
    """

    state: Literal["absent", "fetching", "loading", "ready", "failed"]
    message: str
    fraction: float | None = None
    engine: str = ""
    choice: ModelChoice | None = None

    @property
    def answers(self) -> bool:
        """A model is there: questions and judgements need not wait for what is under way."""
        return bool(self.engine)

    @property
    def under_way(self) -> bool:
        """Something is being fetched or loaded: ask again in a second."""
        return self.state in ("fetching", "loading")
