"""`python -m triad_ui COMMAND`: inspect, experts, models, evaluate, train-embedded and more.

The same use cases as the page, through the same workbench: what is inspected here stands in History
there. Every setting is a flag as well. Results go to standard output, everything else to standard
error; the exit status is 0, or 2 with one line that says what is wrong and what to do.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from triad_ui import log
from triad_ui.cli_answers import add_answers_flags, evaluate_answers
from triad_ui.cli_evaluate import add_evaluate_flags, evaluate
from triad_ui.cli_experts import experts
from triad_ui.cli_inspect import add_inspect_flags, inspect
from triad_ui.cli_instruct import add_instruct_flags, instruct
from triad_ui.cli_models import convert, models
from triad_ui.cli_train import add_train_flags, train_embedded, train_expert
from triad_ui.errors import TriadError
from triad_ui.settings import SPECS, Settings, load


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    flags = vars(_parser().parse_args(arguments))
    command = flags.pop("run")
    try:
        settings = load({name: flags.get(name) for name in (*SPECS, "config")})
        log.begin(settings.log_level)
        return command(settings, flags)
    except TriadError as error:
        print(f"triad: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("triad: stopped.", file=sys.stderr)
        return 130


def show_settings(settings: Settings, flags: dict) -> int:
    """Print every setting with its value and where it comes from."""
    print(settings.explain())
    return 0


def backup(settings: Settings, flags: dict) -> int:
    """Copy the database while it is in use."""
    from triad_ui.feedback.backup import backup as copy

    print(copy(settings.database_url, Path(flags["file"])))
    return 0


def restore(settings: Settings, flags: dict) -> int:
    """Put a backup in the database's place; the old one is renamed aside."""
    from triad_ui.feedback.backup import restore as bring_back

    aside = bring_back(settings.database_url, Path(flags["file"]))
    print("restored" + (f"; the database before it is now {aside}" if aside else ""))
    return 0


def doctor(settings: Settings, flags: dict) -> int:
    """Check the database and print what is in it; status 1 when it is damaged."""
    from triad_ui.feedback.backup import check

    report = check(settings.database_url)
    print(report)
    return 0 if report.sound else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m triad_ui", description="Triad Workbench from a shell."
    )
    settings = argparse.ArgumentParser(add_help=False)
    group = settings.add_argument_group("settings (flag > environment > file)")
    group.add_argument("--config", help="settings file (TOML); default ./triad.toml")
    for name, spec in SPECS.items():
        flag = f"--{name.replace('_', '-')}"
        told = f"{spec.help} ({spec.env})"
        if name == "vote":  # is switched, since a value would be taken from the file after it
            group.add_argument(flag, action=argparse.BooleanOptionalAction, help=told)
        else:
            group.add_argument(flag, dest=name, metavar="...", help=told)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=run.__doc__, parents=[settings])
        made.set_defaults(run=run)
        return made

    add_inspect_flags(command("inspect", inspect))
    offered = command("experts", experts)
    offered.add_argument("--json", action="store_true", help="print one JSON object")
    listed = command("models", models)
    listed.add_argument("source", nargs="?", help="a folder or an endpoint's URL to look at")
    listed.add_argument("--json", action="store_true", help="print one JSON object")
    converted = command("convert", convert)
    converted.add_argument("source", metavar="SRC", help="folder with the authors' weights")
    converted.add_argument("target", metavar="DST", help="folder to write, not there yet")
    add_evaluate_flags(command("evaluate", evaluate))
    add_answers_flags(command("evaluate-answers", evaluate_answers))
    add_instruct_flags(command("instruct", instruct))
    add_train_flags(command("train-embedded", train_embedded), "embedded")
    add_train_flags(command("train-expert", train_expert), "expert")
    command("settings", show_settings)
    command("backup", backup).add_argument("file", metavar="DEST")
    command("restore", restore).add_argument("file", metavar="SOURCE")
    command("doctor", doctor)
    return parser
