"""When a connection is kept: programs and files stand for ssh and its sockets."""

import os
from pathlib import Path

import pytest

from opsmcp_pipelines.ssh.explain import Explanation, Explanations
from opsmcp_pipelines.ssh.kept_connections import MOST_KEPT, KeptConnections
from opsmcp_pipelines.ssh.target import SshTarget
from tests.fakes.ssh_program import install_ssh

PATH = os.environ["PATH"]  # noqa: TID251 - programs are found by it
ONE = Explanation(digest="1" * 64)


class Place:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def remove(self) -> None:
        self.folder.rmdir()


def kept(folder: Path) -> KeptConnections:
    return KeptConnections(Place(folder), {})


@pytest.fixture
def short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A name short enough for a socket."""
    monkeypatch.chdir(tmp_path)
    return Path()


def test_the_same_settings_share_a_connection_and_no_others(short: Path) -> None:
    connections = kept(short)
    two = Explanation(digest="2" * 64)
    assert connections.options(ONE) == connections.options(Explanation(digest="1" * 64))
    assert connections.options(ONE) != connections.options(two)


@pytest.mark.parametrize("found", [Explanation(), Explanation(digest="1" * 64, shares=True)])
def test_without_an_answer_of_ssh_and_beside_a_persons_own_nothing_is_kept(
    short: Path, found: Explanation
) -> None:
    assert kept(short).options(found) == ()


def test_beyond_so_many_no_more_are_kept(short: Path) -> None:
    connections = kept(short)
    for number in range(MOST_KEPT):
        (short / str(number)).touch()
    assert connections.options(ONE) == ()
    (short / ("1" * 16)).touch()
    assert connections.options(ONE)


@pytest.mark.parametrize("name", ["gone", "x" * 90, "a b", "%h"])
def test_where_no_socket_can_be_made_nothing_is_kept(short: Path, name: str) -> None:
    if name != "gone":
        (short / name).mkdir()
    assert kept(short / name).options(ONE) == ()


@pytest.mark.parametrize(
    ("name", "shares"), [("web1", False), ("master-web1", True), ("socket-web1", True)]
)
async def test_ssh_says_whether_a_person_has_shared_connections(
    tmp_path: Path, name: str, shares: bool
) -> None:
    environ = {"PATH": f"{install_ssh(tmp_path / 'bin')}:{PATH}"}
    assert (await Explanations(environ).of(SshTarget(name))).shares is shares
