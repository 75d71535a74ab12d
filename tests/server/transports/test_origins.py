"""Web pages of named origins may call the server, in the way that browsers ask for; no others."""

import httpx2
import pytest
from mcp.server.transport_security import TransportSecurityMiddleware

from opsmcp_server.config.groups.server import Server
from opsmcp_server.transports.origins import refused_elsewhere, security_of
from tests.server.conftest import Ground
from tests.server.harness import running
from tests.server.older import ACCEPT, initialize

_PAGE = "https://app.example"
_TOKEN = "planted-server-token"
_ASKED = "authorization,content-type,mcp-protocol-version,mcp-method,mcp-name,mcp-session-id"


def environ(ground: Ground, **more: str) -> dict[str, str]:
    return ground.environ(OPSMCP_SERVER_ALLOWED_ORIGINS=_PAGE, **more)


def preflight(origin: str) -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": _ASKED,
    }


@pytest.mark.parametrize("path", ["/mcp", "/sse", "/messages/"])
async def test_a_browser_is_told_without_the_token_what_a_named_page_may_do(
    path: str, ground: Ground
) -> None:
    settings = environ(ground, OPSMCP_SERVER_TOKEN=_TOKEN)
    async with (
        running("http-legacy", settings, ground.root) as run,
        httpx2.AsyncClient(base_url=run.url) as http,
    ):
        answer = await http.options(path, headers=preflight(_PAGE))
        foreign = await http.options(path, headers=preflight("https://evil.example"))
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == _PAGE
    assert {"POST", "DELETE"} <= set(answer.headers["access-control-allow-methods"].split(", "))
    assert set(_ASKED.split(",")) <= set(allowed.split(", "))
    assert foreign.status_code == 400
    assert "access-control-allow-origin" not in foreign.headers


async def test_a_named_page_may_read_the_answer_and_the_id_of_its_session(ground: Ground) -> None:
    async with (
        running("http-legacy", environ(ground), ground.root) as run,
        httpx2.AsyncClient(base_url=run.url) as http,
    ):
        headers = {**ACCEPT, "Origin": _PAGE}
        answer = await http.post("/mcp", json=initialize(), headers=headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == _PAGE
    assert "Mcp-Session-Id" in answer.headers["access-control-expose-headers"]
    assert answer.headers["mcp-session-id"]


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://localhost:3000", 200), ("http://localhost.evil.example", 403), ("null", 403)],
)
async def test_no_page_that_is_not_named_may_read_anything(
    origin: str, status: int, ground: Ground
) -> None:
    async with (
        running("http-legacy", environ(ground), ground.root) as run,
        httpx2.AsyncClient(base_url=run.url) as http,
    ):
        headers = {**ACCEPT, "Origin": origin}
        answer = await http.post("/mcp", json=initialize(), headers=headers)
    assert answer.status_code == status
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("fd00::1", "[fd00::1]:8765"),
        ("10.1.2.3", "10.1.2.3:8765"),
        ("ops.example", "ops.example:8765"),
    ],
)
def test_the_address_listened_on_is_a_good_host_as_clients_write_it(
    address: str, host: str
) -> None:
    checks = TransportSecurityMiddleware(security_of(Server(host=address)))
    assert checks._validate_host(host)
    assert not checks._validate_host("evil.example:8765")


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_who_listens_everywhere_is_called_by_names_that_must_be_set(address: str) -> None:
    assert refused_elsewhere(Server(host=address))
    assert not refused_elsewhere(Server(host=address, allowed_hosts=("ops.example",)))
    assert not refused_elsewhere(Server(host="10.1.2.3"))
