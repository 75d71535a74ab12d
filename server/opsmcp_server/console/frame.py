"""What every page of the console goes through: who asks, whose form it is, and how it is framed.

A GET only shows: mail scanners and link previews open every link. What is changed is changed by a
POST of whoever is signed in, from a page of this server. What models and strangers wrote is text,
never markup, and pages have no script.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from mcp.server.transport_security import TransportSecurityMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from opsmcp_server.calls.context import CallContext
from opsmcp_server.console.rendering import render
from opsmcp_server.console.sessions import Sessions, is_own_form
from opsmcp_server.console.visit import Visit, address_of, read_form, root_from, to_sign_in
from opsmcp_server.console.words import page_words
from opsmcp_tools.model.caller import CALLER, Caller
from opsmcp_tools.model.errors import ToolUnavailable

__all__ = ["Frame"]

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

Handler = Callable[[Visit], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


class Frame:
    """Makes routes of what answers visits, and pages of what they answer."""

    def __init__(
        self, context: CallContext, sessions: Sessions, security: TransportSecurityMiddleware
    ) -> None:
        """Let in whoever `sessions` knows, as far as `security` does."""
        self._context = context
        self._sessions = sessions
        self._security = security

    def get(self, handler: Handler, *, everybody: bool = False) -> Endpoint:
        """A route that only shows."""

        async def answer(request: Request) -> Response:
            return await self._answer(request, handler, everybody=everybody)

        return answer

    def post(self, handler: Handler, *, everybody: bool = False) -> Endpoint:
        """A route for a form of a page of this server."""

        async def checked(visit: Visit) -> Response:
            form = await read_form(visit.request)
            if form is None or not is_own_form(visit.request):
                return self.bad_form(visit)
            return await handler(replace(visit, form=form))

        async def answer(request: Request) -> Response:
            return await self._answer(request, checked, everybody=everybody)

        return answer

    async def _answer(self, request: Request, handler: Handler, *, everybody: bool) -> Response:
        response = await self._security.validate_request(request, is_post=False)
        if response is None:
            visit = Visit(request, self._sessions.of(request))
            before = CALLER.set(Caller("http", "page", address=address_of(request)))
            try:
                allowed = everybody or visit.signed_in is not None
                response = await handler(visit) if allowed else to_sign_in(request)
            except ToolUnavailable as error:
                title = page_words(visit.language).unavailable()
                response = self.message(visit, title, str(error), 503)
            finally:
                CALLER.reset(before)
        response.headers.update(_HEADERS)
        return response

    def page(self, visit: Visit, template: str, status: int = 200, **values: Any) -> Response:
        """A page of this template."""
        session = visit.signed_in
        common = {
            "lang": visit.language,
            "say": page_words(visit.language),
            "session": session,
            "sign_out": self._sessions.form_token(session, "sign-out") if session else "",
            "root": root_from(visit.request),
            "has_incidents": bool(self._context.config.responders),
        }
        return HTMLResponse(render(template, **common, **values), status)

    def message(
        self, visit: Visit, title: str, text: str, status: int, back: str = "requests"
    ) -> Response:
        """A page that only says something, with a way back."""
        text = self._context.masker.text(text)
        return self.page(visit, "message.html", status, title=title, text=text, back=back)

    def bad_form(self, visit: Visit) -> Response:
        """The answer to a form that is not one of this person's pages."""
        words = page_words(visit.language)
        return self.message(visit, words.bad_form(), words.bad_form_help(), 403)
