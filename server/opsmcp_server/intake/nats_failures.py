"""What goes wrong with a NATS, in words that say what to do. Pure."""

import ssl

from nats import errors
from nats.js import errors as js_errors

from opsmcp_pipelines.errors import SourceError, SourceRefused, SourceUnavailable
from opsmcp_server.config.sender import Nats
from opsmcp_tools.safe_text.characters import clean_line

__all__ = ["FAILURES", "NO_CONSUMER", "Unencrypted", "denied", "failure_of"]

NO_CONSUMER = 10014
_NO_STREAM = 10059
"""Error codes of JetStream (server/errors.json of nats-server)."""

_MOST_SAID = 200


class Unencrypted(Exception):
    """A server does not encrypt what only an encrypted connection may carry."""


FAILURES = (errors.Error, OSError, Unencrypted)
"""What nats-py raises, and what we do beside it."""


def denied(error: Exception) -> str:
    """What a server forbids, if this says so: it does that aside, and never answers."""
    is_denied = "permissions violation" in str(error).lower()
    return clean_line(str(error).removeprefix("nats: "), _MOST_SAID) if is_denied else ""


def failure_of(error: Exception, tried: str, forbidden: str, nats: Nats) -> SourceError:
    """What went wrong with what was tried; `forbidden` is what the server said aside."""
    said = _refusal(error, forbidden, nats)
    if said:
        return SourceRefused(f"{tried}: {said}")
    return SourceUnavailable(f"{tried}: {_failure(error)}")


def _refusal(error: Exception, forbidden: str, nats: Nats) -> str:
    """What a person has to mend; empty if it may pass by itself."""
    match error:
        case Unencrypted():
            return "it does not encrypt, so it was told nothing: its address begins with tls://"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted ({error.verify_message}): set `ca_file`"
        case js_errors.NotFoundError() if error.err_code == _NO_STREAM:
            return f"it has no stream {nats.stream}: make one, with the subjects ops.>"
        case js_errors.ServiceUnavailableError() | errors.NoRespondersError():
            return "it has no JetStream, which keeps the events: switch that on"
        case _ if forbidden:
            return f"it says {forbidden}: its user needs more rights"
        case _ if "authorization" in str(error).lower():
            return "it refuses the user, password, token or credentials"
        case js_errors.APIError() if error.description:
            return f"it says {clean_line(error.description, _MOST_SAID)}"
        case _:
            return ""


def _failure(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "it does not answer"
        case ssl.SSLError():
            return "it cannot be encrypted with it"
        case OSError() | errors.NoServersError():
            return "it cannot be reached"
        case _:
            return f"the connection was lost ({type(error).__name__})"
