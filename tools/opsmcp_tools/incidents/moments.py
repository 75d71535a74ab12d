"""Moments: when a cron expression is due in a time zone, as Debian's cron has it. Pure.

A fixed time that summer time skips is due right after the gap, and one that is there twice in
autumn is due once. Where minutes or hours begin with a star it is an interval: as time passes.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from cronsim import CronSim

__all__ = ["BadMoments", "Moments"]

_FIELDS = 5
_FIRST_LOOK_BACK = timedelta(hours=1)
_EXAMPLE = "such as '30 9 * * 1-5': minute, hour, day of the month, month, day of the week"


class BadMoments(ValueError):
    """There are none; the message says why."""


@dataclass(frozen=True)
class Moments:
    """When `cron`, five fields of crontab, is due in `zone`, a name such as Europe/Berlin."""

    cron: str
    zone: str
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check both.

        Raises:
            BadMoments: One cannot be used.
        """
        object.__setattr__(self, "_zone", _zone_of(self.zone))
        _check(self.cron)

    def next_after(self, moment: datetime) -> datetime | None:
        """The first moment later than `moment`, in UTC; None when there is none for 50 years."""
        # The library counts local times: two of them may be one moment, or lie in what has passed.
        for local in _due(self.cron, self.local(moment)):
            found = local.astimezone(UTC)
            if found > moment:
                return found
        return None

    def local(self, moment: datetime) -> datetime:
        """The same moment as the clocks of the zone show it."""
        return moment.astimezone(self._zone)

    def newest(self, since: datetime, until: datetime) -> datetime | None:
        """The last moment that is not before `since` and not after `until`."""
        back = _FIRST_LOOK_BACK
        while True:
            start = max(since, until - back)
            found = self._last(start - timedelta(seconds=1), until)
            if found is not None or start == since:
                return found
            back *= 2

    def _last(self, after: datetime, until: datetime) -> datetime | None:
        last, found = None, self.next_after(after)
        while found is not None and found <= until:
            last, found = found, self.next_after(found)
        return last

    def __str__(self) -> str:
        """Both, as one text."""
        return f"{self.cron} {self.zone}"


def _zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        why = "there is no such time zone; one such as UTC or Europe/Berlin is meant"
        raise BadMoments(why) from None


def _due(cron: str, after: datetime) -> "CronSim":
    from cronsim import CronSim  # an extra; whoever only reads what is kept needs none

    return CronSim(cron, after)


def _check(cron: str) -> None:
    from cronsim import CronSimError

    if len(cron.split()) != _FIELDS:
        raise BadMoments(f"it must have {_FIELDS} fields, {_EXAMPLE}")
    try:
        first = next(_due(cron, datetime(2000, 1, 1, tzinfo=UTC)), None)
    except CronSimError as error:
        raise BadMoments(f"{str(error).lower()}; {_EXAMPLE}") from None
    if first is None:
        raise BadMoments(f"it is never due; {_EXAMPLE}")
