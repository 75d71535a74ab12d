"""What an inventory may say of a host: names and addresses that no program takes for more. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.kinds.table import canonical
from opsmcp_pipelines.models import BadHost
from opsmcp_pipelines.ssh.target import SshTarget

__all__ = ["BadField", "HostFile", "SshHost", "is_host_name", "is_label", "make_target"]

_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}\$?")
_ADDRESS = re.compile(r"[0-9A-Za-z_](?:[0-9A-Za-z_.:%-]{0,252}[0-9A-Za-z_])?")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_./-]{0,125}[A-Za-z0-9])?")
_MAX_PORT = 65_535
_NO_LABELS: Mapping[str, str] = MappingProxyType({})


class BadField(Exception):
    """Something that is said of a host cannot be used.

    Attributes:
        field: Which argument of `make_target` it is.
        fault: What is wrong with it, in words that follow its name.
    """

    def __init__(self, field: str, fault: str) -> None:
        """Keep both."""
        super().__init__(f"{field} {fault}")
        self.field = field
        self.fault = fault


@dataclass(frozen=True, slots=True)
class SshHost:
    """A host that ssh can be asked for; `origin` is the file that names it, with the line.

    `groups` are those of an inventory of Ansible that it belongs to.
    """

    target: SshTarget
    labels: Mapping[str, str] = field(default_factory=lambda: _NO_LABELS)
    origin: str = ""
    groups: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What it is called here, and what ssh is asked for."""
        return self.target.name


@dataclass(frozen=True, slots=True)
class HostFile:
    """What a file holds."""

    hosts: tuple[SshHost, ...] = ()
    problems: tuple[BadHost, ...] = ()


def is_host_name(name: str) -> bool:
    """Whether it is a name that a caller can give, and so none that a program takes for more."""
    return canonical(Kind.HOST, name) == name


def is_label(text: str) -> bool:
    """Whether it may be the key or the value of a label."""
    return _LABEL.fullmatch(text) is not None


def make_target(name: str, *, address: str, port: str, user: str, key_file: str) -> SshTarget:
    """How ssh is called for a host; an empty text leaves it to the person's configuration.

    Raises:
        BadField: One cannot be used.
    """
    return SshTarget(
        name,
        address=_matching("address", address, _ADDRESS, "must be an address or a name"),
        port=_port(port),
        user=_matching("user", user, _USER, "must be a name of an account"),
        key_file=_key_file(key_file),
    )


def _matching(field: str, text: str, pattern: re.Pattern[str], fault: str) -> str:
    if text and not pattern.fullmatch(text):
        raise BadField(field, fault)
    return text


def _port(text: str) -> int:
    if not text:
        return 0
    port = int(text) if text.isascii() and text.isdecimal() and len(text) <= 5 else 0
    if not 0 < port <= _MAX_PORT:
        raise BadField("port", "must be a number from 1 to 65535")
    return port


def _key_file(text: str) -> str:
    # ssh expands what begins with a tilde, and percent signs everywhere.
    if text and (not text.startswith(("/", "~/")) or "%" in text or not text.isprintable()):
        raise BadField("key_file", "must begin with / or ~/, and hold no %")
    return text
