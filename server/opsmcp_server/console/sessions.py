"""Who is signed in: a person of the settings, by a sealed cookie; and that a form is our own.

The token of a person signs in and is good for nothing else, and no token of a client signs in. A
session ends by itself, and with the token that it began with.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from opsmcp_server.calls.state_key import derive
from opsmcp_server.protocol.sealed_state import Seal
from opsmcp_tools.model.tool import Principal

__all__ = ["Session", "Sessions", "delete_cookies", "is_own_form", "set_cookie"]

_HOURS = 8
_SECURE, _PLAIN = "__Host-opsmcp-session", "opsmcp-session"
"""The name of the cookie over https, which no other host can set, and elsewhere."""

_NONCE = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in; `nonce` tells this session from every other."""

    principal: Principal
    nonce: str


class Sessions:
    """Signs people in and out."""

    def __init__(
        self,
        key: str,
        people: Mapping[str, str],
        now: Callable[[], datetime],
        ids: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Seal with `key`; `people` are the tokens by the names of those who have them.

        `ids` are those of their other logins, where they have one.
        """
        self._ids = ids
        self._seal = Seal(key, "console")
        self._forms = derive(key, "console form")
        self._people = MappingProxyType(dict(people))
        self._now = now

    def sign_in(self, token: str) -> str | None:
        """The cookie of the person who has this token; None when nobody has."""
        given, found = token.encode(errors="replace"), ""
        for name, known in self._people.items():
            # All are compared, so that the time tells nothing.
            if hmac.compare_digest(given, known.encode()):
                found = name
        if not found:
            return None
        until = self._now() + timedelta(hours=_HOURS)
        data = {"who": found, "until": until.timestamp(), "nonce": secrets.token_urlsafe(16)}
        return self._seal.close({**data, "token": self._fingerprint(found)})

    def of(self, request: Request) -> Session | None:
        """The session of whoever sent the request; None when nobody is signed in."""
        cookie = request.cookies.get(_SECURE) or request.cookies.get(_PLAIN)
        data = self._seal.open(cookie) if cookie else None
        if data is None:
            return None
        who, nonce, until = data.get("who"), data.get("nonce"), data.get("until")
        if not (isinstance(who, str) and isinstance(nonce, str) and _NONCE.fullmatch(nonce)):
            return None
        known = who in self._people and data.get("token") == self._fingerprint(who)
        fresh = isinstance(until, float) and self._now().timestamp() < until
        return (
            Session(Principal(who, id=self._ids.get(who, "")), nonce) if known and fresh else None
        )

    def _fingerprint(self, name: str) -> str:
        return hashlib.sha256(self._people[name].encode()).hexdigest()[:32]

    def form_token(self, session: Session, what: str) -> str:
        """What a form of this session about this must hold: nobody else can know it."""
        return hmac.digest(self._forms, f"{session.nonce} {what}".encode(), "sha256").hex()

    def is_form_of(self, session: Session, what: str, token: str) -> bool:
        """Whether a form is one that this session was shown, about this."""
        known = self.form_token(session, what)
        return hmac.compare_digest(known.encode(), token.encode(errors="replace"))


def set_cookie(request: Request, response: Response, cookie: str) -> None:
    """Have the browser keep a session."""
    # Behind a proxy only the browser knows that it is https.
    secure = request.headers.get("origin", "").startswith("https://")
    response.set_cookie(
        _SECURE if secure else _PLAIN,
        cookie,
        max_age=_HOURS * 3600,
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def delete_cookies(response: Response) -> None:
    """Have the browser forget its session."""
    response.delete_cookie(_SECURE, path="/", secure=True, httponly=True, samesite="lax")
    response.delete_cookie(_PLAIN, path="/", httponly=True, samesite="lax")


def is_own_form(request: Request) -> bool:
    """Whether a form was sent by a page of this server, as a browser says it."""
    origin, site = request.headers.get("origin", ""), request.headers.get("sec-fetch-site")
    parts = urlsplit(origin)
    same = parts.scheme in ("http", "https") and parts.netloc == request.headers.get("host")
    return same and site in (None, "same-origin")
