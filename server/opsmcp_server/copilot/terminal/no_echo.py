"""What is typed while nobody reads it: kept, but not shown in the middle of what is drawn."""

import os
import sys
import termios
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["unechoed"]

_LOCAL_MODES = 3
"""Where `tcgetattr` has them."""


@contextmanager
def unechoed() -> Generator[None]:
    """The terminal repeats no keys while the block lasts; line editors show them themselves."""
    if not (sys.stdin.isatty() and _is_ours()):
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    changed = before.copy()
    changed[_LOCAL_MODES] &= ~termios.ECHO
    termios.tcsetattr(sys.stdin, termios.TCSADRAIN, changed)
    try:
        yield
    finally:
        if _is_ours():
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _is_ours() -> bool:
    """Whether the terminal may be changed: not from the background, where that would stop us."""
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:  # it controls nobody
        return True
