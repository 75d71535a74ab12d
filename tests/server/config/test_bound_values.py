"""Where the values of bound variables may come from, and what stops the start."""

import sys
from pathlib import Path

import pytest
import yaml

from opsmcp_server.config.effective import Config
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.load import load


def config_with(folder: Path, value: object, **environ: str) -> Config:
    file = folder / "opsmcp.yaml"
    file.write_text(yaml.safe_dump({"bind": {"ak": value}}), "utf-8")
    return load({"HOME": str(folder), "PATH": "/usr/bin:/bin", **environ}, cwd=folder, file=file)


def python(code: str) -> dict[str, list[str]]:
    return {"command": [sys.executable, "-c", code]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ({"value": "plain", "secret": False}, "plain"),
        ({"env": "ELSEWHERE"}, "from-env"),
        ({"file": "secret"}, "from-file"),
        (python("print('from-command')"), "from-command"),
        ("$principal", "$principal"),
    ],
    ids=["text", "constant", "env", "file", "command", "principal"],
)
def test_a_value_is_read_where_the_settings_say(
    tmp_path: Path, value: object, expected: str
) -> None:
    (tmp_path / "secret").write_text("from-file\n", "utf-8")
    config = config_with(tmp_path, value, ELSEWHERE="from-env")
    assert config.bound_values()["ak"] == expected


def test_only_a_constant_is_no_secret(tmp_path: Path) -> None:
    secret = config_with(tmp_path, {"value": "hidden-value"})
    constant = config_with(tmp_path, {"value": "shown-value", "secret": False})
    assert "hidden-value" in secret.secret_values()
    assert "shown-value" not in constant.secret_values()


@pytest.mark.parametrize(
    "value",
    [
        {"env": "NOWHERE"},
        {"file": "nowhere"},
        {"command": []},
        {"command": ["no-such-program"]},
        python("raise SystemExit(3)"),
        python("print('x' * 200000)"),
        python("import sys; sys.stdout.buffer.write(b'\\xff')"),
        {"value": "a", "env": "B"},
        {"value": "a", "secret": "no"},
        [],
    ],
    ids=str,
)
def test_a_value_that_cannot_be_had_stops_the_start(tmp_path: Path, value: object) -> None:
    with pytest.raises(ConfigError, match=r"bind\.ak") as caught:
        config_with(tmp_path, value)
    assert "opsmcp.yaml" in str(caught.value)
