"""The pages of incidents: what is wrong; one with its signal and its timeline. They only show."""

from collections.abc import Sequence

from starlette.responses import JSONResponse, Response

from opsmcp_server.calls.context import CallContext
from opsmcp_server.console.frame import Frame
from opsmcp_server.console.visit import Visit
from opsmcp_server.console.words import page_words
from opsmcp_server.responding.incident_data import (
    conversation_data,
    incident_details,
    incident_entry,
    may_see,
    visible,
)
from opsmcp_server.responding.records import Records
from opsmcp_tools.incidents.incident import Incident

__all__ = ["IncidentPages"]

_MOST = 200
_MOST_EARLIER = 50


class IncidentPages:
    """Shows incidents to those who may list the operations of their responders."""

    def __init__(self, context: CallContext, frame: Frame) -> None:
        """Prepare; nothing is read."""
        self._context = context
        self._frame = frame
        self._records = Records(context)

    async def show_all(self, visit: Visit) -> Response:
        """Those that are open, and the last that were closed."""
        found = await self._seen(visit, state="open", limit=_MOST)
        earlier = await self._seen(visit, state="closed", limit=_MOST_EARLIER)
        if visit.wants_json:
            return JSONResponse({"incidents": [incident_entry(one) for one in (*found, *earlier)]})
        return self._frame.page(visit, "incidents.html", waiting=found, earlier=earlier)

    async def _seen(self, visit: Visit, *, state: str, limit: int) -> Sequence[Incident]:
        page = await self._records.list(state=state, limit=limit)
        found = [one for _, one in page]
        return await visible(self._context, self._records, found, visit.principal)

    async def show_one(self, visit: Visit) -> Response:
        """One, whole."""
        found = await self._records.get(visit.part("id"))
        if found is None or not await may_see(self._context, self._records, found, visit.principal):
            return self._not_there(visit)
        talk = await self._records.conversation(found.id)
        if visit.wants_json:
            said = {"conversation": conversation_data(talk)} if talk else {}
            return JSONResponse({**incident_details(found), **said})
        return self._frame.page(visit, "incident.html", one=found, talk=talk)

    def _not_there(self, visit: Visit) -> Response:
        words = page_words(visit.language)
        title, text = words.no_incident(), words.incident_not_yours()
        if visit.wants_json:
            return JSONResponse({"error": text}, 404)
        return self._frame.page(
            visit, "message.html", 404, title=title, text=text, back="incidents"
        )
