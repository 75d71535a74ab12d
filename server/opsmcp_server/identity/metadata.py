"""Protected resource metadata (RFC 9728): where clients of this server log in.

Nothing of it comes from the request: whoever invents a Host header changes no answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from opsmcp_server.config.issuers import Issuer
from opsmcp_server.identity.personal_token import SCOPES

__all__ = ["Metadata"]

_WELL_KNOWN = "/.well-known/oauth-protected-resource"
_HEADERS = {"Access-Control-Allow-Origin": "*", "Cache-Control": "max-age=300"}


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is said of a server at `public_url`; nothing where no issuer is advertised."""

    public_url: str
    issuers: Sequence[Issuer]

    @property
    def resource(self) -> str:
        """The address that tokens must be meant for."""
        return f"{self.public_url}/mcp" if self.public_url else ""

    @property
    def scopes(self) -> tuple[str, ...]:
        """All everyday scopes, as those who give tokens call them."""
        advertised = self._advertised
        return (
            tuple(advertised[0].scopes[name] for name in ("ops:read", "ops:run"))
            if advertised
            else SCOPES
        )

    @property
    def address(self) -> str:
        """Where it is read; empty where nobody is sent anywhere to log in."""
        if not self._advertised:
            return ""
        parts = urlsplit(self.resource)
        return f"{parts.scheme}://{parts.netloc}{_WELL_KNOWN}{parts.path}"

    @property
    def _advertised(self) -> list[Issuer]:
        return [issuer for issuer in self.issuers if issuer.advertise]

    def routes(self) -> list[Route]:
        """Both addresses that clients look at; none where there is nothing to say."""
        if not self._advertised:
            return []
        paths = (_WELL_KNOWN, _WELL_KNOWN + urlsplit(self.resource).path)
        return [Route(path, self._answer, methods=["GET"]) for path in paths]

    async def _answer(self, _request: Request) -> Response:
        said = {
            "resource": self.resource,
            "authorization_servers": [issuer.issuer for issuer in self._advertised],
            "scopes_supported": list(self.scopes),
            "bearer_methods_supported": ["header"],
            "resource_name": "opsmcp",
        }
        return JSONResponse(said, headers=_HEADERS)
