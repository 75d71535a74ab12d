import traceback
from pathlib import Path

import pytest

from opsmcp_server.config.effective import Config
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.load import load

VALUE = "hunter2-and-more"
HOME = {"HOME": "/home/someone", "ELSEWHERE": VALUE}
FILE = Path("opsmcp.yaml")
HOLDERS = ["ops.token", "server.token", "openai.key"]


@pytest.fixture
def loaded(tmp_path: Path) -> Config:
    (tmp_path / "secret").write_text(f"{VALUE}\n", encoding="utf-8")
    (tmp_path / "opsmcp.yaml").write_text(
        f"ops: {{token: {VALUE}}}\nserver: {{token: {VALUE}}}\nopenai: {{key: {VALUE}}}\n"
        f"bind: {{ak: {VALUE}, sk: {{env: ELSEWHERE}}, pw: {{file: secret}}}}\n",
        encoding="utf-8",
    )
    return load(HOME, cwd=tmp_path, file=FILE)


def test_secrets_are_there(loaded: Config) -> None:
    assert loaded.ops.token.get_secret_value() == VALUE
    assert loaded.bound_values() == {"ak": VALUE, "sk": VALUE, "pw": VALUE}


@pytest.mark.parametrize("show", [repr, str], ids=lambda show: show.__name__)
def test_secrets_are_never_shown(loaded: Config, show: "type[str]") -> None:
    assert VALUE not in show(loaded)
    assert VALUE not in show(loaded)


def test_entries_say_only_whether_there_is_one(loaded: Config, tmp_path: Path) -> None:
    values = {entry.setting: entry.value for entry in loaded.entries()}
    for name in [*HOLDERS, "bind.ak", "bind.sk", "bind.pw"]:
        assert values[name] == "(hidden)"
    (tmp_path / "opsmcp.yaml").write_text("ops: {token: ''}", encoding="utf-8")
    empty = {entry.setting: entry.value for entry in load(HOME, cwd=tmp_path, file=FILE).entries()}
    assert empty["ops.token"] == "(none)"


@pytest.mark.parametrize("setting", HOLDERS)
@pytest.mark.parametrize("bad", [f"{VALUE} x", f"[{VALUE}]", f"{{a: {VALUE}}}"])
def test_a_bad_secret_is_in_no_message_and_no_traceback(
    tmp_path: Path, setting: str, bad: str
) -> None:
    group, _, name = setting.partition(".")
    (tmp_path / "opsmcp.yaml").write_text(f"{group}: {{{name}: {bad}}}", encoding="utf-8")
    with pytest.raises(ConfigError, match=f"{setting} must be one word") as caught:
        load(HOME, cwd=tmp_path, file=FILE)
    assert VALUE not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("name", ["OPS_SERVER", "OPENAI_API_BASE"])
@pytest.mark.parametrize("address", [f"http://me:{VALUE}@ops.example", f"https://x/v1?key={VALUE}"])
def test_a_secret_in_an_address_is_in_no_message(tmp_path: Path, name: str, address: str) -> None:
    with pytest.raises(ConfigError, match="without a user name") as caught:
        load(HOME | {name: address}, cwd=tmp_path)
    assert VALUE not in "".join(traceback.format_exception(caught.value))


def test_a_bound_value_can_stand_in_the_environment(tmp_path: Path) -> None:
    config = load(HOME | {"OPSMCP_BIND_AESKEY": VALUE}, cwd=tmp_path)
    assert config.bound_values() == {"aeskey": VALUE}
    assert config.origins["bind.aeskey"] == "environment OPSMCP_BIND_AESKEY"


def test_an_unreadable_secret_file_is_named_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "big").write_text(VALUE * 10000, encoding="utf-8")
    (tmp_path / "opsmcp.yaml").write_text("bind: {pw: {file: big}}", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"bind\.pw: .*big' is larger than 64 KiB") as caught:
        load(HOME, cwd=tmp_path, file=FILE)
    assert VALUE not in "".join(traceback.format_exception(caught.value))
