"""The hosts that ssh can be asked for: those of files, and names of a configuration, merged.

A later file replaces a host of the same name; a configuration only adds names. Whatever cannot be
read keeps the hosts that it had, and says so. Makes no connection.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import anyio

from opsmcp_pipelines.models import BadHost
from opsmcp_pipelines.ssh.file_reader import ASK_AGAIN_SECONDS, HostFileReader
from opsmcp_pipelines.ssh.host_fields import SshHost
from opsmcp_pipelines.ssh.named_hosts import HostSettings, Inventory
from opsmcp_pipelines.ssh.ssh_config import read_ssh_config

__all__ = ["InventoryReader"]

_MAX_HOSTS = 5000
_LOCAL = frozenset({"localhost", "all"})
"""Names that mean something else here."""


class InventoryReader:
    """Reads again and again; a file only when it changed. `read` blocks: call it in a thread."""

    def __init__(
        self, settings: HostSettings, home: Path, again_seconds: float = ASK_AGAIN_SECONDS
    ) -> None:
        """Read nothing yet; Ansible may be asked again after so long."""
        self._settings = settings
        self._home = home
        self._files = [HostFileReader(path, again_seconds) for path in settings.files]
        self._named: tuple[SshHost, ...] = ()
        self._asking = False

    def read(self, at: Callable[[Path], None]) -> Inventory:
        """What there is now.

        Args:
            at: Told of every file before it is touched. An `OSError` that it raises counts as one
                of reading it.
        """
        hosts: dict[str, SshHost] = {}
        problems: list[BadHost] = []
        unread: list[str] = []
        for file in self._files:
            found, why = file.read(at)
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

    async def ask_ansible(self, environ: Mapping[str, str]) -> bool:
        """Ask for what was not asked for since it changed; whether there was anything.

        What it answers is there when `read` is called the next time.
        """
        return await _ask([file for file in self._files if file.lacks_answer], environ)

    async def ask_again(self, environ: Mapping[str, str]) -> None:
        """Ask for what was not asked for lately."""
        if not self._asking:
            self._asking = True
            try:
                await _ask([file for file in self._files if file.is_old], environ)
            finally:
                self._asking = False

    @property
    def is_old(self) -> bool:
        """Whether there is something to ask for again."""
        return not self._asking and any(file.is_old for file in self._files)

    def _with_config(self, host: SshHost) -> SshHost:
        """The same, with the configuration that was named in place of the usual ones."""
        settings = self._settings
        if settings.ssh_config is None or settings.usual:
            return host
        return replace(host, target=replace(host.target, config=str(settings.ssh_config)))

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


async def _ask(files: Sequence[HostFileReader], environ: Mapping[str, str]) -> bool:
    async with anyio.create_task_group() as group:
        for file in files:
            group.start_soon(file.ask, environ)
    return bool(files)


def _replaced(before: SshHost | None, host: SshHost) -> list[BadHost]:
    if before is None:
        return []
    return [BadHost(host.name, f"{before.origin}: replaced by {host.origin}")]


def _reserved(host: SshHost) -> BadHost:
    return BadHost(host.name, f"{host.origin}: a host cannot be called {host.name}")
