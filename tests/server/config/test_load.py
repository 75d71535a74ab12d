from collections.abc import Mapping
from pathlib import Path

import pytest

from opsmcp_server.config.effective import Config, setting_names
from opsmcp_server.config.environment import environment_name
from opsmcp_server.config.load import load
from tests.own_settings import write_settings

HOME = {"HOME": "/home/someone"}


def write(folder: Path, text: str, name: str = "opsmcp.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def value_of(config: Config, setting: str) -> object:
    group, _, name = setting.partition(".")
    return getattr(getattr(config, group), name)


def test_nothing_given_is_the_embedded_engine_with_the_documented_defaults(tmp_path: Path) -> None:
    config = load(HOME, cwd=tmp_path)
    assert config.ops.server == ""
    assert config.ops.namespaces == ("ops-system",)
    assert config.discovery.interval_seconds == 30
    assert (config.run.wait_seconds, config.run.deadline_seconds) == (45, 1800)
    assert (config.server.host, config.server.port) == ("127.0.0.1", 8765)
    assert (config.tools.limit, config.tools.enum_limit) == (40, 64)
    assert config.state.dir == Path("/home/someone/.local/state/opsmcp")
    assert {entry.origin for entry in config.entries()} == {"default"}


@pytest.mark.parametrize(
    ("flags", "environ", "file", "value", "origin"),
    [
        pytest.param({}, {}, "", 8765, "default", id="default"),
        pytest.param({}, {}, "server: {port: 1}", 1, "file opsmcp.yaml:1", id="file"),
        pytest.param(
            {},
            {"OPSMCP_SERVER_PORT": "2"},
            "server: {port: 1}",
            2,
            "environment OPSMCP_SERVER_PORT",
            id="environment over file",
        ),
        pytest.param(
            {"server.port": 3},
            {"OPSMCP_SERVER_PORT": "2"},
            "server: {port: 1}",
            3,
            "command line",
            id="command line over environment",
        ),
        pytest.param(
            {"server.port": None},
            {"OPSMCP_SERVER_PORT": ""},
            "server: {port: 1}",
            1,
            "file opsmcp.yaml:1",
            id="an absent flag and an empty variable are not given",
        ),
    ],
)
def test_precedence(
    tmp_path: Path,
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    file: str,
    value: int,
    origin: str,
) -> None:
    named = write(tmp_path, file).relative_to(tmp_path)
    config = load(HOME | dict(environ), cwd=tmp_path, flags=flags, file=named)
    assert config.server.port == value
    assert config.origins.get("server.port", "default") == origin


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("OPS_SERVER", "ops.server"),
        ("OPENAI_API_HOST", "openai.base"),
        ("OPENAI_API_BASE", "openai.base"),
    ],
)
def test_an_older_name_works_and_the_new_one_wins(tmp_path: Path, name: str, setting: str) -> None:
    older = {name: "http://old.example"}
    config = load(HOME | older, cwd=tmp_path)
    assert value_of(config, setting) == "http://old.example"
    assert config.origins[setting] == f"environment {name}"
    both = older | {environment_name(setting): "http://new.example/"}
    assert value_of(load(HOME | both, cwd=tmp_path), setting) == "http://new.example"


def test_older_names_of_other_settings_work_too(tmp_path: Path) -> None:
    environ = {
        "OPS_TOKEN": "one\n",
        "OPS_NAMESPACE": "a, b",
        "OPENAI_API_MODEL": "m",
        "OPENAI_API_KEY": "two",
    }
    config = load(HOME | environ, cwd=tmp_path)
    assert config.ops.token.get_secret_value() == "one"
    assert config.ops.namespaces == ("a", "b")
    assert (config.openai.model, config.openai.key.get_secret_value()) == ("m", "two")


@pytest.mark.parametrize(
    ("setting", "text", "value"),
    [
        ("expose.include", "get-*, list-*,", ("get-*", "list-*")),
        ("policy.read_only", "true", True),
        ("embedded.bundled", "0", False),
        ("run.wait_seconds", "2.5", 2.5),
        ("tools.limit", "7", 7),
        ("expose.tasks", "all", "all"),
        ("consent.unavailable", "trust-client", "trust-client"),
    ],
)
def test_the_environment_holds_every_kind_of_value(
    tmp_path: Path, setting: str, text: str, value: object
) -> None:
    config = load(HOME | {environment_name(setting): text}, cwd=tmp_path)
    assert value_of(config, setting) == value


def test_the_file_holds_mappings_and_every_group(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "ops:\n  namespace: [a, b]\n  token:\nexpose:\n\n"
        "tools:\n  hints: {restart-*: {destructive: true}}\n  kinds: {message: text}\n",
    )
    config = load(HOME, cwd=tmp_path, file=file.relative_to(tmp_path))
    assert config.ops.namespaces == ("a", "b")
    assert config.tools.hints == {"restart-*": {"destructive": True}}
    assert config.tools.kinds == {"message": "text"}
    assert config.origins["tools.kinds"] == "file opsmcp.yaml:8"


def test_the_file_is_the_flag_then_the_variable_then_the_persons_own(tmp_path: Path) -> None:
    own = write_settings(tmp_path, "server: {port: 1}")
    write(tmp_path, "server: {port: 2}", "two.yaml")
    three = write(tmp_path, "server: {port: 3}", "three.yaml")
    home = {"HOME": str(tmp_path)}
    environ = home | {"OPSMCP_CONFIG": "two.yaml"}
    assert load(environ, cwd=tmp_path).server.port == 2
    assert load(environ, cwd=tmp_path, file=three).server.port == 3
    config = load(home, cwd=tmp_path)
    assert config.server.port == 1
    assert config.origins["server.port"] == f"file {own}:1"


def test_a_host_and_a_base_of_the_api_are_the_base(tmp_path: Path) -> None:
    environ = {"OPENAI_API_BASE": "http://base.example", "OPENAI_API_HOST": "http://host.example"}
    config = load(HOME | environ, cwd=tmp_path)
    assert config.openai.base == "http://base.example"
    assert config.origins["openai.base"] == "environment OPENAI_API_BASE"


def test_a_relative_directory_counts_from_where_it_was_named(tmp_path: Path) -> None:
    inner, work = tmp_path / "etc", tmp_path / "work"
    for folder in (inner / "runbooks", work / "runbooks"):
        folder.mkdir(parents=True)
    file = write(inner, "embedded: {manifests: [runbooks]}\nstate: {dir: ~/s}")
    config = load(HOME, cwd=work, file=file)
    assert config.embedded.manifests == (inner / "runbooks",)
    assert config.state.dir == Path("/home/someone/s")
    flagged = load(HOME, cwd=work, file=file, flags={"embedded.manifests": ("runbooks",)})
    assert flagged.embedded.manifests == (work / "runbooks",)


@pytest.mark.parametrize(
    ("given", "directory"),
    [("/var/state", "/var/state/opsmcp"), ("relative", "/home/someone/.local/state/opsmcp")],
)
def test_the_state_is_where_the_desktop_specification_says(
    tmp_path: Path, given: str, directory: str
) -> None:
    config = load(HOME | {"XDG_STATE_HOME": given}, cwd=tmp_path)
    assert config.state.dir == Path(directory)


def test_an_empty_value_of_the_command_line_overrides(tmp_path: Path) -> None:
    environ = HOME | {"OPS_SERVER": "http://ops.example"}
    assert load(environ, cwd=tmp_path, flags={"ops.server": ""}).ops.server == ""


def test_every_setting_has_its_own_environment_name() -> None:
    names = [environment_name(setting) for setting in setting_names()]
    assert len(set(names)) == len(names)
    assert environment_name("discovery.interval_seconds") == "OPSMCP_DISCOVERY_INTERVAL_SECONDS"


def test_a_configuration_cannot_be_changed(tmp_path: Path) -> None:
    config = load(HOME, cwd=tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        config.server.port = 1
