"""The program between opsmcp and the steps of one run: it starts them and ends what they started.

Run by `supervisor`, with nothing else of this project to import, so that it is there soon. On
Linux, whatever a step starts stays below it, be it in a session or with an environment of its own:
a process whose parent is gone becomes a child of this one (a subreaper). Steps see this program as
their parent, and its environment holds nothing that they may not see. When opsmcp is gone,
`kill -9` included, it ends what is left, and then itself.

Standard input is a socket to opsmcp; a message is its length in four bytes, then what `marshal`
makes of it, which needs no import: both ends are the same Python. Sources:
https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html,
https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html.
"""

import ctypes
import errno
import marshal
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from typing import Any, NamedTuple

__all__ = ["MARK", "SEES_PROCESSES", "Ending", "Message", "end_marked", "main", "pack", "unpack"]

MARK = "OPS_STEP_OF"
"""The variable in the environment of every step that names its run."""

SEES_PROCESSES = sys.platform.startswith("linux")
"""Whether all that a step started can be found; elsewhere, only its process group is known."""

_TERM_SECONDS = 2.0
_KILL_SECONDS = 5.0
"""How long a killed process may take to be gone. One that waits for a disk may never be."""

_LOOK_SECONDS = 0.02
_MOST_NAMED = 5
_CHUNK_BYTES = 64 * 1024
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_OVER = ("Z", "X")

Message = dict[str, Any]


class Seen(NamedTuple):
    """A process as it was seen; by its number and its start it is known again."""

    number: int
    started: str
    parent: int
    name: str


class Ending(NamedTuple):
    """What became of processes that were to be ended: how many there were, and which are left."""

    found: int
    left: tuple[str, ...] = ()


def pack(message: Message) -> bytes:
    """A message as it is sent."""
    data = marshal.dumps(message)
    return len(data).to_bytes(4, "big") + data


def unpack(buffer: bytes) -> tuple[Message | None, bytes]:
    """The first message, if it is whole, and what comes after it."""
    length = 4 + int.from_bytes(buffer[:4], "big")
    if len(buffer) < max(length, 5):
        return None, buffer
    return marshal.loads(buffer[4:length]), buffer[length:]  # noqa: S302 - our own, see the top


def _end(find: Callable[[], Sequence[Seen]]) -> Ending:
    """Ask what `find` finds to end, then make it: until nothing is found, or for seconds."""
    found: set[tuple[int, str]] = set()
    for number, seconds in ((signal.SIGTERM, _TERM_SECONDS), (signal.SIGKILL, _KILL_SECONDS)):
        asked: set[tuple[int, str]] = set()
        until = time.monotonic() + seconds
        while (seen := find()) and time.monotonic() < until:
            for one in seen:
                if number is signal.SIGKILL or one[:2] not in asked:
                    asked.add(one[:2])
                    with suppress(ProcessLookupError, PermissionError):
                        os.kill(one.number, number)
            found |= asked
            time.sleep(_LOOK_SECONDS)
    left = find()
    return Ending(len(found), tuple(f"{one.name} ({one.number})" for one in left[:_MOST_NAMED]))


def _marked(run: str) -> Sequence[Seen]:
    """The processes that still carry the mark of a run in their environment."""
    mark = f"{MARK}={run}".encode()
    return [one for one in _processes() if mark in _environment(one.number).split(b"\0")]


def end_marked(run: str) -> Ending:
    """End what still carries the mark of a run, but for this process."""
    return _end(lambda: [one for one in _marked(run) if one.number != os.getpid()])


def _environment(number: int) -> bytes:
    try:
        with open(f"/proc/{number}/environ", "rb") as file:  # noqa: PTH123 - see the top
            return file.read()
    except OSError:
        return b""


def _processes() -> Iterator[Seen]:
    """The processes of this machine that are not over, as far as this one may see them."""
    try:
        numbers = [int(name) for name in os.listdir("/proc") if name.isdecimal()]  # noqa: PTH208
    except OSError:
        return
    for number in numbers:
        if (seen := _look_at(number)) is not None:
            yield seen


def _look_at(number: int) -> Seen | None:
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
    return Seen(number, fields[19], int(fields[1]), name)


def _below(root: int, but: Set[tuple[int, str]] = frozenset()) -> list[Seen]:
    """The descendants of a process, without those in `but` and what is below them."""
    children: dict[int, list[Seen]] = {}
    for one in _processes():
        if one[:2] not in but:
            children.setdefault(one.parent, []).append(one)
    found: list[Seen] = []
    ahead = [root]
    while ahead:
        below = children.pop(ahead.pop(), [])
        found += below
        ahead += [one.number for one in below]
    return found


def _holders(seen: Iterable[Seen], pipe: str) -> list[Seen]:
    """Those who have this pipe open."""
    return [one for one in seen if pipe in _open_files(one.number)]


def _open_files(number: int) -> Iterator[str]:
    try:
        names = os.listdir(f"/proc/{number}/fd")  # noqa: PTH208 - see the top
    except OSError:
        return
    for name in names:
        with suppress(OSError):
            yield os.readlink(f"/proc/{number}/fd/{name}")  # noqa: PTH115 - see the top


class _Supervisor:
    """Starts one step after the other, as opsmcp asks for it."""

    def __init__(self, opsmcp: socket.socket) -> None:
        self._opsmcp = opsmcp
        self._buffer = b""
        self._files: list[int] = []
        self._step = 0
        self._before: Set[tuple[int, str]] = frozenset()
        self._pipe = ""
        self._groups: list[int] = []

    def run(self, woken: int) -> None:
        """Do what opsmcp asks for until it lets go, or is gone."""
        while True:
            readable, _, _ = select.select([self._opsmcp, woken], [], [])
            if woken in readable:
                asked = os.read(woken, 4096)
                self._reap()
                if signal.SIGTERM in asked:
                    break
            if self._opsmcp in readable and not self._receive():
                break
            while message := self._next():
                if message["do"] == "leave":
                    return
                self._do(message)
        self._end("run")

    def _receive(self) -> bool:
        """Take what came; False when opsmcp is gone."""
        try:
            data, files, _, _ = socket.recv_fds(self._opsmcp, _CHUNK_BYTES, 1)
        except OSError:
            return False
        for file in files:
            os.set_inheritable(file, False)
        self._files += files
        self._buffer += data
        return bool(data)

    def _next(self) -> Message | None:
        message, self._buffer = unpack(self._buffer)
        return message

    def _do(self, message: Message) -> None:
        if message["do"] == "start":
            self._answer(self._start(message["command"], message["env"], message["cwd"]))
            return
        which: str = message["do"]
        self._answer({which: tuple(self._end(which))})

    def _start(self, command: list[str], env: Mapping[str, str], cwd: str) -> Message:
        output = self._files.pop()
        try:
            self._before = frozenset(one[:2] for one in _below(os.getpid()))
            self._pipe = _name_of(output)
            os.chdir(cwd)
            self._step = os.posix_spawnp(
                command[0],
                command,
                env,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, output, 1),
                    (os.POSIX_SPAWN_DUP2, output, 2),
                ],
                setsid=True,
                setsigmask=[],
                setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
            )
        except (OSError, ValueError) as error:  # the second: a text that no process can be given
            return {"started": (0, getattr(error, "errno", None) or errno.EINVAL)}
        finally:
            os.close(output)
            os.chdir("/")
        self._groups.append(self._step)
        return {"started": (self._step, 0)}

    def _reap(self) -> None:
        """Take note of whoever ended; opsmcp is told of the step."""
        with suppress(ChildProcessError):
            while (gone := os.waitpid(-1, os.WNOHANG))[0]:
                if gone[0] == self._step:
                    self._answer({f"exit {gone[0]}": os.waitstatus_to_exitcode(gone[1])})

    def _answer(self, message: Message) -> None:
        with suppress(OSError):  # opsmcp is gone: the next thing that is read tells
            self._opsmcp.sendall(pack(message))

    def _end(self, which: str) -> Ending:
        """End all of the run, what the last step started, or what of that keeps its output open."""

        def find() -> list[Seen]:
            self._reap()
            return self._find(which)

        return _end(find)

    def _find(self, which: str) -> list[Seen]:
        if not SEES_PROCESSES:
            return _living_groups(self._groups if which == "run" else self._groups[-1:])
        if which == "run":
            return _below(os.getpid())
        of_step = _below(os.getpid(), self._before)
        return of_step if which == "step" else _holders(of_step, self._pipe)


def _living_groups(groups: Sequence[int]) -> list[Seen]:
    """Where processes cannot be looked at: the groups of steps, which need not be all of them."""
    found: list[Seen] = []
    for group in groups:
        with suppress(OSError):
            os.killpg(group, 0)
            found.append(Seen(-group, "", 0, "process group"))
    return found


def _name_of(pipe: int) -> str:
    """As it stands in the lists of open files."""
    with suppress(OSError):
        return os.readlink(f"/proc/self/fd/{pipe}")  # noqa: PTH115 - see the top
    return ""


def _prepare() -> None:
    """Become the parent of all orphans below; let no step look into this process."""
    if SEES_PROCESSES:
        system = ctypes.CDLL(None)
        system.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        system.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def main() -> None:
    """Serve opsmcp at the other end of standard input; does not return."""
    _prepare()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _wake_only)
    with socket.socket(fileno=os.dup(0)) as opsmcp:
        _Supervisor(opsmcp).run(woken)
    os._exit(0)  # whoever waits for the end of the run waits for this, too


def _wake_only(_number: int, _frame: object) -> None:
    """That it came is written where `run` looks."""
