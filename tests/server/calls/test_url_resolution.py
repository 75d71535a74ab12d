"""Names in URLs are judged by where they lead, and not knowing in time is no permission."""

from collections.abc import Sequence
from ipaddress import ip_address

import anyio
import pytest

from opsmcp_server.calls.url_resolution import Address, check_resolved
from opsmcp_tools.arguments.check import CheckedCall
from opsmcp_tools.model.errors import InvalidArguments
from tests.tools.recorded import tool

TOOL = tool("get-metrics-pod-not200")
CALL = CheckedCall({"prometheusapi": "http://a.example:9090/", "pod": "web-1"}, {})


async def check(*addresses: str, call: CheckedCall = CALL) -> None:
    async def resolve(_host: str) -> Sequence[Address]:
        return [ip_address(text) for text in addresses]

    await check_resolved(TOOL, call, resolve=resolve)


@pytest.mark.parametrize("addresses", [(), ("192.0.2.1",), ("10.0.0.7", "fd00::7")], ids=str)
async def test_a_name_that_leads_nowhere_forbidden_passes(addresses: tuple[str, ...]) -> None:
    await check(*addresses)


@pytest.mark.parametrize(
    "addresses",
    [("127.0.0.1",), ("192.0.2.1", "169.254.169.254"), ("::ffff:127.0.0.1",), ("fe80::1",)],
    ids=str,
)
async def test_a_name_that_leads_to_a_forbidden_address_is_refused(
    addresses: tuple[str, ...],
) -> None:
    with pytest.raises(InvalidArguments, match=r"that is where a\.example leads"):
        await check(*addresses)


async def test_a_name_that_takes_too_long_is_refused() -> None:
    async def resolve(_host: str) -> Sequence[Address]:
        await anyio.sleep_forever()
        return ()

    with pytest.raises(InvalidArguments, match=r"a\.example .*could not be found out"):
        await check_resolved(TOOL, CALL, resolve=resolve, seconds=0.01)


async def test_an_address_is_not_looked_up() -> None:
    with pytest.raises(AssertionError):
        await check_resolved(TOOL, CALL, resolve=_never)
    plain = CheckedCall({"prometheusapi": "http://10.0.0.7:9090/"}, {})
    await check_resolved(TOOL, plain, resolve=_never)


async def _never(host: str) -> Sequence[Address]:
    raise AssertionError(f"{host} was looked up")
