"""The keys of an issuer: fetched once, found after a rotation, and kept while it is away."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import anyio
import pytest

from opsmcp_server.config.issuers import Issuer
from opsmcp_server.identity.key_set import KeySet
from opsmcp_server.identity.refusal import Reason, Refused
from tests.fakes.issuer import FakeIssuer, issuing


@pytest.fixture
def issuer() -> Generator[FakeIssuer]:
    with issuing() as found:
        yield found


class Time:
    """A clock that a test sets forward."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


def keys_of(issuer: FakeIssuer, clock: Time, **more: Any) -> KeySet:
    return KeySet(Issuer.model_validate({"id": "corp", "issuer": issuer.url, **more}), clock)


async def reason(keys: KeySet, kid: str) -> Reason:
    with pytest.raises(Refused) as caught:
        await keys.key(kid, "RS256")
    return caught.value.reason


async def test_many_first_uses_at_once_are_one_fetch(issuer: FakeIssuer) -> None:
    keys = keys_of(issuer, Time())
    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(keys.key, "first", "RS256")
    assert issuer.asked.count("/keys") == 1


async def test_a_set_is_kept_as_long_as_its_answer_says_within_bounds(issuer: FakeIssuer) -> None:
    clock = Time()
    keys = keys_of(issuer, clock)
    body = json.dumps({"keys": issuer.keys}).encode()
    for age, seconds, fetches in (("max-age=5", 50, 1), ("max-age=99999", 899, 2), ("", 2, 3)):
        issuer.answers["/keys"] = (200, body, {"Cache-Control": age})
        await keys.key("first", "RS256")
        clock.now += seconds
        await keys.key("first", "RS256")
        assert issuer.asked.count("/keys") == fetches
        clock.now += 20


async def test_a_key_that_was_rotated_a_second_after_a_fetch_is_found(issuer: FakeIssuer) -> None:
    clock = Time()
    keys = keys_of(issuer, clock)
    await keys.key("first", "RS256")
    issuer.rotate("second")
    clock.now += 1
    assert (await keys.key("second", "RS256")).key_id == "second"
    assert await reason(keys, "first") is Reason.UNKNOWN_KEY


async def test_invented_keys_are_no_burden_for_the_issuer(issuer: FakeIssuer) -> None:
    clock = Time()
    keys = keys_of(issuer, clock)
    await keys.key("first", "RS256")
    found = [await reason(keys, f"invented-{number}") for number in range(50)]
    assert issuer.asked.count("/keys") <= 4
    assert found.count(Reason.UNKNOWN_KEY) == 3
    assert found.count(Reason.KEYS_UNAVAILABLE) == 47
    clock.now += 31
    assert await reason(keys, "invented") is Reason.UNKNOWN_KEY


AWAY: dict[str, dict[str, tuple[int, bytes, dict[str, str]]]] = {
    "down": {"/keys": (503, b"", {})},
    "a redirect": {"/keys": (302, b"", {"Location": "/other"})},
    "too large": {"/keys": (200, b" " * 1024 * 1024, {})},
    "no JSON": {"/keys": (200, b"<html>", {})},
    "no set": {"/keys": (200, b"[]", {})},
    "no list": {"/keys": (200, b'{"keys": 5}', {})},
    "shared secrets only": {"/keys": (200, b'{"keys": [{"kty": "oct", "k": "eA"}]}', {})},
    "another issuer": {
        "/.well-known/openid-configuration": (200, b'{"issuer": "https://other.example"}', {})
    },
    "no address": {"/.well-known/openid-configuration": (404, b"", {})},
}


@pytest.mark.parametrize("how", AWAY)
async def test_an_issuer_that_is_away_is_503_at_first_and_good_with_what_was_known(
    how: str, issuer: FakeIssuer
) -> None:
    clock = Time()
    cold, warm = keys_of(issuer, clock), keys_of(issuer, clock)
    await warm.key("first", "RS256")
    issuer.answers = AWAY[how]
    assert await reason(cold, "first") is Reason.KEYS_UNAVAILABLE
    clock.now += 3600
    assert (await warm.key("first", "RS256")).key_id == "first"
    clock.now += 24 * 3600
    assert await reason(warm, "first") is Reason.KEYS_UNAVAILABLE
    issuer.answers = {}
    clock.now += 10
    for keys in (cold, warm):
        assert (await keys.key("first", "RS256")).key_id == "first"


async def test_the_log_says_which_address_gave_no_keys_and_why(
    issuer: FakeIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.answers["/keys"] = (302, b"", {"Location": f"{issuer.url}/elsewhere"})
    await keys_of(issuer, Time()).warm()
    assert f"the keys of corp cannot be fetched from {issuer.url}/keys: status 302" in caplog.text
    assert issuer.asked[-1] == "/keys"
    nobody = FakeIssuer("http://127.0.0.1:1")
    await keys_of(nobody, Time()).warm()
    told = f"fetched from {nobody.url}/.well-known/openid-configuration: All connection attempts"
    assert told in caplog.text


async def test_keys_over_plain_http_from_elsewhere_are_not_fetched(issuer: FakeIssuer) -> None:
    said = {"issuer": issuer.url, "jwks_uri": "http://keys.example/keys"}
    issuer.answers["/.well-known/openid-configuration"] = (200, json.dumps(said).encode(), {})
    assert await reason(keys_of(issuer, Time()), "first") is Reason.KEYS_UNAVAILABLE


async def test_a_token_without_a_key_id_is_good_if_one_key_fits(issuer: FakeIssuer) -> None:
    keys = keys_of(issuer, Time())
    assert (await keys.key(None, "RS256")).key_id == "first"
    issuer.keys = [*issuer.keys, {**issuer.keys[0], "kid": "second"}]
    other = keys_of(issuer, Time())
    with pytest.raises(Refused):
        await other.key(None, "RS256")


async def test_only_the_issuer_itself_is_shown_our_token(
    issuer: FakeIssuer, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    path.write_text("of-our-pod\n", "ascii")
    with issuing() as elsewhere:
        elsewhere.keys = issuer.keys
        said = {"issuer": issuer.url, "jwks_uri": f"{elsewhere.url}/keys"}
        issuer.answers["/.well-known/openid-configuration"] = (200, json.dumps(said).encode(), {})
        await keys_of(issuer, Time(), token_file=path).key("first", "RS256")
        assert issuer.headers[0]["authorization"] == "Bearer of-our-pod"
        assert "authorization" not in elsewhere.headers[0]


@pytest.mark.parametrize("held", [b"", b"two words", "für".encode(), b"t" * 17 * 1024])
async def test_a_file_that_holds_no_token_is_an_issuer_that_gives_no_keys(
    held: bytes, issuer: FakeIssuer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "token"
    path.write_bytes(held)
    keys = keys_of(issuer, Time(), token_file=path)
    await keys.warm()
    assert f"{path} holds no token" in caplog.text
    assert await reason(keys, "first") is Reason.KEYS_UNAVAILABLE
    assert issuer.asked == []
