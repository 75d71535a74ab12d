"""The address that a request came from, as far as it can be known. Pure.

What proxies say is believed only of those that are named, and only the last address that is none of
theirs: everything before it, the client wrote itself.
"""

import ipaddress
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import Scope

__all__ = ["address_of", "networks_of"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MOST_HOPS = 20


def networks_of(texts: Sequence[str]) -> tuple[Network, ...]:
    """The networks of `server.trusted_proxies`.

    Raises:
        ValueError: One of them is none.
    """
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
