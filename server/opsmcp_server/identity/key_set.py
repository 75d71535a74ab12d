"""The keys of one issuer: fetched when they are needed, kept for a while, and never trusted twice.

An issuer that is away stops nobody whose key is known: the set counts for a day then. A key that is
not known is looked for at once, three times in a row and then twice a minute, so that a key that
was just rotated is found, and invented ones do not make us a burden.
"""

import logging
import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any, cast
from urllib.parse import urlsplit

import anyio
import httpx2
from anyio import to_thread
from jwt import PyJWK, PyJWTError

from opsmcp_server.calls.rate_limit import RateLimit
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.issuers import Issuer, is_loopback_host
from opsmcp_server.identity.bearer import BearerUnusable, read_bearer
from opsmcp_server.identity.refusal import Reason, Refused
from opsmcp_server.protocol.strict_json import BadJson, read_json
from opsmcp_tools.safe_text.characters import clean_line, quote

__all__ = ["KeySet"]

logger = logging.getLogger(__name__)

_FETCH_SECONDS = 5.0
_MOST_BYTES = 256 * 1024
_MOST_KEYS = 100
_FRESH_SECONDS = (60.0, 900.0)
_USUAL_SECONDS = 300.0
_STALE_SECONDS = 24 * 3600.0
_AGAIN_SECONDS = 5.0
"""The pause after a fetch that failed."""
_LONGEST_LOGGED = 200

_MAX_AGE = re.compile(r"max-age=([0-9]{1,9})")
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}

Jwk = Mapping[str, Any]


class _Unusable(Exception):
    """What the issuer answered is no set of keys; the message is for the log."""


class KeySet:
    """The keys of an issuer."""

    def __init__(self, issuer: Issuer, now: Callable[[], float] = monotonic) -> None:
        """Fetch nothing yet.

        Raises:
            ConfigError: Its `ca_file` holds no certificates.
        """
        self._issuer, self._now = issuer, now
        self._trusted = _trusted_by(issuer)
        self._keys: Sequence[Jwk] = ()
        self._made: dict[tuple[str | None, str], PyJWK] = {}
        self._fetched = self._tried = -_STALE_SECONDS
        self._fresh_until = -1.0
        self._fetching = anyio.Lock()
        self._unknown = RateLimit(2, burst=3)
        self._client: httpx2.AsyncClient | None = None
        self._asked = issuer.issuer
        """The address that was asked last, for the log."""

    @property
    def age_seconds(self) -> float | None:
        """How long ago the keys were fetched; None while they never were."""
        return self._now() - self._fetched if self._keys else None

    async def key(self, kid: str | None, algorithm: str) -> PyJWK:
        """The key of a token.

        Raises:
            Refused: There is none, or it cannot be known now.
        """
        began = self._now()
        if began >= self._fresh_until:
            await self._refresh(began)
        found = self._find(kid, algorithm)
        if found is not None:
            return found
        if self._fetched < began:
            if self._unknown.take("", began):
                raise Refused(Reason.KEYS_UNAVAILABLE, f"{self._issuer.id}: too many unknown keys")
            await self._fetch(began)
            found = self._find(kid, algorithm)
        if found is not None:
            return found
        if self._fetched < began:
            raise Refused(
                Reason.KEYS_UNAVAILABLE, f"{self._issuer.id}: a key that is not known yet"
            )
        which = "one key" if kid is None else "such a key"
        raise Refused(Reason.UNKNOWN_KEY, f"{self._issuer.id} has not exactly {which} for it")

    async def warm(self) -> None:
        """Fetch once, so that the log says early what is wrong."""
        await self._fetch(self._now())

    async def _refresh(self, began: float) -> None:
        if began - self._tried >= _AGAIN_SECONDS or self._fetching.locked():
            await self._fetch(began)
        if not self._keys or began - self._fetched > _STALE_SECONDS:
            raise Refused(Reason.KEYS_UNAVAILABLE, f"{self._issuer.id} gives no keys")

    def _find(self, kid: str | None, algorithm: str) -> PyJWK | None:
        made = self._made.get((kid, algorithm))
        if made is not None:
            return made
        fitting = [jwk for jwk in self._keys if _fits(jwk, algorithm)]
        if kid is not None:
            fitting = [jwk for jwk in fitting if jwk.get("kid") == kid]
        if len(fitting) != 1:
            return None
        try:
            found = PyJWK(dict(fitting[0]), algorithm=algorithm)
        except (PyJWTError, ValueError, TypeError, KeyError):
            return None
        self._made[kid, algorithm] = found
        return found

    async def _fetch(self, began: float) -> None:
        """Fetch the set, unless somebody else did since; a failure leaves what there was."""
        async with self._fetching:
            if self._tried >= began:
                return
            self._tried = self._now()
            try:
                with anyio.fail_after(_FETCH_SECONDS):
                    keys, seconds = await self._read()
            except (_Unusable, OSError, TimeoutError, httpx2.HTTPError, httpx2.InvalidURL) as error:
                asked = clean_line(self._asked, _LONGEST_LOGGED)
                logger.warning(
                    "the keys of %s cannot be fetched from %s: %s",
                    self._issuer.id,
                    asked,
                    _why(error),
                )
                return
            self._keys, self._made = keys, {}
            self._fetched = self._tried = self._now()
            self._fresh_until = self._fetched + seconds

    async def _read(self) -> tuple[Sequence[Jwk], float]:
        address = self._issuer.jwks_uri or await self._discover()
        found, headers = await self._get(address)
        keys = found.get("keys")
        if not isinstance(keys, list) or len(cast("list[object]", keys)) > _MOST_KEYS:
            raise _Unusable(f"there is no list of at most {_MOST_KEYS} keys")
        usable = [cast("Jwk", one) for one in cast("list[object]", keys) if _is_usable(one)]
        if not usable:
            raise _Unusable("no key of the set can be used to check signatures")
        age = _MAX_AGE.search(headers.get("cache-control", ""))
        least, most = _FRESH_SECONDS
        return usable, min(most, max(least, float(age[1]) if age else _USUAL_SECONDS))

    async def _discover(self) -> str:
        issuer = self._issuer.issuer
        found, _ = await self._get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != issuer:
            raise _Unusable("the discovery document is that of another issuer")
        address = found.get("jwks_uri")
        if not isinstance(address, str) or not _is_safe(address):
            raise _Unusable("the discovery document names no address of keys over https")
        return address

    async def _get(self, address: str) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        self._asked = address
        client = await self._open()
        headers = {"Accept": "application/json", **await to_thread.run_sync(self._own, address)}
        async with client.stream("GET", address, headers=headers) as answer:
            if answer.status_code != 200:
                raise _Unusable(f"status {answer.status_code}")
            data = b""
            async for part in answer.aiter_bytes():
                data += part
                if len(data) > _MOST_BYTES:
                    raise _Unusable("the answer is larger than 256 KiB")
        try:
            found = read_json(data)
        except BadJson:
            raise _Unusable("the answer is no JSON") from None
        if not isinstance(found, dict):
            raise _Unusable("the answer is no JSON object")
        return cast("Mapping[str, Any]", found), answer.headers

    def _own(self, address: str) -> dict[str, str]:
        """What only the issuer itself is shown: the token of `token_file`."""
        path = self._issuer.token_file
        if path is None or _origin(address) != _origin(self._issuer.issuer):
            return {}
        try:
            return {"Authorization": f"Bearer {read_bearer(path)}"}
        except BearerUnusable as error:
            raise _Unusable(str(error)) from error

    async def _open(self) -> httpx2.AsyncClient:
        if self._client is None:
            # Reading certificates takes longer than an event loop should wait.
            self._client = await to_thread.run_sync(self._connect)
        return self._client

    def _connect(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            verify=self._trusted, follow_redirects=False, timeout=httpx2.Timeout(_FETCH_SECONDS)
        )


def _trusted_by(issuer: Issuer) -> ssl.SSLContext | bool:
    """The certificate authorities that count for it; True: those of the machine."""
    if issuer.ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=issuer.ca_file)
    except OSError as error:
        raise ConfigError(
            f"auth.oidc {issuer.id}: ca_file must be a file of certificates (PEM), not "
            f"{quote(str(issuer.ca_file))}"
        ) from error


def _is_usable(jwk: object) -> bool:
    """Whether it is a public key for signatures; a shared secret never is."""
    if not isinstance(jwk, dict):
        return False
    found = cast("Jwk", jwk)
    kid = found.get("kid")
    return (
        found.get("kty") in ("RSA", "EC", "OKP")
        and found.get("use", "sig") == "sig"
        and (kid is None or isinstance(kid, str))
    )


def _fits(jwk: Jwk, algorithm: str) -> bool:
    if jwk.get("alg", algorithm) != algorithm:
        return False
    if algorithm in _CURVES:
        return jwk["kty"] == "EC" and jwk.get("crv") == _CURVES[algorithm]
    if algorithm == "EdDSA":
        return jwk["kty"] == "OKP" and jwk.get("crv") in ("Ed25519", "Ed448")
    return jwk["kty"] == "RSA"


def _is_safe(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme == "https" or (
            parts.scheme == "http" and is_loopback_host(parts.hostname or "")
        )
    except ValueError:
        return False


def _why(error: Exception) -> str:
    """What went wrong, in one line."""
    if isinstance(error, TimeoutError | httpx2.TimeoutException):
        return f"no answer within {_FETCH_SECONDS:g} s"
    return clean_line(str(error), _LONGEST_LOGGED) or type(error).__name__


def _origin(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.scheme, parts.netloc
