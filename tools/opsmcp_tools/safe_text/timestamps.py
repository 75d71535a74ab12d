"""Moments: times as people and models write them. Pure."""

import re
from datetime import datetime, timedelta

__all__ = ["parse_timestamp"]

_AGO = re.compile(r"(\d{1,6})\s*(m|h|d|w)(?:\s+ago)?", re.ASCII)
_UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def parse_timestamp(text: str, now: datetime) -> datetime:
    """The time that is meant: `30m`, `2h`, `7d` ago, or `2026-11-23T09:30`, in the zone of `now`.

    Raises:
        ValueError: It is no such time; the message says what is.
    """
    wanted = text.strip().lower()
    ago = _AGO.fullmatch(wanted)
    try:
        if ago:
            return now - int(ago[1]) * _UNITS[ago[2]]
        moment = datetime.fromisoformat(wanted.upper())
    except (ValueError, OverflowError):
        raise ValueError("it must be like 30m, 2h, 7d (ago) or 2026-11-23T09:30") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)
