"""From which address a request came, and which scope a message needs."""

import ipaddress
from typing import Any

import pytest

from opsmcp_server.identity.addresses import address_of, networks_of
from opsmcp_server.identity.scopes import covers, needed


def scope(client: str, *forwarded: str) -> dict[str, Any]:
    headers = [(b"x-forwarded-for", one.encode()) for one in forwarded]
    return {"type": "http", "client": (client, 1), "headers": headers}


@pytest.mark.parametrize(
    ("client", "forwarded", "address"),
    [
        ("203.0.113.5", (), "203.0.113.5"),
        ("203.0.113.5", ("198.51.100.1",), "203.0.113.5"),
        ("10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("1.1.1.1, 198.51.100.1, 10.0.0.9",), "198.51.100.1"),
        ("10.0.0.1", ("1.1.1.1", "198.51.100.1"), "198.51.100.1"),
        ("10.0.0.1", ("unknown",), "10.0.0.1"),
        ("::ffff:10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("2001:db8:1:2:3:4:5:6", (), "2001:db8:1:2::/64"),
        ("127.0.0.1", ("198.51.100.1",), "127.0.0.1"),
        ("socket", (), ""),
    ],
)
def test_only_proxies_that_are_named_say_for_whom_they_ask(
    client: str, forwarded: tuple[str, ...], address: str
) -> None:
    assert address_of(scope(client, *forwarded), networks_of(["10.0.0.0/8"])) == address


def test_a_network_that_is_none_is_refused() -> None:
    assert networks_of(["2001:db8::/32"]) == (ipaddress.ip_network("2001:db8::/32"),)
    with pytest.raises(ValueError, match="host bits"):
        networks_of(["10.0.0.1/8"])


@pytest.mark.parametrize(
    ("method", "name", "scope"),
    [
        ("tools/list", "", "ops:read"),
        ("tools/call", "get_run", "ops:read"),
        ("tools/call", "plan_operation", "ops:read"),
        ("tools/call", "run_operation", "ops:run"),
        ("tools/call", "cancel_run", "ops:run"),
        ("tools/call", "show-greeting", "ops:run"),
        ("tools/call", "", "ops:run"),
        ("tasks/get", "", "ops:read"),
        ("tasks/cancel", "", "ops:run"),
        ("", "", "ops:read"),
    ],
)
def test_what_a_message_needs_follows_from_method_and_name(
    method: str, name: str, scope: str
) -> None:
    assert needed(method, name) == scope
    assert covers(["ops:run"], scope)
    assert covers(["ops:read"], scope) == (scope == "ops:read")
    assert not covers([], scope)
