"""What an expert is, and which there are by name.

It does not know how any of them works; importing this file loads no network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from triad_ui.errors import ExpertError
from triad_ui.records import AnomalyMap, Picture

DEFAULT = "reference"


class Expert(Protocol):
    """Looks at a query and says where it is suspicious."""

    @property
    def name(self) -> str:
        """The key in the registry."""

    @property
    def version(self) -> str:
        """Changes whenever the same pictures could give another map: code and weights."""

    def score(
        self, query: Picture, references: Sequence[Picture], pool: Sequence[Picture] = ()
    ) -> AnomalyMap:
        """The query's anomaly map, on the scale that `records.AnomalyMap` states.

        references: known-good pictures of the same product, any size, possibly none. pool:
        unlabelled pictures of the same product, used only by the experts that compare a batch.
        ExpertError when these pictures cannot be scored.
        """


Factory = Callable[[Path, Path | None], Expert]
"""weights folder, cache folder or None -> the expert, its weights loaded."""


def _reference(weights: Path, cache: Path | None) -> Expert:
    from triad_ui.expert.reference import ReferenceExpert

    return ReferenceExpert(weights / WEIGHTS_REFERENCE, cache=cache)


WEIGHTS_REFERENCE = "efficientnet-lite0-57934424.pth"
EXPERTS: dict[str, Factory] = {DEFAULT: _reference}
"""Every expert by name. A new one is a file of its own and a line here."""


def load(name: str, weights: Path, cache: Path | None = None) -> Expert:
    """The expert called `name`, with its weights from the folder `weights`.

    cache: folder in which features may be kept between starts, or None. ExpertError for an
    unknown name; WeightsError when the weights cannot be read.
    """
    factory = EXPERTS.get(name)
    if factory is None:
        raise ExpertError(f"There is no expert called {name!r}. Known: {', '.join(EXPERTS)}.")
    return factory(weights, cache)
