"""Tokens of an issuer: which are good, which are refused for what, and whose they are."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Generator, Mapping
from time import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from opsmcp_server.config.issuers import Issuer
from opsmcp_server.identity.access import PrincipalToken
from opsmcp_server.identity.jwt_check import JwtCheck
from opsmcp_server.identity.refusal import Reason, Refused
from opsmcp_tools.model.tool import Principal
from tests.fakes.issuer import ABSENT, AUDIENCE, FakeIssuer, issuing, new_curve_key, new_key


@pytest.fixture(scope="module")
def issuer() -> Generator[FakeIssuer]:
    with issuing() as found:
        yield found


def known(issuer: FakeIssuer, **more: Any) -> Issuer:
    return Issuer.model_validate({"id": "corp", "issuer": issuer.url, **more})


def checking(issuer: FakeIssuer, *, needs_groups: bool = False, **more: Any) -> JwtCheck:
    return JwtCheck([known(issuer, **more)], AUDIENCE, needs_groups=needs_groups)


async def refusal(check: JwtCheck, text: str) -> Reason:
    with pytest.raises(Refused) as caught:
        await check.check(text)
    assert text not in str(caught.value.detail)
    return caught.value.reason


async def test_a_good_token_is_that_of_its_subject(issuer: FakeIssuer) -> None:
    found = await checking(issuer).check(issuer.token(groups=["platform"]))
    who = found.principal
    assert (who.name, who.groups, who.id) == ("anna@example.com", ("platform",), f"{issuer.url} 7")
    assert (found.client_id, found.subject, found.claims) == (
        "claude-code",
        "7",
        {"iss": issuer.url},
    )
    assert found.scopes == ["ops:read", "ops:run"]


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _unsigned(issuer: FakeIssuer, algorithm: str) -> str:
    return f"{_part({'alg': algorithm, 'typ': 'JWT'})}.{_part(issuer.claims())}."


def _of_several_issuers(issuer: FakeIssuer) -> str:
    return f"{_part({'alg': 'RS256', 'kid': 'first'})}.{_part(issuer.claims(iss=[issuer.url]))}.eA"


def _with_public_key_as_secret(issuer: FakeIssuer) -> str:
    public = issuer.private.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )
    signed = f"{_part({'alg': 'HS256', 'kid': 'first'})}.{_part(issuer.claims())}"
    mark = hmac.digest(public, signed.encode(), hashlib.sha256)
    return f"{signed}.{base64.urlsafe_b64encode(mark).rstrip(b'=').decode()}"


OTHER, OTHER_JWK = new_key("first")

ATTACKS: Mapping[str, tuple[Callable[[FakeIssuer], str], Reason]] = {
    "alg none": (lambda one: _unsigned(one, "none"), Reason.BAD_SIGNATURE),
    "alg None": (lambda one: _unsigned(one, "None"), Reason.BAD_SIGNATURE),
    "no signature": (lambda one: _unsigned(one, "RS256"), Reason.BAD_SIGNATURE),
    "HS256 with the public key": (_with_public_key_as_secret, Reason.BAD_SIGNATURE),
    "a key of another": (lambda one: one.token(key=OTHER), Reason.BAD_SIGNATURE),
    "a key that it brings": (
        lambda one: one.token(key=OTHER, header={"jwk": OTHER_JWK}),
        Reason.BAD_SIGNATURE,
    ),
    "an address of keys that it brings": (
        lambda one: one.token(key=OTHER, header={"jku": f"{one.url}/evil", "x5u": one.url}),
        Reason.BAD_SIGNATURE,
    ),
    "what it says must be understood": (
        lambda one: one.token(header={"crit": ["b64"], "b64": True}),
        Reason.MALFORMED,
    ),
    "no exp": (lambda one: one.token(exp=ABSENT), Reason.BAD_CLAIMS),
    "no iat": (lambda one: one.token(iat=ABSENT), Reason.BAD_CLAIMS),
    "no sub": (lambda one: one.token(sub=ABSENT), Reason.BAD_CLAIMS),
    "no aud": (lambda one: one.token(aud=ABSENT), Reason.BAD_CLAIMS),
    "no iss": (lambda one: one.token(iss=ABSENT), Reason.UNKNOWN_ISSUER),
    "an empty sub": (lambda one: one.token(sub=""), Reason.BAD_CLAIMS),
    "a sub with control characters": (lambda one: one.token(sub="a\n"), Reason.BAD_CLAIMS),
    "a long sub": (lambda one: one.token(sub="a" * 256), Reason.BAD_CLAIMS),
    "expired": (lambda one: one.token(exp=int(time()) - 60), Reason.EXPIRED),
    "for ever": (lambda one: one.token(exp=1e300), Reason.BAD_CLAIMS),
    "made later": (lambda one: one.token(iat=int(time()) + 600), Reason.NOT_YET_VALID),
    "good later": (lambda one: one.token(nbf=int(time()) + 600), Reason.NOT_YET_VALID),
    "another audience": (lambda one: one.token(aud="https://a.example"), Reason.WRONG_AUDIENCE),
    "an audience with a slash": (lambda one: one.token(aud=f"{AUDIENCE}/"), Reason.WRONG_AUDIENCE),
    "an audience in capitals": (
        lambda one: one.token(aud=AUDIENCE.upper()),
        Reason.WRONG_AUDIENCE,
    ),
    "the beginning of the audience": (
        lambda one: one.token(aud=AUDIENCE[:-1]),
        Reason.WRONG_AUDIENCE,
    ),
    "an issuer with a slash": (lambda one: one.token(iss=f"{one.url}/"), Reason.UNKNOWN_ISSUER),
    "an issuer that is a list": (_of_several_issuers, Reason.UNKNOWN_ISSUER),
    "an id token": (lambda one: one.token(nonce="n"), Reason.ID_TOKEN),
    "an id token by its hash": (lambda one: one.token(at_hash="h"), Reason.ID_TOKEN),
    "no scope": (lambda one: one.token(scope=ABSENT), Reason.INSUFFICIENT_SCOPE),
    "another scope": (lambda one: one.token(scope="openid mail"), Reason.INSUFFICIENT_SCOPE),
    "an unknown key": (lambda one: one.token(header={"kid": "x"}), Reason.UNKNOWN_KEY),
    "nested too deeply": (
        lambda _: f"{_part({'alg': 'RS256'})}.{base64.urlsafe_b64encode(b'[' * 9000).decode()}.x",
        Reason.MALFORMED,
    ),
    "no JSON": (lambda _: "a.b.c", Reason.MALFORMED),
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_token_that_is_not_good_is_refused_for_its_reason(
    attack: str, issuer: FakeIssuer
) -> None:
    make, reason = ATTACKS[attack]
    assert await refusal(checking(issuer), make(issuer)) is reason


DETAILS: Mapping[str, tuple[dict[str, Any], str]] = {
    "another audience": ({"aud": "account"}, f"corp: aud has not {AUDIENCE}"),
    "no audience": ({"aud": ABSENT}, "corp: it has no aud"),
    "no scope of ours": (
        {"scope": "openid"},
        "corp: in scope and scp is neither ops:read nor ops:run",
    ),
}


@pytest.mark.parametrize("what", DETAILS)
async def test_the_log_says_what_was_expected_of_a_token(what: str, issuer: FakeIssuer) -> None:
    claims, detail = DETAILS[what]
    with pytest.raises(Refused) as caught:
        await checking(issuer).check(issuer.token(**claims))
    assert caught.value.detail == detail


@pytest.mark.parametrize(
    ("claims", "pattern"),
    [
        ({"exp": -3_000}, r"corp: it ended 30\d\d s ago by the clock of this machine"),
        ({"iat": 3_000}, r"corp: it begins in (2[89]\d\d|3000) s by the clock of this machine"),
    ],
)
async def test_the_log_says_how_far_the_clocks_are_apart(
    claims: dict[str, int], pattern: str, issuer: FakeIssuer
) -> None:
    given: dict[str, Any] = {name: int(time()) + seconds for name, seconds in claims.items()}
    with pytest.raises(Refused) as caught:
        await checking(issuer).check(issuer.token(**given))
    assert re.fullmatch(pattern, caught.value.detail)


async def test_whose_genuine_token_is_refused_is_known(issuer: FakeIssuer) -> None:
    ways: list[tuple[dict[str, Any], tuple[str, ...]]] = [
        ({"scope": "openid", "groups": ["a"]}, ("a",)),
        ({"hasgroups": True}, ()),
    ]
    for claims, groups in ways:
        token = issuer.token(**claims)
        with pytest.raises(Refused) as caught:
            await checking(issuer, needs_groups=True).check(token)
        who = Principal("anna@example.com", groups, f"{issuer.url} 7")
        assert caught.value.who == who
    with pytest.raises(Refused) as caught:
        await checking(issuer).check(issuer.token(key=OTHER))
    assert caught.value.who is None


async def test_a_key_that_is_too_short_is_refused() -> None:
    with issuing() as weak:
        weak.private, jwk = new_key("weak", 1024)
        weak.keys = [jwk]
        with pytest.warns(Warning, match="below"):
            token = weak.token()
        assert await refusal(checking(weak), token) is Reason.BAD_SIGNATURE


async def test_a_shared_secret_in_the_set_is_never_a_key() -> None:
    with issuing() as one:
        secret = base64.urlsafe_b64encode(b"s" * 32).decode().rstrip("=")
        one.keys = [{"kty": "oct", "k": secret, "kid": "oct"}]
        token = one.token(key=b"s" * 32, header={"alg": "HS256"})
        assert await refusal(checking(one), token) is Reason.BAD_SIGNATURE
        good = one.token(header={"kid": "oct"})
        assert await refusal(checking(one), good) is Reason.KEYS_UNAVAILABLE


async def test_other_algorithms_than_those_of_the_settings_are_refused() -> None:
    with issuing() as one:
        one.private, jwk = new_curve_key("curve")
        one.keys = [jwk]
        token = one.token(header={"alg": "ES256"})
        assert (await checking(one).check(token)).subject == "7"
        narrow = checking(one, algorithms=["RS256"])
        assert await refusal(narrow, token) is Reason.BAD_SIGNATURE


async def test_a_type_of_tokens_can_be_asked_for(issuer: FakeIssuer) -> None:
    strict = checking(issuer, token_type="at+jwt")
    assert (await strict.check(issuer.token())).subject == "7"
    assert await refusal(strict, issuer.token(header={"typ": "JWT"})) is Reason.ID_TOKEN


async def test_of_two_issuers_each_speaks_for_its_own_people(issuer: FakeIssuer) -> None:
    with issuing() as other:
        both = JwtCheck([known(issuer), known(other, id="other", prefix="x:")], AUDIENCE)
        first, second = await both.check(issuer.token()), await both.check(other.token())
        assert first.principal.id != second.principal.id
        assert (first.principal.name, second.principal.name) == (
            "anna@example.com",
            "x:anna@example.com",
        )
        # The key of one with the name of the other.
        forged = other.token(iss=issuer.url)
        assert await refusal(both, forged) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize(
    ("settings", "claims", "name"),
    [
        ({}, {"email_verified": False}, "corp:7"),
        ({}, {"email_verified": "true"}, "corp:7"),
        ({}, {"email": ABSENT, "preferred_username": "root@example.com"}, "corp:7"),
        ({}, {"email": "token"}, "corp:7"),
        ({}, {"email": "аnna@example.com"}, "corp:7"),
        ({}, {"email": "anna @example.com"}, "corp:7"),
        ({}, {"email": "responder:x@y"}, "corp:7"),
        ({}, {"email": "a" * 120 + "@example.com"}, "corp:7"),
        ({"name_claim": "preferred_username"}, {"preferred_username": "root"}, "corp:root"),
        ({"name_claim": "preferred_username"}, {"preferred_username": "ro\not"}, "corp:7"),
        (
            {"name_claim": "preferred_username", "prefix": ""},
            {"preferred_username": "root"},
            "corp:7",
        ),
        ({"name_claim": "a.b", "prefix": "k:"}, {"a": {"b": "c"}}, "k:c"),
        ({"name_claim": "a.b.c"}, {"a": {"b": "c"}}, "corp:7"),
    ],
)
async def test_nobody_takes_the_name_of_somebody_else(
    settings: dict[str, Any], claims: dict[str, Any], name: str, issuer: FakeIssuer
) -> None:
    found = await checking(issuer, **settings).check(issuer.token(**claims))
    assert (found.principal.name, found.principal.id) == (name, f"{issuer.url} 7")


@pytest.mark.parametrize(
    ("settings", "claims", "groups"),
    [
        ({}, {"groups": "admins"}, ("admins",)),
        ({}, {"groups": {"admins": True}}, ()),
        ({}, {"groups": ["a", 5, None, "", "b\n", "c" * 257, "d"]}, ("a", "d")),
        (
            {"groups_claim": "realm_access.roles", "groups_prefix": "kc:"},
            {"realm_access": {"roles": ["a"]}},
            ("kc:a",),
        ),
        ({}, {"_claim_names": {"groups": "src1"}}, ()),
    ],
)
async def test_groups_are_texts_of_the_claim_that_is_named(
    settings: dict[str, Any], claims: dict[str, Any], groups: tuple[str, ...], issuer: FakeIssuer
) -> None:
    found = await checking(issuer, **settings).check(issuer.token(**claims))
    assert found.principal.groups == groups


async def test_many_groups_are_bounded(issuer: FakeIssuer) -> None:
    many = [f"g{number}" for number in range(5_000)]
    found = await checking(issuer).check(issuer.token(groups=many))
    assert len(found.principal.groups) == 1_000


async def test_groups_that_did_not_fit_into_the_token_are_not_no_groups(
    issuer: FakeIssuer,
) -> None:
    many = [f"g{number}" for number in range(1_001)]
    ways: list[dict[str, Any]] = [
        {"_claim_names": {"groups": "src1"}},
        {"hasgroups": True},
        {"groups": many},
    ]
    for claims in ways:
        token = issuer.token(**claims)
        assert await refusal(checking(issuer, needs_groups=True), token) is Reason.GROUPS_MISSING


@pytest.mark.parametrize(
    ("settings", "claims", "scopes"),
    [
        ({}, {"scope": "ops:read"}, ["ops:read"]),
        ({}, {"scope": ABSENT, "scp": ["ops:run"]}, ["ops:run"]),
        (
            {"scopes": {"ops:read": "api://APP/ops.read", "ops:run": "api://APP/ops.run"}},
            {"scope": ABSENT, "scp": "ops.read ops.run"},
            ["ops:read", "ops:run"],
        ),
        ({"default_scopes": ["ops:read"]}, {"scope": ABSENT}, ["ops:read"]),
    ],
)
async def test_scopes_are_read_as_the_issuer_calls_them(
    settings: dict[str, Any], claims: dict[str, Any], scopes: list[str], issuer: FakeIssuer
) -> None:
    found = await checking(issuer, **settings).check(issuer.token(**claims))
    assert found.scopes == scopes


async def test_service_accounts_of_kubernetes_need_no_discovery(issuer: FakeIssuer) -> None:
    cluster = {
        "jwks_uri": f"{issuer.url}/keys",
        "issuer": "https://kubernetes.default.svc.cluster.local",
        "id": "k8s",
        "name_claim": "sub",
        "advertise": False,
        "default_scopes": ["ops:read", "ops:run"],
    }
    check = JwtCheck([Issuer.model_validate(cluster)], AUDIENCE)
    account = "system:serviceaccount:monitoring:alerts"
    token = issuer.token(iss=cluster["issuer"], sub=account, scope=ABSENT, email=ABSENT, azp=ABSENT)
    found: PrincipalToken = await check.check(token)
    assert found.principal.name == f"k8s:{account}"
    assert found.principal.id == f"{cluster['issuer']} {account}"


def test_jwt_is_the_library_that_is_meant() -> None:
    assert tuple(int(part) for part in jwt.__version__.split(".")[:2]) >= (2, 15)
