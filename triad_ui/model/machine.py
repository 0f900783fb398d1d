"""The memory of this machine, as the model would find it: the first GPU's, else the processor's.

Inside a container its limit counts, not the host's memory. Where the system does not say, `free`
is 0, and nobody refuses anything for it.
Knows nothing of models. torch is imported when it is asked, not before.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

from triad_ui.model.choice import Machine


def machine() -> Machine:
    """Where a model runs by default and how many bytes are free there now.

    What torch holds of a GPU without using it counts as free: the next tensor takes it.
    """
    import torch

    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        spare = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
        return Machine(torch.cuda.get_device_name(), free + spare, total)
    free, total = ram()
    return Machine(f"the processor, {os.cpu_count() or 1} threads", free, total)


def ram(proc: Path = Path("/proc"), control: Path = Path("/sys/fs/cgroup")) -> tuple[int, int]:
    """Bytes of main memory: free for a new program without swapping, and all; 0 when unknown.

    proc, control: where Linux tells it.
    """
    if (proc / "meminfo").is_file():
        return _linux(proc, control)
    if sys.platform == "win32":
        return _windows()
    try:  # macOS tells what there is, not what is free
        return 0, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 0, 0


def _linux(proc: Path, control: Path) -> tuple[int, int]:
    lines = (line.split() for line in (proc / "meminfo").read_text().splitlines())
    kilobytes = {words[0].rstrip(":"): int(words[1]) for words in lines if len(words) > 1}
    total = kilobytes.get("MemTotal", 0) * 1024
    free = kilobytes.get("MemAvailable", kilobytes.get("MemFree", 0)) * 1024
    for limit, used in _limits(proc, control):
        if limit < total:
            total = limit
        free = min(free, max(0, limit - used))
    return free, total


def _limits(proc: Path, control: Path) -> list[tuple[int, int]]:
    """Limit and use, in bytes, of each control group that this process is in (version 2 or 1).

    The file cache that the kernel would give up counts as unused.
    """
    try:
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, names, path = line.split(":", 2)
        if names and "memory" not in names.split(","):
            continue
        root = control / "memory" if names else control
        files = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        if not names:
            files = ("memory.max", "memory.current", "inactive_file")
        group = root / path.lstrip("/")
        # in a container the path is the host's and the root is its own group
        for folder in (group, *group.parents):
            limit, used = _number(folder / files[0]), _number(folder / files[1])
            if limit is not None and used is not None:
                found.append((limit, used - _cached(folder / "memory.stat", files[2])))
            if folder == root:
                break
    return found


def _number(file: Path) -> int | None:
    """None also for "max", which is no limit."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def _cached(file: Path, name: str) -> int:
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name} ")), 0)


def _windows() -> tuple[int, int]:
    names = "length load total free page_total page_free virtual_total virtual_free extended"
    kinds = [ctypes.c_ulong] * 2 + [ctypes.c_ulonglong] * 7
    status_type = type("Status", (ctypes.Structure,), {"_fields_": [*zip(names.split(), kinds)]})
    status = status_type(length=ctypes.sizeof(status_type))
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return 0, 0
    return status.free, status.total
