"""Which machines a run may use: this one, and those of the inventory."""

from collections.abc import Mapping

from opsmcp_pipelines.embedded.engine.local_machine import LocalMachine
from opsmcp_pipelines.embedded.engine.machine import Machine
from opsmcp_pipelines.embedded.engine.remote_machine import Connections, RemoteMachine
from opsmcp_pipelines.embedded.host_choice import group_hosts, may_be_many
from opsmcp_pipelines.embedded.loader import LOCAL_HOST, runs_here
from opsmcp_pipelines.many_hosts import named_hosts
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
        self._groups = group_hosts(hosts)
        self._connections = connections

    def find(self, task: Task, host: str) -> tuple[Machine, ...]:
        """Where `task` runs, by what it says itself, or else by `host`; nowhere if not here."""
        named = task.host or host
        found = named_hosts(named, (LOCAL_HOST, *self._hosts), self._groups)
        if len(found) > 1 and not may_be_many(task):
            return ()
        if not found:
            return (self._here(),) if runs_here(named) else ()
        as_root = task.labels.get(SUDO_LABEL) == "true"
        return tuple(self._machine(one, as_root=as_root, of=len(found)) for one in found)

    def _here(self) -> Machine:
        self._local.get_ready()  # it is there when the first step is
        return self._local

    def _machine(self, name: str, *, as_root: bool, of: int) -> Machine:
        if name == LOCAL_HOST:
            return self._here()
        target = self._hosts[name].target
        return RemoteMachine(target, self._connections, as_root=as_root, of=of)
