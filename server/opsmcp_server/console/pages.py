"""The pages of requests: what waits, one with its plan, and the form that decides.

A GET only shows: mail scanners and link previews open every link. A decision is a POST of whoever
is signed in, from a page of this server, for the plan that the page showed. The link to a request
carries no authority. What models and strangers wrote is text, never markup, and pages have no
script.
"""

import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs

from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from opsmcp_server.calls.call_requests import CallRequests
from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.request_text import request_details, request_entry
from opsmcp_server.calls.state_key import read_key
from opsmcp_server.console.rendering import render, style_sheet
from opsmcp_server.console.sessions import (
    Session,
    Sessions,
    delete_cookies,
    is_own_form,
    set_cookie,
)
from opsmcp_server.console.words import language_of, page_words
from opsmcp_tools.approval_requests.handle import PATTERN as HANDLE
from opsmcp_tools.approval_requests.request import Request as CallRequest
from opsmcp_tools.approval_requests.request import State
from opsmcp_tools.incidents.incident import PATTERN as INCIDENT
from opsmcp_tools.model.caller import CALLER, Caller
from opsmcp_tools.model.errors import NotAllowed, ToolError, ToolUnavailable
from opsmcp_tools.model.tool import Principal
from opsmcp_tools.phrases.phrase import say

__all__ = ["console_routes"]

_MOST_FORM_BYTES = 8 * 1024
_MOST_FIELDS = 10
_MOST_WRONG = 30
"""Wrong tokens in a minute, of all together. Tokens are too long to be guessed at that rate."""

_MOST_EARLIER = 50
_NEXT = re.compile(f"requests(?:/{HANDLE})?|incidents(?:/{INCIDENT})?")

_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    # With no-referrer, browsers would hide from us where a form came from.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

Handler = Callable[["_Visit"], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class _Visit:
    """One request of a browser."""

    request: Request
    session: Session | None
    form: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def language(self) -> Any:
        return language_of(self.request.headers.get("accept-language", ""))

    @property
    def principal(self) -> Principal:
        return _session_of(self).principal

    @property
    def wants_json(self) -> bool:
        return _wants_json(self.request)

    def part(self, name: str) -> str:
        return str(self.request.path_params[name])


def console_routes(context: CallContext, security: TransportSecuritySettings) -> list[Route]:
    """The routes of the pages, for a server whose settings name people."""
    people = {name: token.get_secret_value() for name, token in context.config.people.items()}
    key, ids = read_key(context.config.state), context.config.people_ids
    sessions = Sessions(key, people, lambda: context.clock.now(), ids)
    pages = _Pages(context, sessions, TransportSecurityMiddleware(security))
    return [
        Route("/requests", pages.get(pages.show_all), methods=["GET"]),
        Route("/requests/{id}", pages.get(pages.show_one), methods=["GET"]),
        Route("/requests/{id}", pages.post(pages.decide), methods=["POST"]),
        Route("/sign-in", pages.get(pages.ask_in, everybody=True), methods=["GET"]),
        Route("/sign-in", pages.post(pages.sign_in, everybody=True), methods=["POST"]),
        Route("/sign-out", pages.post(pages.sign_out), methods=["POST"]),
        Route("/console.css", pages.get(pages.style, everybody=True), methods=["GET"]),
        *_incident_routes(context, pages),
    ]


def _incident_routes(context: CallContext, pages: "_Pages") -> list[Route]:
    """Those of incidents, where the settings say that something is done about signals."""
    if not context.config.responders:
        return []
    from opsmcp_server.console.incident_pages import IncidentPages

    incidents = IncidentPages(context, pages.page)
    return [
        Route("/incidents", pages.get(incidents.show_all), methods=["GET"]),
        Route("/incidents/{id}", pages.get(incidents.show_one), methods=["GET"]),
    ]


class _Pages:
    def __init__(
        self, context: CallContext, sessions: Sessions, security: TransportSecurityMiddleware
    ) -> None:
        self._context = context
        self._sessions = sessions
        self._security = security
        self._wrong: deque[float] = deque(maxlen=_MOST_WRONG)

    # What every answer goes through

    def get(
        self, handler: Handler, *, everybody: bool = False
    ) -> Callable[[Request], Awaitable[Response]]:
        """A route that only shows."""

        async def answer(request: Request) -> Response:
            return await self._answer(request, handler, everybody=everybody)

        return answer

    def post(
        self, handler: Handler, *, everybody: bool = False
    ) -> Callable[[Request], Awaitable[Response]]:
        """A route for a form of a page of this server."""

        async def checked(visit: _Visit) -> Response:
            form = await _read_form(visit.request)
            if form is None or not is_own_form(visit.request):
                return self._bad_form(visit)
            return await handler(replace(visit, form=form))

        async def answer(request: Request) -> Response:
            return await self._answer(request, checked, everybody=everybody)

        return answer

    async def _answer(self, request: Request, handler: Handler, *, everybody: bool) -> Response:
        response = await self._security.validate_request(request, is_post=False)
        if response is None:
            visit = _Visit(request, self._sessions.of(request))
            before = CALLER.set(Caller("http", "page", address=_address_of(request)))
            try:
                allowed = everybody or visit.session is not None
                response = await handler(visit) if allowed else _to_sign_in(request)
            except ToolUnavailable as error:
                title = page_words(visit.language).unavailable()
                response = self._message(visit, title, str(error), 503)
            finally:
                CALLER.reset(before)
        response.headers.update(_HEADERS)
        return response

    def page(self, visit: _Visit, template: str, status: int = 200, **values: Any) -> Response:
        """A page of this template."""
        session = visit.session
        common = {
            "lang": visit.language,
            "say": page_words(visit.language),
            "session": session,
            "sign_out": self._sessions.form_token(session, "sign-out") if session else "",
            "root": _root_from(visit.request),
            "has_incidents": bool(self._context.config.responders),
        }
        return HTMLResponse(render(template, **common, **values), status)

    def _message(
        self, visit: _Visit, title: str, text: str, status: int, back: str = "requests"
    ) -> Response:
        text = self._context.masker.text(text)
        return self.page(visit, "message.html", status, title=title, text=text, back=back)

    def _bad_form(self, visit: _Visit) -> Response:
        words = page_words(visit.language)
        return self._message(visit, words.bad_form(), words.bad_form_help(), 403)

    # Signing in and out

    async def style(self, _visit: _Visit) -> Response:
        return Response(style_sheet(), media_type="text/css")

    async def ask_in(self, visit: _Visit) -> Response:
        wanted = visit.request.query_params.get("next", "")
        return self.page(visit, "sign_in.html", next=_checked_next(wanted), wrong="")

    async def sign_in(self, visit: _Visit) -> Response:
        words, clock = page_words(visit.language), self._context.clock
        wanted = _checked_next(visit.form.get("next", ""))
        if len(self._wrong) == _MOST_WRONG and clock.monotonic() - self._wrong[0] < 60:
            many = words.too_many()
            return self.page(visit, "sign_in.html", 429, next=wanted, wrong=many)
        cookie = self._sessions.sign_in(visit.form.get("token", ""))
        if cookie is None:
            self._wrong.append(clock.monotonic())
            self._context.audit.kept_out("unknown_token", "page", _address_of(visit.request))
            wrong = words.unknown_token()
            return self.page(visit, "sign_in.html", 403, next=wanted, wrong=wrong)
        response = RedirectResponse(f"./{wanted}", 303)
        set_cookie(visit.request, response, cookie)
        return response

    async def sign_out(self, visit: _Visit) -> Response:
        session = _session_of(visit)
        if not self._sessions.is_form_of(session, "sign-out", visit.form.get("csrf", "")):
            return self._bad_form(visit)
        response = RedirectResponse("./sign-in", 303)
        delete_cookies(response)
        return response

    # Requests

    @property
    def _requests(self) -> CallRequests:
        return self._context.requests.get()

    async def show_all(self, visit: _Visit) -> Response:
        who = _session_of(visit).principal
        seen = [one for one in await self._requests.list() if self._requests.may_see(one, who)]
        if _wants_json(visit.request):
            return JSONResponse({"requests": [request_entry(one) for one in seen]})
        waiting = [one for one in seen if one.state is State.PENDING]
        earlier = [one for one in seen if one.state is not State.PENDING][:_MOST_EARLIER]
        return self.page(visit, "requests.html", waiting=waiting, earlier=earlier)

    async def _find(self, visit: _Visit) -> CallRequest | None:
        """The request that is meant, if whoever is signed in may see it."""
        try:
            found = await self._requests.find(str(visit.request.path_params["id"]))
        except ToolUnavailable:
            raise
        except ToolError:
            return None
        return found if self._requests.may_see(found, _session_of(visit).principal) else None

    def _not_there(self, visit: _Visit) -> Response:
        words = page_words(visit.language)
        if _wants_json(visit.request):
            return JSONResponse({"error": words.not_yours()}, 404)
        return self._message(visit, words.not_there(), words.not_yours(), 404)

    async def show_one(self, visit: _Visit) -> Response:
        found, session = await self._find(visit), _session_of(visit)
        if found is None:
            return self._not_there(visit)
        if _wants_json(visit.request):
            return JSONResponse(request_details(found))
        refusal = None
        if found.state is State.PENDING:
            refusal = await self._requests.may_decide(found, session.principal)
        return self.page(
            visit,
            "request.html",
            one=found,
            csrf=self._sessions.form_token(session, found.id),
            refusal=say(refusal, visit.language) if refusal else "",
            has_decided=any(session.principal.may_be(vote.by) for vote in found.votes),
        )

    async def decide(self, visit: _Visit) -> Response:
        found, session, form = await self._find(visit), _session_of(visit), visit.form
        if found is None:
            return self._not_there(visit)
        words, back = page_words(visit.language), f"requests/{found.id}"
        meant = form.get("decision") in ("approve", "reject")
        if not (meant and self._sessions.is_form_of(session, found.id, form.get("csrf", ""))):
            return self._bad_form(visit)
        shown = replace(found, plan_hash=form.get("plan_hash", ""))
        try:
            decision = await self._requests.decide(
                shown,
                session.principal,
                approves=form["decision"] == "approve",
                comment=form.get("comment", ""),
            )
        except NotAllowed as error:
            return self._message(visit, words.refused(), str(error), 403, back)
        if not decision.counted:
            status = 410 if decision.request.state is State.EXPIRED else 409
            return self._message(visit, words.too_late(), words.too_late_help(), status, back)
        return RedirectResponse(f"../{back}", 303)


def _address_of(request: Request) -> str:
    return request.client.host if request.client else ""


def _session_of(visit: _Visit) -> Session:
    if visit.session is None:
        raise NotAllowed("nobody is signed in")
    return visit.session


def _to_sign_in(request: Request) -> Response:
    if _wants_json(request):
        return JSONResponse({"error": "nobody is signed in"}, 401)
    path = request.url.path.strip("/")
    back = f"?next={path}" if request.method == "GET" and _NEXT.fullmatch(path) else ""
    return RedirectResponse(f"{_root_from(request)}sign-in{back}", 303)


def _root_from(request: Request) -> str:
    """The way to the root of the pages; relative, so that a proxy may serve them below a path."""
    depth = request.url.path.count("/") - 1
    return "../" * depth or "./"


def _checked_next(wanted: str) -> str:
    """Where to go after signing in: to a page of ours, and nowhere else."""
    return wanted if _NEXT.fullmatch(wanted) else "requests"


def _wants_json(request: Request) -> bool:
    return request.headers.get("accept", "").split(",")[0].strip() == "application/json"


async def _read_form(request: Request) -> dict[str, str] | None:
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
