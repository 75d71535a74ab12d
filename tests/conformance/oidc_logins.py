"""Logins at a real identity provider, with the SDK's own client.

`make conformance` runs this, and not `make test`: it needs Node.js and npm's oidc-provider.
"""

from collections.abc import AsyncGenerator, Generator
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.shared.auth import OAuthToken
from mcp_types import ElicitResult

from opsmcp_server.protocol.results import STRUCTURED
from tests.conformance.oidc_ground import (
    Browser,
    Kept,
    Provider,
    Served,
    desk,
    machine_tokens,
    served,
    signs_in,
    tokens_of,
)
from tests.server.identity.ground import until

_SETTINGS = """
server: {{public_url: "PUBLIC"}}
auth:
  oidc:
    - {{id: corp, issuer: "{corp}"}}
    - {{id: lab, issuer: "{lab}", prefix: "lab:"}}
policy:
  groups: {{platform: []}}
  rules:
    - {{name: the platform team changes, effect: confirm, group: platform, read_only: false}}
    - {{name: all others only look, effect: deny, read_only: false}}
"""
_TYPED: Any = {STRUCTURED: True}
_GREETING = ("show-greeting", {"who": "me"})


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


def _providing(folder: Path) -> Generator[Provider]:
    provider = Provider(folder)
    provider.start()
    try:
        yield provider
    finally:
        provider.stop()


@pytest.fixture(scope="module")
def corp(tmp_path_factory: pytest.TempPathFactory) -> Generator[Provider]:
    """Where people sign in."""
    yield from _providing(tmp_path_factory.mktemp("corp"))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Generator[Provider]:
    """Another one, with users of the same ids."""
    yield from _providing(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
async def server(
    tmp_path_factory: pytest.TempPathFactory, corp: Provider, lab: Provider
) -> AsyncGenerator[Served]:
    folder = tmp_path_factory.mktemp("server")
    async with served(folder, _SETTINGS.format(corp=corp.url, lab=lab.url)) as it:
        yield it


def _machine(server: Served, provider: Provider, kept: Kept | None = None) -> httpx2.Auth:
    return ClientCredentialsOAuthProvider(
        f"{server.url}/mcp",
        kept or Kept(),
        "nightly",
        "nightly-secret",
        issuer=provider.url,
    )


async def test_a_machine_logs_in_with_client_credentials(server: Served, corp: Provider) -> None:
    async with server.client(_machine(server, corp)) as client:
        made = await client.call_tool(*_GREETING, meta=_TYPED)
    assert made.structured_content and made.structured_content["verdict"] == "succeeded"
    (line,) = await server.lines(event="run.start", run=made.structured_content["run"])
    assert line["principal"] == {"id": f"{corp.url} nightly", "name": "corp:nightly"}
    assert (line["auth"], line["client"]["id"]) == ("oidc:corp", "nightly")


async def test_people_sign_in_with_a_client_that_registers_itself(
    server: Served, corp: Provider
) -> None:
    names: dict[str, set[str]] = {}
    for who in ("anna", "bob"):
        kept, browser = Kept(), Browser(who)
        async with server.client(signs_in(server.url, browser, kept)) as client:
            names[who] = {tool.name for tool in (await client.list_tools()).tools}
        assert kept.registered and kept.registered.client_id not in ("desk", "nightly")
        assert len(browser.opened) == 1
        assert "code_challenge_method=S256" in browser.opened[0]
    assert names["anna"] - names["bob"] == {"delete-thing"}


async def test_a_change_is_refused_to_one_group_and_confirmed_by_the_other(
    server: Served,
) -> None:
    async def agree(*_: Any) -> ElicitResult:
        return ElicitResult(action="accept", content={"confirm": True})

    change: Any = ("delete-thing", {"name": "old"})
    async with server.client(signs_in(server.url, Browser("bob"), Kept(registered=desk()))) as bob:
        refused = await bob.call_tool(*change)
    assert refused.is_error
    assert "Policy does not allow" in str(refused.content)
    login = signs_in(server.url, Browser("anna"), Kept(registered=desk()))
    async with server.client(login, elicitation_callback=agree) as anna:
        made = await anna.call_tool(*change, meta=_TYPED)
    assert made.structured_content and made.structured_content["verdict"] == "succeeded"
    (denied,) = await server.lines(event="decide", effect="deny")
    assert denied["principal"]["name"] == "bob@example.com"
    assert denied["rule"] == "all others only look"
    (start,) = await server.lines(event="run.start", run=made.structured_content["run"])
    assert start["principal"]["name"] == "anna@example.com"
    assert (start["principal"]["groups"], start["rule"]) == (
        ["platform"],
        "the platform team changes",
    )


async def test_two_people_of_one_client_see_their_own_runs_only(server: Served) -> None:
    login = {who: signs_in(server.url, Browser(who), Kept(registered=desk())) for who in "xy"}
    async with server.client(login["x"]) as one, server.client(login["y"]) as two:
        made = await one.call_tool(*_GREETING, meta=_TYPED)
        assert made.structured_content
        handle = {"run": made.structured_content["run"]}
        assert not (await one.call_tool("get_run", handle)).is_error
        assert (await two.call_tool("get_run", handle)).is_error
        listed = await two.call_tool("list_runs", {})
    assert listed.structured_content and listed.structured_content["runs"] == []


async def test_users_of_two_issuers_are_two_although_their_ids_are_one(
    server: Served, corp: Provider, lab: Provider
) -> None:
    async with (
        server.client(_machine(server, corp)) as one,
        server.client(_machine(server, lab)) as two,
    ):
        made = await one.call_tool(*_GREETING, meta=_TYPED)
        assert made.structured_content
        assert (await two.call_tool("get_run", {"run": made.structured_content["run"]})).is_error
        other = await two.call_tool(*_GREETING, meta=_TYPED)
    assert other.structured_content
    (line,) = await server.lines(event="run.start", run=other.structured_content["run"])
    assert (line["principal"]["id"], line["auth"]) == (f"{lab.url} nightly", "oidc:lab")


@pytest.mark.parametrize("who", ["anna", "nightly"])
async def test_who_may_only_look_is_led_to_a_token_that_may_run(
    who: str, server: Served, corp: Provider
) -> None:
    resource, browser = f"{server.url}/mcp", Browser(who)
    if who == "nightly":
        found = await machine_tokens(corp, resource, "ops:read")
        kept = Kept(OAuthToken.model_validate(found))
        login = _machine(server, corp, kept)
    else:
        found = await tokens_of(corp, who, "ops:read", resource)
        kept = Kept(OAuthToken.model_validate(found), desk())
        login = signs_in(server.url, browser, kept)
    assert found["scope"] == "ops:read"
    async with server.client(login) as client:
        assert (await client.list_tools()).tools
        before = len(browser.opened)
        made = await client.call_tool(*_GREETING, meta=_TYPED)
    assert made.structured_content and made.structured_content["verdict"] == "succeeded"
    assert "insufficient_scope" in server.refusals()
    assert len(browser.opened) - before == (who == "anna")
    assert kept.tokens and "ops:run" in (kept.tokens.scope or "")


async def test_a_login_is_renewed_without_a_browser(server: Served) -> None:
    kept, browser = Kept(registered=desk()), Browser("anna")
    login = signs_in(server.url, browser, kept)
    async with server.client(login) as client:
        await client.call_tool("list_runs", {})
        first = kept.tokens
        login.context.token_expiry_time = 1.0  # long ago
        await client.call_tool("list_runs", {})
    assert first and kept.tokens and first.access_token != kept.tokens.access_token
    assert len(browser.opened) == 1


async def test_what_the_provider_gives_for_something_else_is_refused(
    server: Served, corp: Provider
) -> None:
    of_login = await tokens_of(corp, "anna", "openid")
    elsewhere = await tokens_of(corp, "anna", "ops:run", f"{server.url}/other")
    for token, reason in (
        (of_login["id_token"], "wrong_audience"),
        (of_login["access_token"], "malformed"),
        (elsewhere["access_token"], "wrong_audience"),
    ):
        answer = await server.ask(token)
        assert answer.status_code == 401
        assert reason not in answer.text and token not in answer.text
        assert server.refusals()[-1] == reason


async def test_a_key_that_was_rotated_is_found_and_the_old_one_ends(
    server: Served, lab: Provider
) -> None:
    resource = f"{server.url}/mcp"
    old = (await machine_tokens(lab, resource, "ops:read"))["access_token"]
    assert await server.status(old) == 200
    lab.stop()
    lab.rotate()
    lab.start()
    new = (await machine_tokens(lab, resource, "ops:read"))["access_token"]
    assert await server.status(new) == 200
    assert await server.status(old) == 401
    assert server.refusals()[-1] == "unknown_key"


async def test_a_provider_that_is_down_stops_nobody_whose_key_is_known(
    server: Served, lab: Provider, tmp_path: Path
) -> None:
    token = (await machine_tokens(lab, f"{server.url}/mcp", "ops:read"))["access_token"]
    assert await server.status(token) == 200
    lab.stop()
    assert await server.status(token) == 200
    settings = f"""
auth: {{oidc: [{{id: lab, issuer: "{lab.url}", audiences: ["{server.url}/mcp"]}}]}}
server: {{public_url: "PUBLIC"}}
"""
    async with served(tmp_path, settings) as cold:
        answer = await cold.ask(token)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert "www-authenticate" not in answer.headers
        lab.start()
        await until(partial(cold.status, token), 200)
