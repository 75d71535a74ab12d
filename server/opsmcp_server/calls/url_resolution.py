"""Where the names in URLs lead: asked of the resolver at each call, judged by `addresses`.

The pure core cannot do this. A name that does not resolve here is let pass, because it may be one
of a cluster; a name that leads to a forbidden address, or that takes too long, is refused. What the
name leads to later, or where a web server sends on to, cannot be known here.
"""

import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

import anyio

from opsmcp_tools.arguments.check import CheckedCall
from opsmcp_tools.arguments.url_addresses import judge_address, literal_address
from opsmcp_tools.arguments.value_checks import hosts_named
from opsmcp_tools.model.errors import ArgumentProblem, InvalidArguments
from opsmcp_tools.model.tool import Input, Tool
from opsmcp_tools.phrases import argument as words

__all__ = ["check_resolved"]

_RESOLVE_SECONDS = 2.0

Address = IPv4Address | IPv6Address


async def _resolve(host: str) -> Sequence[Address]:
    try:
        found = await anyio.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return [ip_address(str(where[0]).partition("%")[0]) for *_, where in found]


async def check_resolved(
    tool: Tool,
    call: CheckedCall,
    *,
    resolve: Callable[[str], Awaitable[Sequence[Address]]] = _resolve,
    seconds: float = _RESOLVE_SECONDS,
) -> None:
    """Return when no URL of the call leads to an address that policy forbids.

    Args:
        tool: What is called.
        call: With what.
        resolve: The addresses of a name; none when it has none.
        seconds: How long all names of the call may take together.

    Raises:
        InvalidArguments: One does, or may.
    """
    wanted = [
        (item, host)
        for item in tool.inputs
        for host in hosts_named(item, call.arguments.get(item.name, ""))
        if host and _is_doubtful(item, host)
    ]
    problems: list[ArgumentProblem] = []
    left = list(wanted)
    with anyio.move_on_after(seconds):
        while left:
            item, host = left[0]
            faults = (judge_address(address, item.rules) for address in await resolve(host))
            fault = next((fault for fault in faults if fault), None)
            if fault:
                said = words.LEADS_THERE(fault, host).to(tool.language)
                problems.append(ArgumentProblem(item.name, said))
            del left[0]
    # Whoever serves a name decides how long it takes to look up.
    for item, host in left:
        said = words.NOT_FOUND_OUT(host, f"{seconds:g}").to(tool.language)
        problems.append(ArgumentProblem(item.name, said))
    if problems:
        raise InvalidArguments(tool.name, problems, language=tool.language)


def _is_doubtful(item: Input, host: str) -> bool:
    rules = item.rules
    if (rules.loopback and rules.link_local) or host.lower() in rules.url_hosts:
        return False
    return literal_address(host) is None
