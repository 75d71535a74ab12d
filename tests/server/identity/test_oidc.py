"""A server that takes the tokens of OpenID Connect issuers: metadata, challenges, who gets in."""

import json
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import time
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import SubscriptionLost

from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.issuers import Issuer
from opsmcp_server.config.load import load
from opsmcp_server.identity.metadata import Metadata
from opsmcp_server.identity.settings import gate_of
from tests.fakes.issuer import FakeIssuer, issuing
from tests.own_settings import write_settings
from tests.server.conftest import Ground, make_ground
from tests.server.harness import ERAS, AskingClient, Running, settings
from tests.server.identity.ground import add_token, bearer, guarded, listing, post
from tests.server.people import client_of

METADATA = "https://ops.example.com/.well-known/oauth-protected-resource/mcp"
SCOPES = 'scope="ops:read ops:run"'

POLICY = """
policy:
  groups: {platform: []}
  rules: [{name: guests, effect: deny, operation: check-failing, group: platform}]
"""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """For the whole module: one server is enough."""
    return "asyncio"


@pytest.fixture(scope="module")
def issuer() -> Generator[FakeIssuer]:
    with issuing() as found:
        yield found


@pytest.fixture(scope="module")
async def run(
    tmp_path_factory: pytest.TempPathFactory, issuer: FakeIssuer
) -> AsyncGenerator[Running]:
    ground = make_ground(tmp_path_factory.mktemp("oidc"))
    write_settings(
        ground.root,
        f"""
server: {{public_url: "https://ops.example.com"}}
limits: {{unauthenticated_per_minute: 0}}
auth: {{oidc: [{{id: corp, issuer: "{issuer.url}"}}]}}
{POLICY}""",
    )
    async with guarded(ground) as run:
        yield run


async def test_metadata_is_at_both_addresses_and_says_nothing_of_the_host_header(
    run: Running, issuer: FakeIssuer
) -> None:
    async with httpx2.AsyncClient(base_url=run.url) as client:
        answers = [
            await client.get(f"/.well-known/oauth-protected-resource{path}", headers=headers)
            for path in ("", "/mcp")
            for headers in ({}, {"Host": "evil.example"})
        ]
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.text for answer in answers} == {answers[0].text}
    assert answers[0].json() == {
        "resource": "https://ops.example.com/mcp",
        "authorization_servers": [issuer.url],
        "scopes_supported": ["ops:read", "ops:run"],
        "bearer_methods_supported": ["header"],
        "resource_name": "opsmcp",
    }
    assert answers[0].headers["access-control-allow-origin"] == "*"
    assert answers[0].headers["cache-control"] == "max-age=300"


async def test_a_challenge_names_the_metadata(run: Running) -> None:
    answer = await post(run)
    assert answer.headers["www-authenticate"] == (
        f'Bearer realm="opsmcp", {SCOPES}, resource_metadata="{METADATA}"'
    )


async def test_a_token_of_the_issuer_lets_in(run: Running, issuer: FakeIssuer) -> None:
    async with client_of(issuer.token(), run.url, "legacy") as client:
        made = await client.call_tool("show-greeting", {"who": "me"})
    assert made.structured_content["verdict"] == "succeeded"


@pytest.mark.parametrize(
    ("claims", "status", "error"),
    [
        ({"aud": "https://other.example/mcp"}, 401, "invalid_token"),
        ({"exp": 5}, 401, "invalid_token"),
        ({"nonce": "n"}, 401, "invalid_token"),
        ({"scope": "openid"}, 403, "insufficient_scope"),
        ({"_claim_names": {"groups": "src1"}}, 403, ""),
    ],
)
async def test_a_token_that_is_not_good_is_refused_with_what_helps(
    claims: dict[str, Any], status: int, error: str, run: Running, issuer: FakeIssuer
) -> None:
    token = issuer.token(**claims)
    answer = await post(run, bearer(token))
    assert answer.status_code == status
    said = answer.headers.get("www-authenticate", "")
    assert (f'error="{error}"' in said and METADATA in said) == bool(error)
    assert token not in answer.text


async def test_who_may_only_look_is_told_all_scopes_at_once(
    run: Running, issuer: FakeIssuer
) -> None:
    body = listing("tools/call", name="show-greeting", arguments={"who": "me"})
    answer = await post(run, bearer(issuer.token(scope="ops:read")), body=body)
    assert answer.status_code == 403
    assert answer.headers["www-authenticate"] == (
        f'Bearer realm="opsmcp", error="insufficient_scope", {SCOPES}, '
        f'resource_metadata="{METADATA}"'
    )


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_two_people_with_one_client_see_their_own_runs(
    era: str, run: Running, issuer: FakeIssuer
) -> None:
    first = issuer.token(sub="1")
    second = issuer.token(sub="2")
    async with client_of(first, run.url, era) as one, client_of(second, run.url, era) as two:
        made = await one.call_tool("show-greeting", {"who": "me"})
        handle = {"run": made.structured_content["run"]}
        assert (await one.call_tool("get_run", handle)).structured_content
        assert (await two.call_tool("get_run", handle)).is_error


@pytest.mark.parametrize("groups", [[], ["platform"]])
async def test_policy_sees_the_groups_of_the_token(
    groups: list[str], run: Running, issuer: FakeIssuer
) -> None:
    async with client_of(issuer.token(groups=groups), run.url, "modern") as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
    assert ("check-failing" in names) == (not groups)


class Changing(httpx2.Auth):
    """A client whose token is another one from some request on."""

    def __init__(self, token: str) -> None:
        self.token = token

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response]:
        request.headers["Authorization"] = f"Bearer {self.token}"
        yield request


@asynccontextmanager
async def changing_client(link: str, run: Running, auth: Changing) -> AsyncGenerator[Client]:
    transport, era = link.split("-")
    async with AsyncExitStack() as stack:
        if transport == "sse":
            target = sse_client(f"{run.url}/sse", auth=auth)
        else:
            http = await stack.enter_async_context(httpx2.AsyncClient(auth=auth, timeout=30))
            target = streamable_http_client(f"{run.url}/mcp", http_client=http)
        yield await stack.enter_async_context(AskingClient(target, mode=ERAS[era]))


@pytest.mark.parametrize("link", ["http-legacy", "http-modern", "sse-legacy", "sse-modern"])
async def test_groups_and_scopes_of_a_request_are_those_of_its_own_token(
    link: str, run: Running, issuer: FakeIssuer
) -> None:
    auth = Changing(issuer.token())
    async with changing_client(link, run, auth) as client:
        assert not (await client.call_tool("show-greeting", {"who": "me"})).is_error
        before = await client.call_tool("check-failing", {})
        auth.token = issuer.token(groups=["platform"])
        after = await client.call_tool("check-failing", {})
    assert "Policy does not allow" not in str(before)
    assert "Policy does not allow" in str(after) or "no tool" in str(after)


async def test_a_stream_ends_with_its_token(run: Running, issuer: FakeIssuer) -> None:
    token = issuer.token(exp=int(time()) + 2)
    async with (
        client_of(token, run.url, "modern") as client,
        client.listen(tools_list_changed=True) as events,
    ):
        with anyio.fail_after(10), pytest.raises(SubscriptionLost):
            async for _ in events:
                pass


async def test_an_issuer_that_is_away_is_no_reason_to_log_in_again(ground: Ground) -> None:
    with issuing() as away:
        away.answers["/keys"] = (503, b"", {})
        write_settings(
            ground.root,
            f"""
server: {{public_url: "https://ops.example.com"}}
auth: {{oidc: [{{id: corp, issuer: "{away.url}"}}]}}
""",
        )
        personal, _ = add_token(ground, "anna")
        async with guarded(ground) as run:
            answer = await post(run, bearer(away.token()))
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            assert "www-authenticate" not in answer.headers
            assert (await post(run, bearer(personal))).status_code == 200


async def test_without_an_advertised_issuer_nobody_is_sent_to_log_in(
    ground: Ground, issuer: FakeIssuer
) -> None:
    one = {"id": "k8s", "issuer": issuer.url, "advertise": False, "audiences": ["opsmcp"]}
    write_settings(ground.root, f"auth: {{oidc: [{json.dumps(one)}]}}\n")
    async with guarded(ground) as run:
        async with httpx2.AsyncClient(base_url=run.url) as client:
            found = await client.get("/.well-known/oauth-protected-resource")
        assert found.status_code == 404
        assert "resource_metadata" not in (await post(run)).headers["www-authenticate"]
        assert (await post(run, bearer(issuer.token(aud="opsmcp")))).status_code == 200


REFUSED = {
    "{id: corp}": "issuer: Field required",
    "{id: local, issuer: 'https://a.example'}": "id may not be one of",
    "{id: Corp, issuer: 'https://a.example'}": "id: ",
    "{id: corp, issuer: 'http://a.example'}": "issuer must be an https address",
    "{id: corp, issuer: 'https://u:p@a.example'}": "issuer must be an https address",
    "{id: corp, issuer: 'https://a.example?x'}": "issuer has neither a query",
    "{id: corp, issuer: 'https://a.example', jwks_uri: 'http://a.example'}": "jwks_uri must be",
    "{id: corp, issuer: 'https://a.example', prefix: 'token:'}": "prefix may not be one of",
    "{id: corp, issuer: 'https://a.example', prefix: 'a b'}": "prefix must be empty",
    "{id: corp, issuer: 'https://a.example', algorithms: [HS256]}": "algorithms may only be",
    "{id: corp, issuer: 'https://a.example', algorithms: []}": "algorithms: ",
    "{id: corp, issuer: 'https://a.example', scopes: {'ops:read': r}}": "scopes must name both",
    "{id: corp, issuer: 'https://a.example', audience: x}": "audience: Extra inputs",
    "{id: a, issuer: 'https://a.example'}, {id: a, issuer: 'https://b.example'}": "have the id",
    "{id: a, issuer: 'https://a.example'}, {id: b, issuer: 'https://b.example'}": "have the prefix",
    "{id: a, issuer: 'https://a.example'}, {id: b, issuer: 'https://b.example', prefix: 'b:', "
    "scopes: {'ops:read': r, 'ops:run': w}}": "must have the same scopes",
    "{id: corp, issuer: 'https://a.example'}": "needs server.public_url",
    "{id: corp, issuer: 'https://a.example', audiences: [x], advertise: false, ca_file: no.pem}": (
        "auth.oidc corp: ca_file must be a file of certificates (PEM), not '/"
    ),
}


@pytest.mark.parametrize("entries", REFUSED)
def test_issuers_that_cannot_be_meant_stop_the_start(entries: str, tmp_path: Path) -> None:
    write_settings(tmp_path, f"auth: {{oidc: [{entries}]}}\n")
    with pytest.raises(ConfigError) as caught:
        gate_of(load(settings(tmp_path), cwd=tmp_path))
    assert REFUSED[entries] in str(caught.value)


@pytest.mark.parametrize(
    "url", ["ops.example.com", "https://ops.example.com/", "https://a/?b", "x"]
)
def test_a_public_address_is_one(url: str, tmp_path: Path) -> None:
    write_settings(tmp_path, f"server: {{public_url: {json.dumps(url)}}}\n")
    with pytest.raises(ConfigError, match="public_url must be an address"):
        load(settings(tmp_path), cwd=tmp_path)


def test_the_metadata_of_a_server_below_a_path_is_at_the_address_of_the_standard() -> None:
    corp = Issuer.model_validate({"id": "corp", "issuer": "https://login.example"})
    found = Metadata("https://example.com/ops", [corp])
    assert found.resource == "https://example.com/ops/mcp"
    assert found.address == ("https://example.com/.well-known/oauth-protected-resource/ops/mcp")
