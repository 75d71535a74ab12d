"""Which process is meant: its number, and when it started, since numbers are given out again.

Source of the fields: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html. Where there is no
`/proc`, only the number is known.
"""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["ProcessId"]

_DEAD = ("Z", "X")
"""States of a process that is over, and that nobody has asked about yet."""

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process of this machine; `started` is empty where that cannot be told."""

    number: int
    started: str

    @classmethod
    def of(cls, number: int) -> "ProcessId":
        """The process that has this number now."""
        return cls(number, _start_of(number))

    @property
    def alive(self) -> bool:
        """Whether it is still there; another one with its number is not it."""
        try:
            os.kill(self.number, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass  # It exists and belongs to somebody else: compare its start.
        return _start_of(self.number) == self.started


def _start_of(number: int) -> str:
    try:
        stat = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The name in parentheses may hold anything; the start time is the 20th field after it.
    fields = stat.rpartition(")")[2].split()
    if len(fields) < 20 or fields[0] in _DEAD:
        return ""
    return f"{fields[19]}@{_boot()}"


@cache
def _boot() -> str:
    """Start times count from the start of the machine, so which one it was belongs to them."""
    try:
        return _BOOT.read_text("ascii").strip()
    except OSError:
        return ""
