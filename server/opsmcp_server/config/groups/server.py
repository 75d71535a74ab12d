"""`server`, `auth` and `limits` of the settings: `opsmcp serve`."""

import ipaddress
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from opsmcp_server.config.schema import (
    NO_SECRET,
    Group,
    Means,
    Names,
    Secret,
    number,
    seconds_within,
    web_address,
    whole,
)

__all__ = ["Auth", "Limits", "Server", "split_address"]


def _origin(value: str) -> str:
    """What a browser sends: extensions have schemes of their own, but a path stands in none."""
    parts = urlsplit(value)
    whole = parts.scheme and parts.hostname and "*" not in value and "@" not in value
    if not whole or value != f"{parts.scheme}://{parts.netloc}".lower():
        raise ValueError("not an origin")
    return value


def _public_url(value: str) -> str:
    """A web address without a final slash that can stand between quotes in a header."""
    quotable = value.isascii() and value.isprintable() and not set(value) & set('"\\')
    if not quotable or web_address(value) != value:
        raise ValueError("not an address")
    return value


def _network(value: str) -> str:
    ipaddress.ip_network(value)
    return value


def split_address(value: str) -> tuple[str, int]:
    """Host and port of an address to listen on; IPv6 addresses stand in brackets.

    Raises:
        ValueError: It is none.
    """
    parts = urlsplit(f"//{value}")
    if not parts.hostname or parts.port is None or parts.netloc != value or "@" in value:
        raise ValueError("not an address to listen on")
    return parts.hostname, parts.port


def _listen_address(value: str) -> str:
    if value:
        split_address(value)
    return value


class Server(Group):
    """`opsmcp serve`."""

    host: Annotated[str, Field(min_length=1, max_length=253), Means("an address or host name")] = (
        "127.0.0.1"
    )
    """Address to listen on. Anything but the loopback needs tokens."""
    port: Annotated[int, number(0, 65535, "a port")] = 8765
    """Port to listen on. 0: any free one."""
    token: Secret = NO_SECRET
    """Bearer token that all clients may share; everybody who has it is one principal, `token`. Once
    there is this one or a personal token, one is needed on every route of MCP. A secret."""
    public_url: Annotated[
        str,
        AfterValidator(_public_url),
        Means("an address such as https://ops.example.com, without /mcp and without a final slash"),
    ] = ""
    """The address that clients use, without `/mcp`; it may have a path. Tokens of `auth.oidc` are
    meant for it and `/mcp`. Its host is accepted like those of `server.allowed_hosts`."""
    trusted_proxies: Annotated[
        tuple[Annotated[str, AfterValidator(_network)], ...],
        Means("a list of networks such as 10.0.0.0/8"),
    ] = ()
    """Networks of proxies, such as `10.0.0.0/8`, whose `X-Forwarded-For` is believed: limits for
    addresses count the last address in it that is none of these."""
    allowed_hosts: Names = ()
    """Host headers to accept besides the address listened on, as `name` or `name:port`; needed
    behind a proxy, and for every name by which a server that listens on `0.0.0.0` or `::` is
    called. Others are refused, so that no web page can rebind its name to this server."""
    allowed_origins: Annotated[
        tuple[Annotated[str, AfterValidator(_origin)], ...],
        Means("a list of origins such as https://ops.example.com, without a path"),
    ] = ()
    """Origins of web pages that may call this server and read its answers, just as browsers send
    them. None by default: an Origin of this machine or of `server.host` passes the check, on any
    port, but its pages are not given what is answered."""
    metrics_address: Annotated[
        str, AfterValidator(_listen_address), Means("an address such as 127.0.0.1:9464")
    ] = ""
    """Where `/metrics`, `/healthz` and `/readyz` are served on a listener of their own, as
    `HOST:PORT`; nowhere when empty. Nobody needs a token there, so it belongs on a network that
    only Prometheus and the kubelet reach. See [observability](observability.md)."""
    shutdown_seconds: Annotated[float, seconds_within(0, 600)] = 5.0
    """How long running calls may take to end after the server was asked to stop."""


class Auth(Group):
    """Who gets into `opsmcp serve`."""

    oidc: Annotated[tuple[Any, ...], Means("a list of issuers")] = ()
    """The OpenID Connect issuers whose tokens are accepted, each a mapping of the keys that
    [identity](identity.md#openid-connect) has. In the file only."""
    tokens_file: Annotated[Path | None, Means("a file of tokens")] = None
    """A file of personal tokens (their hashes) beside those of `opsmcp token create`, in the same
    form; it is read only, and read again when it changes. See [identity](identity.md)."""


class Limits(Group):
    """How much one principal, or one address, may ask of `opsmcp serve`. 0: no limit."""

    requests_per_minute: Annotated[int, whole(0, 1_000_000)] = 600
    """Requests of one principal in a minute, a third of them at once. Beyond that 429."""
    calls_per_minute: Annotated[int, whole(0, 1_000_000)] = 120
    """Calls of tools by one principal in a minute, a third of them at once. Beyond that a call is
    answered with an error that says when to try again, which models understand."""
    unauthenticated_per_minute: Annotated[int, whole(0, 1_000_000)] = 60
    """Refused requests of one address (of IPv6 a /64) in a minute. Beyond that 429, before any
    token is looked at, unless a good one came from there within 10 minutes."""
    streams_per_principal: Annotated[int, whole(0, 100_000)] = 64
    """Streams that one principal has open at once. One more gets 429."""
