"""Signing in and out. The link to a request carries no authority."""

from collections import deque

from starlette.responses import RedirectResponse, Response

from opsmcp_server.calls.context import CallContext
from opsmcp_server.console.frame import Frame
from opsmcp_server.console.sessions import Sessions, delete_cookies, set_cookie
from opsmcp_server.console.visit import Visit, address_of, checked_next
from opsmcp_server.console.words import page_words

__all__ = ["SignIn"]

_MOST_WRONG = 30
"""Wrong tokens in a minute, of all together. Tokens are too long to be guessed at that rate."""


class SignIn:
    """Answers for `/sign-in` and `/sign-out`."""

    def __init__(self, context: CallContext, sessions: Sessions, frame: Frame) -> None:
        """Nobody tried yet."""
        self._context = context
        self._sessions = sessions
        self._frame = frame
        self._wrong: deque[float] = deque(maxlen=_MOST_WRONG)

    async def ask(self, visit: Visit) -> Response:
        """The form for a token."""
        wanted = visit.request.query_params.get("next", "")
        return self._frame.page(visit, "sign_in.html", next=checked_next(wanted), wrong="")

    async def sign_in(self, visit: Visit) -> Response:
        """Sign in with a token, and go where one wanted to go."""
        words, clock = page_words(visit.language), self._context.clock
        wanted = checked_next(visit.form.get("next", ""))
        if len(self._wrong) == _MOST_WRONG and clock.monotonic() - self._wrong[0] < 60:
            many = words.too_many()
            return self._frame.page(visit, "sign_in.html", 429, next=wanted, wrong=many)
        cookie = self._sessions.sign_in(visit.form.get("token", ""))
        if cookie is None:
            self._wrong.append(clock.monotonic())
            self._context.audit.kept_out("unknown_token", "page", address_of(visit.request))
            wrong = words.unknown_token()
            return self._frame.page(visit, "sign_in.html", 403, next=wanted, wrong=wrong)
        response = RedirectResponse(f"./{wanted}", 303)
        set_cookie(visit.request, response, cookie)
        return response

    async def sign_out(self, visit: Visit) -> Response:
        """End the session of whoever asks."""
        session = visit.session
        if not self._sessions.is_form_of(session, "sign-out", visit.form.get("csrf", "")):
            return self._frame.bad_form(visit)
        response = RedirectResponse("./sign-in", 303)
        delete_cookies(response)
        return response
