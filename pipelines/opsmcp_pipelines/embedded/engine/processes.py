"""Processes of this machine: found by what they are below of, hold open or carry, and ended.

Imported by the program that steps are below, so it imports little itself. Source of the fields:
https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html.
"""

import os
import signal
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import suppress
from typing import NamedTuple

__all__ = [
    "MARK",
    "SEES_PROCESSES",
    "UNSEEN",
    "Ending",
    "ProcessInfo",
    "below",
    "end",
    "end_marked",
    "holders",
    "living_groups",
    "name_of",
    "numbers_of_children",
    "signal_titled",
    "title_of",
    "titled",
]

MARK = "OPS_STEP_OF"
"""The variable in the environment of every step that names its run."""

SEES_PROCESSES = sys.platform.startswith("linux")
"""Whether all that a step started can be found; elsewhere, only its process group is known."""

_TERM_SECONDS = 2.0
_KILL_SECONDS = 5.0
"""How long a killed process may take to be gone. One that waits for a disk may never be."""

_LOOK_SECONDS = 0.02
_MOST_NAMED = 5
_OVER = ("Z", "X")


class ProcessInfo(NamedTuple):
    """A process as it was seen; by its number and its start it is known again."""

    number: int
    started: str
    parent: int
    name: str


UNSEEN = ProcessInfo(0, "", 0, "processes too short-lived to be seen")
"""Stands for what is there and was gone again whenever it was looked at."""


class Ending(NamedTuple):
    """What became of processes that were to be ended: how many there were, and which are left."""

    found: int
    left: tuple[str, ...] = ()


def _nothing() -> None:
    """Do nothing."""


def end(
    find: Callable[[], Sequence[ProcessInfo]], kill_at_once: Callable[[], None] = _nothing
) -> Ending:
    """Ask what `find` finds to end, then make it: until nothing is found, or for seconds.

    `kill_at_once` does it faster than a process can be looked at.
    """
    found: set[tuple[int, str]] = set()
    for number, seconds in ((signal.SIGTERM, _TERM_SECONDS), (signal.SIGKILL, _KILL_SECONDS)):
        asked: set[tuple[int, str]] = set()
        until = time.monotonic() + seconds
        while (seen := find()) and time.monotonic() < until:
            for one in seen:
                if one is not UNSEEN and (number is signal.SIGKILL or one[:2] not in asked):
                    asked.add(one[:2])
                    with suppress(ProcessLookupError, PermissionError):
                        os.kill(one.number, number)
            found |= asked
            if number is signal.SIGKILL:
                kill_at_once()
            time.sleep(_LOOK_SECONDS)
    left = find()
    return Ending(len(found), tuple(_shown(one) for one in left[:_MOST_NAMED]))


def _shown(one: ProcessInfo) -> str:
    return one.name if one is UNSEEN else f"{one.name} ({one.number})"


def end_marked(run: str) -> Ending:
    """End what still carries the mark of a run, but for this process."""
    return end(lambda: [one for one in _marked(run) if one.number != os.getpid()])


def title_of(run: str) -> str:
    """What the process calls itself that the steps of a run are below: at most 15 characters."""
    return f"opsmcp-{zlib.crc32(run.encode()):08x}"


def titled(run: str) -> Sequence[ProcessInfo]:
    """The processes that call themselves so."""
    title = title_of(run)
    return [one for one in _processes() if one.name == title and one.number != os.getpid()]


def signal_titled(run: str, number: signal.Signals) -> None:
    """Send them a signal, as far as that is allowed."""
    for one in titled(run):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(one.number, number)


def _marked(run: str) -> Sequence[ProcessInfo]:
    """The processes that still carry the mark of a run in their environment."""
    mark = f"{MARK}={run}".encode()
    return [one for one in _processes() if mark in _environment(one.number).split(b"\0")]


def _environment(number: int) -> bytes:
    try:
        with open(f"/proc/{number}/environ", "rb") as file:  # noqa: PTH123 - see the top
            return file.read()
    except OSError:
        return b""


def _processes() -> Iterator[ProcessInfo]:
    """The processes of this machine that are not over, as far as this one may see them."""
    try:
        numbers = [int(name) for name in os.listdir("/proc") if name.isdecimal()]  # noqa: PTH208
    except OSError:
        return
    for number in numbers:
        if (seen := _look_at(number)) is not None:
            yield seen


def _look_at(number: int) -> ProcessInfo | None:
    try:
        with open(f"/proc/{number}/stat", "rb") as file:  # noqa: PTH123 - see the top
            text = file.read().decode(errors="replace")
    except OSError:
        return None
    # The name in parentheses may hold anything; the start is the 20th field after it.
    name, _, rest = text.partition("(")[2].rpartition(")")
    fields = rest.split()
    if len(fields) < 20 or fields[0] in _OVER:
        return None
    return ProcessInfo(number, fields[19], int(fields[1]), name)


def below(root: int, but: Set[tuple[int, str]] = frozenset()) -> list[ProcessInfo]:
    """The descendants of a process, without those in `but` and what is below them."""
    children: dict[int, list[ProcessInfo]] = {}
    for one in _processes():
        if one[:2] not in but:
            children.setdefault(one.parent, []).append(one)
    found: list[ProcessInfo] = []
    ahead = [root]
    while ahead:
        next_below = children.pop(ahead.pop(), [])
        found += next_below
        ahead += [one.number for one in next_below]
    return found


def numbers_of_children() -> list[int]:
    """The numbers of the children of this process of one thread; none of them has another owner."""
    own = os.getpid()
    try:
        with open(f"/proc/{own}/task/{own}/children", "rb") as file:  # noqa: PTH123 - see the top
            return [int(number) for number in file.read().split()]
    except OSError:
        return []


def holders(seen: Iterable[ProcessInfo], pipe: str) -> list[ProcessInfo]:
    """Those who have this pipe open."""
    return [one for one in seen if pipe in _open_files(one.number)]


def name_of(pipe: int) -> str:
    """A pipe of this process, as it stands in the lists of open files."""
    with suppress(OSError):
        return os.readlink(f"/proc/self/fd/{pipe}")  # noqa: PTH115 - see the top
    return ""


def _open_files(number: int) -> Iterator[str]:
    try:
        names = os.listdir(f"/proc/{number}/fd")  # noqa: PTH208 - see the top
    except OSError:
        return
    for name in names:
        with suppress(OSError):
            yield os.readlink(f"/proc/{number}/fd/{name}")  # noqa: PTH115 - see the top


def living_groups(groups: Sequence[int]) -> list[ProcessInfo]:
    """Where processes cannot be looked at: the groups of steps, which need not be all of them."""
    found: list[ProcessInfo] = []
    for group in groups:
        with suppress(OSError):
            os.killpg(group, 0)
            found.append(ProcessInfo(-group, "", 0, "process group"))
    return found
