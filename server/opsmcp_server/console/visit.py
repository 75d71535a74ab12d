"""One request of a browser, and what is made of its parts: who, in which language, which form."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from opsmcp_server.calls.callers import ADDRESS
from opsmcp_server.console.sessions import Session
from opsmcp_server.console.words import language_of
from opsmcp_tools.approval_requests.handle import PATTERN as HANDLE
from opsmcp_tools.incidents.incident import PATTERN as INCIDENT
from opsmcp_tools.model.errors import NotAllowed
from opsmcp_tools.model.tool import Principal
from opsmcp_tools.phrases.phrase import Language

__all__ = ["Visit", "address_of", "checked_next", "read_form", "root_from", "to_sign_in"]

_MOST_FORM_BYTES = 8 * 1024
_MOST_FIELDS = 10
_NEXT = re.compile(f"requests(?:/{HANDLE})?|incidents(?:/{INCIDENT})?")


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a browser."""

    request: Request
    signed_in: Session | None
    form: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def session(self) -> Session:
        """That of whoever is signed in.

        Raises:
            NotAllowed: Nobody is.
        """
        if self.signed_in is None:
            raise NotAllowed("nobody is signed in")
        return self.signed_in

    @property
    def principal(self) -> Principal:
        """Who is signed in; likewise."""
        return self.session.principal

    @property
    def language(self) -> Language:
        """The one that the browser asks for."""
        return language_of(self.request.headers.get("accept-language", ""))

    @property
    def wants_json(self) -> bool:
        """Whether a program asks, which wants data instead of a page."""
        return _wants_json(self.request)

    def part(self, name: str) -> str:
        """The part of the path that has this name in its route."""
        return str(self.request.path_params[name])


def address_of(request: Request) -> str:
    """The address that a request came from, as far as proxies are believed."""
    return str(request.scope[ADDRESS])


def to_sign_in(request: Request) -> Response:
    """The answer to whoever is not signed in: to the page for that, and back from there."""
    if _wants_json(request):
        return JSONResponse({"error": "nobody is signed in"}, 401)
    path = request.url.path.strip("/")
    back = f"?next={path}" if request.method == "GET" and _NEXT.fullmatch(path) else ""
    return RedirectResponse(f"{root_from(request)}sign-in{back}", 303)


def root_from(request: Request) -> str:
    """The way to the root of the pages; relative, so that a proxy may serve them below a path."""
    depth = request.url.path.count("/") - 1
    return "../" * depth or "./"


def checked_next(wanted: str) -> str:
    """Where to go after signing in: to a page of ours, and nowhere else."""
    return wanted if _NEXT.fullmatch(wanted) else "requests"


def _wants_json(request: Request) -> bool:
    return request.headers.get("accept", "").split(",")[0].strip() == "application/json"


async def read_form(request: Request) -> dict[str, str] | None:
    """The fields of a form; None when it is none, is too large, or gives a field twice."""
    kind = request.headers.get("content-type", "").split(";")[0].strip()
    if kind != "application/x-www-form-urlencoded":
        return None
    data = b""
    try:
        async for part in request.stream():
            data += part
            if len(data) > _MOST_FORM_BYTES:
                return None
        fields = parse_qs(
            data.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except (ValueError, ClientDisconnect):
        return None
    if any(len(values) != 1 for values in fields.values()):
        return None
    return {name: values[0] for name, values in fields.items()}
