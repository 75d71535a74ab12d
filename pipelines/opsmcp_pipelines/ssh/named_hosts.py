"""Where hosts are named, and what was read there: data alone, for those who name none as well."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from opsmcp_pipelines.models import BadHost

if TYPE_CHECKING:
    from opsmcp_pipelines.ssh.host_fields import SshHost

__all__ = ["HostSettings", "Inventory"]


@dataclass(frozen=True, slots=True)
class HostSettings:
    """Where hosts are named.

    `files` are files of Hosts or inventories of Ansible, `ssh_config` a configuration of ssh whose
    names count, too; `usual` says that it is the one that ssh reads anyway.
    """

    files: tuple[Path, ...] = ()
    ssh_config: Path | None = None
    usual: bool = True


@dataclass(frozen=True, slots=True)
class Inventory:
    """What was read: hosts by name in their order, what cannot be used, what was not read."""

    hosts: "Mapping[str, SshHost]" = field(default_factory=lambda: MappingProxyType({}))
    problems: tuple[BadHost, ...] = ()
    unread: tuple[str, ...] = ()
