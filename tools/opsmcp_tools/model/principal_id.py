"""What an id of a principal looks like. Pure."""

__all__ = ["is_id"]

_LONGEST = 1024
"""Characters: an issuer's address and a subject of 255 fit in."""


def is_id(value: object) -> bool:
    """Whether it can be one: a kind and a name, `token:anna`, or an issuer, a blank and a subject.

    Printable ASCII, so that two ids that look the same are the same.
    """
    if not isinstance(value, str) or len(value) > _LONGEST:
        return False
    if not (value.isascii() and value.isprintable()):
        return False
    kind, colon, name = value.partition(":")
    first, blank, subject = value.partition(" ")
    if blank:
        return "://" in first and bool(subject) and first == first.strip()
    return bool(kind and colon and name)
