"""What the left side's events do: lay out photo, references, grey levels, examples, a process.

Uploads become stored originals at once and the temporary copy goes away. Knows no component.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr

from triad_ui.errors import NotFound
from triad_ui.records import ImageRecord, Window
from triad_ui.ui import present
from triad_ui.ui.examples import Example
from triad_ui.ui.guard import guard
from triad_ui.ui.process_picker import find_named, process_choices
from triad_ui.ui.region_panel import looks
from triad_ui.ui.routes import jpeg
from triad_ui.ui.session import Draft

if TYPE_CHECKING:
    from triad_ui.workbench import Workbench

_SEEN, _SMALL = 1280, 128


class Levels(NamedTuple):
    """The controls of deep and multi-page pictures."""

    group: Any
    page: Any
    black: Any
    white: Any


class LayoutEvents:
    """Handlers over one workbench."""

    def __init__(self, workbench: Workbench, examples: Sequence[Example]) -> None:
        self._workbench = workbench
        self._examples = {example.name: example for example in examples}

    @guard
    def add_photo(self, draft: Draft, path: str | None) -> tuple[Any, ...]:
        """Store an uploaded photo; -> draft, drop zone, `fresh`."""
        if not path:
            return draft, None, *self.fresh(draft)
        draft = draft.with_query(self._take(path))
        return draft, None, *self.fresh(draft)

    @guard
    def add_references(self, draft: Draft, paths: list[str] | None) -> tuple[Any, ...]:
        """Store uploaded good parts; -> draft, drop zone, layout panel."""
        # a field that is used again before its answer has emptied it names its first files too
        new = [path for path in paths or () if Path(path).exists()]
        draft = draft.with_references(tuple(self._take(path) for path in new))
        return draft, None, self.value(draft)

    @guard
    def drop_reference(self, draft: Draft, index: str) -> tuple[Any, ...]:
        """Take a reference off the table (0-based, as text); -> draft, layout panel."""
        draft = draft.without_reference(int(index))
        return draft, self.value(draft)

    @guard
    def set_levels(self, draft: Draft, page: int, black: float, white: float) -> tuple[Any, ...]:
        """See the photo on another page or with other grey levels; -> draft, layout, viewer."""
        if draft.query is None:
            return draft, gr.skip(), gr.skip()
        window = Window(float(black), float(white)) if draft.query.window else None
        record = self._workbench.at_window(draft.query, window, int(page) - 1)
        draft = draft.with_query(record)
        return draft, self.value(draft), self._photo(record)

    @guard
    def use_example(self, name: str) -> tuple[Any, ...]:
        """Lay out an example; -> draft, process name, text, product, question, `fresh`."""
        example = self._examples.get(name)
        if example is None:
            raise NotFound("There is no such example. Reload the page.")
        draft = Draft(
            query=self._put(example.query),
            references=tuple(self._put(path) for path in example.references),
            nonce=secrets.token_hex(8),
        )
        return (
            draft,
            example.process_name,
            example.process,
            example.product,
            example.question,
            *self.fresh(draft),
        )

    @guard
    def pick_process(self, name: str | None) -> tuple[Any, Any]:
        """Show a process of the library; a new name keeps the text; -> text, product."""
        if not name:
            return "", gr.skip()
        process = find_named(self._workbench, name)
        return (process.text, process.product) if process else (gr.skip(), gr.skip())

    @guard
    def save_process(self, name: str, text: str, product: str) -> tuple[Any, str]:
        """Save the text as a new version; -> process names, confirmation."""
        product = (product or name or "").strip()
        known = find_named(self._workbench, name or "")
        plural = known.plural if known and known.product == product else f"{product}s"
        saved = self._workbench.save_process(text or "", name or "", product, plural)
        choices = process_choices(self._workbench)
        line = f"Saved as {saved.name}, version {saved.version}."
        return gr.Dropdown(choices=choices, value=saved.name), line

    @guard
    def processes(self) -> Any:
        """The names to choose from; -> process names."""
        return gr.Dropdown(choices=process_choices(self._workbench))

    def fresh(self, draft: Draft) -> tuple[Any, ...]:
        """A photo without an inspection; -> layout, viewer, verdict, chat, case id, strip, ..."""
        record = draft.query
        viewer = self._photo(record) if record else None
        return (
            self.value(draft), viewer, present.verdict(None), [], "", looks(None).strip,
            *levels_of(record),
        )  # fmt: skip

    def value(self, draft: Draft) -> present.Json:
        """The layout panel: photo and references with thumbnails."""
        return {
            "query": self._card(draft.query) if draft.query else None,
            "references": [self._card(record) for record in draft.references],
        }

    def _card(self, record: ImageRecord) -> present.Json:
        return {
            "name": record.name,
            "facts": present.picture_line(record),
            "thumb": self._data_url(record, _SMALL),
        }

    def _photo(self, record: ImageRecord) -> present.Json:
        return present.photo_view(record, self._data_url(record, _SEEN))

    def _data_url(self, record: ImageRecord, longest: int) -> str:
        pixels = self._workbench.picture(record).rgb
        return "data:image/jpeg;base64," + base64.b64encode(jpeg(pixels, longest)).decode()

    def _take(self, path: str) -> ImageRecord:
        """Store an upload and remove Gradio's temporary copy, whether or not it could be read."""
        try:
            return self._put(Path(path))
        finally:
            with suppress(OSError):
                Path(path).unlink()

    def _put(self, path: Path) -> ImageRecord:
        return self._workbench.add_image(path.read_bytes(), path.name)


def levels_of(record: ImageRecord | None) -> Levels:
    """The level controls as a picture needs them; hidden for plain 8-bit single pages."""
    window, pages = (record.window, record.pages) if record else (None, 1)
    low, high = level_range(record) if record and window else (0.0, 255.0)
    step = 1 if high - low > 16 else (high - low) / 1000
    return Levels(
        gr.Column(visible=window is not None or pages > 1),
        gr.Slider(
            minimum=1, maximum=max(2, pages), value=record.page + 1 if record else 1,
            visible=pages > 1,
        ),
        gr.Slider(
            minimum=low, maximum=high, step=step, value=window.low if window else low,
            visible=window is not None,
        ),
        gr.Slider(
            minimum=low, maximum=high, step=step, value=window.high if window else high,
            visible=window is not None,
        ),
    )  # fmt: skip


def level_range(record: ImageRecord) -> tuple[float, float]:
    """Grey levels that the sliders span: the bits that hold the window, else thrice its width."""
    window = record.window
    if window is None:
        return 0.0, 255.0
    if window.low >= 0 and "float" not in record.mode:
        bits = next((b for b in (8, 10, 12, 14, 16) if window.high < 2**b), 32)
        return 0.0, float(2**bits - 1)
    spread = window.high - window.low
    return window.low - spread, window.high + spread
