"""What a browser tab holds between events: which stored originals are laid out for inspection.

Only names of stored things, frozen, so that Gradio may copy it; never pixels, locks or the runtime.
What a tab says is not trusted for more than this: cases are read again from the store by their id.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from triad_ui.records import Correction, ImageRecord


@dataclass(frozen=True, slots=True)
class Draft:
    """The pictures laid out for the next inspection. nonce: changes with every saved correction."""

    query: ImageRecord | None = None
    references: tuple[ImageRecord, ...] = ()
    nonce: str = ""

    def with_query(self, record: ImageRecord) -> Draft:
        return replace(self, query=record)

    def with_references(self, records: tuple[ImageRecord, ...]) -> Draft:
        """Add references; one that is already there (same file and page) is not added twice."""
        known = {(r.sha256, r.page) for r in self.references}
        new = tuple(r for r in records if (r.sha256, r.page) not in known)
        return replace(self, references=self.references + new)

    def without_reference(self, index: int) -> Draft:
        kept = tuple(r for i, r in enumerate(self.references) if i != index)
        return replace(self, references=kept)


def save_key(nonce: str, case_id: str, correction: Correction) -> str:
    """Idempotency key of one press of Save: the same form sent twice is stored once.

    An edited form has another key, so a lost reply never swallows what was typed after it.
    """
    return hashlib.sha256(f"{nonce}|{case_id}|{correction!r}".encode()).hexdigest()
