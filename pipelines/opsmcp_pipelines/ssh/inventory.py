"""The hosts that ssh can be asked for: files of Hosts, and the names of a configuration, merged.

A later file replaces a host of the same name; a configuration only adds names. Whatever cannot be
read keeps the hosts that it had, and says so. Makes no connection.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from opsmcp_pipelines.models import BadHost
from opsmcp_pipelines.regular_files import Signature, read_regular, sign
from opsmcp_pipelines.ssh.host_files import (
    MAX_HOST_FILE_BYTES,
    HostFile,
    SshHost,
    parse_hosts,
)
from opsmcp_pipelines.ssh.ssh_config import read_ssh_config

__all__ = ["HostSettings", "Inventory", "InventoryReader"]

_MAX_HOSTS = 5000
_LOCAL = frozenset({"localhost", "all"})
"""Names that mean something else here."""


@dataclass(frozen=True, slots=True)
class HostSettings:
    """Where hosts are named.

    `files` are files of Hosts, `ssh_config` a configuration of ssh whose names count, too; `usual`
    says that it is the one that ssh reads anyway.
    """

    files: tuple[Path, ...] = ()
    ssh_config: Path | None = None
    usual: bool = True


@dataclass(frozen=True, slots=True)
class Inventory:
    """What was read: hosts by name in their order, what cannot be used, what was not read."""

    hosts: Mapping[str, SshHost] = field(default_factory=lambda: MappingProxyType({}))
    problems: tuple[BadHost, ...] = ()
    unread: tuple[str, ...] = ()


class InventoryReader:
    """Reads again and again; a file only when it changed. `read` blocks: call it in a thread."""

    def __init__(self, settings: HostSettings, home: Path) -> None:
        """Read nothing yet."""
        self._settings = settings
        self._home = home
        self._files: dict[Path, tuple[Signature, HostFile]] = {}
        self._named: tuple[SshHost, ...] = ()

    def read(self, at: Callable[[Path], None]) -> Inventory:
        """What there is now.

        Args:
            at: Told of every file before it is touched. An `OSError` that it raises counts as one
                of reading it.
        """
        hosts: dict[str, SshHost] = {}
        problems: list[BadHost] = []
        unread: list[str] = []
        for path in self._settings.files:
            found, why = self._file(path, at)
            unread += [why] if why else []
            problems += found.problems
            for host in found.hosts:
                problems += _replaced(hosts.get(host.name), host)
                hosts[host.name] = host
        unread += self._read_names(hosts, at)
        problems += [_reserved(hosts.pop(name)) for name in sorted(_LOCAL & hosts.keys())]
        kept = {name: self._with_config(host) for name, host in list(hosts.items())[:_MAX_HOSTS]}
        if len(kept) < len(hosts):
            problems.append(BadHost("", f"more than {_MAX_HOSTS} hosts; the others were left out"))
        return Inventory(MappingProxyType(kept), tuple(problems), tuple(unread))

    def _with_config(self, host: SshHost) -> SshHost:
        """The same, with the configuration that was named in place of the usual ones."""
        settings = self._settings
        if settings.ssh_config is None or settings.usual:
            return host
        return replace(host, target=replace(host.target, config=str(settings.ssh_config)))

    def _file(self, path: Path, at: Callable[[Path], None]) -> tuple[HostFile, str]:
        known = self._files.get(path)
        try:
            at(path)
            signature = sign(path)
            if known is None or known[0] != signature:
                known = self._files[path] = signature, _parse(path)
        except (FileNotFoundError, NotADirectoryError):
            self._files.pop(path, None)
            return HostFile(problems=(BadHost("", f"{path}: there is no such file of hosts"),)), ""
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            said = f"the hosts of {path} cannot be read: {why}"
            return known[1] if known else HostFile(), said
        return known[1], ""

    def _read_names(self, hosts: dict[str, SshHost], at: Callable[[Path], None]) -> list[str]:
        """Add the names of the configuration."""
        path = self._settings.ssh_config
        if path is None:
            return []
        try:
            at(path)
            self._named = read_ssh_config(path, self._home)
        except (FileNotFoundError, NotADirectoryError):
            self._named = ()
        except OSError as error:
            return [f"the ssh configuration {path} cannot be read: {error.strerror}"]
        finally:
            for host in self._named:
                hosts.setdefault(host.name, host)
        return []


def _replaced(before: SshHost | None, host: SshHost) -> list[BadHost]:
    if before is None:
        return []
    return [BadHost(host.name, f"{before.origin}: replaced by {host.origin}")]


def _reserved(host: SshHost) -> BadHost:
    return BadHost(host.name, f"{host.origin}: a host cannot be called {host.name}")


def _parse(path: Path) -> HostFile:
    data = read_regular(path, MAX_HOST_FILE_BYTES + 1)
    if len(data) > MAX_HOST_FILE_BYTES:
        reason = f"{path}: larger than {MAX_HOST_FILE_BYTES} bytes"
        return HostFile(problems=(BadHost("", reason),))
    return parse_hosts(data.decode(), str(path))
