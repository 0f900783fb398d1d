"""The page as a whole: its tabs, what connects them, and how it is served.

`build_page` asks the workbench for nothing, so the page is up before database and model are used;
what is shown comes with the load event. Knows no handler's inside.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr
from starlette.middleware import Middleware

from triad_ui.ui.correction_form import bring_back_draft, keep_draft
from triad_ui.ui.engine_line import build_engine_line
from triad_ui.ui.evaluation_tab import build_evaluation_tab
from triad_ui.ui.examples import read_examples
from triad_ui.ui.headers import SafeHeaders
from triad_ui.ui.history_tab import build_history_tab
from triad_ui.ui.inspect_tab import (
    FREE,
    GPU,
    IN_ADDRESS,
    SHOW_ADDRESS,
    WANTED,
    build_inspect_tab,
    private,
)
from triad_ui.ui.models_tab import build_models_tab
from triad_ui.ui.panel import ASSETS
from triad_ui.ui.routes import routes
from triad_ui.ui.theme import theme

if TYPE_CHECKING:
    from triad_ui.evaluating.runs import Evaluations
    from triad_ui.settings import Settings
    from triad_ui.workbench import Workbench

TITLE = "Triad Workbench"
QUEUE = 64
LOAD_AFTER = 1.5
"""Seconds from the page to the first touch of torch."""
MAX_FILE = "512mb"
FIRST = ("answers", "opening")
"""Scripts of assets/ that run before the page shows any field."""
# The case of the address is there, or there is none: opening.js had closed the fields until then.
OPENED = "() => { document.getElementById('inspect-grid').inert = false; }"


def build_page(
    workbench: Workbench, settings: Settings, evaluations: Evaluations | None = None
) -> gr.Blocks:
    """The page over one workbench; nothing runs until it is served.

    evaluations: its runs; without them there is no Evaluation tab.
    """
    with gr.Blocks(title=TITLE, fill_width=True, analytics_enabled=False) as page:
        engine = build_engine_line(workbench, coming=settings.model != "none")
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Inspect", id="inspect"):
                inspect = build_inspect_tab(workbench, settings, read_examples())
            with gr.Tab("History", id="history") as history_tab:
                history = build_history_tab(workbench)
            with gr.Tab("Models", id="models") as models_tab:
                models = build_models_tab(workbench, engine)
            if evaluations is not None:
                with gr.Tab("Evaluation", id="evaluation") as evaluation_tab:
                    evaluation = build_evaluation_tab(evaluations, workbench, settings.expert)
                evaluation_tab.select(
                    evaluation.refresh, evaluation.inputs, evaluation.outputs,
                    **private("evaluation_shown"), **FREE,
                )  # fmt: skip
        events, case_id = inspect.events, inspect.case_id
        keep_draft(inspect.form, case_id)
        judge = {"show_progress": "hidden", **GPU}

        page.load(
            engine.poll, None, [engine.panel, engine.timer], **private("first_engine"), **FREE
        )
        page.load(
            inspect.laying_out.processes, None, [inspect.layout.process],
            api_name="processes", **FREE,
        )  # fmt: skip
        loaded = page.load(
            events.open_case, [inspect.wanted], inspect.reopened, js=IN_ADDRESS,
            api_name="open_case", **FREE,
        )  # fmt: skip
        loaded.then(None, None, None, js=OPENED, api_visibility="private")  # also if it failed
        picked = history.rows.pick(
            events.open_case, [inspect.wanted], inspect.reopened, js=WANTED,
            **private("open_picked"), **FREE,
        )  # fmt: skip
        picked.success(
            lambda: gr.Tabs(selected="inspect"), None, [tabs], **private("show_inspect"), **FREE
        )
        for name, opened in (("judge_loaded", loaded), ("judge_picked", picked)):
            opened.success(None, [case_id], None, js=SHOW_ADDRESS, api_visibility="private")
            opened.success(
                events.judge, inspect.judging, [inspect.verdict], **private(name), **judge
            )
            bring_back_draft(opened, inspect.form, case_id)
        engine.panel.ready(
            events.judge, inspect.judging, [inspect.verdict], api_name="judge", **judge
        )
        history_tab.select(
            history.refresh, history.inputs, history.outputs, **private("history_shown"), **FREE
        )
        engine.panel.models(
            lambda: gr.Tabs(selected="models"), None, [tabs], **private("show_models"), **FREE
        )
        models_tab.select(models.refresh, None, models.outputs, **private("models_shown"), **FREE)
    page.queue(max_size=QUEUE)
    return page


def serve(
    workbench: Workbench,
    settings: Settings,
    evaluations: Evaluations | None = None,
    *,
    block: bool = True,
) -> gr.Blocks:
    """Serve the page with its own routes; returns when stopped, at once if `block` is False.

    The language model begins to load a moment after the page is up: importing torch would make the
    first answer wait for it.
    """
    page = build_page(workbench, settings, evaluations)
    kept = evaluations.kept if evaluations else None
    page.launch(
        server_name=settings.host,
        server_port=settings.port,
        root_path=settings.root_path or None,
        prevent_thread_lock=True,
        app_kwargs={
            "routes": routes(workbench, read_examples(), kept),
            "middleware": [Middleware(SafeHeaders)],
            "docs_url": None,
            "redoc_url": None,
        },
        **launch_options(settings),
    )
    begin = threading.Timer(LOAD_AFTER, workbench.load_model)
    begin.daemon = True
    begin.start()
    if block:
        page.block_thread()
    return page


def launch_options(settings: Settings) -> dict[str, Any]:
    """What is closed and what is shown, whoever launches."""
    return {
        "share": False,
        "quiet": True,
        "run_history": False,
        "enable_monitoring": False,
        "strict_cors": True,
        "ssr_mode": False,
        "show_error": False,
        "max_file_size": MAX_FILE,
        "allowed_paths": [],
        "blocked_paths": blocked(settings),
        "footer_links": [],
        "favicon_path": str(ASSETS / "favicon.svg"),
        "css_paths": [ASSETS / "style.css"],
        "head": first_scripts(),
        "theme": theme(),
    }


def first_scripts() -> str:
    """What Gradio puts into the page's head: the scripts named FIRST."""
    scripts = [(ASSETS / f"{name}.js").read_text("utf-8") for name in FIRST]
    return "".join(f"<script>{script}</script>" for script in scripts)


def blocked(settings: Settings) -> list[str]:
    """Files and folders that Gradio must never serve: the database and all data."""
    paths = [settings.data_dir, settings.cache_dir, settings.adapter]
    blocked_paths = [str(path) for path in paths if path is not None]
    if settings.database_url.startswith("sqlite:///"):
        database = settings.database_url.removeprefix("sqlite:///")
        blocked_paths += [database, f"{database}-wal", f"{database}-shm"]
    return blocked_paths
