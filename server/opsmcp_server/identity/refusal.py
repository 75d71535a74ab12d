"""Why a request is refused, and what its sender is told of that.

The log has the reason; the client gets a fixed sentence, so that nobody learns from an answer which
part of a token was right. 401 makes clients log in again, 403 ask for more, 503 try later: each is
said only where that helps.
"""

from dataclasses import dataclass
from enum import StrEnum

from starlette.responses import JSONResponse, Response

from opsmcp_tools.model.tool import Principal

__all__ = ["Challenge", "Reason", "Refused", "limited"]


class Reason(StrEnum):
    """Every reason, in the word that the log has for it."""

    MISSING = "missing"
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    UNKNOWN_TOKEN = "unknown_token"  # noqa: S105 - a reason
    REVOKED = "revoked"
    EXPIRED = "expired"
    UNKNOWN_ISSUER = "unknown_issuer"
    WRONG_AUDIENCE = "wrong_audience"
    BAD_SIGNATURE = "bad_signature"
    UNKNOWN_KEY = "unknown_key"
    NOT_YET_VALID = "not_yet_valid"
    BAD_CLAIMS = "bad_claims"
    ID_TOKEN = "id_token"  # noqa: S105 - a reason
    INSUFFICIENT_SCOPE = "insufficient_scope"
    GROUPS_MISSING = "groups_missing"
    KEYS_UNAVAILABLE = "keys_unavailable"
    LIMITED = "limited"
    INVALID_REQUEST = "invalid_request"


_STATUS = {
    Reason.INSUFFICIENT_SCOPE: 403,
    Reason.GROUPS_MISSING: 403,
    Reason.KEYS_UNAVAILABLE: 503,
    Reason.LIMITED: 429,
    Reason.INVALID_REQUEST: 400,
}
_ERROR = {
    Reason.MISSING: "",
    Reason.INSUFFICIENT_SCOPE: "insufficient_scope",
    Reason.GROUPS_MISSING: "access_denied",
    Reason.KEYS_UNAVAILABLE: "temporarily_unavailable",
    Reason.LIMITED: "temporarily_unavailable",
    Reason.INVALID_REQUEST: "invalid_request",
}
_SAID = {
    Reason.MISSING: "A bearer token is required.",
    Reason.INSUFFICIENT_SCOPE: "The token does not cover this request.",
    Reason.GROUPS_MISSING: "The token does not say which groups you are in. Ask whoever runs the "
    "identity provider to assign only groups that this server needs, or app roles.",
    Reason.KEYS_UNAVAILABLE: "The token cannot be checked right now. Try again.",
    Reason.LIMITED: "Too many requests. Try again later.",
    Reason.INVALID_REQUEST: "A request has one Authorization header.",
}
_UNCHALLENGED = frozenset({Reason.GROUPS_MISSING, Reason.KEYS_UNAVAILABLE, Reason.LIMITED})
_KEYS_SECONDS = 5


class Refused(Exception):
    """A request that is refused; `detail` is for the log and the audit trail, never for the client.

    `who` is whose token it was, where that is certain: the token is genuine, and still refused.
    """

    def __init__(
        self,
        reason: Reason,
        detail: str = "",
        *,
        who: Principal | None = None,
        retry_seconds: float = 0.0,
    ) -> None:
        """Refuse for this reason; the limit is passed again after `retry_seconds`."""
        super().__init__(reason)
        self.reason, self.detail, self.who = reason, detail, who
        self.retry_seconds = retry_seconds


def limited(limit: str, seconds: float) -> Refused:
    """Too much of something; `limit` is the name of the setting that is passed again then."""
    return Refused(Reason.LIMITED, limit, retry_seconds=seconds)


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a refusal names: the scopes of all everyday calls, and where to log in, if anywhere."""

    scopes: str
    metadata: str = ""

    def answer(self, refused: Refused) -> Response:
        """The answer to a request that is refused."""
        reason = refused.reason
        error = _ERROR.get(reason, "invalid_token")
        said = _SAID.get(reason, "The token is not accepted.")
        body = {"error": error or "unauthorized", "error_description": said}
        headers = {"Cache-Control": "no-store"}
        if reason not in _UNCHALLENGED:
            headers["WWW-Authenticate"] = self._header(error)
        if seconds := _retry_seconds(refused):
            headers["Retry-After"] = str(seconds)
        return JSONResponse(body, _STATUS.get(reason, 401), headers)

    def _header(self, error: str) -> str:
        parts = ['realm="opsmcp"']
        parts += [f'error="{error}"'] if error else []
        parts += [f'scope="{self.scopes}"']
        parts += [f'resource_metadata="{self.metadata}"'] if self.metadata else []
        return f"Bearer {', '.join(parts)}"


def _retry_seconds(refused: Refused) -> int:
    if refused.reason is Reason.KEYS_UNAVAILABLE:
        return _KEYS_SECONDS
    if refused.reason is Reason.LIMITED:
        return max(1, int(refused.retry_seconds + 0.999))
    return 0
