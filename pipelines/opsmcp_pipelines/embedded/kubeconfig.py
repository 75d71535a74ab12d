"""The clusters of the embedded engine: the contexts of the user's kubeconfig.

Only names and server addresses are kept: certificates, tokens and users never leave `_read_files`.
Knows nothing of operations, and never calls kubectl or a cluster. The format and the merging rules
("first wins") are those of
https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/.
"""

import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import yaml

from opsmcp_pipelines.models import Cluster
from opsmcp_pipelines.regular_files import read_regular
from opsmcp_pipelines.untyped import mapping_of

__all__ = ["KubeInventory", "read_clusters"]

_log = logging.getLogger(__name__)

_MAX_FILE_BYTES = 1024 * 1024
_MAX_FILES = 32
_MAX_CONTEXTS = 2000
_MAX_NAME_CHARS = 253


@dataclass(frozen=True, slots=True)
class KubeInventory:
    """The clusters, sorted by name; `reason` says why there are none.

    `unread` is a file that is there and could not be read, which may be why.
    """

    clusters: tuple[Cluster, ...]
    reason: str = ""
    unread: str = ""


@dataclass(frozen=True, slots=True)
class _File:
    """What is kept of one kubeconfig, or of several merged: plain names and addresses."""

    current: str
    contexts: Mapping[str, str]
    servers: Mapping[str, str]


def read_clusters(environ: Mapping[str, str]) -> KubeInventory:
    """Read the contexts that kubectl would see, each as one cluster.

    A file that cannot be read or understood is passed over while another one has contexts.

    Args:
        environ: The environment of the steps: KUBECONFIG, HOME and PATH are looked at.
    """
    if shutil.which("kubectl", path=environ.get("PATH", "")) is None:
        return KubeInventory((), "kubectl is not on the PATH")
    read, unread = _read_files(_paths(environ))
    if not read:
        return KubeInventory((), "no kubeconfig: set KUBECONFIG or create ~/.kube/config")
    clusters = _clusters(_merge([file for file in read.values() if file is not None]))
    if clusters:
        return KubeInventory(clusters, unread=unread)
    broken = next((path for path, file in read.items() if file is None), None)
    if broken is not None:
        return KubeInventory((), f"the kubeconfig {broken} cannot be read", unread)
    return KubeInventory((), "the kubeconfig has no contexts")


def _paths(environ: Mapping[str, str]) -> list[Path]:
    listed = [part for part in environ.get("KUBECONFIG", "").split(":") if part]
    if listed:
        return [Path(part) for part in listed[:_MAX_FILES]]
    home = environ.get("HOME", "")
    return [Path(home, ".kube", "config")] if home else []


def _read_files(paths: Sequence[Path]) -> tuple[Mapping[Path, _File | None], str]:
    """Those that are there, None for what cannot be used; and which could not be read, if any."""
    read: dict[Path, _File | None] = {}
    unread = ""
    for path in paths:
        try:
            read[path] = _parse(_read_bounded(path))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            read[path] = None
            unread = f"the kubeconfig {path} cannot be read: {error.strerror}"
        except (yaml.YAMLError, RecursionError, _NotAKubeconfig):
            # Without the exception: its text may quote the file.
            read[path] = None
            _log.warning("kubeconfig %s cannot be read", path)
    return read, unread


class _NotAKubeconfig(Exception):
    """The file is no kubeconfig."""


def _read_bounded(path: Path) -> bytes:
    data = read_regular(path, _MAX_FILE_BYTES + 1)
    if len(data) > _MAX_FILE_BYTES:
        raise _NotAKubeconfig
    return data


def _parse(data: bytes) -> _File:
    # BaseLoader makes nothing but strings, lists and maps: safe, and a context may be named `no`.
    loaded: object = yaml.load(data, Loader=yaml.BaseLoader)
    document = mapping_of(loaded)
    if loaded is not None and document is not loaded:
        raise _NotAKubeconfig
    contexts = {
        name: _text(body.get("cluster")) for name, body in _named(document, "contexts", "context")
    }
    servers = {
        name: _without_credentials(_text(body.get("server")))
        for name, body in _named(document, "clusters", "cluster")
    }
    return _File(_text(document.get("current-context")), contexts, servers)


def _named(
    document: Mapping[Any, object], plural: str, singular: str
) -> Iterator[tuple[str, Mapping[Any, object]]]:
    """The usable entries of a list of `{name: ..., <singular>: {...}}`, first of a name last."""
    entries = document.get(plural)
    if not isinstance(entries, list):
        return
    for entry in reversed(cast("list[object]", entries)):
        name = _text(mapping_of(entry).get("name"))
        if name and name.isprintable() and len(name) <= _MAX_NAME_CHARS:
            yield name, mapping_of(mapping_of(entry).get(singular))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _without_credentials(server: str) -> str:
    """The address with scheme, host, port and path only; empty when it is none."""
    try:
        parts = urlsplit(server)
    except ValueError:
        return ""
    where = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{where}{parts.path}" if parts.scheme and where else ""


def _merge(files: Sequence[_File]) -> _File:
    contexts: dict[str, str] = {}
    servers: dict[str, str] = {}
    for file in reversed(files):
        contexts.update(file.contexts)
        servers.update(file.servers)
    current = next((file.current for file in files if file.current), "")
    return _File(current, contexts, servers)


def _clusters(merged: _File) -> tuple[Cluster, ...]:
    return tuple(
        Cluster(
            name=name,
            server=merged.servers.get(merged.contexts[name], ""),
            default=name == merged.current,
        )
        for name in sorted(merged.contexts)[:_MAX_CONTEXTS]
    )
