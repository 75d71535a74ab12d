"""The pages of requests: what waits, one with its plan, and the form that decides."""

from dataclasses import replace

from starlette.responses import JSONResponse, RedirectResponse, Response

from opsmcp_server.calls.call_requests import CallRequests
from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.request_text import request_details, request_entry
from opsmcp_server.console.frame import Frame
from opsmcp_server.console.sessions import Sessions
from opsmcp_server.console.visit import Visit
from opsmcp_server.console.words import page_words
from opsmcp_tools.approval_requests.handle import incident_of, is_of_incident
from opsmcp_tools.approval_requests.request import Request as CallRequest
from opsmcp_tools.approval_requests.request import State
from opsmcp_tools.model.errors import NotAllowed, ToolError, ToolUnavailable
from opsmcp_tools.phrases.phrase import say

__all__ = ["RequestPages"]

_MOST_EARLIER = 50


class RequestPages:
    """Answers for `/requests` and what is below it."""

    def __init__(self, context: CallContext, sessions: Sessions, frame: Frame) -> None:
        """Show the requests of this opsmcp."""
        self._context = context
        self._sessions = sessions
        self._frame = frame

    @property
    def _requests(self) -> CallRequests:
        return self._context.requests.get()

    async def show_all(self, visit: Visit) -> Response:
        """Those that wait, and the last that were decided."""
        who = visit.principal
        seen = [one for one in await self._requests.list() if self._requests.may_see(one, who)]
        if visit.wants_json:
            return JSONResponse({"requests": [request_entry(one) for one in seen]})
        waiting = [one for one in seen if one.state is State.PENDING]
        earlier = [one for one in seen if one.state is not State.PENDING][:_MOST_EARLIER]
        return self._frame.page(visit, "requests.html", waiting=waiting, earlier=earlier)

    async def _find(self, visit: Visit) -> CallRequest | None:
        """The request that is meant, if whoever is signed in may see it."""
        try:
            found = await self._requests.find(visit.part("id"))
        except ToolUnavailable:
            raise
        except ToolError:
            return None
        return found if self._requests.may_see(found, visit.principal) else None

    def _not_there(self, visit: Visit) -> Response:
        words = page_words(visit.language)
        if visit.wants_json:
            return JSONResponse({"error": words.not_yours()}, 404)
        return self._frame.message(visit, words.not_there(), words.not_yours(), 404)

    async def show_one(self, visit: Visit) -> Response:
        """One, with its plan, and the form where it can be decided."""
        found, session = await self._find(visit), visit.session
        if found is None:
            return self._not_there(visit)
        if visit.wants_json:
            return JSONResponse(request_details(found))
        refusal = None
        if found.state is State.PENDING:
            refusal = await self._requests.may_decide(found, session.principal)
        return self._frame.page(
            visit,
            "request.html",
            one=found,
            incident=incident_of(found.key)[0] if is_of_incident(found.key) else "",
            csrf=self._sessions.form_token(session, found.id),
            refusal=say(refusal, visit.language) if refusal else "",
            has_decided=any(session.principal.may_be(vote.by) for vote in found.votes),
        )

    async def decide(self, visit: Visit) -> Response:
        """Count a decision, for the plan that the page showed."""
        found, session, form = await self._find(visit), visit.session, visit.form
        if found is None:
            return self._not_there(visit)
        words, back = page_words(visit.language), f"requests/{found.id}"
        meant = form.get("decision") in ("approve", "reject")
        if not (meant and self._sessions.is_form_of(session, found.id, form.get("csrf", ""))):
            return self._frame.bad_form(visit)
        shown = replace(found, plan_hash=form.get("plan_hash", ""))
        try:
            decision = await self._requests.decide(
                shown,
                session.principal,
                approves=form["decision"] == "approve",
                comment=form.get("comment", ""),
            )
        except NotAllowed as error:
            return self._frame.message(visit, words.refused(), str(error), 403, back)
        if not decision.counted:
            status = 410 if decision.request.state is State.EXPIRED else 409
            return self._frame.message(visit, words.too_late(), words.too_late_help(), status, back)
        return RedirectResponse(f"../{back}", 303)
