"""Which machines a run may use: this one, and those of the inventory."""

from collections.abc import Mapping

from opsmcp_pipelines.embedded.engine.local_machine import LocalMachine
from opsmcp_pipelines.embedded.engine.machine import Machine
from opsmcp_pipelines.embedded.engine.remote_machine import Connections, RemoteMachine
from opsmcp_pipelines.embedded.host_choice import HOSTS_LABEL, group_hosts
from opsmcp_pipelines.embedded.loader import runs_here
from opsmcp_pipelines.models import SUDO_LABEL, Task
from opsmcp_pipelines.ssh.host_fields import SshHost

__all__ = ["Machines"]


class Machines:
    """The machines of one run."""

    def __init__(
        self, local: LocalMachine, hosts: Mapping[str, SshHost], connections: Connections
    ) -> None:
        """Connect to nothing yet.

        Args:
            local: This machine.
            hosts: The inventory, by name.
            connections: What the connections of the run share.
        """
        self._local = local
        self._hosts = hosts
        self._connections = connections

    def find(self, task: Task, host: str) -> tuple[Machine, ...]:
        """Where `task` runs, by what it says itself, or else by `host`; nowhere if not here."""
        found = _find_hosts(self._hosts, task, host)
        if found is None:
            return (self._local,)
        as_root = task.labels.get(SUDO_LABEL) == "true"
        return tuple(RemoteMachine(one.target, self._connections, as_root=as_root) for one in found)


def _find_hosts(hosts: Mapping[str, SshHost], task: Task, host: str) -> tuple[SshHost, ...] | None:
    """The hosts of the inventory where `task` runs; None for this machine.

    Args:
        hosts: The inventory, by name.
        task: What is run. What it says of its host itself comes first.
        host: The value of the variable `host`.
    """
    named = task.host or host
    if named in hosts:
        return (hosts[named],)
    if task.labels.get(HOSTS_LABEL) == "many":
        group = group_hosts(hosts).get(named, ())
        if group:
            return tuple(hosts[name] for name in group)
    return None if runs_here(named) else ()
