"""The Inspect tab: what is laid out, the viewer, the verdict, the conversation, the correction.

Builds components and connects each event to one handler; the handlers know no component.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import gradio as gr

from triad_ui.ui import present
from triad_ui.ui.case_events import CaseEvents
from triad_ui.ui.conversation import Conversation, build_conversation
from triad_ui.ui.correction_form import CorrectionForm, build_correction_form
from triad_ui.ui.examples import Example
from triad_ui.ui.how_panel import connect_how_panel
from triad_ui.ui.layout_events import LayoutEvents
from triad_ui.ui.layout_panel import LayoutPanel, build_layout
from triad_ui.ui.panel import panel
from triad_ui.ui.region_events import RegionEvents
from triad_ui.ui.region_panel import RegionPanel, build_region_panel
from triad_ui.ui.session import Draft

if TYPE_CHECKING:
    from triad_ui.settings import Settings
    from triad_ui.workbench import Workbench

# What the browser keeps: the case in the address, so that a reload brings it back.
SHOW_ADDRESS = """(id) => {
  const url = new URL(window.location.href);
  if (id) url.searchParams.set('case', id); else url.searchParams.delete('case');
  window.history.replaceState(null, '', url);
  window.dispatchEvent(new CustomEvent('tw-case', {detail: id || ''}));
}"""
WANTED = "() => window.triadWanted || ''"
IN_ADDRESS = "() => new URL(window.location.href).searchParams.get('case') || ''"
GPU = {"concurrency_id": "gpu", "concurrency_limit": 1}
"""Model events wait for each other, whoever asks."""
LAYING_OUT = {"concurrency_id": "laying-out", "concurrency_limit": 1, "show_progress": "hidden"}
"""Events that change what is laid out take turns: two uploads at once would each begin from the
same draft, and the later one would lose the other's picture."""
REGIONS = {"concurrency_id": "regions", "concurrency_limit": 1, "show_progress": "hidden"}
"""Changes of regions take turns, so that the last one made is the last one stored."""
DRAWN = "(id, _) => [id, window.triadRegions || '']"
FREE = {"concurrency_limit": None, "show_progress": "hidden"}


def private(name: str) -> dict[str, str]:
    """Of an event that follows another: named, so that no public name is taken by chance."""
    return {"api_name": name, "api_visibility": "private"}


class InspectTab(NamedTuple):
    """What other parts of the page need. case: all that a case fills. wanted: a hidden field
    through which the browser names a case, an example or a number. judging: inputs of
    `events.judge`."""

    events: CaseEvents
    laying_out: LayoutEvents
    case_id: gr.Textbox
    wanted: gr.Textbox
    reopened: list
    judging: list
    verdict: gr.HTML
    layout: LayoutPanel
    form: CorrectionForm


def build_inspect_tab(
    workbench: Workbench, settings: Settings, examples: tuple[Example, ...]
) -> InspectTab:
    """Build the tab; call inside gr.Blocks."""
    laying_out = LayoutEvents(workbench, examples)
    events = CaseEvents(workbench, settings, laying_out)
    draft = gr.State(Draft())
    case_id = gr.Textbox(visible="hidden", elem_id="case-id", label="Case id")
    wanted = gr.Textbox(visible="hidden", elem_id="wanted", label="Wanted")
    with gr.Row(elem_id="inspect-grid", equal_height=False):
        with gr.Column(elem_id="laying-out", elem_classes="tw-column", min_width=0):
            layout = build_layout(examples, settings.expert)
        with gr.Column(elem_id="looking", elem_classes="tw-column", min_width=0):
            progress = panel("progress", elem_id="inspecting")
            viewer = panel("viewer", elem_id="viewer")
            looking = build_region_panel(settings.vote)
        with gr.Column(elem_id="judging", elem_classes="tw-column", min_width=0):
            verdict = panel("verdict", present.verdict(None), elem_id="verdict")
            talk = build_conversation()
        with gr.Column(elem_id="correcting", elem_classes="tw-column", min_width=0):
            form = build_correction_form()
    tail = gr.Timer(1.0, active=False)

    case = [case_id, viewer, verdict, talk.chat, form.about, form.step, talk.stop, tail]
    case += looking
    fresh = [layout.laid, viewer, verdict, talk.chat, case_id, looking.strip, *layout.levels]
    reopened = [draft, layout.laid, layout.process, layout.text, layout.product]
    reopened += [*layout.levels, *case]
    settled = [verdict, talk.chat, form.about, talk.stop, tail]
    judging = [case_id, looking.vote]

    _connect_layout(laying_out, layout, draft, wanted, fresh, viewer, case_id)
    asked = [draft, layout.process, layout.text, layout.product, layout.how.expert]
    connect_how_panel(layout.how, layout, wanted, workbench, settings)
    pressed = layout.inspect.click(
        events.inspect, asked, [*case, progress], api_name="inspect", show_progress="minimal",
        show_progress_on=[layout.inspect], **GPU,
    )  # fmt: skip
    shown = layout.examples.example(
        laying_out.use_example, [wanted],
        [draft, layout.process, layout.text, layout.product, talk.question, *fresh],
        js=WANTED, api_name="use_example", **LAYING_OUT,
    ).success(
        events.inspect, asked, [*case, progress], show_progress="hidden",
        **private("inspect_example"), **GPU,
    )  # fmt: skip
    progress.cancel(
        events.cancel_inspect, None, [progress], cancels=[pressed, shown],
        api_name="cancel_inspect", **FREE,
    )  # fmt: skip
    for name, inspected in (("judge_inspected", pressed), ("judge_example", shown)):
        # The map shows first; then the address, then the judgement as an event of its own.
        inspected.success(None, [case_id], None, js=SHOW_ADDRESS, api_visibility="private")
        inspected.success(
            events.judge, judging, [verdict], show_progress="hidden", **private(name), **GPU
        )

    _connect_regions(RegionEvents(workbench, settings), events, viewer, verdict, looking, judging,
                     wanted)  # fmt: skip
    _connect_talk(talk, events, case_id, looking.vote, settled)
    tail.tick(events.settle, [case_id], settled, api_name="settle", **FREE)
    form.save.click(
        events.correct, [case_id, draft, form.about, *form.fields], [draft, form.saved, verdict],
        api_name="correct", **FREE,
    ).success(None, [case_id], form.cleared, js=form.forget, api_visibility="private")  # fmt: skip
    return InspectTab(events, laying_out, case_id, wanted, reopened, judging, verdict, layout, form)


def _connect_layout(
    laying_out: LayoutEvents,
    layout: LayoutPanel,
    draft: gr.State,
    wanted: gr.Textbox,
    fresh: list,
    viewer: gr.HTML,
    case_id: gr.Textbox,
) -> None:
    # What is chosen while the last is still being stored must not be dropped.
    layout.photo.upload(
        laying_out.add_photo, [draft, layout.photo], [draft, layout.photo, *fresh],
        api_name="add_photo", trigger_mode="multiple", **LAYING_OUT,
    ).success(None, [case_id], None, js=SHOW_ADDRESS, api_visibility="private")  # fmt: skip
    layout.good.upload(
        laying_out.add_references, [draft, layout.good], [draft, layout.good, layout.laid],
        api_name="add_references", trigger_mode="multiple", **LAYING_OUT,
    )  # fmt: skip
    layout.laid.drop_reference(
        laying_out.drop_reference, [draft, wanted], [draft, layout.laid],
        js="(draft, _) => [draft, window.triadWanted]", api_name="drop_reference", **LAYING_OUT,
    )  # fmt: skip
    gr.on(
        [slider.release for slider in layout.levels[1:]],
        laying_out.set_levels, [draft, *layout.levels[1:]], [draft, layout.laid, viewer],
        api_name="set_levels", trigger_mode="always_last", **LAYING_OUT,
    )  # fmt: skip
    layout.process.input(
        laying_out.pick_process, [layout.process], [layout.text, layout.product],
        api_name="pick_process", **FREE,
    )  # fmt: skip
    layout.save.click(
        laying_out.save_process, [layout.process, layout.text, layout.product],
        [layout.process, layout.saved], api_name="save_process", **FREE,
    )  # fmt: skip


def _connect_regions(
    regions: RegionEvents,
    events: CaseEvents,
    viewer: gr.HTML,
    verdict: gr.HTML,
    looking: RegionPanel,
    judging: list,
    wanted: gr.Textbox,
) -> None:
    outputs = [viewer, verdict, looking.policy]
    changed = (
        viewer.edited(
            regions.edited, [judging[0], wanted], outputs, js=DRAWN, api_name="edit_regions",
            trigger_mode="always_last", **REGIONS,
        ),
        looking.policy.input(
            regions.choose, [judging[0], looking.policy], outputs, api_name="choose_regions",
            **REGIONS,
        ),
    )  # fmt: skip
    # Each change is judged; one that comes while the last is judged must not be dropped.
    silent = {"show_progress": "hidden", **GPU}
    for name, change in zip(("judge_edited", "judge_chosen"), changed):
        change.success(
            events.judge, judging, [verdict], trigger_mode="multiple", **private(name), **silent
        )
    looking.vote.input(
        events.judge_anew, judging, [verdict], api_name="judge_anew", trigger_mode="always_last",
        **silent,
    )  # fmt: skip


def _connect_talk(
    talk: Conversation,
    events: CaseEvents,
    case_id: gr.Textbox,
    vote: gr.Checkbox,
    settled: list,
) -> None:
    outputs = [talk.chat, talk.question, talk.stop]
    typed, streamed = [case_id, talk.question, vote], {"show_progress": "hidden", **GPU}
    asked = [
        gr.on(
            [talk.ask.click, talk.question.submit], events.ask, typed, outputs,
            api_name="ask", **streamed,
        ),
        talk.again.click(events.again, [case_id, vote], outputs, api_name="again", **streamed),
    ]  # fmt: skip
    for number, (button, question) in enumerate(talk.suggestions, 1):
        name = private(f"ask_suggestion_{number}")
        asked.append(
            button.click(events.ask, [case_id, question, vote], outputs, **name, **streamed)
        )  # fmt: skip
    for number, event in enumerate(asked, 1):
        event.then(events.settle, [case_id], settled, **private(f"settle_{number}"), **FREE)
    talk.stop.click(events.stop, [case_id], None, api_name="stop", **FREE)
