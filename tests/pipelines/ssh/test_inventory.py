from pathlib import Path

import pytest

from opsmcp_pipelines.ssh.inventory import HostSettings, Inventory, InventoryReader
from opsmcp_pipelines.ssh.ssh_config import read_ssh_config

HOST = "---\nkind: Host\nmetadata: {{name: {0}, labels: {{from: {1}}}}}\n"


def write(path: Path, *names: str) -> Path:
    path.write_text("".join(HOST.format(name, path.stem) for name in names), encoding="utf-8")
    return path


def read(reader: InventoryReader) -> Inventory:
    return reader.read(lambda _path: None)


def test_names_of_a_configuration_are_those_without_patterns(tmp_path: Path) -> None:
    included = tmp_path / ".ssh" / "conf.d"
    included.mkdir(parents=True)
    (included / "one").write_text("Host db1\n  Port 1\n", encoding="utf-8")
    config = tmp_path / "config"
    config.write_text(
        "Include conf.d/*\nInclude ~/nothing\nHost web1 web2 *.example !bad -x\n"
        'Match host x exec "touch y"\nHost=web3\nhost "web4" # web5\nHost \'open\n',
        encoding="utf-8",
    )
    found = read_ssh_config(config, tmp_path)
    assert [host.name for host in found] == ["db1", "web1", "web2", "web3", "web4"]
    assert found[1].origin == f"{config}:3"


def test_a_configuration_that_includes_itself_ends(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(f"Host a\nInclude {config}\n", encoding="utf-8")
    assert [host.name for host in read_ssh_config(config, tmp_path)] == ["a"]


def test_a_later_file_replaces_a_host_and_a_configuration_only_adds(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one", "a", "b"), write(tmp_path / "two", "b", "c")
    config = tmp_path / "config"
    config.write_text("Host c d\n", encoding="utf-8")
    found = read(InventoryReader(HostSettings((one, two), config, usual=False), tmp_path))
    assert {name: dict(host.labels) for name, host in found.hosts.items()} == {
        "a": {"from": "one"},
        "b": {"from": "two"},
        "c": {"from": "two"},
        "d": {},
    }
    assert [problem.name for problem in found.problems] == ["b"]
    assert f"replaced by {two}:2" in found.problems[0].reason
    assert {host.target.config for host in found.hosts.values()} == {str(config)}


def test_a_file_is_read_again_when_it_changes_and_kept_while_it_cannot_be(tmp_path: Path) -> None:
    file = write(tmp_path / "hosts", "a")
    reader = InventoryReader(HostSettings((file,)), tmp_path)
    first = read(reader)
    assert read(reader).hosts["a"] is first.hosts["a"]
    write(file, "a", "b")
    assert [*read(reader).hosts] == ["a", "b"]

    def denied(_path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    kept = reader.read(denied)
    assert [*kept.hosts] == ["a", "b"]
    assert "Permission denied" in kept.unread[0]
    file.unlink()
    gone = read(reader)
    assert not gone.hosts
    assert "there is no such file" in gone.problems[0].reason


def test_names_that_mean_something_else_are_no_hosts(tmp_path: Path) -> None:
    file = write(tmp_path / "hosts", "localhost", "all", "a")
    found = read(InventoryReader(HostSettings((file,)), tmp_path))
    assert [*found.hosts] == ["a"]
    assert {problem.name for problem in found.problems} == {"localhost", "all"}


@pytest.mark.parametrize("content", [b"\xff\xfe", b"- 1\n", b""])
def test_what_is_no_file_of_hosts_has_none(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "hosts"
    file.write_bytes(content)
    assert not read(InventoryReader(HostSettings((file,)), tmp_path)).hosts


def test_a_configuration_that_is_no_file_is_told(tmp_path: Path) -> None:
    found = read(InventoryReader(HostSettings((), tmp_path), tmp_path))
    assert "cannot be read" in found.unread[0]
    assert not read(InventoryReader(HostSettings((), tmp_path / "none"), tmp_path)).unread
