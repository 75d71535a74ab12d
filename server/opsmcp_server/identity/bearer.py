"""A bearer token as it is sent: its form, and one that stands in a file.

Of which kind it is, and whether it is good, is not known here.
"""

import os
import stat
from pathlib import Path

from opsmcp_pipelines.regular_files import open_regular

__all__ = ["MOST_BYTES", "BearerUnusable", "is_bearer", "read_bearer"]

MOST_BYTES = 16 * 1024


class BearerUnusable(Exception):
    """A file that should hold a token; the message says which and what is wrong with it."""


def is_bearer(text: str) -> bool:
    """Whether it can be sent in a header: printable ASCII without blanks."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def read_bearer(path: Path, *, private: bool = False) -> str:
    """The token that a file holds, of at most 16 KiB, without the end of its line.

    Args:
        path: The file.
        private: Refuse one that others than its owner may read.

    Raises:
        BearerUnusable: It cannot be read, holds something else, or is not private.
    """
    try:
        with open_regular(path) as stream:
            mode = os.fstat(stream.fileno()).st_mode
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        why = (error.strerror or "").lower()
        raise BearerUnusable(f"the token in {path} cannot be read: {why}") from error
    if private and stat.S_IMODE(mode) & 0o077:
        raise BearerUnusable(f"{path} is read by others, too: chmod 600 it, and rotate the token")
    text = data.decode("ascii", "replace").strip()
    if len(data) > MOST_BYTES or not is_bearer(text):
        raise BearerUnusable(f"{path} holds no token")
    return text
