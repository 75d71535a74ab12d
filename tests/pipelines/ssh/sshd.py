"""Real sshd on loopback: each host a port of its own, in a directory of its own."""

import getpass
import os
import shutil
import signal
import subprocess
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.loopback import free_port
from tests.waiting import wait_until

SSHD = shutil.which("sshd") or shutil.which("/usr/sbin/sshd")

needs_sshd = pytest.mark.skipif(
    SSHD is None or shutil.which("ssh") is None,
    reason="no sshd here (Debian's openssh-server has it)",
)


@dataclass(frozen=True)
class Hosts:
    """Hosts that answer; `config` is the ssh configuration that knows them."""

    folder: Path
    ports: Mapping[str, int]

    @property
    def config(self) -> Path:
        return self.folder / "config"

    def configure(self, *, known: str = "known", key: str = "id", more: str = "") -> Path:
        """A configuration with another file of known hosts, or another key."""
        lines = [
            f"Host {name}\n HostName 127.0.0.1\n Port {port}\n User {getpass.getuser()}\n"
            f" IdentityFile {self.folder / key}\n IdentitiesOnly yes\n IdentityAgent none\n"
            f" UserKnownHostsFile {self.folder / known}\n GlobalKnownHostsFile /dev/null\n{more}"
            for name, port in self.ports.items()
        ]
        path = self.folder / f"config-{known}-{key}"
        path.write_text("".join(lines), encoding="utf-8")
        return path


@contextmanager
def running_sshd(
    folder: Path, *names: str, logins: str = "1000", within: Sequence[str] = (), more: str = ""
) -> Generator[Hosts]:
    """An sshd for each name, ended with the block.

    `logins` is its `MaxStartups`, `within` a command that starts it, `more` lines of its settings.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    for key in ("id", "stranger", "other", *names):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)]
        subprocess.run(command, check=True)
    shutil.copy(folder / "id.pub", folder / "authorized")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    hosts = Hosts(folder, {name: free_port() for name in names})
    for known, key in (("known", None), ("changed", "other")):
        lines = [
            f"[127.0.0.1]:{port} {(folder / f'{key or name}.pub').read_text()}"
            for name, port in hosts.ports.items()
        ]
        (folder / known).write_text("".join(lines), encoding="utf-8")
    hosts.configure().rename(hosts.config)
    try:
        for name in names:
            _start(hosts, name, f"MaxStartups {logins}\n{more}", within)
        _log_in(hosts, names[0])
        yield hosts
    finally:
        for name in names:
            _end(hosts, name)


def _start(hosts: Hosts, name: str, more: str, within: Sequence[str]) -> None:
    """Start it; it listens when this returns."""
    file = hosts.folder / f"{name}.sshd"
    file.write_text(
        f"ListenAddress 127.0.0.1\nPort {hosts.ports[name]}\nHostKey {hosts.folder / name}\n"
        f"AuthorizedKeysFile {hosts.folder / 'authorized'}\nUsePAM no\nStrictModes no\n"
        f"PidFile {_pid_file(hosts, name)}\nPermitRootLogin prohibit-password\n{more}",
        encoding="utf-8",
    )
    subprocess.run([*within, str(SSHD), "-f", str(file)], check=True)
    # It goes into the background first, listens then, and writes its pid when it does.
    wait_until(_pid_file(hosts, name).exists)


def _log_in(hosts: Hosts, name: str) -> None:
    """Skip the tests where this account may not log in here, whatever its key: a locked one."""
    command = ["ssh", "-F", str(hosts.config), "-oBatchMode=yes", "-oLogLevel=ERROR", name, "true"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "Permission denied" in done.stderr:
        pytest.skip(f"sshd lets nobody in here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr


def _end(hosts: Hosts, name: str) -> None:
    with suppress(FileNotFoundError, ProcessLookupError):
        os.kill(int(_pid_file(hosts, name).read_text()), signal.SIGTERM)


def _pid_file(hosts: Hosts, name: str) -> Path:
    return hosts.folder / f"{name}.pid"
