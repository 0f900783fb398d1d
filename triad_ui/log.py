"""What the program says of itself while it runs, on standard error.

Knows nothing of what is worth saying: each module says that itself.
"""

from __future__ import annotations

import logging

LEAST = {
    # each request of its own, at "info"
    "httpx": logging.WARNING,
    # asks, on processors with AVX-512 BF16, for a package that nothing here needs: without it
    # 4-bit products are taken by the kernels of bitsandbytes itself
    "bitsandbytes.backends.cpu.ops": logging.ERROR,
}
"""Least level that is shown of packages that say what nobody here can act upon."""


def begin(level: str) -> None:
    """Show what is at least as grave as `level` ("debug" ... "error"), a line each."""
    shown = logging.getLevelName(level.upper())
    logging.basicConfig(level=shown, format="%(levelname)s %(message)s")
    for name, least in LEAST.items():
        # a level of its own counts instead of the one asked for, also where it is lower
        logging.getLogger(name).setLevel(max(least, shown))
