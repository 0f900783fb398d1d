"""What the model looks at, as one small strip under the photo: whose regions, and the vote.

Hidden until there is a case. Drawing itself is the viewer's (assets/regions.js).
"""

from __future__ import annotations

from typing import NamedTuple

import gradio as gr

from triad_ui.records import Case

FOUND = "found"
"""The expert's regions, by whichever of its policies is set up."""
CHOICES = (
    ("Found", FOUND),
    ("Mine", "user"),
    ("None", "anyres"),
    ("Random, to compare", "null"),
)
VOTE = "Judge the photo without the good part too; the surer answer counts more"


class RegionPanel(NamedTuple):
    """strip: shown once there is a case. vote: shown where there is a good part."""

    strip: gr.Column
    policy: gr.Radio
    vote: gr.Checkbox


def build_region_panel(vote: bool) -> RegionPanel:
    """Build the strip; call inside its column. vote: whether it is on at first."""
    with gr.Column(visible=False, elem_id="looks", elem_classes="tw-box", min_width=0) as strip:
        policy = gr.Radio(
            list(CHOICES), value=FOUND, label="Regions that the model looks at", elem_id="policy",
            elem_classes="tw-segments",
        )  # fmt: skip
        weigh = gr.Checkbox(vote, label=VOTE, elem_id="vote", container=False)
    return RegionPanel(strip, policy, weigh)


def looks(case: Case | None) -> RegionPanel:
    """The strip as a case fills it; hidden without one."""
    if case is None:
        return RegionPanel(gr.Column(visible=False), gr.skip(), gr.skip())
    return RegionPanel(
        gr.Column(visible=True),
        gr.Radio(value=chosen(case)),
        gr.Checkbox(visible=bool(case.references)),
    )


def chosen(case: Case) -> str:
    """The choice that stands for the policy of a case."""
    return FOUND if case.policy in ("ranked", "faithful") else case.policy
