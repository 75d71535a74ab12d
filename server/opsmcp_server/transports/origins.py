"""Which Host and Origin headers are good, and what browsers are told of it.

Against DNS rebinding every request is checked by the SDK; a page of a browser can read an answer
only if CORS headers say so, which nobody but `server.allowed_origins` gets.
"""

from urllib.parse import urlsplit

from mcp.server.transport_security import TransportSecuritySettings
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from opsmcp_server.config.groups.server import Server

__all__ = ["for_web_pages", "in_url", "refused_elsewhere", "security_of"]

_LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")

_ASKED_HEADERS = (
    "Authorization",
    "Content-Type",
    "Last-Event-ID",
    "Mcp-Method",
    "Mcp-Name",
    "Mcp-Protocol-Version",
    "Mcp-Session-Id",
)
"""What a client in a page may send."""

_TOLD_HEADERS = ("Mcp-Session-Id", "WWW-Authenticate")
"""What it may read."""


def security_of(settings: Server) -> TransportSecuritySettings:
    """What is accepted: the address listened on, the loopback, and what the settings add."""
    own = (*_LOOPBACK_HOSTS, in_url(settings.host))
    public = urlsplit(settings.public_url).netloc
    named = [*settings.allowed_hosts, *([public] if public else [])]
    hosts = [f"{host}:*" for host in own] + list(own) + named
    origins = [f"{scheme}://{host}" for scheme in ("http", "https") for host in hosts]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=hosts,
        allowed_origins=[*origins, *settings.allowed_origins],
    )


def in_url(host: str) -> str:
    """An address or a name as it stands in URLs and Host headers."""
    return f"[{host}]" if ":" in host else host


def refused_elsewhere(settings: Server) -> bool:
    """Whether nobody on another machine gets in: they call by names that are not accepted."""
    anywhere = settings.host in ("0.0.0.0", "::")  # noqa: S104
    return anywhere and not (settings.allowed_hosts or settings.public_url)


def for_web_pages(settings: Server) -> list[Middleware]:
    """What lets browsers call this server from pages of the origins that the settings name."""
    if not settings.allowed_origins:
        return []
    allowed = Middleware(
        CORSMiddleware,
        allow_origins=settings.allowed_origins,
        allow_methods=("GET", "POST", "DELETE"),
        allow_headers=_ASKED_HEADERS,
        expose_headers=_TOLD_HEADERS,
    )
    return [allowed]
