"""`python -m triad_ui ...`: the same use cases from a shell."""

from __future__ import annotations

import sys

from triad_ui.cli import main

if __name__ == "__main__":
    sys.exit(main())
