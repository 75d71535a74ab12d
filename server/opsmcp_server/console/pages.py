"""The pages on which people see requests and incidents, and decide: which there are."""

from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.responses import Response
from starlette.routing import Route

from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.state_key import read_key
from opsmcp_server.console.frame import Frame
from opsmcp_server.console.rendering import style_sheet
from opsmcp_server.console.request_pages import RequestPages
from opsmcp_server.console.sessions import Sessions
from opsmcp_server.console.sign_in import SignIn
from opsmcp_server.console.visit import Visit

__all__ = ["console_routes"]


def console_routes(context: CallContext, security: TransportSecuritySettings) -> list[Route]:
    """The routes of the pages, for a server whose settings name people."""
    people = {name: token.get_secret_value() for name, token in context.config.people.items()}
    key, ids = read_key(context.config.state), context.config.people_ids
    sessions = Sessions(key, people, lambda: context.clock.now(), ids)
    frame = Frame(context, sessions, TransportSecurityMiddleware(security))
    requests, entry = RequestPages(context, sessions, frame), SignIn(context, sessions, frame)
    return [
        Route("/requests", frame.get(requests.show_all), methods=["GET"]),
        Route("/requests/{id}", frame.get(requests.show_one), methods=["GET"]),
        Route("/requests/{id}", frame.post(requests.decide), methods=["POST"]),
        Route("/sign-in", frame.get(entry.ask, everybody=True), methods=["GET"]),
        Route("/sign-in", frame.post(entry.sign_in, everybody=True), methods=["POST"]),
        Route("/sign-out", frame.post(entry.sign_out), methods=["POST"]),
        Route("/console.css", frame.get(_style, everybody=True), methods=["GET"]),
        *_incident_routes(context, frame),
    ]


def _incident_routes(context: CallContext, frame: Frame) -> list[Route]:
    """Those of incidents, where the settings say that something is done about signals."""
    if not context.config.responders:
        return []
    from opsmcp_server.console.incident_pages import IncidentPages

    incidents = IncidentPages(context, frame)
    return [
        Route("/incidents", frame.get(incidents.show_all), methods=["GET"]),
        Route("/incidents/{id}", frame.get(incidents.show_one), methods=["GET"]),
    ]


async def _style(_visit: Visit) -> Response:
    return Response(style_sheet(), media_type="text/css")
