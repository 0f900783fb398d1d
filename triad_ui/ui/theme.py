"""Gradio's own controls in our measure: system fonts, small radii, one accent.

Colours come from the custom properties of assets/style.css, which has a light and a dark set.
"""

from __future__ import annotations

import gradio as gr

_SANS = (
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "Roboto",
    "Helvetica Neue",
    "Arial",
    "sans-serif",
)
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")


def theme() -> gr.themes.Base:
    """The theme; nothing in it is fetched."""
    both = {
        "body_background_fill": "var(--tw-ground)",
        "body_text_color": "var(--tw-ink)",
        "body_text_color_subdued": "var(--tw-soft)",
        "background_fill_primary": "var(--tw-sheet)",
        "background_fill_secondary": "var(--tw-well)",
        "block_background_fill": "var(--tw-sheet)",
        "block_border_color": "var(--tw-line)",
        "block_label_text_color": "var(--tw-soft)",
        "block_label_background_fill": "transparent",
        "block_title_text_color": "var(--tw-soft)",
        "block_info_text_color": "var(--tw-soft)",
        "border_color_primary": "var(--tw-line)",
        "border_color_accent": "var(--tw-accent)",
        "color_accent_soft": "var(--tw-accent-soft)",
        "input_background_fill": "var(--tw-field)",
        "input_background_fill_focus": "var(--tw-field)",
        "input_border_color": "var(--tw-edge)",
        "input_border_color_focus": "var(--tw-accent)",
        "input_placeholder_color": "var(--tw-faint)",
        "button_primary_background_fill": "var(--tw-accent)",
        "button_primary_background_fill_hover": "var(--tw-accent-deep)",
        "button_primary_text_color": "var(--tw-on-accent)",
        "button_primary_border_color": "var(--tw-accent)",
        "button_secondary_background_fill": "var(--tw-field)",
        "button_secondary_background_fill_hover": "var(--tw-well)",
        "button_secondary_text_color": "var(--tw-ink)",
        "button_secondary_border_color": "var(--tw-edge)",
        "slider_color": "var(--tw-accent)",
        "checkbox_background_color": "var(--tw-field)",
        "checkbox_background_color_selected": "var(--tw-accent)",
        "checkbox_border_color": "var(--tw-edge)",
        "checkbox_border_color_selected": "var(--tw-accent)",
        "checkbox_label_background_fill": "var(--tw-field)",
        "checkbox_label_background_fill_selected": "var(--tw-accent-soft)",
        "checkbox_label_border_color": "var(--tw-edge)",
        "checkbox_label_border_color_selected": "var(--tw-accent)",
        "checkbox_label_text_color": "var(--tw-ink)",
        "checkbox_label_text_color_selected": "var(--tw-ink)",
        "panel_background_fill": "var(--tw-sheet)",
        "panel_border_color": "var(--tw-line)",
        "shadow_drop": "none",
        "shadow_drop_lg": "0 6px 24px rgb(0 0 0 / 18%)",
        "error_background_fill": "var(--tw-sheet)",
    }
    values = dict(both)
    for name, value in both.items():
        if f"{name}_dark" in _settable():
            values[f"{name}_dark"] = value
    return gr.themes.Base(
        font=_SANS, font_mono=_MONO, text_size="sm", spacing_size="sm", radius_size="sm"
    ).set(
        **values,
        block_border_width="0px",
        block_shadow="none",
        block_padding="0px",
        block_title_text_size="12px",
        block_title_text_weight="600",
        block_info_text_size="12px",
        input_border_width="1px",
        input_padding="6px 9px",
        input_text_size="14px",
        button_border_width="1px",
        button_large_padding="7px 14px",
        button_large_text_size="14px",
        button_small_padding="4px 10px",
        button_small_text_size="13px",
        checkbox_label_padding="5px 9px",
        checkbox_label_text_size="13px",
        layout_gap="10px",
    )


def _settable() -> set[str]:
    import inspect

    return set(inspect.signature(gr.themes.Base.set).parameters)
