"""What can go wrong between opsmcp and a source, grouped by what the caller can do about it.

* SourceError
    * SourceUnavailable        try again later: refused, silent, empty, or an internal error
        * StartOutcomeUnknown  a start was sent, its answer was lost: look for the run first
    * SourceRefused            the source understood and said no: do not repeat
        * SourceUnauthorized   the token is wrong or absent
        * NotFound             the object is not there (any more)
        * DefinitionChanged    it has another definition than the one that was decided on
        * NotOurRun            there is a run of that name, and it is somebody else's
    * SourceProtocolError      not the answer of an Ops server: the address is probably wrong
* ManifestError                a manifest cannot be used; names file and line

Messages are ours and safe to show: they never hold tokens, exception texts or upstream HTML.
"""

__all__ = [
    "DefinitionChanged",
    "ManifestError",
    "NotFound",
    "NotOurRun",
    "SourceError",
    "SourceProtocolError",
    "SourceRefused",
    "SourceUnauthorized",
    "SourceUnavailable",
    "StartOutcomeUnknown",
]


class SourceError(Exception):
    """Reading from a source, or starting a run on it, did not work."""


class SourceUnavailable(SourceError):
    """The source cannot answer at the moment; the same request may work later."""


class StartOutcomeUnknown(SourceUnavailable):
    """A start was sent and its answer was lost: a run may or may not exist."""


class SourceRefused(SourceError):
    """The source understood the request and refused it; repeating it changes nothing."""


class SourceUnauthorized(SourceRefused):
    """The source does not accept the token."""


class NotFound(SourceRefused):
    """The source does not know the object, or has deleted it."""


class DefinitionChanged(SourceRefused):
    """The source has another definition of the operation than the one that was to be run."""


class NotOurRun(SourceRefused):
    """What the source shows under the name of a run is a run of another call or operation."""


class SourceProtocolError(SourceError):
    """The answer is not one that an Ops server gives."""


class ManifestError(Exception):
    """A manifest cannot be used.

    Attributes:
        path: The file, as it was given.
        line: Line in the file, from 1; 0 when the whole file is meant.
        reason: What is wrong, without the location.
    """

    def __init__(self, path: str, line: int, reason: str) -> None:
        """Join location and reason into the message."""
        self.path = path
        self.line = line
        self.reason = reason
        super().__init__(f"{path}:{line}: {reason}" if line else f"{path}: {reason}")
