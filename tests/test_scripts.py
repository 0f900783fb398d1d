"""scripts/run in a copy of its own, with an interpreter that notes what pip is asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or shutil.which("bash") is None, reason="needs bash"
)
STUB = """#!/usr/bin/env bash
if [ "$1 $2" = "-m pip" ]; then
    echo "$*" >>"{log}"
    [ ! -e "{log}.broken" ] || {{ echo "ERROR: no network" >&2; exit 1; }}
    exit 0
fi
exec "{python}" "$@"
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """The scripts, an app.py that prints its arguments, and a .venv that is a stub."""
    shutil.copytree(REPOSITORY / "scripts", tmp_path / "scripts")
    (tmp_path / "requirements.txt").write_text("one==1\n")
    (tmp_path / "app.py").write_text("import sys; print('app', sys.argv[1:])")
    stub = tmp_path / ".venv" / "bin" / "python"
    stub.parent.mkdir(parents=True)
    stub.write_text(STUB.format(log=tmp_path / "pip.log", python=sys.executable))
    stub.chmod(0o755)
    return tmp_path


def start(house: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(house / "scripts" / "run"), *arguments],
        cwd="/", env=os.environ | environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def installs(house: Path) -> int:
    log = house / "pip.log"
    return log.read_text().count("-r requirements.txt") if log.exists() else 0


def test_installs_once_and_again_when_the_requirements_change(house: Path) -> None:
    first = start(house, "--port", "8000")
    assert (first.returncode, first.stdout) == (0, "app ['--port', '8000']\n")
    assert installs(house) == 1
    assert start(house).stdout == "app []\n"
    assert installs(house) == 1
    (house / "requirements.txt").write_text("one==2\n")
    assert start(house).returncode == 0
    assert installs(house) == 2


def test_failed_install_is_shown_and_tried_again(house: Path) -> None:
    broken = house / "pip.log.broken"
    broken.touch()
    failed = start(house)
    assert failed.returncode != 0
    assert "ERROR: no network" in failed.stderr
    assert "app" not in failed.stdout
    broken.unlink()
    assert start(house).stdout == "app []\n"


def test_missing_python_is_told_with_the_remedy(house: Path) -> None:
    shutil.rmtree(house / ".venv")
    failed = start(house, PYTHON="/nowhere/python")
    assert failed.returncode == 1
    assert "Python 3.11 to 3.14 is needed and was not found at PYTHON=/nowhere/python" in (
        failed.stderr
    )
    assert "PYTHON=/path/to/python3.12" in failed.stderr
    assert not (house / ".venv").exists()


def test_continuous_integration_runs_what_a_developer_runs() -> None:
    assert "/../scripts/test" in (REPOSITORY / ".ci" / "run").read_text()


def test_everything_that_is_installed_is_pinned() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (REPOSITORY / name).read_text().splitlines():
            if line and not line.startswith(("#", "-r ")):
                assert "==" in line, f"{name}: {line}"
