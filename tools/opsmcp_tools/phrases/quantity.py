"""Quantities as people say them, the same in every language or in English only."""

__all__ = ["duration_in_words", "size_in_words"]

_MINUTES_FROM_SECONDS = 120.0
_UNITS = ("bytes", "kB", "MB", "GB")


def size_in_words(size_bytes: int) -> str:
    """`980 bytes`, `4.4 MB`: decimal units, in every language."""
    size, units = float(size_bytes), iter(_UNITS)
    unit = next(units)
    while size >= 1000 and (larger := next(units, None)):
        size, unit = size / 1000, larger
    return f"{size:.1f} {unit}" if unit != "bytes" else f"{size:.0f} {unit}"


def duration_in_words(seconds: float) -> str:
    """`2 seconds`, `30 minutes`: in English."""
    if seconds < _MINUTES_FROM_SECONDS:
        return f"{seconds:g} seconds"
    return f"{seconds / 60:g} minutes"
