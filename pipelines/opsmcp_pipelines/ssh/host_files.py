"""Files of Hosts, as Ops has them -> hosts for ssh, and what is wrong with the others. Pure.

The format is that of the Ops custom resource `Host` (api/v1/host_types.go). Of its fields `name`,
`labels`, `address`, `port`, `username` and `privateKeyPath` are read. A host with a password or a
key in the file is withheld, and neither is kept or shown.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from opsmcp_pipelines.models import BadHost
from opsmcp_pipelines.ssh.host_fields import (
    BadField,
    HostFile,
    SshHost,
    is_host_name,
    is_label,
    make_target,
)
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

__all__ = ["MAX_HOST_FILE_BYTES", "parse_hosts"]

MAX_HOST_FILE_BYTES = 4 * 1024 * 1024
"""The largest file of hosts that is read."""

_MAX_LABELS = 64
_KIND = re.compile(r"^kind\s*:", re.MULTILINE)
"""In a file that is no YAML: what it was meant to be."""

_KEYS: Mapping[str, str] = MappingProxyType(
    {
        "address": "address",
        "port": "port",
        "user": "username",
        "key_file": "privateKeyPath",
    }
)
_SECRETS: Mapping[str, str] = MappingProxyType(
    {
        "password": "a password",
        "privateKey": "a private key",
        "secretRef": "a reference to a Secret, which only a cluster has",
    }
)


def parse_hosts(text: str, path: str) -> HostFile | None:
    """Read every Host of a file; one that is bad does not cost the others. None if it has none.

    Args:
        text: The content of the file.
        path: How it is called in messages.
    """
    hosts: list[SshHost] = []
    problems: list[BadHost] = []
    documents = tuple(read_documents(text))
    if not _mean_resources(documents, text):
        return None
    for document in documents:
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


def _mean_resources(documents: Sequence[Node | YamlProblem], text: str) -> bool:
    """Whether the author meant resources; without `kind` it is something else."""
    return (
        not documents
        or any(isinstance(one, MapNode) and "kind" in one.fields for one in documents)
        or _KIND.search(text) is not None
    )


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
    return SshHost(
        _target(spec, name), _labels(map_in(document, "metadata")), f"{path}:{document.line}"
    )


def _target(spec: MapNode, name: str) -> SshTarget:
    try:
        return make_target(name, **{field: text_in(spec, key) for field, key in _KEYS.items()})
    except BadField as bad:
        key = _KEYS[bad.field]
        raise YamlProblem(line_in(spec, key), f"{key} {bad.fault}") from None


def _labels(metadata: MapNode) -> Mapping[str, str]:
    labels = map_in(metadata, "labels")
    found: dict[str, str] = {}
    for key, node in labels.fields.items():
        text = node.text if isinstance(node, TextNode) else ""
        if not is_label(key) or (text and not is_label(text)):
            raise YamlProblem(node.line, f"the label {key[:80]!r} or its value cannot be used")
        found[key] = text
    if len(found) > _MAX_LABELS:
        raise YamlProblem(labels.line, f"more than {_MAX_LABELS} labels")
    return MappingProxyType(found)


def _present(spec: MapNode, key: str) -> Node | None:
    node = spec.fields.get(key)
    empty = isinstance(node, TextNode) and not node.text
    return None if empty else node
