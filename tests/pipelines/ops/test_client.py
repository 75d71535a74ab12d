"""The exchange itself, over a transport that fails or redirects as told."""

from collections.abc import Callable

import httpx2
import pytest

from opsmcp_pipelines.errors import SourceProtocolError, SourceUnavailable
from opsmcp_pipelines.ops.answer import NotReceived
from opsmcp_pipelines.ops.client import OpsClient
from opsmcp_pipelines.ops.settings import OpsSettings

_SETTINGS = OpsSettings(server="http://ops.example", token="hunter2")


def _client(handle: Callable[[httpx2.Request], httpx2.Response]) -> OpsClient:
    transport = httpx2.MockTransport(handle)
    http = httpx2.AsyncClient(transport=transport, base_url="http://ops.example/api/v1/")
    return OpsClient(_SETTINGS, http, polls=http)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (httpx2.ConnectTimeout, NotReceived, "did not accept a connection within 5 s"),
        (httpx2.ConnectError, NotReceived, "cannot be reached"),
        (httpx2.PoolTimeout, NotReceived, "is busy"),
        (httpx2.ReadTimeout, SourceUnavailable, "was silent for 20 s"),
        (httpx2.WriteTimeout, SourceUnavailable, "did not finish within 60 s"),
        (httpx2.ReadError, SourceUnavailable, "broke the connection"),
        (httpx2.RemoteProtocolError, SourceUnavailable, "broke the connection"),
        (httpx2.DecodingError, SourceUnavailable, "broke the connection"),
    ],
)
async def test_what_may_have_been_received_is_told_from_what_was_not(
    error: type[httpx2.RequestError], kind: type[SourceUnavailable], words: str
) -> None:
    def fail(request: httpx2.Request) -> httpx2.Response:
        raise error("text of a library", request=request)

    with pytest.raises(SourceUnavailable, match=words) as caught:
        await _client(fail).post("ops-system", "taskruns", {}, what="start x")
    assert type(caught.value) is kind
    assert "text of a library" not in str(caught.value)


async def test_a_redirect_is_not_followed() -> None:
    asked: list[httpx2.URL] = []

    def redirect(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url)
        return httpx2.Response(302, headers={"location": "http://evil.example/"})

    with pytest.raises(SourceProtocolError, match="redirects to another address"):
        await _client(redirect).get("ops-system", "taskruns", "x")
    assert [url.host for url in asked] == ["ops.example"]


@pytest.mark.parametrize("server", ["http://ops.example", "https://ops.example"])
async def test_opening_sends_nothing(server: str) -> None:
    async with OpsClient.open(OpsSettings(server=server)) as client:
        assert client.label == f"the Ops server at {server}"
