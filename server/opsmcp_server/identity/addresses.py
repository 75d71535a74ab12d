"""The address that a request came from, as far as it can be known.

What proxies say is believed only of those that are named, and only the last address that is none of
theirs: everything before it, the client wrote itself.
"""

import ipaddress
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from opsmcp_server.calls.callers import ADDRESS

__all__ = ["Located", "Network", "address_of", "networks_of"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MOST_HOPS = 20


class Located:
    """An ASGI middleware: whatever is behind it finds the address in the scope of a request."""

    def __init__(self, app: ASGIApp, proxies: Sequence[Network]) -> None:
        """Stand before `app`; `proxies` are believed when they say for whom they ask."""
        self._app, self._proxies = app, proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http":
            scope[ADDRESS] = address_of(scope, self._proxies)
        await self._app(scope, receive, send)


def networks_of(texts: Sequence[str]) -> tuple[Network, ...]:
    """The networks of `server.trusted_proxies`, which were checked when they were read."""
    return tuple(ipaddress.ip_network(text) for text in texts)


def address_of(scope: Scope, proxies: Sequence[Network]) -> str:
    """What limits are counted by: an address, of IPv6 its /64; empty where there is none."""
    client = scope.get("client")
    address = _parse(client[0]) if client else None
    if address is not None and _is_in(address, proxies):
        said = Headers(scope=scope).getlist("x-forwarded-for")
        hops = ",".join(said).split(",")[-_MOST_HOPS:]
        for hop in reversed(hops):
            before = _parse(hop.strip())
            if before is None:
                break
            address = before
            if not _is_in(before, proxies):
                break
    return _shortened(address) if address is not None else ""


def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _is_in(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, networks: Sequence[Network]
) -> bool:
    return any(address in network for network in networks)


def _shortened(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))
