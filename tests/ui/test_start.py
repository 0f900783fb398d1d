"""The page is up soon: CPU time to the first answer, against `import gradio` alone."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from triad_ui.settings import REPOSITORY

LIMIT = 1.7
TRIES = 3
_STAT = Path("/proc/self/stat")


def cpu_seconds(job: subprocess.Popen[bytes]) -> float:
    """User and system seconds so far; steadier than the clock where several jobs share cores."""
    fields = Path(f"/proc/{job.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(not _STAT.exists(), reason="CPU time is read from /proc")
def test_the_page_answers_within_its_share_of_importing_gradio(tmp_path: Path) -> None:
    """Least of up to three tries each: other work on the cores only ever adds to a CPU time."""
    imports, starts = [], []
    for _ in range(TRIES):
        imports.append(seconds_of_import())
        starts.append(seconds_to_first_answer(tmp_path))
        if min(starts) <= LIMIT * min(imports):
            return
    pytest.fail(f"the page took {starts} s of CPU, `import gradio` {imports} s")


def seconds_of_import() -> float:
    alone = [sys.executable, "-c", "import gradio; print(1, flush=True); input()"]
    job = subprocess.Popen(alone, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert job.stdout is not None
    job.stdout.readline()
    try:
        return cpu_seconds(job)
    finally:
        job.kill()
        job.communicate()


def seconds_to_first_answer(folder: Path) -> float:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "TRIAD_DATABASE_URL": f"sqlite:///{(folder / 'sessions.db').as_posix()}",
        "TRIAD_DATA_DIR": str(folder / "data"),
        "TRIAD_MODEL": "none",
    }
    command = [sys.executable, "app.py", "--port", str(port)]
    job = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while not answers(port):
            assert job.poll() is None and time.monotonic() < until, "the page did not come up"
            time.sleep(0.03)
        return cpu_seconds(job)
    finally:
        job.terminate()
        job.wait(20)


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
