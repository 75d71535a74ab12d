"""Lines of audit trails that somebody looks for, the newest first. Checks nothing."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import Any, cast

from opsmcp_tools.audit.files import TrailFiles
from opsmcp_tools.audit.line import BadLine, read_line, time_text

__all__ = ["Wanted", "read_newest"]

_CHUNK_BYTES = 256 * 1024
_MOST_LINE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What lines are looked for; what is None counts for nothing."""

    principal: str | None = None
    tool: str | None = None
    event: str | None = None
    run: str | None = None
    request: str | None = None
    incident: str | None = None
    verdict: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def fits(self, fields: Mapping[str, Any]) -> bool:
        """Whether a line is looked for."""
        exact = (
            ("run", self.run),
            ("request", self.request),
            ("incident", self.incident),
            ("verdict", self.verdict),
            ("outcome", self.outcome),
        )
        if any(value is not None and fields.get(name) != value for name, value in exact):
            return False
        patterns = (("tool", self.tool), ("event", self.event))
        if any(
            value is not None and not fnmatchcase(str(fields.get(name, "")), value)
            for name, value in patterns
        ):
            return False
        return self._fits_principal(fields) and self._fits_time(str(fields.get("time", "")))

    def _fits_principal(self, fields: Mapping[str, Any]) -> bool:
        if self.principal is None:
            return True
        found: object = fields.get("principal")
        known = cast("dict[str, object]", found) if isinstance(found, dict) else {}
        return self.principal in (known.get("name"), known.get("id"))

    def _fits_time(self, time: str) -> bool:
        late_enough = self.since is None or time >= time_text(self.since)
        return late_enough and (self.until is None or time < time_text(self.until))


def read_newest(
    trails: Sequence[TrailFiles], wanted: Wanted, limit: int
) -> list[Mapping[str, Any]]:
    """The newest lines that fit, the newest first; of several trails by their times.

    Raises:
        OSError: A file cannot be read.
    """
    each = [_fitting(trail, wanted) for trail in trails]
    merged = heapq.merge(*each, key=lambda fields: str(fields.get("time", "")), reverse=True)
    return list(islice(merged, limit))


def _fitting(trail: TrailFiles, wanted: Wanted) -> Iterator[Mapping[str, Any]]:
    for path in reversed(trail.all()):
        # Only lines of one day stand in a file, unless the clock went back: all are looked at.
        yield from filter(wanted.fits, _fields_of(_backwards(path)))


def _fields_of(lines: Iterable[bytes]) -> Iterator[Mapping[str, Any]]:
    for line in lines:
        try:
            yield read_line(line)
        except BadLine:
            continue  # `verify` names it


def _backwards(path: Path) -> Iterator[bytes]:
    """The whole lines of a file, the last one first, read in pieces."""
    with path.open("rb") as stream:
        place = stream.seek(0, 2)
        rest = b""
        while place:
            size = min(_CHUNK_BYTES, place)
            place -= size
            stream.seek(place)
            parts = (stream.read(size) + rest).split(b"\n")
            rest = parts[0][-_MOST_LINE_BYTES:]
            yield from (line for line in reversed(parts[1:]) if line)
        if rest:
            yield rest
