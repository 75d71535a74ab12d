"""Which hosts a URL may name, in any spelling."""

import pytest

from opsmcp_tools.arguments.url_addresses import judge_host, literal_address
from opsmcp_tools.model.value_rules import NO_RULES, ValueRules
from opsmcp_tools.phrases import argument as words

OPEN = ValueRules(loopback=True, link_local=True)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",
        "localhost",
        "a.localhost",
        "LOCALHOST.",
        "::1",
        "::ffff:127.0.0.1",
        "169.254.169.254",
        "0xa9fea9fe",
        "fe80::1",
        "fd00:ec2::254",
        "metadata.google.internal",
    ],
)
def test_a_local_or_metadata_address_is_refused_in_any_spelling(host: str) -> None:
    assert judge_host(host, NO_RULES)
    assert not judge_host(host, OPEN)


@pytest.mark.parametrize("host", ["example.com", "10.1.2.3", "8.8.8.8", "2001:db8::1", "a-b.c"])
def test_other_hosts_may_be_named(host: str) -> None:
    assert judge_host(host, NO_RULES) is None


@pytest.mark.parametrize("host", ["224.0.0.1", "ff02::1"])
def test_a_multicast_address_is_refused_always(host: str) -> None:
    assert judge_host(host, OPEN) == words.MULTICAST()


def test_only_the_hosts_of_the_settings_may_be_named() -> None:
    rules = ValueRules(url_hosts=("*.example.com", "localhost"))
    assert judge_host("a.example.com", rules) is None
    assert judge_host("localhost", rules) is None
    refused = judge_host("example.org", rules)
    assert refused is not None and "values.url_hosts" in refused.to("en")


def test_a_number_that_is_no_address_is_refused() -> None:
    assert judge_host("4294967296", NO_RULES) == words.NO_ADDRESS()
    assert literal_address("example.com") is None
