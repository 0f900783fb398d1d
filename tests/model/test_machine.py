"""What is free, as Linux and its control groups tell it; written files stand for the kernel's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from triad_ui.model.machine import machine, ram

KB = "MemTotal:       16000000 kB\nMemFree:  500000 kB\nMemAvailable:    9000000 kB\nHugePages: 0\n"


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        file = folder / name.replace("__", "/").replace("_dot_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def test_available_memory_counts_not_unused_memory(tmp_path: Path):
    proc = written(tmp_path, meminfo=KB)
    assert ram(proc, tmp_path / "none") == (9_000_000 * 1024, 16_000_000 * 1024)


def test_the_limit_of_a_container_counts_its_file_cache_does_not(tmp_path: Path):
    proc = written(tmp_path / "proc", meminfo=KB, self__cgroup="0::/a/b\n")
    control = written(
        tmp_path / "cgroup",
        a__b__memory_dot_max="max\n",
        a__b__memory_dot_current="5\n",
        a__memory_dot_max=f"{4 * 2**30}\n",
        a__memory_dot_current=f"{3 * 2**30}\n",
        a__memory_dot_stat=f"anon 7\ninactive_file {2**30}\n",
    )
    assert ram(proc, control) == (2 * 2**30, 4 * 2**30)


def test_the_older_kind_of_control_group_counts_too(tmp_path: Path):
    proc = written(tmp_path / "proc", meminfo=KB, self__cgroup="5:cpu,cpuacct:/x\n4:memory:/x\n")
    # inside a container the host's path is not there: the root is its own group
    control = written(
        tmp_path / "cgroup",
        memory__memory_dot_limit_in_bytes=f"{2**30}\n",
        memory__memory_dot_usage_in_bytes=f"{2**29}\n",
        memory__memory_dot_stat="total_inactive_file 1024\n",
    )
    assert ram(proc, control) == (2**29 + 1024, 2**30)


def test_no_limit_leaves_the_hosts_memory(tmp_path: Path):
    proc = written(tmp_path / "proc", meminfo=KB, self__cgroup="4:memory:/\n")
    control = written(
        tmp_path / "cgroup",
        memory__memory_dot_limit_in_bytes="9223372036854771712\n",
        memory__memory_dot_usage_in_bytes="1\n",
    )
    assert ram(proc, control) == (9_000_000 * 1024, 16_000_000 * 1024)


def test_where_the_system_does_not_say_free_is_zero(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    pages = {"SC_PHYS_PAGES": 1000, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(os, "sysconf", pages.__getitem__)
    assert ram(tmp_path / "none", tmp_path) == (0, 4_096_000)


def test_this_machine_has_memory():
    torch = pytest.importorskip("torch")
    here = machine()
    assert 0 <= here.free <= here.total and here.total > 2**28
    assert ("processor" in here.device) is not torch.cuda.is_available()
