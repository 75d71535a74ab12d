"""Which settings files count, and what it takes for one that lies in the working directory."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

import pytest

from opsmcp_server.config.effective import Config
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.files.named_files import digests_of
from opsmcp_server.config.files.safe_reading import fault_of, sha256
from opsmcp_server.config.files.settings_file import read_found
from opsmcp_server.config.files.trust import Trusted, open_trust
from opsmcp_server.config.load import load, settings_of
from tests.own_settings import write_settings

MANIFEST = "kind: Task\nmetadata: {name: a}\n"


@dataclass(frozen=True)
class Clone:
    """A directory with settings in it, and a person who stands there."""

    home: Path
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "opsmcp.yaml"

    @property
    def environ(self) -> dict[str, str]:
        return {"HOME": str(self.home), "PATH": "/usr/bin:/bin"}

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def load(self, **environ: str) -> Config:
        return load(self.environ | environ, cwd=self.folder)

    def trust(self) -> None:
        file = read_found(self.file)
        given, _ = settings_of(file, self.environ)
        named = digests_of(given, self.environ)
        open_trust(self.environ).add(self.file, Trusted(sha256(file.data), named, "2026-11-30"))

    def why_ignored(self, **environ: str) -> str:
        (use,) = (use for use in self.load(**environ).settings_files if not use.used)
        assert use.path == self.file
        return use.why


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    for name in ("home", "clone"):
        (tmp_path / name).mkdir()
    it = Clone(tmp_path / "home", tmp_path / "clone")
    it.write("opsmcp.yaml", "server: {port: 7}\n")
    return it


def test_a_file_that_is_only_found_does_not_count(clone: Clone) -> None:
    assert clone.load().server.port == 8765
    assert clone.why_ignored() == "it was never trusted"


def test_a_file_that_was_trusted_counts(clone: Clone) -> None:
    clone.trust()
    config = clone.load()
    assert config.server.port == 7
    assert config.origins["server.port"] == "file opsmcp.yaml:1"
    assert [(use.path, use.used) for use in config.settings_files] == [(clone.file, True)]


def test_the_persons_own_file_counts_where_the_found_one_does_not(clone: Clone) -> None:
    own = write_settings(clone.home, "server: {port: 1}\n")
    config = clone.load()
    assert config.server.port == 1
    assert [(use.path, use.used) for use in config.settings_files] == [
        (clone.file, False),
        (own, True),
    ]
    clone.trust()
    assert clone.load().server.port == 7


def test_nothing_is_run_and_no_address_is_taken_before_a_file_is_trusted(clone: Clone) -> None:
    marker = clone.home / "marker"
    clone.write(
        "opsmcp.yaml",
        "ops: {server: https://evil.example}\nopenai: {base: https://evil.example}\n"
        f"bind: {{ak: {{command: [touch, {marker}]}}}}\npolicy: {{rules: [{{effect: allow}}]}}\n",
    )
    config = clone.load(OPS_TOKEN="planted", OPENAI_API_KEY="planted")
    assert (config.ops.server, config.openai.base, config.policy.rules) == ("", "", ())
    assert not marker.exists()
    clone.trust()
    assert not marker.exists()
    assert clone.load().ops.server == "https://evil.example"
    assert marker.exists()


@pytest.mark.parametrize(
    "text",
    ["server: {port: 7} \n", "- nonsense"],
    ids=["by a blank", "to what cannot be read"],
)
def test_a_file_that_changed_counts_no_more(clone: Clone, text: str) -> None:
    clone.trust()
    clone.write("opsmcp.yaml", text)
    assert clone.why_ignored() == "it changed since it was trusted"
    assert clone.load().server.port == 8765


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("book/a.yaml", MANIFEST + "# x", "{}/book/a.yaml changed"),
        ("book/in/b.yml", MANIFEST, "{}/book/in/b.yml is new"),
        ("book/a.yaml", None, "{}/book/a.yaml is gone"),
        ("get.sh", "echo evil", "{}/get.sh changed"),
        ("secret.txt", "$(evil)", "{}/secret.txt changed"),
    ],
    ids=["manifest", "new manifest", "manifest gone", "program", "value"],
)
def test_a_file_that_it_names_is_part_of_what_is_trusted(
    clone: Clone, name: str, text: str | None, why: str
) -> None:
    clone.write("book/a.yaml", MANIFEST)
    clone.write("get.sh", "echo good")
    clone.write("secret.txt", "good")
    clone.write(
        "opsmcp.yaml",
        "embedded: {manifests: book}\n"
        "bind: {ak: {command: [sh, ./get.sh]}, sk: {file: secret.txt}}\n",
    )
    clone.trust()
    assert clone.load().bound_values() == {"ak": "good", "sk": "good"}
    if text is None:
        (clone.folder / name).unlink()
    else:
        clone.write(name, text)
    assert clone.why_ignored() == f"{why.format(clone.folder)} since it was trusted"


def test_what_lies_beside_and_is_not_named_may_change(clone: Clone) -> None:
    clone.write("book/a.yaml", MANIFEST)
    clone.write("opsmcp.yaml", "embedded: {manifests: [book]}\n")
    clone.trust()
    clone.write("book/notes.txt", "x")
    clone.write("book/.hidden.yaml", MANIFEST)
    clone.write("other.yaml", MANIFEST)
    assert clone.load().embedded.manifests == (clone.folder / "book",)


def test_a_value_of_this_machine_may_change(clone: Clone) -> None:
    password = clone.home / "password"
    password.write_text("one", "utf-8")
    clone.write("opsmcp.yaml", f"bind: {{pw: {{file: {password}}}}}\n")
    clone.trust()
    password.write_text("two", "utf-8")
    assert clone.load().bound_values() == {"pw": "two"}


def test_only_the_manifests_that_were_trusted_may_be_read(clone: Clone) -> None:
    path = clone.write("book/a.yaml", MANIFEST)
    clone.write("opsmcp.yaml", "embedded: {manifests: [book]}\n")
    clone.trust()
    assert clone.load().manifest_digests == {str(path): sha256(MANIFEST.encode())}
    flags = {"embedded.manifests": (str(clone.folder / "book"),)}
    assert load(clone.environ, cwd=clone.folder, flags=flags).manifest_digests is None


def test_a_link_to_a_trusted_file_brings_nothing_of_its_own(clone: Clone, tmp_path: Path) -> None:
    clone.write("book/a.yaml", MANIFEST)
    clone.write("opsmcp.yaml", "embedded: {manifests: [book]}\n")
    clone.trust()
    other = Clone(clone.home, tmp_path / "other")
    other.write("book/a.yaml", MANIFEST)
    other.file.symlink_to(clone.file)
    assert other.why_ignored() == "it was never trusted"


def test_a_link_counts_as_long_as_it_leads_to_the_same_content(clone: Clone) -> None:
    clone.file.unlink()
    one = clone.write("one.yaml", "server: {port: 1}\n")
    clone.file.symlink_to(one)
    clone.trust()
    assert clone.load().server.port == 1
    one.write_text("server: {port: 2}\n", "utf-8")
    assert clone.why_ignored() == "it changed since it was trusted"


def test_a_pipe_of_that_name_keeps_nobody_waiting(clone: Clone) -> None:
    clone.file.unlink()
    os.mkfifo(clone.file)
    assert clone.why_ignored() == "it is no regular file"


def test_a_pipe_that_is_named_for_a_value_is_not_trusted(clone: Clone) -> None:
    os.mkfifo(clone.folder / "pipe")
    clone.write("opsmcp.yaml", "bind: {ak: {file: pipe}}\n")
    with pytest.raises(ConfigError, match="pipe is no regular file"):
        clone.trust()


def test_a_file_that_everybody_can_write_is_not_trusted(clone: Clone) -> None:
    clone.trust()
    clone.file.chmod(0o666)
    assert clone.why_ignored() == "it can be written by everybody (chmod o-w)"
    clone.file.chmod(0o644)
    clone.folder.chmod(0o777)
    assert "lies in a directory that can be written by everybody" in clone.why_ignored()


def test_the_persons_own_file_must_be_theirs_alone(clone: Clone) -> None:
    own = write_settings(clone.home, "policy: {read_only: true}\n")
    own.chmod(0o646)
    with pytest.raises(ConfigError, match="can be written by everybody") as caught:
        clone.load()
    assert str(own) in str(caught.value)


@pytest.mark.parametrize(
    ("user", "group", "mode", "fault"),
    [
        (os.geteuid(), os.getegid(), stat.S_IFREG | 0o664, ""),
        (0, 0, stat.S_IFREG | 0o644, ""),
        (0, 0, stat.S_IFDIR | 0o1777, ""),
        (os.geteuid(), os.getegid(), stat.S_IFDIR | 0o777, "by everybody"),
        (os.geteuid(), os.getegid() + 1, stat.S_IFREG | 0o664, "by its whole group"),
        (os.geteuid() + 1, os.getegid(), stat.S_IFREG | 0o600, "belongs to another user"),
    ],
)
def test_who_could_change_a_file_decides_whether_it_may_count(
    user: int, group: int, mode: int, fault: str
) -> None:
    found = os.stat_result((mode, 1, 1, 1, user, group, 0, 0, 0, 0))
    assert fault in fault_of(found)
    assert bool(fault) == bool(fault_of(found))


@pytest.mark.parametrize("name", ["OPSMCP_STATE_DIR", "XDG_STATE_HOME", "HOME"])
def test_what_is_trusted_is_not_kept_where_somebody_happens_to_stand(
    clone: Clone, name: str
) -> None:
    clone.trust()
    record = clone.home / ".local" / "state" / "opsmcp" / "trusted.json"
    for place in ("state", "state/opsmcp", ".local/state/opsmcp"):
        clone.write(f"{place}/trusted.json", record.read_text("utf-8"))
    record.unlink()
    value = {"HOME": "."}.get(name, "state")
    elsewhere = {name: value, "XDG_CONFIG_HOME": str(clone.home / "config")}
    assert not any(use.used for use in clone.load(**elsewhere).settings_files)


def test_a_state_directory_of_somebody_else_trusts_nothing(clone: Clone) -> None:
    clone.trust()
    state = clone.home / ".local" / "state" / "opsmcp"
    state.chmod(0o777)
    assert "can be written by everybody" in clone.why_ignored()
    state.chmod(0o700)
    (state / "trusted.json").write_text('{"version": 1, "files": []}', "utf-8")
    assert "what is trusted cannot be read" in clone.why_ignored()


def test_a_relative_directory_of_settings_is_none(clone: Clone) -> None:
    clone.write("config/opsmcp/opsmcp.yaml", "server: {port: 9}\n")
    assert clone.load(XDG_CONFIG_HOME="config").server.port == 8765


def test_standing_beside_ones_own_file_is_no_finding(clone: Clone) -> None:
    own = write_settings(clone.home, "server: {port: 1}\n")
    config = load(clone.environ, cwd=own.parent)
    assert (config.server.port, [use.used for use in config.settings_files]) == (1, [True])


def test_standing_beside_ones_own_file_by_another_path_is_no_finding(
    clone: Clone, tmp_path: Path
) -> None:
    own = write_settings(clone.home, "server: {port: 1}\n")
    (tmp_path / "link").symlink_to(clone.home)
    config = load(clone.environ | {"HOME": str(tmp_path / "link")}, cwd=own.parent)
    assert (config.server.port, [use.used for use in config.settings_files]) == (1, [True])


def test_a_working_directory_that_cannot_be_searched_is_passed_over(tmp_path: Path) -> None:
    config = load({"HOME": str(tmp_path)}, cwd=tmp_path / ("x" * 300))
    assert [use.why for use in config.settings_files] == ["it cannot be read: File name too long"]


@pytest.mark.parametrize("setting", ["hosts: {ssh_config: auto}", "hosts: {files: [hosts.yaml]}"])
def test_what_may_be_reached_is_not_said_by_a_directory(clone: Clone, setting: str) -> None:
    clone.write("hosts.yaml", "kind: Host\nmetadata: {name: web1}\n")
    clone.write("opsmcp.yaml", setting + "\n")
    clone.trust()
    with pytest.raises(ConfigError, match=r"hosts\.\w+: not in the opsmcp.yaml of a directory"):
        clone.load()
    clone.write("opsmcp.yaml", "tools: {limit: 7}\n")
    clone.trust()
    given = clone.load(OPSMCP_HOSTS_FILES="hosts.yaml", OPSMCP_HOSTS_SSH_CONFIG="auto").hosts
    assert given.files == (clone.folder / "hosts.yaml",)
    assert given.ssh_config == "auto"


def test_a_file_of_hosts_that_is_not_there_is_refused(clone: Clone) -> None:
    with pytest.raises(ConfigError, match=r"hosts\.files: .*none.* is no file or directory"):
        clone.load(OPSMCP_HOSTS_FILES="none")
