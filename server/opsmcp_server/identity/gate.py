"""The gate of `opsmcp serve`: who calls, and how often they may.

It stands before every route of MCP. Whether a token is needed can change while the server runs, by
the first personal token, but only once: from then on one is needed until the process ends.
"""

import hmac
import logging
from collections.abc import Callable, Mapping
from time import monotonic, time
from typing import Protocol

import anyio
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.authentication import AuthCredentials
from starlette.datastructures import Headers
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from opsmcp_server.calls.callers import ADDRESS
from opsmcp_server.calls.observed import Limited, Observers, TokenRefused
from opsmcp_server.calls.rate_limit import RateLimit
from opsmcp_server.config.groups.server import Limits
from opsmcp_server.identity.access import PrincipalToken, token_of
from opsmcp_server.identity.bearer import MOST_BYTES, is_bearer
from opsmcp_server.identity.jwt_check import JwtCheck
from opsmcp_server.identity.metadata import Metadata
from opsmcp_server.identity.personal_token import SCOPES, is_personal
from opsmcp_server.identity.refusal import Challenge, Reason, Refused, limited
from opsmcp_server.identity.scopes import READ, covers, needed
from opsmcp_server.identity.streams import Streams
from opsmcp_server.identity.token_store import TokenStore
from opsmcp_tools.model.caller import Caller
from opsmcp_tools.model.tool import Principal

__all__ = ["AuthAudit", "Gate"]

logger = logging.getLogger(__name__)

_KNOWN_SECONDS = 600.0
"""How long an address is spared after a good token came from it: others may share it."""

_MOST_ADDRESSES = 10_000
_MOST_LOGGED = 60
"""Refusals of one address in a minute that are logged one by one."""

_SHARED = Principal("token", id="token:token")
"""The principal of everybody who has `server.token`."""

_DOTS_OF_A_JWT = 2


class AuthAudit(Protocol):
    """Keeps account of who got in, and who did not."""

    def entered(self, principal: Principal, caller: Caller, /) -> None:
        """Somebody got in with a good token."""
        ...

    def kept_out(
        self, reason: str, detail: str, address: str, /, who: Principal | None = None
    ) -> None:
        """Somebody did not; `who`, where their token says that for certain."""
        ...


class Gate:
    """Lets in who brings a good token; everybody while none is needed."""

    def __init__(
        self,
        server_token: str,
        tokens: TokenStore,
        *,
        jwts: JwtCheck | None,
        metadata: Metadata,
        limits: Limits,
        audit: AuthAudit | None = None,
        observers: Observers | None = None,
    ) -> None:
        """Know these tokens.

        Args:
            server_token: The one that all may share; empty: there is none.
            tokens: The personal ones.
            jwts: Checks those of the issuers, if there are any.
            metadata: Where clients log in.
            limits: How much one principal, or one address, may ask for.
            audit: Is told of who gets in, and who does not.
            observers: Told of each refusal.
        """
        self._server_token = server_token.encode()
        self._tokens, self._jwts = tokens, jwts
        self._metadata = metadata
        self._observers = observers or Observers()
        self._audit = audit
        self._requests = RateLimit(limits.requests_per_minute)
        self._unauthenticated = RateLimit(limits.unauthenticated_per_minute)
        self._logged = RateLimit(_MOST_LOGGED)
        self._good: dict[str, float] = {}
        self.streams = Streams(limits.streams_per_principal, self._is_good, self._refuse)
        self.challenge = Challenge(" ".join(metadata.scopes), metadata.address)

    @property
    def is_needed(self) -> bool:
        """Whether only who brings a token gets in."""
        return bool(self._server_token or self._jwts) or self._tokens.is_in_use

    def guard(self, app: ASGIApp) -> ASGIApp:
        """`app`, for those who get in."""
        inside = AuthContextMiddleware(app)

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            if not self.is_needed:
                await app(scope, receive, send)
                return
            try:
                token = await self._enter(scope)
            except Refused as refused:
                await self._refuse(refused)(scope, receive, send)
                return
            known = {"user": AuthenticatedUser(token), "auth": AuthCredentials(token.scopes)}
            await inside({**scope, **known}, receive, send)

        return _App(guarded)

    async def _enter(self, scope: Scope) -> PrincipalToken:
        """The token of a request that gets in.

        Raises:
            Refused: It does not.
        """
        address = scope[ADDRESS]
        spared = monotonic() - self._good.get(address, -_KNOWN_SECONDS) < _KNOWN_SECONDS
        if not spared and (seconds := self._unauthenticated.wait_seconds(address, monotonic())):
            raise limited("unauthenticated_per_minute", seconds)
        try:
            token = await self._check(_bearer_of(scope))
            _require(token, READ)
        except Refused as refused:
            self._unauthenticated.take(address, monotonic())
            self._tell(refused, address)
            raise
        self._remember(address)
        if self._audit is not None:
            caller = Caller(auth=token.auth, client_id=token.client_id or "", address=address)
            self._audit.entered(token.principal, caller)
        if seconds := self._requests.take(token.principal.id, monotonic()):
            raise limited("requests_per_minute", seconds)
        return token

    async def _check(self, text: str) -> PrincipalToken:
        if self._server_token and hmac.compare_digest(text.encode(), self._server_token):
            return PrincipalToken(
                token="server.token",  # noqa: S106 - a name, no secret
                client_id="token",
                scopes=list(SCOPES),
                subject=_SHARED.id,
                claims={"iss": "opsmcp"},
                principal=_SHARED,
                auth="server-token",
            )
        if is_personal(text):
            return self._tokens.check(text)
        if self._jwts is not None and text.count(".") == _DOTS_OF_A_JWT:
            return await self._jwts.check(text)
        raise Refused(Reason.MALFORMED, "no token of a kind that is known")

    def _tell(self, refused: Refused, address: str) -> None:
        """Write down what was refused, bounded: strangers set the pace."""
        if self._audit is not None:
            self._audit.kept_out(str(refused.reason), refused.detail, address, refused.who)
        if not self._logged.take(address, monotonic()):
            who = f" of {refused.who.name}" if refused.who else ""
            detail = f" ({refused.detail})" if refused.detail else ""
            logger.warning(
                "refused: %s%s, from %s%s", refused.reason, who, address or "nowhere", detail
            )

    def _remember(self, address: str) -> None:
        self._good.pop(address, None)
        self._good[address] = monotonic()
        if len(self._good) > _MOST_ADDRESSES:
            del self._good[next(iter(self._good))]

    def scoped(self, app: ASGIApp, message_of: Callable[[Scope], tuple[str, str]]) -> ASGIApp:
        """`app`, for messages that the token covers: `message_of` says which method and tool."""

        async def checked(scope: Scope, receive: Receive, send: Send) -> None:
            token = token_of(scope)
            try:
                if token is not None:
                    _require(token, needed(*message_of(scope)))
            except Refused as refused:
                self._tell(refused, scope[ADDRESS])
                await self._refuse(refused)(scope, receive, send)
                return
            await app(scope, receive, send)

        return checked

    @property
    def tokens_are_read(self) -> bool:
        """Whether the files of personal tokens could be read when they were last looked at."""
        return self._tokens.is_read

    def key_set_ages(self) -> Mapping[str, float | None]:
        """By the ids of issuers, how many seconds ago their keys were fetched; None: never."""
        return self._jwts.key_set_ages() if self._jwts else {}

    def _refuse(self, refused: Refused) -> ASGIApp:
        too_much = refused.reason is Reason.LIMITED
        event = Limited(refused.detail) if too_much else TokenRefused(str(refused.reason))
        self._observers(event)
        return self.challenge.answer(refused)

    def _is_good(self, token: PrincipalToken | None) -> bool:
        if token is None:
            return not self.is_needed
        if token.expires_at is not None:
            return time() < token.expires_at
        return token.principal == _SHARED or self._tokens.is_good(token)

    async def run(self) -> None:
        """Look after tokens and streams until cancelled."""
        async with anyio.create_task_group() as group:
            if self._jwts is not None:
                group.start_soon(self._jwts.warm)
            await self._tokens.run(self.streams.end_bad)

    def routes(self) -> list[Route]:
        """What anybody may read: where clients log in. Within the limit of addresses."""
        for route in (routes := self._metadata.routes()):
            route.app = self._limited(route.app)
        return routes

    def _limited(self, app: ASGIApp) -> ASGIApp:
        async def answered(scope: Scope, receive: Receive, send: Send) -> None:
            if seconds := self._unauthenticated.take(scope[ADDRESS], monotonic()):
                refused = limited("unauthenticated_per_minute", seconds)
                await self._refuse(refused)(scope, receive, send)
                return
            await app(scope, receive, send)

        return answered


class _App:
    """An ASGI app that the router takes for one: a function it would take for an endpoint."""

    def __init__(self, serve: ASGIApp) -> None:
        self._serve = serve

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._serve(scope, receive, send)


def _bearer_of(scope: Scope) -> str:
    """The token of a request. One in its query, a cookie or its body is not looked at.

    Raises:
        Refused: There is none, or two.
    """
    given = Headers(scope=scope).getlist("authorization")
    if not given:
        raise Refused(Reason.MISSING)
    if len(given) > 1:
        raise Refused(Reason.INVALID_REQUEST, "two Authorization headers")
    scheme, _, token = given[0].partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refused(Reason.MISSING, "another scheme than Bearer")
    if len(token) > MOST_BYTES:
        raise Refused(Reason.TOO_LARGE)
    if not is_bearer(token):
        raise Refused(Reason.MALFORMED, "characters that no token has")
    return token


def _require(token: PrincipalToken, scope: str) -> None:
    if not covers(token.scopes, scope):
        detail = f"{token.token} has not {scope}"
        raise Refused(Reason.INSUFFICIENT_SCOPE, detail, who=token.principal)
