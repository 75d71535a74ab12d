"""Files of Hosts, as Ops has them -> hosts for ssh, and what is wrong with the others. Pure.

The format is that of the Ops custom resource `Host` (api/v1/host_types.go). Of its fields `name`,
`labels`, `address`, `port`, `username` and `privateKeyPath` are read. A host with a password or a
key in the file is withheld, and neither is kept or shown.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from opsmcp_pipelines.models import BadHost
from opsmcp_pipelines.ssh.target import SshTarget
from opsmcp_pipelines.yaml_nodes import (
    ListNode,
    MapNode,
    Node,
    TextNode,
    YamlProblem,
    line_in,
    map_in,
    map_of,
    read_documents,
    text_in,
)

__all__ = ["MAX_HOST_FILE_BYTES", "HostFile", "SshHost", "is_host_name", "parse_hosts"]

MAX_HOST_FILE_BYTES = 4 * 1024 * 1024
"""The largest file of hosts that is read."""

_NAME = re.compile(r"_?[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*(?:\._?[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*)*")
_MAX_NAME_CHARS = 253
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}\$?")
_ADDRESS = re.compile(r"[0-9A-Za-z_](?:[0-9A-Za-z_.:%-]{0,252}[0-9A-Za-z_])?")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_./-]{0,125}[A-Za-z0-9])?")
_MAX_LABELS = 64
_MAX_PORT = 65_535
_SECRETS: Mapping[str, str] = MappingProxyType(
    {
        "password": "a password",
        "privateKey": "a private key",
        "secretRef": "a reference to a Secret, which only a cluster has",
    }
)


@dataclass(frozen=True, slots=True)
class SshHost:
    """A host that ssh can be asked for; `origin` is the file that names it, with the line."""

    target: SshTarget
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    origin: str = ""

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
    """Whether it is a name that ssh can be asked for, and that no program takes for an option."""
    return len(name) <= _MAX_NAME_CHARS and _NAME.fullmatch(name) is not None


def parse_hosts(text: str, path: str) -> HostFile:
    """Read every Host of a file; one that is bad does not cost the others.

    Args:
        text: The content of the file.
        path: How it is called in messages.
    """
    hosts: list[SshHost] = []
    problems: list[BadHost] = []
    for document in read_documents(text):
        for node in _members(document):
            name = ""
            try:
                if isinstance(node, YamlProblem):
                    raise node
                fields = map_of(node, "a document")
                name = text_in(map_in(fields, "metadata"), "name")
                hosts.append(_read_host(fields, name, path))
            except YamlProblem as problem:
                reason = f"{path}:{problem.line}: {problem.reason}"
                problems.append(BadHost(name if is_host_name(name) else "", reason))
    return HostFile(tuple(hosts), tuple(problems))


def _members(document: Node | YamlProblem) -> Iterator[Node | YamlProblem]:
    """The document, or what it lists: `kubectl get hosts -o yaml` prints one list of all."""
    items = document.fields.get("items") if isinstance(document, MapNode) else None
    if isinstance(items, ListNode):
        yield from items.items
    else:
        yield document


def _read_host(document: MapNode, name: str, path: str) -> SshHost:
    if text_in(document, "kind") != "Host":
        raise YamlProblem(document.line, "this is no Host: `kind: Host` and a `metadata.name`")
    if not is_host_name(name):
        raise YamlProblem(document.line, "metadata.name must be a host name")
    spec = map_in(document, "spec")
    for key, what in _SECRETS.items():
        if found := _present(spec, key):
            raise YamlProblem(
                found.line,
                f"{name} has {what} in a file: use an agent, or a key file (privateKeyPath)",
            )
    target = SshTarget(
        name,
        address=_matching(spec, "address", _ADDRESS, "an address or a name"),
        port=_port(spec),
        user=_matching(spec, "username", _USER, "a name of an account"),
        key_file=_key_file(spec),
    )
    return SshHost(target, _labels(map_in(document, "metadata")), f"{path}:{document.line}")


def _labels(metadata: MapNode) -> Mapping[str, str]:
    labels = map_in(metadata, "labels")
    found: dict[str, str] = {}
    for key, node in labels.fields.items():
        text = node.text if isinstance(node, TextNode) else ""
        if not _LABEL.fullmatch(key) or (text and not _LABEL.fullmatch(text)):
            raise YamlProblem(node.line, f"the label {key[:80]!r} or its value cannot be used")
        found[key] = text
    if len(found) > _MAX_LABELS:
        raise YamlProblem(labels.line, f"more than {_MAX_LABELS} labels")
    return MappingProxyType(found)


def _port(spec: MapNode) -> int:
    text = text_in(spec, "port")
    if not text:
        return 0
    port = int(text) if text.isascii() and text.isdecimal() and len(text) <= 5 else 0
    if not 0 < port <= _MAX_PORT:
        raise YamlProblem(line_in(spec, "port"), "port must be a number from 1 to 65535")
    return port


def _key_file(spec: MapNode) -> str:
    text = text_in(spec, "privateKeyPath")
    # ssh expands what begins with a tilde, and percent signs everywhere.
    if text and (not text.startswith(("/", "~/")) or "%" in text or not text.isprintable()):
        raise YamlProblem(line_in(spec, "privateKeyPath"), "privateKeyPath must begin with / or ~/")
    return text


def _matching(spec: MapNode, key: str, pattern: re.Pattern[str], what: str) -> str:
    text = text_in(spec, key)
    if text and not pattern.fullmatch(text):
        raise YamlProblem(line_in(spec, key), f"{key} must be {what}")
    return text


def _present(spec: MapNode, key: str) -> Node | None:
    node = spec.fields.get(key)
    empty = isinstance(node, TextNode) and not node.text
    return None if empty else node
