import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from pydantic import SecretStr

from opsmcp_server.calls.state_key import derive, read_key
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.groups.state import State
from opsmcp_server.protocol.sealed_state import Seal

KEY = "k" * 32


def test_a_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    state = State(dir=tmp_path / "state")
    key = read_key(state)
    assert read_key(state) == key
    assert stat.S_IMODE((state.dir / "key").stat().st_mode) == 0o600
    assert [path.name for path in state.dir.iterdir()] == ["key"]


def test_of_many_that_make_a_key_at_once_all_have_the_same(tmp_path: Path) -> None:
    many, state = 16, State(dir=tmp_path)
    together = Barrier(many)

    def read(_: int) -> str:
        together.wait()
        return read_key(state)

    with ThreadPoolExecutor(many) as pool:
        assert len(set(pool.map(read, range(many)))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_the_key_of_the_settings_leaves_no_file(tmp_path: Path) -> None:
    assert read_key(State(dir=tmp_path, key=SecretStr(KEY))) == KEY
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 40], ids=repr)
def test_a_damaged_key_stops_the_start(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(ConfigError, match="the key in .* (damaged|cannot be read)"):
        read_key(State(dir=tmp_path))


def test_a_key_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(ConfigError, match=r"cannot be read or made: not a directory \(state\.dir"):
        read_key(State(dir=tmp_path / "state" / "below"))


def test_what_was_sealed_comes_back() -> None:
    token = Seal(KEY, "task").close({"run": "r-1", "repeated": False})
    assert Seal(KEY, "task").open(token) == {"run": "r-1", "repeated": False}
    assert "r-1" not in token


@pytest.mark.parametrize(
    "seal", [Seal("K" * 32, "task"), Seal(KEY, "question")], ids=["key", "for"]
)
def test_what_was_sealed_is_nothing_to_others(seal: Seal) -> None:
    assert seal.open(Seal(KEY, "task").close({"run": "r-1"})) is None


@pytest.mark.parametrize("token", ["", "v1.", "v1.!!", "nothing", "v1." + "A" * 60, "é"])
def test_what_was_not_sealed_is_nothing(token: str) -> None:
    assert Seal(KEY, "task").open(token) is None


def test_the_key_of_a_purpose_tells_nothing_of_the_key() -> None:
    derived = derive(KEY, "task")
    assert len(derived) == 32
    assert KEY.encode() not in derived
    assert derived != derive(KEY, "question")
