"""`POST /events/{sender}` over HTTP: a body that is bounded, and the answer of its receiver.

Not behind `server.token`: each sender proves itself. Senders with a secret call this server by
whatever name they reach it; for others the Host is checked as everywhere.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from fnmatch import fnmatchcase
from http import HTTPStatus

import anyio
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from opsmcp_server.calls.callers import ADDRESS
from opsmcp_server.calls.context import CallContext
from opsmcp_server.config.sender import Sender
from opsmcp_server.intake.reading import MOST_BYTES
from opsmcp_server.intake.receiver import Answer, Receiver, Refusal, Rejected
from opsmcp_server.transports.bodies import Bodies, Body, BodyRefused

__all__ = ["EventRoutes"]

_MOST_IN_FLIGHT_BYTES = 48 * 1024 * 1024
"""Three of the largest. Apart from those of clients, whom a storm of alerts must not hinder."""

_AGAIN_SECONDS = "10"


class EventRoutes:
    """The routes of the senders of the settings."""

    def __init__(
        self,
        context: CallContext,
        security: TransportSecuritySettings,
        bodies: Bodies | None = None,
    ) -> None:
        """Prepare; nothing is opened. `bodies` are those of all senders together."""
        events = context.config.events
        self._receiver = Receiver(
            {name: one for name, one in events.senders.items() if not one.is_read},
            context.incidents.signals,
            context.incidents.writer,
            per_minute=events.limits.signals_per_minute,
            mask=context.masker.text,
            clock=context.clock,
            observers=context.observers,
        )
        self._audit = context.audit
        self._per_minute = events.limits.signals_per_minute
        self._security = TransportSecurityMiddleware(security)
        self._bodies = bodies or Bodies(_MOST_IN_FLIGHT_BYTES)

    @property
    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route("/events/{sender}", self._receive, methods=["POST"]),
            Route("/events/{sender}", self._invite, methods=["OPTIONS"]),
        ]

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Keep account of what is refused for as long as the block lasts."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._receiver.run)
            try:
                yield
            finally:
                group.cancel_scope.cancel()

    async def _receive(self, request: Request) -> Response:
        body = Body(self._bodies)
        try:
            return _response(await self._take(request, body))
        except Rejected as rejected:
            if rejected.is_unproved:
                sender, address = rejected.sender or "unknown", request.scope[ADDRESS]
                self._audit.kept_out(rejected.reason, f"sender {sender}", address)
            return _response(rejected.answer)
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody reads it
        finally:
            self._bodies.give_back(body)

    async def _invite(self, request: Request) -> Response:
        """Say whether an origin may send, as CloudEvents' HTTP 1.1 Web Hooks (4.1) asks."""
        sender = self._receiver.sender(str(request.path_params["sender"]))
        origin = request.headers.get("webhook-request-origin", "")
        if sender is None or not any(fnmatchcase(origin, one) for one in sender.origins):
            return Response(status_code=HTTPStatus.FORBIDDEN)
        allowed = {"WebHook-Allowed-Origin": origin, "Allow": "POST, OPTIONS"}
        if "webhook-request-rate" in request.headers:
            allowed["WebHook-Allowed-Rate"] = str(self._per_minute)
        return Response(headers=allowed)

    async def _take(self, request: Request, body: Body) -> Answer:
        headers = _joined(request.headers)
        sender = self._receiver.admit(str(request.path_params["sender"]), headers)
        if not sender.has_secret:
            await self._check_host(request, sender)
        try:
            read = await body.read(request.scope, request.receive, MOST_BYTES[sender.type])
        except BodyRefused as refused:
            self._receiver.refuse(sender.name, *_of_body(refused))
        return await self._receiver.take(sender, headers, read)

    async def _check_host(self, request: Request, sender: Sender) -> None:
        """Refuse what a web page could send to a sender that proves nothing."""
        refused = await self._security.validate_request(request, is_post=False)
        if refused is not None:
            answer = Answer(HTTPStatus(refused.status_code))
            self._receiver.refuse(sender.name, Refusal.HOST, answer)


def _joined(headers: Headers) -> dict[str, str]:
    """Each header once, in lower case. Of one that was sent twice, no half counts."""
    joined: dict[str, str] = {}
    for name, value in headers.items():
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def _of_body(refused: BodyRefused) -> tuple[str, Answer]:
    """The reason and the answer; what may be better the next time is asked for again."""
    if refused.status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return Refusal.TOO_LARGE, Answer(refused.status, {"error": refused.reason})
    later = Answer(HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": _AGAIN_SECONDS})
    return Refusal.LATE, later


def _response(answer: Answer) -> Response:
    body = json.dumps(answer.body) if answer.body else ""
    media = "application/json" if body else None
    return Response(body, answer.status, dict(answer.headers), media_type=media)
