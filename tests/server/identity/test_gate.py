"""Who gets in over HTTP with which token, and what those who do not are told."""

import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp.client.subscriptions import SubscriptionLost

from opsmcp_server.identity.personal_token import PersonalToken, make_token, split_token
from opsmcp_tools.model.tool import Principal
from tests.own_settings import write_settings
from tests.server.conftest import Ground, make_ground
from tests.server.harness import Running
from tests.server.identity.ground import (
    ACCEPT,
    add_token,
    bearer,
    guarded,
    keep,
    listing,
    post,
    status,
    until,
)
from tests.server.people import client_of

SCOPES = 'scope="ops:read ops:run"'
CHALLENGE = f'Bearer realm="opsmcp", {SCOPES}'
INVALID = f'Bearer realm="opsmcp", error="invalid_token", {SCOPES}'


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """For the whole module: one server is enough for what is refused."""
    return "asyncio"


class One:
    """A server with one good token of anna, and requests without a limit."""

    def __init__(self, ground: Ground, run: Running, token: str, kept: PersonalToken) -> None:
        self.ground, self.run, self.token, self.kept = ground, run, token, kept


@pytest.fixture(scope="module")
async def one(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[One]:
    ground = make_ground(tmp_path_factory.mktemp("gate"))
    write_settings(ground.root, "limits: {unauthenticated_per_minute: 0}\n")
    token, kept = add_token(ground, "anna")
    async with guarded(ground) as run:
        yield One(ground, run, token, kept)


async def test_a_personal_token_lets_in(one: One) -> None:
    answer = await post(one.run, bearer(one.token))
    assert answer.status_code == 200, answer.text
    assert "show-greeting" in answer.text


def changed(token: str, at: int) -> str:
    return token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]


BAD: Mapping[str, Callable[[str], str]] = {
    "malformed": lambda token: changed(token, -1),
    "of another secret": lambda token: changed(token, 20),
    "its hash": lambda _: "opsmcp_hash",
    "a jwt of nobody": lambda _: "a.b.c",
    "five parts": lambda _: "a.b.c.d.e",
    "control characters": lambda token: f"{token}\x01",
    "a word": lambda _: "abc",
    "too large": lambda _: "x" * (17 * 1024),
}


@pytest.mark.parametrize("how", BAD)
async def test_a_bad_token_is_refused_without_a_reason_in_the_answer(
    how: str, one: One, caplog: pytest.LogCaptureFixture
) -> None:
    bad = BAD[how](one.token)
    with caplog.at_level(logging.WARNING, "opsmcp_server.identity"):
        answer = await post(one.run, bearer(bad))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == INVALID
    assert answer.json() == {
        "error": "invalid_token",
        "error_description": "The token is not accepted.",
    }
    assert bad not in caplog.text and one.token[16:59] not in caplog.text
    assert "refused: " in caplog.text


async def test_without_a_token_the_challenge_names_no_error(one: One) -> None:
    for headers in ([], [("Authorization", "Basic YTpi")], [("Authorization", "Bearer")]):
        answer = await post(one.run, *headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, CHALLENGE)


async def test_a_token_elsewhere_than_in_its_header_is_not_looked_at(one: One) -> None:
    ways: list[Any] = [
        post(one.run, query=f"?access_token={one.token}"),
        post(one.run, ("Cookie", f"access_token={one.token}")),
        post(one.run, body=listing(access_token=one.token)),
    ]
    for way in ways:
        answer = await way
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, CHALLENGE)


async def test_two_tokens_are_one_too_many(one: One) -> None:
    answer = await post(one.run, bearer(one.token), bearer(one.token))
    assert answer.status_code == 400
    assert 'error="invalid_request"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/mcp"), ("GET", "/mcp/"), ("GET", "/sse"), ("POST", "/messages/")],
)
async def test_every_route_of_mcp_wants_a_token(method: str, path: str, one: One) -> None:
    async with httpx2.AsyncClient() as client:
        answer = await client.request(method, f"{one.run.url}{path}", headers=ACCEPT)
    assert answer.status_code == 401


async def test_who_may_only_look_starts_and_cancels_nothing(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    token, _ = add_token(ground, "reader", scopes=("ops:read",))
    bodies = [
        listing("tools/call", name="show-greeting", arguments={"who": "me"}),
        listing("tools/call", name="no-such-tool", arguments={}),
        listing("tools/call", name="cancel_run", arguments={"run": "r-1"}),
        listing("tools/call", name="run_operation", arguments={"name": "show-greeting"}),
    ]
    async with guarded(ground) as run:
        for body in bodies:
            answer = await post(run, bearer(token), body=body)
            assert answer.status_code == 403, answer.text
            assert answer.headers["www-authenticate"] == (
                f'Bearer realm="opsmcp", error="insufficient_scope", {SCOPES}'
            )
        assert "refused: insufficient_scope of reader, from 127.0.0.1 (token " in caplog.text
        looking = listing("tools/call", name="list_runs", arguments={})
        assert (await post(run, bearer(token), body=looking)).status_code == 200


async def noted(caplog: pytest.LogCaptureFixture) -> bool:
    return "still count" in caplog.text


async def _known(run: Running, token: str) -> None:
    """Return once the server has seen that the token was made."""
    await until(lambda: status(run, bearer(token)), 200)


async def test_what_policy_denies_is_never_a_status(ground: Ground) -> None:
    write_settings(ground.root, "policy: {rules: [{effect: deny, operation: show-greeting}]}\n")
    token, _ = add_token(ground, "anna")
    async with guarded(ground) as run:
        for name in ("show-greeting", "no-such-tool"):
            body = listing("tools/call", name=name, arguments={"wrong": 1})
            answer = await post(run, bearer(token), body=body)
            assert answer.status_code not in (401, 403), answer.text


@pytest.mark.parametrize("how", ["revoked", "expires"])
async def test_a_token_that_is_over_is_refused_and_its_stream_ends_within_moments(
    how: str, one: One
) -> None:
    token, kept = add_token(one.ground, how)
    await _known(one.run, token)
    async with (
        client_of(token, one.run.url, "modern") as client,
        client.listen(tools_list_changed=True) as events,
    ):
        keep(one.ground, replace(kept, **{how: datetime.now(UTC) - timedelta(seconds=1)}))
        with anyio.fail_after(5), pytest.raises(SubscriptionLost):
            async for _ in events:
                pass
    answer = await post(one.run, bearer(token))
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, INVALID)


async def test_a_file_that_breaks_leaves_what_was_good_last(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    token, _ = add_token(ground, "anna")
    path = ground.root / "state" / "tokens.json"
    async with guarded(ground) as run:
        path.write_text("{", "utf-8")
        await until(lambda: noted(caplog), True)
        assert (await post(run, bearer(token))).status_code == 200


async def test_the_first_token_closes_a_server_that_was_open(ground: Ground) -> None:
    async with guarded(ground) as run:
        assert (await post(run)).status_code == 200
        token, _ = add_token(ground, "anna")
        await _known(run, token)
        await until(lambda: status(run), 401)
        (ground.root / "state" / "tokens.json").unlink()
        await until(lambda: status(run, bearer(token)), 401)
        assert (await post(run)).status_code == 401


async def test_tokens_of_a_file_that_others_keep_are_known_too(
    ground: Ground, tmp_path: Path
) -> None:
    token, _ = add_token(ground, "anna")
    own = ground.root / "state" / "tokens.json"
    moved = tmp_path / "mounted.json"
    own.rename(moved)
    write_settings(ground.root, f"auth: {{tokens_file: {moved}}}\n")
    async with guarded(ground) as run:
        assert (await post(run, bearer(token))).status_code == 200


async def test_wrong_tokens_slow_an_address_down_and_nobody_behind_it(ground: Ground) -> None:
    write_settings(ground.root, "limits: {unauthenticated_per_minute: 6}\n")
    token, _ = add_token(ground, "anna")
    async with guarded(ground) as run:
        said = [(await post(run, bearer("wrong"))) for _ in range(4)]
        assert [one.status_code for one in said] == [401, 401, 429, 429]
        assert 1 <= int(said[-1].headers["retry-after"]) <= 10
    async with guarded(ground) as run:
        assert (await post(run, bearer(token))).status_code == 200
        said = [(await post(run, bearer("wrong"))) for _ in range(4)]
        assert [one.status_code for one in said] == [401] * 4
        assert (await post(run, bearer(token))).status_code == 200


async def test_one_principal_asks_only_so_often_with_all_its_tokens(ground: Ground) -> None:
    write_settings(ground.root, "limits: {requests_per_minute: 9}\n")
    first, _ = add_token(ground, "anna")
    second, _ = add_token(ground, "anna")
    other, _ = add_token(ground, "bert")
    async with guarded(ground) as run:
        said = [(await post(run, bearer(token))).status_code for token in (first, second) * 2]
        assert said == [200, 200, 200, 429]
        assert (await post(run, bearer(other))).status_code == 200


async def test_one_principal_has_only_so_many_streams(ground: Ground) -> None:
    write_settings(ground.root, "limits: {streams_per_principal: 1}\n")
    token, _ = add_token(ground, "anna")
    async with (
        guarded(ground) as run,
        client_of(token, run.url, "modern") as client,
        client.listen(tools_list_changed=True),
    ):
        body = listing("subscriptions/listen", notifications={"toolsListChanged": True})
        assert (await post(run, bearer(token), body=body)).status_code == 429


def test_a_token_has_a_sum_that_tells_slips_of_the_hand() -> None:
    text, kept = make_token(Principal("anna", id="token:anna"), now=datetime.now(UTC), expires=None)
    parts = split_token(text)
    assert parts is not None and parts[0] == kept.id and kept.is_of(parts[1])
    assert parts[1] not in repr(kept) + str(kept.data())
    assert all(split_token(changed(text, at)) is None for at in range(7, len(text)))
    assert PersonalToken.read(kept.data()) == replace(
        kept, created=kept.created.replace(microsecond=0)
    )
