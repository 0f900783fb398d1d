"""Start the page: settings -> workbench -> page. `python app.py --help` lists the settings."""

from __future__ import annotations

import argparse
import sys

from triad_ui import log
from triad_ui.errors import TriadError
from triad_ui.settings import SPECS, load


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted; 2 when a setting or the database cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", help="settings file (TOML); default ./triad.toml")
    for name, spec in SPECS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name, help=spec.help)
    flags = vars(parser.parse_args(arguments))
    try:
        settings = load(flags)
        log.begin(settings.log_level)
        from triad_ui.ui.page import serve
        from triad_ui.wiring import build_page_parts

        workbench, evaluations = build_page_parts(settings)
        try:
            print(f"Triad Workbench: http://{settings.host}:{settings.port}", flush=True)
            serve(workbench, settings, evaluations)
        finally:
            evaluations.close()
            workbench.close()
    except TriadError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
