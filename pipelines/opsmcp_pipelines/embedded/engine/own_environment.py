"""What steps could read of opsmcp's own environment in /proc: nothing, once this was called.

It may hold tokens, and steps run as the same user. Two things, because either has a gap: other
processes of the user may no longer look into this one (which root may all the same), and the
memory that /proc shows as the environment is emptied (the values stay where the program has them).
Linux only. What this cannot keep from a step of the same user: files that the user can read, the
environments of the user's other processes, and, as root, any memory. Sources:
https://man7.org/linux/man-pages/man5/proc_pid_environ.5.html,
https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html.
"""

import ctypes
import logging
import os
import sys
from functools import cache
from pathlib import Path

__all__ = ["hide_own_environment"]

_PR_SET_DUMPABLE = 4
_START, _END = 47, 48
"""Where the environment begins and ends, among the fields of `stat` after the name."""

_log = logging.getLogger(__name__)


@cache
def hide_own_environment() -> None:
    """Keep the environment of this process from other ones; does nothing more when called again."""
    if not sys.platform.startswith("linux"):
        return
    system = ctypes.CDLL(None)
    try:
        _empty(system)
    except (OSError, ValueError, IndexError):
        _log.warning("the environment of opsmcp could not be hidden from steps that run as root")
    system.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _empty(system: ctypes.CDLL) -> None:
    """Move the variables elsewhere, then empty the place where the kernel put them."""
    fields = Path("/proc/self/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    start, end = int(fields[_START]), int(fields[_END])
    if not 0 < start < end:
        raise ValueError("the kernel does not say where it is")
    system.getenv.restype = ctypes.c_void_p
    for entry in ctypes.string_at(start, end - start).split(b"\0"):
        name, separator, value = entry.partition(b"=")
        at = system.getenv(name) if separator else None
        if at is not None and start <= at < end:
            os.putenv(name, value)
    ctypes.memset(start, 0, end - start)
