"""Precedence, sources, refusals and masking, for every setting by its table."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from triad_ui.errors import SettingsError
from triad_ui.settings import REPOSITORY, SPECS, Settings, load, served_key


def test_defaults_need_nothing(tmp_path: Path) -> None:
    settings = load({}, {}, tmp_path)
    assert settings == Settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 7860)
    assert settings.database_url == f"sqlite:///{(REPOSITORY / 'sessions.db').as_posix()}"
    assert not settings.sources


def test_flag_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    (tmp_path / "triad.toml").write_text('port = 1111\nhost = "h-file"\nseed = 5\n')
    environ = {"GRADIO_SERVER_PORT": "2222", "GRADIO_SERVER_NAME": "h-env", "TRIAD_SEED": ""}
    settings = load({"port": 3333, "host": None}, environ, tmp_path)
    assert (settings.port, settings.host, settings.seed) == (3333, "h-env", 5)
    assert settings.policy == "ranked"
    assert settings.sources == {
        "port": "flag --port",
        "host": "environment GRADIO_SERVER_NAME",
        "seed": f"file {tmp_path / 'triad.toml'}",
    }


@pytest.mark.parametrize("how", ["flag", "environment"])
def test_named_file_and_folders_relative_to_it(tmp_path: Path, how: str) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "my.toml").write_text('data_dir = "originals"\noffline = true\n')
    flags = {"config": "conf/my.toml"} if how == "flag" else {}
    environ = {"TRIAD_CONFIG": "conf/my.toml"} if how == "environment" else {}
    settings = load(flags, environ | {"TRIAD_ADAPTER": "mine"}, tmp_path)
    assert settings.data_dir == tmp_path / "conf" / "originals"
    assert settings.adapter == tmp_path / "mine"
    assert settings.offline is True


GOOD = {
    "host": "0.0.0.0", "port": "80", "root_path": "/triad", "data_dir": "/d", "cache_dir": "/c",
    "database_url": "postgresql+psycopg://u:pw@h/db", "wheels_dir": "/w", "model": "NONE",
    "adapter": "/a", "expert": "musc", "policy": "faithful", "max_pixels": "40_000_000",
    "precision": "NF4", "model_adapter": "/p", "allow_pickle": "no", "kept_memory": "512",
    "threads": "2", "offline": "yes", "seed": "7", "log_level": "WARNING", "vote": "on",
    "expert_weights": "/e", "image_root": "/i", "expert_memory": "500",
}  # fmt: skip
BAD = {
    "host": "a b", "port": "70000", "root_path": "triad", "database_url": "sessions.db",
    "model": "a b", "precision": "int3", "kept_memory": "-1", "allow_pickle": "maybe",
    "expert": "../x", "policy": "best", "max_pixels": "12", "threads": "0",
    "offline": "perhaps", "seed": "-1", "log_level": "loud", "vote": "twice",
    "expert_memory": "1",
}  # fmt: skip


def test_every_setting_is_read_from_flag_and_environment(tmp_path: Path) -> None:
    assert set(GOOD) == set(SPECS)
    by_flag = load(GOOD, {}, tmp_path)
    by_environment = load({}, {SPECS[name].env: value for name, value in GOOD.items()}, tmp_path)
    assert by_flag == by_environment
    assert by_flag.max_pixels == 40_000_000
    assert (by_flag.model, by_flag.log_level, by_flag.threads) == ("none", "warning", 2)
    assert set(by_flag.sources) == set(SPECS)


def test_weights_of_experts_lie_in_the_cache_unless_said(tmp_path: Path) -> None:
    assert load({"cache_dir": "/c"}, {}, tmp_path).expert_weights == Path("/c/weights/experts")
    named = load({"cache_dir": "/c", "expert_weights": "."}, {}, tmp_path)
    assert named.expert_weights == tmp_path


@pytest.mark.parametrize("name", sorted(BAD))
def test_wrong_value_is_refused_with_name_source_and_allowed(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({}, {SPECS[name].env: BAD[name]}, tmp_path)
    said = str(caught.value)
    assert said.startswith(f"{name} is {BAD[name]!r} (from environment {SPECS[name].env})")
    assert "allowed: " in said


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("Embedded", "embedded"),
        ("llava-ov-7b", "llava-ov-7b"),
        ("http://gpu:8000/v1#triad", "http://gpu:8000/v1#triad"),
        ("/models/triad", Path("/models/triad")),
        ("./triad", Path("triad")),
        ("weights/triad ov", Path("weights/triad ov")),
    ],
)
def test_a_model_is_a_name_a_folder_or_an_endpoint(
    tmp_path: Path, given: str, read: str | Path
) -> None:
    named = load({"model": given}, {}, tmp_path).model
    assert named == (tmp_path / read if isinstance(read, Path) else read)


@pytest.mark.parametrize("given", ["ftp://gpu/model", "two words", "a\0/b", ""])
def test_what_is_no_model_is_refused_with_what_could_be(tmp_path: Path, given: str) -> None:
    with pytest.raises(SettingsError, match="checkpoint folder"):
        load({"model": given}, {}, tmp_path)


def test_an_endpoints_password_is_not_shown(tmp_path: Path) -> None:
    settings = load({"model": "http://me:s3cret@gpu:8000/v1"}, {}, tmp_path)
    assert "s3cret" not in settings.explain() + repr(settings)


@pytest.mark.parametrize("text", ["port = true", "port = 1.5", "port = [1]", "data_dir = 3"])
def test_wrong_type_in_the_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "triad.toml").write_text(text)
    with pytest.raises(SettingsError, match=r"from file .*triad\.toml"):
        load({}, {}, tmp_path)


def test_misspelt_key_is_named_with_the_right_one(tmp_path: Path) -> None:
    (tmp_path / "triad.toml").write_text('polcy = "ranked"')
    with pytest.raises(SettingsError, match=r"'polcy'.*did you mean policy"):
        load({}, {}, tmp_path)


@pytest.mark.parametrize("content", [b"port = ", b"\xff\xfe", None])
def test_unreadable_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "mine.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=r"mine\.toml cannot be read"):
        load({"config": "mine.toml"}, {}, tmp_path)


def test_unknown_flag_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="prot"):
        load({"prot": 1}, {}, tmp_path)


@pytest.mark.parametrize(
    "url",
    ["postgresql://me:s3cret@db/x", "mysql://me:p@s3cret@db/x", "pg://db/x?password=s3cret&a=1"],
)
def test_passwords_are_never_shown(tmp_path: Path, url: str) -> None:
    settings = load({"database_url": url}, {}, tmp_path)
    assert settings.database_url == url
    assert "s3cret" not in settings.explain() + repr(settings)
    assert "***" in settings.explain()
    assert "***" in repr(settings)


def test_explain_has_a_line_for_every_setting_with_its_source(tmp_path: Path) -> None:
    lines = load({"port": 99}, {"TRIAD_SEED": "3"}, tmp_path).explain().splitlines()
    assert [line.split()[0] for line in lines] == list(SPECS)
    assert lines[1].split(maxsplit=2) == ["port", "99", "flag --port"]
    assert any(line.startswith("seed") and "environment TRIAD_SEED" in line for line in lines)


def test_the_key_of_a_model_server_comes_from_the_environment_and_is_no_setting() -> None:
    environ = {"TRIAD_SERVED_KEY": " sk-1\n"}
    assert served_key(environ) == "sk-1"
    assert served_key({}) == ""
    settings = load({}, environ)
    assert "sk-1" not in settings.explain() + repr(settings)


def test_settings_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().port = 1  # type: ignore[misc]
