"""`ops`, `embedded`, `hosts`, `files`, `discovery` of the settings: where operations come from."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from opsmcp_server.config.schema import (
    DIRECTORY,
    NO_SECRET,
    Address,
    Flag,
    Group,
    LeadsTo,
    Means,
    Secret,
    seconds_within,
    whole,
)

__all__ = ["Discovery", "Embedded", "Files", "Hosts", "Ops"]

_Phases = Annotated[float, seconds_within(0.1, 600)]


class Ops(Group):
    """The Ops server that operations come from."""

    server: Address = ""
    """Address of the Ops server, for example `https://ops.example.com`. Empty: the embedded engine
    runs the operations."""
    token: Secret = NO_SECRET
    """Bearer token for the Ops server. Empty: none is sent. A secret: keep it in the environment
    rather than in a file."""
    namespace: Annotated[tuple[str, ...], Field(min_length=1), Means("a list of namespaces")] = (
        "ops-system",
    )
    """Namespaces whose pipelines, tasks and hosts are used. With several, a tool's name begins with
    its namespace."""
    connect_seconds: _Phases = 5.0
    """How long opening a connection may take. A server that is there answers far sooner."""
    read_seconds: _Phases = 20.0
    """How long one answer may take. Ops falls silent for a minute when Kubernetes does; waiting for
    that would hold up everything behind it."""
    run_events: Flag = True
    """Whether the events of the Ops server are listened to while a pipeline run is followed, so
    that its end is seen at once ([events](events.md#the-end-of-a-pipeline-run)). They only say when
    to look."""

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The setting `namespace`, by what it holds."""
        return self.namespace


class Embedded(Group):
    """The embedded engine, used when `ops.server` is empty."""

    manifests: Annotated[
        tuple[Path, ...], DIRECTORY, Means("a list of directories that exist")
    ] = ()
    """Directories of Ops manifests (YAML) to run beside the bundled ones; read again when files
    change. A relative one counts from the working directory, or from the file that names it."""
    bundled: Flag = True
    """Whether the operations that ship with opsmcp are there."""
    step_seconds: Annotated[float, seconds_within(1, 86400)] = 600.0
    """How long one step may run when its author set no `timeoutSeconds`. Then it is killed with
    everything it started."""


class Hosts(Group):
    """The hosts that the embedded engine reaches through your own `ssh`."""

    files: Annotated[
        tuple[Path, ...],
        # An inventory of Ansible may be a directory.
        LeadsTo(Path.exists, "no file or directory"),
        Means("a list of files that exist"),
    ] = ()
    """Files of Ops Hosts (YAML), and inventories of Ansible (any other file, or a directory), read
    again when they change; a later one replaces hosts of an earlier one. A relative one counts from
    the working directory, or from the file that names it. Not from the `opsmcp.yaml` of a
    directory."""
    ssh_config: Annotated[
        str,
        Field(max_length=4096),
        LeadsTo(words=frozenset({"none", "auto"})),
        Means("none, auto or a file"),
    ] = "none"
    """Where further names come from: the `Host` lines of a configuration of ssh, without patterns.
    `auto`: that of `~/.ssh/config`. A file: ssh is told to use it. `none`: no names."""
    at_once: Annotated[int, whole(1, 64)] = 16
    """On how many hosts one run works at a time. Of those behind one jump host, and of those with
    one address and port, it is 8: sshd refuses logins beyond its `MaxStartups`."""
    canary: Annotated[int, whole(0, 500)] = 1
    """How many hosts go first where a run changes something on several. The others begin when it
    succeeded on all of those. 0: none goes first."""
    stop_after: Annotated[int, whole(0, 500)] = 1
    """After so many hosts on which it did not succeed, a run that changes something begins on no
    more; those that are left are named as skipped. 0: it never stops."""


class Files(Group):
    """The files that steps of the embedded engine move."""

    dir: Annotated[Path | None, DIRECTORY, Means("a directory that exists")] = None
    """The one directory that files are sent from, by a name below it, and fetched into, below the
    names of the run and of the host. A relative one counts from the working directory, or from the
    file that names it. Without it, operations that move files are withheld."""


class Discovery(Group):
    """How often the source is read."""

    interval_seconds: Annotated[float, seconds_within(1, 86400)] = 30.0
    """Time between two reads of the catalogue, varied by a tenth so that several servers do not
    read at the same moment. A read that finds nothing new costs little."""
