"""The models that the page offers by name, told before anything is read or fetched.

Licences are what the publishers state. Bytes follow from the shapes of the architectures.
Knows nothing of what is on this machine; imports nothing heavy.
"""

from __future__ import annotations

from triad_ui.model.choice import ModelChoice, ModelOffer

PRESETS: tuple[ModelOffer, ...] = (
    ModelOffer(
        "embedded",
        "Embedded model (SmolLM2 135M)",
        "Apache-2.0",
        ModelChoice("embedded"),
        note="Ships with the project; trained on drawn parts, for regions and references.",
    ),
    ModelOffer(
        "folder",
        "Triad from a folder",
        "as its authors state",
        ModelChoice("folder"),
        note="Download the authors' weights from their file share, then give the folder's path.",
    ),
)
