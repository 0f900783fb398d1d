"""The correction form's components, and how the browser keeps a draft of it.

Every change is kept in the browser's own storage under the case's id, so that a failed save, a
reload or a closed tab loses nothing; a successful save forgets it. No server call for that.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import gradio as gr

from triad_ui.records import LOCATIONS
from triad_ui.ui.panel import panel
from triad_ui.ui.present import LABELS

_EMPTY = [None, None, None, 0, "", "", "", ""]
"""agrees, label, location, step, kind, answer, note, author."""

# The event comes before Gradio has taken over the last key, so text is read from the page itself.
KEEP = """(id, ...fields) => {
  if (!id) return;
  ['kind', 'answer', 'note', 'author'].forEach((name, index) => {
    const box = document.querySelector(`#${name} textarea, #${name} input`);
    if (box) fields[4 + index] = box.value;
  });
  localStorage.setItem('tw-author', fields[7] || '');
  localStorage.setItem('tw-draft-' + id, JSON.stringify(fields));
}"""
_START = f"""
  const empty = {json.dumps(_EMPTY)};
  empty[7] = localStorage.getItem('tw-author') || '';"""
BRING_BACK = f"""(id, ...fields) => {{{_START}
  if (!id) {{ fields[7] ||= empty[7]; return fields; }}
  try {{ return JSON.parse(localStorage.getItem('tw-draft-' + id)) || empty; }}
  catch (error) {{ return empty; }}
}}"""
FORGET = f"""(id) => {{{_START}
  localStorage.removeItem('tw-draft-' + id);
  return empty;
}}"""


class CorrectionForm(NamedTuple):
    """fields: in the order of `case_events.correction_of`. forget: the script after a save."""

    about: gr.Dropdown
    step: gr.Dropdown
    fields: list[Any]
    cleared: list[Any]
    save: gr.Button
    saved: gr.Markdown
    forget: str = FORGET


def build_correction_form() -> CorrectionForm:
    """Build it; call inside its column."""
    with gr.Column(elem_id="correction", elem_classes="tw-box", min_width=0):
        gr.Markdown("## Your correction", elem_classes="tw-heading")
        with gr.Row(elem_classes="tw-pair"):
            with gr.Column(min_width=0, elem_classes="tw-fields"):
                about = gr.Dropdown(
                    [("The inspection as a whole", "")], value="", label="About",
                    allow_custom_value=True, elem_id="about",
                )  # fmt: skip
                agrees = gr.Radio(
                    [("Correct", "correct"), ("Incorrect", "incorrect")], label="The model was",
                    elem_id="agrees", elem_classes="tw-segments",
                )  # fmt: skip
                label = gr.Radio(
                    [(word, key) for key, word in LABELS.items()], label="The part is",
                    elem_id="label", elem_classes="tw-segments",
                )  # fmt: skip
                location = gr.Radio(
                    [(name, name) for name in LOCATIONS], label="Where", elem_id="location",
                    elem_classes="tw-segments tw-nine",
                )  # fmt: skip
            with gr.Column(min_width=0, elem_classes="tw-fields"):
                step = gr.Dropdown(
                    [("Not given", 0)], value=0, label="Process step", elem_id="step",
                    allow_custom_value=True,
                )  # fmt: skip
                kind = gr.Textbox(
                    label="Kind of defect", placeholder="for example: scratch", elem_id="kind",
                    max_lines=1,
                )  # fmt: skip
                answer = gr.Textbox(
                    label="Better answer", lines=3, max_lines=8, elem_id="answer",
                    placeholder="What the model should have said",
                )  # fmt: skip
                note = gr.Textbox(label="Note", lines=1, max_lines=4, elem_id="note")
        with gr.Row(elem_classes="tw-line"):
            author = gr.Textbox(
                label="Your name or initials", elem_id="author", min_width=0, max_lines=1
            )
            save = gr.Button(
                "Save correction", variant="primary", elem_id="save", min_width=0, scale=0
            )
            saved = gr.Markdown(elem_id="saved", elem_classes="tw-note")
        panel("draft", elem_id="draft")
    fields = [agrees, label, location, step, kind, answer, note, author]
    return CorrectionForm(about, step, fields, fields, save, saved)


def keep_draft(form: CorrectionForm, case_id: gr.Textbox) -> None:
    """Keep the draft on every change a person makes; call once, inside gr.Blocks."""
    for field in form.fields:
        field.input(
            None, [case_id, *form.fields], None, js=KEEP, api_visibility="private",
            show_progress="hidden", queue=False, trigger_mode="multiple",
        )  # fmt: skip


def bring_back_draft(opened: gr.events.Dependency, form: CorrectionForm, case_id: Any) -> None:
    """After a case was opened: fill the form with what was typed for it before.

    A page that opened without a case keeps what was typed meanwhile.
    """
    inputs = [case_id, *form.fields]
    opened.success(None, inputs, form.fields, js=BRING_BACK, api_visibility="private")
