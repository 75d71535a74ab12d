"""One reading of everything that the embedded engine has: manifests and the kubeconfig.

A file that does not answer, on a hung network file system, is left behind after some seconds, and
not touched again for as long as somebody waits for it; the rest is read without it.
"""

import errno
import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from opsmcp_pipelines.catalogue import Contents, Problem
from opsmcp_pipelines.embedded.file_steps import refuse_files
from opsmcp_pipelines.embedded.host_choice import group_hosts, offer_hosts
from opsmcp_pipelines.embedded.kubeconfig import KubeInventory, read_clusters
from opsmcp_pipelines.embedded.library import Library
from opsmcp_pipelines.embedded.loader import LOCAL_HOST, NEEDS_LABEL, Loaded, withhold
from opsmcp_pipelines.errors import SourceUnavailable
from opsmcp_pipelines.models import Host, Operation, OperationKey, Pipeline
from opsmcp_pipelines.ssh.named_hosts import Inventory
from opsmcp_pipelines.watchdog import Progress, Stuck, run_watched

if TYPE_CHECKING:
    from opsmcp_pipelines.ssh.inventory import InventoryReader

__all__ = ["Reading", "WatchedReader"]

_FILE_SECONDS = 5.0
"""How long one file or directory may take. Reading goes on without it then."""

_MOST_HUNG = 8
"""So many hang before nothing is read at all: each costs a thread, and its time once."""

_EVERYTHING = Path()
"""What the work is at when all files were read."""

_KUBECONFIG = Path("kubeconfig")
"""Stands for all files of the kubeconfig."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read. `unread` says what could not be: it is shown as it was before."""

    loaded: Loaded
    kubernetes: KubeInventory
    inventory: Inventory = Inventory()
    unread: tuple[str, ...] = ()

    def contents(self, namespace: str, *, moves_files: bool = False) -> Contents:
        """What can be used of it, without what needs kubectl where that cannot be used.

        Args:
            namespace: That of the hosts.
            moves_files: Whether there is a directory of files.
        """
        kubernetes = self.kubernetes
        loaded = offer_hosts(
            _without_files(self.loaded, moves_files=moves_files), self.inventory.hosts
        )
        tasks = {task.key: task for task in loaded.tasks}
        users = {task.key for task in loaded.tasks if _needs_kubectl(task)}
        operations: tuple[Operation, ...] = (*loaded.pipelines, *loaded.tasks)
        reason = kubernetes.reason
        withheld = [op for op in operations if reason and _uses_kubectl(op, users)]
        left_out = {op.key for op in withheld}
        problems = [
            Problem(op.name, op.key.kind, reason, op.namespace, absent=True) for op in withheld
        ]
        here = Host(LOCAL_HOST, namespace, "127.0.0.1", socket.gethostname(), reachable=True)
        others = (
            Host(
                one.name,
                namespace,
                one.target.address,
                labels=one.labels,
                groups=one.groups,
                port=one.target.port,
                origin=one.origin,
            )
            for one in self.inventory.hosts.values()
        )
        return Contents(
            pipelines=tuple(found for found in loaded.pipelines if found.key not in left_out),
            tasks=tuple(task for key, task in tasks.items() if key not in left_out),
            clusters=kubernetes.clusters,
            hosts=(here, *others),
            host_groups=group_hosts(self.inventory.hosts),
            bad_hosts=self.inventory.problems,
            problems=(*loaded.problems, *problems),
            files=loaded.files,
            unread=self.unread,
            warnings=loaded.warnings,
        )


class WatchedReader:
    """Reads again and again."""

    def __init__(
        self,
        library: Library,
        environ: Mapping[str, str],
        hosts: "InventoryReader | None" = None,
        *,
        file_seconds: float = _FILE_SECONDS,
    ) -> None:
        """Read nothing yet.

        Args:
            library: The manifests.
            environ: The environment of the steps, which says where the kubeconfig is.
            hosts: The hosts that are reached by ssh.
            file_seconds: How long one file or directory may take.
        """
        self._library = library
        self._environ = environ
        self._hosts = hosts
        self._file_seconds = file_seconds
        self._hung: dict[Path, threading.Thread] = {}
        self._kubernetes = KubeInventory(())

    async def read(self) -> Reading:
        """Read what answers.

        Raises:
            SourceUnavailable: Too much does not.
        """
        self._hung = {path: thread for path, thread in self._hung.items() if thread.is_alive()}
        while len(self._hung) < _MOST_HUNG:
            try:
                reading = await self._read_all()
            except Stuck as stuck:
                if not isinstance(stuck.item, Path) or stuck.item == _EVERYTHING:
                    raise SourceUnavailable("the manifests were not read in time") from None
                _log.warning("%s does not answer; it is left out", stuck.item)
                self._hung[stuck.item] = stuck.thread
            else:
                self._kubernetes = reading.kubernetes
                return reading
        raise SourceUnavailable(f"{next(iter(self._hung))} and others do not answer")

    async def _read_all(self) -> Reading:
        """Everything; once more when Ansible had to be asked for some of it.

        Raises:
            Stuck: A file does not answer.
        """
        reading = await run_watched(self._read, _EVERYTHING, item_seconds=self._file_seconds)
        if self._hosts is not None and await self._hosts.ask_ansible(self._environ):
            reading = await run_watched(self._read, _EVERYTHING, item_seconds=self._file_seconds)
        return reading

    def _read(self, progress: Progress[Path]) -> Reading:
        at = partial(self._begin, progress.at)
        loaded = self._library.read(at)
        kubernetes, unread = self._read_clusters(at)
        inventory = self._hosts.read(at) if self._hosts else Inventory()
        missed = (*loaded.unread, *unread, *inventory.unread)
        return Reading(loaded, kubernetes, inventory, missed)

    def _read_clusters(self, at: Callable[[Path], None]) -> tuple[KubeInventory, tuple[str, ...]]:
        """The clusters, as they were before if they cannot be read."""
        try:
            at(_KUBECONFIG)
            found = read_clusters(self._environ)
        except TimeoutError as error:
            return self._kubernetes, (f"the kubeconfig cannot be read: {error.strerror}",)
        if found.unread:
            return self._kubernetes if self._kubernetes.clusters else found, (found.unread,)
        return found, ()

    def _begin(self, at: Callable[[Path], None], path: Path) -> None:
        """Let the watchdog know; or refuse what lies at or in something that hangs.

        Raises:
            TimeoutError: It would hang again.
        """
        if any(path.is_relative_to(place) for place in self._hung):
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        at(path)


def _without_files(loaded: Loaded, *, moves_files: bool) -> Loaded:
    """The same without those whose files cannot be moved."""
    faults = {task.key: refuse_files(task, has_directory=moves_files) for task in loaded.tasks}
    return withhold(loaded, {key: why for key, why in faults.items() if why})


def _needs_kubectl(operation: Operation) -> bool:
    return "kubectl" in operation.labels.get(NEEDS_LABEL, "").split(",")


def _uses_kubectl(operation: Operation, tasks: set[OperationKey]) -> bool:
    """Whether it needs kubectl itself, or by one of these tasks."""
    parts = operation.task_keys if isinstance(operation, Pipeline) else ()
    return _needs_kubectl(operation) or not tasks.isdisjoint(parts)
