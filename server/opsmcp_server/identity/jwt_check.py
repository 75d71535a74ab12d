"""Whether a JWT is good: by whom, for whom, until when, signed with which key.

What is checked is said here; what a signature is, PyJWT knows. The token says only which of the
issuers of the settings is asked: keys, addresses and algorithms that it brings are never used.
"""

from collections.abc import Mapping, Sequence
from time import time
from typing import Any

import jwt

from opsmcp_server.config.issuers import Issuer
from opsmcp_server.identity.access import PrincipalToken
from opsmcp_server.identity.claims import principal_of, scopes_of
from opsmcp_server.identity.key_set import KeySet
from opsmcp_server.identity.refusal import Reason, Refused

__all__ = ["JwtCheck"]

_LEEWAY_SECONDS = 30
_FARTHEST_SECONDS = 10 * 366 * 86400
_LONGEST_SUBJECT = 255
_LONGEST_CLIENT = 255
_OF_ID_TOKENS = ("nonce", "at_hash", "c_hash")

_REASONS: Sequence[tuple[type[Exception], Reason]] = (
    (jwt.ExpiredSignatureError, Reason.EXPIRED),
    (jwt.ImmatureSignatureError, Reason.NOT_YET_VALID),
    (jwt.InvalidAudienceError, Reason.WRONG_AUDIENCE),
    (jwt.InvalidIssuerError, Reason.UNKNOWN_ISSUER),
    (jwt.InvalidSignatureError, Reason.BAD_SIGNATURE),
    (jwt.InvalidKeyError, Reason.BAD_SIGNATURE),
    (jwt.InvalidAlgorithmError, Reason.BAD_SIGNATURE),
    (jwt.DecodeError, Reason.MALFORMED),
)
"""The first that fits counts; anything else is a claim that is no good."""

Claims = Mapping[str, Any]


class JwtCheck:
    """Checks the tokens of some issuers."""

    def __init__(
        self,
        issuers: Sequence[Issuer],
        resource: str,
        *,
        needs_groups: bool = False,
    ) -> None:
        """Accept what is meant for `resource`, or for the audiences of an issuer.

        `needs_groups` says that rules of the policy name groups.
        """
        self._issuers = {issuer.issuer: issuer for issuer in issuers}
        self._keys = {issuer.issuer: KeySet(issuer) for issuer in issuers}
        self._resource, self._needs_groups = resource, needs_groups

    async def check(self, text: str) -> PrincipalToken:
        """The principal of a token.

        Raises:
            Refused: It is not good, or that cannot be known now.
        """
        header, said = _unverified(text)
        name = said.get("iss")
        issuer = self._issuers.get(name) if isinstance(name, str) else None
        if issuer is None:
            raise Refused(Reason.UNKNOWN_ISSUER)
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in issuer.algorithms:
            raise Refused(Reason.BAD_SIGNATURE, f"{issuer.id}: an algorithm that is not accepted")
        if kid is not None and not isinstance(kid, str):
            raise Refused(Reason.MALFORMED, f"{issuer.id}: a key id that is no text")
        key = await self._keys[issuer.issuer].key(kid, algorithm)
        claims = self._verified(issuer, text, key, algorithm, said)
        _check_type(issuer, header, claims)
        return self._token(issuer, claims)

    def key_set_ages(self) -> Mapping[str, float | None]:
        """By the ids of issuers, how many seconds ago their keys were fetched; None: never."""
        return {one.id: self._keys[one.issuer].age_seconds for one in self._issuers.values()}

    async def warm(self) -> None:
        """Fetch the keys of all issuers once."""
        for keys in self._keys.values():
            await keys.warm()

    def _verified(
        self, issuer: Issuer, text: str, key: jwt.PyJWK, algorithm: str, said: Claims
    ) -> Claims:
        audiences = issuer.audiences or (self._resource,)
        try:
            claims = jwt.decode(
                text,
                key,
                algorithms=[algorithm],
                audience=audiences,
                issuer=issuer.issuer,
                leeway=_LEEWAY_SECONDS,
                options={
                    "require": ["exp", "iat", "sub", "aud", "iss"],
                    "enforce_minimum_key_length": True,
                },
            )
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
            found = next(
                (why for kind, why in _REASONS if isinstance(error, kind)), Reason.BAD_CLAIMS
            )
            detail = _explained(error, found, said, audiences)
            raise Refused(found, f"{issuer.id}: {detail}") from None
        _check_claims(issuer, claims)
        return claims

    def _token(self, issuer: Issuer, claims: Claims) -> PrincipalToken:
        who = principal_of(issuer, claims, needs_groups=self._needs_groups)
        scopes = scopes_of(issuer, claims)
        if not scopes:
            wanted = " nor ".join(issuer.scopes.values())
            detail = f"{issuer.id}: in scope and scp is neither {wanted}"
            raise Refused(Reason.INSUFFICIENT_SCOPE, detail, who=who)
        subject = str(claims["sub"])
        client = claims.get("azp") or claims.get("client_id")
        return PrincipalToken(
            token=f"a token of {issuer.id}",
            client_id=client[:_LONGEST_CLIENT] if isinstance(client, str) else "",
            scopes=scopes,
            expires_at=int(claims["exp"]),
            subject=subject,
            claims={"iss": issuer.issuer},
            auth=f"oidc:{issuer.id}",
            principal=who,
        )


def _explained(error: Exception, found: Reason, said: Claims, audiences: Sequence[str]) -> str:
    """What is wrong, for whoever reads the log: what was expected, and how far clocks differ."""
    if found is Reason.WRONG_AUDIENCE:
        return f"aud has not {' or '.join(audiences)}"
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"it has no {error.claim}"
    names = {Reason.EXPIRED: ("exp",), Reason.NOT_YET_VALID: ("iat", "nbf")}.get(found, ())
    times = [float(said[name]) for name in names if isinstance(said.get(name), int | float)]
    if not times:
        return type(error).__name__
    seconds = max(times) - time()
    how = f"begins in {seconds:.0f} s" if seconds > 0 else f"ended {-seconds:.0f} s ago"
    return f"it {how} by the clock of this machine"


def _unverified(text: str) -> tuple[Mapping[str, Any], Claims]:
    """Header and claims of a token: only to choose whom to ask, and to say what was refused."""
    try:
        found = jwt.decode_complete(text, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise Refused(Reason.MALFORMED, type(error).__name__) from None
    return found["header"], found["payload"]


def _check_claims(issuer: Issuer, claims: Claims) -> None:
    subject, ends = claims["sub"], claims["exp"]
    good = isinstance(subject, str) and 0 < len(subject) <= _LONGEST_SUBJECT
    if not (good and subject.isascii() and subject.isprintable()):
        raise Refused(Reason.BAD_CLAIMS, f"{issuer.id}: sub")
    number = isinstance(ends, int | float) and not isinstance(ends, bool)
    if not (number and ends <= time() + _FARTHEST_SECONDS):
        raise Refused(Reason.BAD_CLAIMS, f"{issuer.id}: exp")


def _check_type(issuer: Issuer, header: Mapping[str, Any], claims: Claims) -> None:
    """Return if it is an access token, as far as that can be told."""
    if any(claim in claims for claim in _OF_ID_TOKENS):
        raise Refused(Reason.ID_TOKEN, issuer.id)
    typ = str(header.get("typ", "")).lower().removeprefix("application/")
    if issuer.token_type and typ != issuer.token_type:
        raise Refused(Reason.ID_TOKEN, f"{issuer.id}: not of the type {issuer.token_type}")
