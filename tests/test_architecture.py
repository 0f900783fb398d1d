"""The plan of docs/architecture.md, held: ranks, owners, names, lengths, a light page import."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "triad_ui"
RANKS = (
    {
        *("settings", "errors", "records", "weights", "wheel", "pip_download", "file_lock"),
        *("stops", "setting_values", "log"),
    },
    {"imaging", "expert", "dialogue", "model", "instruct", "feedback"},
    {"inspector", "synthesis"},
    {"evaluation", "answering"},
    {"rounds", "products"},
    {"evaluating", "inspecting"},
    {"workbench"},
    {"wiring"},
    {"ui", "cli_models", "cli_evaluate", "cli_instruct", "cli_inspect", "cli_experts", "cli_train"},
    {"cli_answers"},
    {"cli"},
    {"__main__"},
)
OWNERS = {
    "gradio": {"ui"},
    "sqlalchemy": {"feedback"},
    "alembic": {"feedback"},
    "torch": {"expert", "model", "rounds"},
    "transformers": {"expert", "model", "rounds"},
    "peft": {"model", "rounds"},
    "bitsandbytes": {"model", "rounds"},
    "accelerate": {"model", "rounds"},
}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
OURS = [*MODULES, *sorted((REPOSITORY / "tests").rglob("*.py")), *REPOSITORY.glob("*.py")]


def label(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def rank_of(room: str) -> int:
    found = [rank for rank, rooms in enumerate(RANKS) if room in rooms]
    assert found, f"triad_ui/{room} has no rank: give it one here and in docs/architecture.md"
    return found[0]


def imports(path: Path) -> Iterator[tuple[int, str, int]]:
    """(line, dotted name, level) of every import, also those inside functions."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name, 0) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if module == "triad_ui":
                yield from ((node.lineno, f"triad_ui.{name.name}", 0) for name in node.names)
            else:
                yield node.lineno, module, node.level


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_imports_point_one_way(path: Path) -> None:
    room = room_of(path)
    rank = rank_of(room)
    for line, name, level in imports(path):
        where = f"{label(path)}:{line} imports {name or '.'}"
        assert level == 0, f"{where}: only absolute imports"
        assert not name.startswith("tests"), f"{where}: the package does not know its tests"
        if name.startswith("triad_ui."):
            other = name.split(".")[1]
            allowed = other == room or rank_of(other) < rank or rank == rank_of(other) == 0
            assert allowed, f"{where}: {room} (rank {rank}) must not import {other}"


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_one_room_owns_each_heavy_library(path: Path) -> None:
    for line, name, _ in imports(path):
        owners = OWNERS.get(name.split(".")[0])
        assert owners is None or room_of(path) in owners, (
            f"{label(path)}:{line} imports {name}: only {', '.join(sorted(owners))} may"
        )


@pytest.mark.parametrize("path", OURS, ids=label)
def test_no_file_is_over_300_lines_and_each_says_what_it_does(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.count("\n") <= 300, f"{label(path)} has {text.count(chr(10))} lines: divide it"
    if path.is_relative_to(PACKAGE) and text.strip():
        assert ast.get_docstring(ast.parse(text)), f"{label(path)} does not open with what it does"


@pytest.mark.parametrize("path", OURS, ids=label)
def test_names_say_what_a_thing_is(path: Path) -> None:
    assert path.stem not in ("utils", "common", "helpers", "misc", "manager"), label(path)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ClassDef):
            assert not re.match(r"Base([A-Z]|$)|\w*Manager$", node.name), (
                f"{label(path)}:{node.lineno} class {node.name}: name it for what it holds or does"
            )


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_settings_alone_read_the_environment(path: Path) -> None:
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if re.search(r"getenv\(|environ(\.get\(|\[)\s*[\"'](TRIAD|GRADIO)_", line):
            set_here = re.search(r"environ\[[^]]+\]\s*=[^=]", line)
            assert room_of(path) == "settings" or set_here, f"{label(path)}:{number}: {line}"


@pytest.mark.skipif(not list((PACKAGE / "ui").glob("*.py")), reason="there is no page yet")
def test_page_imports_neither_torch_nor_transformers() -> None:
    modules = [
        ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted((PACKAGE / "ui").rglob("*.py"))
    ]
    program = (
        f"import importlib, sys\nfor name in {modules!r}: importlib.import_module(name)\n"
        "print(*[name for name in ('torch', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "", "importing triad_ui.ui loads what the page must not wait for"
