"""Rates and addresses, by the clock and the headers that a test gives."""

import ipaddress
from typing import Any

import pytest

from opsmcp_server.identity.addresses import address_of, networks_of
from opsmcp_server.identity.rate_limit import RateLimit
from opsmcp_server.identity.scopes import covers, needed


def test_a_third_at_once_and_then_so_many_a_minute() -> None:
    limit = RateLimit(30)
    assert [limit.take("a", 0.0) for _ in range(10)] == [0.0] * 10
    assert limit.take("a", 0.0) == pytest.approx(2.0)
    assert limit.take("b", 0.0) == 0.0
    assert limit.take("a", 2.0) == 0.0
    assert limit.take("a", 2.0) > 0
    assert sum(limit.take("a", 2.0 + second / 10) == 0.0 for second in range(1, 602)) == 30


def test_a_limit_of_0_is_none() -> None:
    limit = RateLimit(0)
    assert not any(limit.take("a", 0.0) for _ in range(1000))


def test_only_so_many_are_kept_and_the_longest_unused_goes_first() -> None:
    limit = RateLimit(3)
    for number in range(10_001):
        limit.take(str(number), 0.0)
    assert len(limit._buckets) == 10_000
    assert limit.take("1", 0.0) > 0
    assert limit.take("0", 0.0) == 0.0


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
