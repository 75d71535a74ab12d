"""Settings of the Ops server as a source, and what its address may look like.

Does no I/O. The numbers come from measurements: an Ops server answers within a tenth of a second;
after one second when its Kubernetes API refuses connections; after a minute when that is silent.
"""

from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

__all__ = ["OpsSettings", "parse_server"]

_API = "/api/v1"


@dataclass(frozen=True, slots=True)
class OpsSettings:
    """Where the Ops server is and how patient to be with it."""

    server: str
    """Address: `http://host:port` or `https://host`, also with a `/` or `/api/v1` at its end."""
    token: str = field(default="", repr=False)
    """Bearer token. Empty: none is sent."""
    namespaces: tuple[str, ...] = ("ops-system",)
    """Namespaces to read; Ops has no list over all of them."""
    connect_seconds: float = 5.0
    """How long opening a connection, or waiting for a free one, may take."""
    read_seconds: float = 20.0
    """How long the server may be silent. Beyond what a good one needs, below its own minute."""
    total_seconds: float = 60.0
    """How long a whole exchange may take, so that an answer that drips in has an end too."""
    max_body_bytes: int = 64 * 1024 * 1024
    """The largest answer that is read. Twenty runs may carry 1.5 MiB of output each."""
    page_size: int = 1000
    """Objects per page of a list. Ops reads everything for each page, so few are cheaper."""
    max_pages: int = 50
    """How many pages of one list are read before giving up."""
    connections: int = 16
    """Connections kept at most; further requests wait for one."""
    hears_runs: bool = True
    """Whether to listen to the events of pipeline runs while some are waited for."""

    def __post_init__(self) -> None:
        """Refuse what can never work.

        Raises:
            ValueError: The address, the token or the namespaces cannot be used.
        """
        parse_server(self.server)
        if not all(0x21 <= ord(char) <= 0x7E for char in self.token):
            raise ValueError("the token of the Ops server must be ASCII without spaces")
        if not self.namespaces:
            raise ValueError("at least one namespace of the Ops server is needed")


def parse_server(text: str) -> str:
    """The origin (`http://host:port`) of an Ops server's address.

    Raises:
        ValueError: It is not such an address; says what is expected, without repeating it, because
            people put passwords into addresses.
    """
    parts = _split(text.strip())
    if parts.path.rstrip("/") not in ("", _API) or parts.query or parts.fragment:
        raise ValueError(f"the address of the Ops server must end at the port or with {_API}")
    return f"{parts.scheme}://{parts.netloc}"


def _split(text: str) -> SplitResult:
    expected = "the address of the Ops server must be like http://host:port or https://host"
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ValueError(expected) from None
    if not usable or any(char.isspace() or not char.isprintable() for char in parts.netloc):
        raise ValueError(expected)
    if "@" in parts.netloc:
        raise ValueError(f"{expected}, without user and password; use the token")
    return parts
