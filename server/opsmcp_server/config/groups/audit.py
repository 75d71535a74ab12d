"""`audit` of the settings: where the audit trail is, what it decides, and where it goes as well."""

import re
import socket
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from opsmcp_server.config.schema import Flag, Group, Means, whole

__all__ = ["Audit"]

_REPLICA = re.compile(r"[A-Za-z0-9._-]{0,100}")
_OTHER = re.compile(r"[^A-Za-z0-9._-]")
_MOST_PORT = 65_535


def _replica(value: str) -> str:
    if not _REPLICA.fullmatch(value):
        raise ValueError("no name for a file")
    return value


def _place(value: str) -> str:
    if value == "stdout":
        return value
    parts = urlsplit(value)
    if not parts.hostname or parts.username is not None or parts.query or parts.fragment:
        raise ValueError("no place to copy to")
    if parts.scheme in ("tcp", "tls"):
        if parts.path or not parts.port:
            raise ValueError("no address of a syslog receiver")
    elif parts.scheme not in ("http", "https") or not parts.path.strip("/"):
        raise ValueError("no place to copy to")
    if parts.port is not None and not 0 < parts.port <= _MOST_PORT:
        raise ValueError("no port")
    return value


def _certificates(path: Path | None) -> Path | None:
    if path is not None:
        import ssl  # most starts send nothing over TLS

        try:
            ssl.create_default_context(cafile=path)
        except OSError as error:
            raise ValueError("no certificates") from error
    return path


class Audit(Group):
    """The audit trail: see [audit](audit.md). Not from the `opsmcp.yaml` of a directory."""

    enabled: Flag = True
    """Whether it is written."""
    required: Flag = True
    """Whether nothing is started whose line cannot be written. Otherwise it is started, and the
    line follows as soon as it can be written, with an `audit.gap` before it."""
    dir: Annotated[Path | None, Means("a directory")] = None
    """Directory of its files. Empty: `audit` in `state.dir`."""
    replica: Annotated[
        str,
        AfterValidator(_replica),
        Means("a name of at most 100 letters, digits, '.', '_' and '-'"),
    ] = ""
    """The name of this replica in the names of the files, one chain each. Empty: the host's."""
    keep_days: Annotated[int, whole(1, 36_500)] = 400
    """How many files stay, one of each day on which something was written. Counted, because a clock
    that is wrong must not empty a trail."""
    key_file: Annotated[Path | None, Means("a file")] = None
    """File of the private key that signs checkpoints (Ed25519, PEM); made with its first use.
    Empty: `audit.key` in `state.dir`. Steps of the embedded engine run as the same user and can
    read it there."""
    copy_to: Annotated[
        tuple[Annotated[str, AfterValidator(_place)], ...],
        Means(
            "a list of stdout, tcp://HOST:PORT, tls://HOST:PORT and https://HOST/v1/logs (or http)"
        ),
    ] = ()
    """Where the lines go as well: `stdout` (in `opsmcp serve` only), a syslog receiver (`tcp://` or
    `tls://`, RFC 5424), or a receiver of OpenTelemetry logs (`https://HOST:4318/v1/logs`). Best
    effort, at most 10,000 lines wait for each."""
    ca_file: Annotated[
        Path | None, AfterValidator(_certificates), Means("a file of certificates (PEM)")
    ] = None
    """Certificates (PEM) that `tls://` and `https://` receivers are checked against. Empty: those
    of this machine."""

    def replica_name(self) -> str:
        """The setting `replica`, or the name of this host as far as a file can have it."""
        return self.replica or _OTHER.sub("-", socket.gethostname())[:100] or "host"
