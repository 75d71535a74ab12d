"""A request from one state to the next: by decision, by the time alone, and told of to others."""

import logging

from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.observed import RequestMoved
from opsmcp_server.calls.requests.file import RequestFile
from opsmcp_tools.approval_requests.handle import incident_of, is_of_incident, run_key
from opsmcp_tools.approval_requests.request import OPSMCP, START_WITHIN, Request, State
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.model.tool import Principal
from opsmcp_tools.phrases import request as words
from opsmcp_tools.phrases.phrase import Said, say

__all__ = ["Transitions", "incident_in"]

logger = logging.getLogger(__name__)


def incident_in(request: Request) -> str:
    """The incident that a request is of; empty where it is of none."""
    return incident_of(request.key)[0] if is_of_incident(request.key) else ""


class Transitions:
    """What becomes of the requests of one opsmcp."""

    def __init__(self, context: CallContext, file: RequestFile) -> None:
        """Prepare."""
        self._context = context
        self._file = file
        self.at_work: set[str] = set()
        """What this process is about to start."""
        self.obstacles: dict[str, str] = {}
        """What stood in the way of those at the last try."""

    async def settled(self, request: Request) -> Request:
        """The request, with what the time alone has made of it."""
        now = self._context.clock.now()
        if request.state is State.PENDING and request.expires_at <= now:
            await self.move(request, State.EXPIRED, None)
        elif request.state is State.APPROVED and request.start_by <= now:
            if request.id in self.at_work or await self.is_attended(request):
                return request
            if (run := await self.known_run(request)) is not None:
                await self.move(request, State.STARTED, None, run=run.run)
            else:
                await self.void_late(request)
        else:
            return request
        return await self._file.get(request.id) or request

    async def known_run(self, request: Request) -> RunRecord | None:
        """The run that a request became already: a process may have died before it said so."""
        return await self._context.executions.same.find_key(
            run_key(request.id), request.tool, request.operation, request.requester
        )

    async def is_attended(self, request: Request, *, elsewhere: bool = False) -> bool:
        """Whether a process is there that would start it; `elsewhere`: another than this one."""
        return await self._file.read(lambda store: store.is_attended(request, elsewhere=elsewhere))

    async def void_late(self, request: Request) -> None:
        """End a request that was approved and could not be started in time."""
        minutes = round(START_WITHIN.total_seconds() / 60)
        obstacle = self.obstacles.get(request.id, "")
        await self.void(request, words.NOT_IN_TIME(minutes, obstacle))

    async def void(self, request: Request, said: Said, *, by: str = OPSMCP) -> None:
        """End a request for that reason."""
        await self.move(request, State.VOID, said, by=by)

    async def move(
        self,
        request: Request,
        after: State,
        said: Said | None,
        *,
        by: str = OPSMCP,
        run: str = "",
    ) -> None:
        """Give a request its next state and tell of it, unless another process was first."""
        context = self._context
        why = context.masker.text(say(said, context.config.tools.language) if said else "")
        at = context.clock.now()
        if await self._file.write(
            lambda store: store.move(request, after, by=by, why=why, at=at, run=run)
        ):
            logger.info("request %s: %s %s", request.id, after, run or why)
            self.tell(request, after)
            if after in (State.EXPIRED, State.VOID):
                by_requester = by == request.requester.name
                self.audit(after.value, request, request.requester if by_requester else None, why)

    def tell(self, request: Request, state: State) -> None:
        """Tell whoever measures that a request has this state now."""
        if state is not State.PENDING:
            seconds = (self._context.clock.now() - request.created_at).total_seconds()
            self._context.observers(RequestMoved(str(state), seconds))

    def audit(
        self,
        what: str,
        request: Request,
        principal: Principal | None,
        reason: str = "",
        *,
        failed: bool = False,
    ) -> None:
        """Note in the audit trail what became of a request."""
        self._context.audit.note(
            f"request.{what}",
            principal,
            reason=reason,
            failed=failed,
            request=request.id,
            tool=request.tool,
            rule=request.rule,
            arguments=request.arguments,
            incident=incident_in(request),
        )
