"""The conversation's components: what was said, the question, suggestions, Ask, Stop, Ask again."""

from __future__ import annotations

from typing import NamedTuple

import gradio as gr

from triad_ui.dialogue.prompt import DEFAULT_QUESTION

SUGGESTED = (
    ("What is wrong?", DEFAULT_QUESTION),
    ("Where?", "Where is the defect?"),
    ("Which step?", "Which process step does it contradict?"),
    ("Why?", "How do you know?"),
    ("On the line", "What should be checked on the line?"),
)
"""(button, question) of the suggested questions."""

PLACEHOLDER = "Ask about the inspected photo. Answers appear here as they are written."


class Conversation(NamedTuple):
    """suggestions: (button, State with its question)."""

    chat: gr.Chatbot
    question: gr.Textbox
    ask: gr.Button
    stop: gr.Button
    again: gr.Button
    suggestions: list[tuple[gr.Button, gr.State]]


def build_conversation() -> Conversation:
    """Build it; call inside its column. The chat shows plain text: no markup is interpreted."""
    with gr.Column(elem_id="conversation", elem_classes="tw-box", min_width=0):
        gr.Markdown("## Conversation", elem_classes="tw-heading")
        chat = gr.Chatbot(
            label="Conversation", elem_id="chat", height=380, allow_tags=False,
            sanitize_html=True, render_markdown=False, buttons=[], feedback_options=None,
            layout="panel", placeholder=PLACEHOLDER, latex_delimiters=[],
            allow_file_downloads=False, show_label=False,
        )  # fmt: skip
        with gr.Row(elem_classes="tw-suggestions"):
            suggestions = [
                (gr.Button(label, size="sm", min_width=0), gr.State(question))
                for label, question in SUGGESTED
            ]
        with gr.Row(elem_classes="tw-askrow"):
            question = gr.Textbox(
                label="Question", show_label=False, placeholder="Ask about this part",
                lines=1, max_lines=5, elem_id="question", container=False, scale=5,
            )  # fmt: skip
            ask = gr.Button("Ask", variant="primary", elem_id="ask", min_width=64, scale=0)
        with gr.Row(elem_classes="tw-line"):
            stop = gr.Button("Stop", size="sm", elem_id="stop", interactive=False, min_width=0)
            again = gr.Button("Ask again", size="sm", elem_id="again", min_width=0)
    return Conversation(chat, question, ask, stop, again, suggestions)
