"""The heap of a server that runs for months: one for all threads, where the C library is glibc.

Left alone, glibc gives each thread a heap of its own, up to eight for each processor, and what is
free in one is no use to the others. Python's threads take turns anyway, so they lose nothing by it.
Source: https://man7.org/linux/man-pages/man3/mallopt.3.html.
"""

import ctypes
from contextlib import suppress

__all__ = ["share_heap"]

_M_ARENA_MAX = -8


def share_heap() -> None:
    """Let all threads that are started from here on use the one heap."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
