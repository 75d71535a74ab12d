"""The program between opsmcp and the steps: forks a supervisor for each run, which starts them.

Run by `fork_server`, once for all runs, since to start a Python takes longer than most steps; a
fork takes about a millisecond. It imports little and has one thread, and never hears of a step. On
Linux, whatever a step starts stays below the supervisor of its run, be it in a session or with an
environment of its own: a process whose parent is gone becomes a child of it (a subreaper). Steps
see it as their parent, and its environment holds nothing that they may not see. When opsmcp is
gone, `kill -9` included, it ends what is left, and then itself. Source:
https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html.
"""

import ctypes
import errno
import os
import select
import signal
import socket
import time
from collections.abc import Mapping, Set
from contextlib import suppress

from opsmcp_pipelines.embedded.engine.messages import Message, pack, unpack
from opsmcp_pipelines.embedded.engine.processes import (
    SEES_PROCESSES,
    UNSEEN,
    Ending,
    ProcessInfo,
    below,
    end,
    holders,
    living_groups,
    name_of,
    numbers_of_children,
)

__all__ = ["main"]

_SYSTEM = ctypes.CDLL(None)

_CHUNK_BYTES = 64 * 1024
_MOST_LOOKS = 5
_AT_ONCE_SECONDS = 0.2
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36


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
        self._answer({"begun": (os.getpid(), 0)})
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
            _call_this_process(message["title"])
            self._answer(self._start(message["command"], message["env"], message["cwd"]))
            return
        which: str = message["do"]
        self._answer({which: which == "here" or tuple(self._end(which))})

    def _start(self, command: list[str], env: Mapping[str, str], cwd: str) -> Message:
        output = self._files.pop()
        try:
            self._before = frozenset(one[:2] for one in self._below())
            self._pipe = name_of(output)
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

    def _reap(self) -> bool:
        """Take note of whoever ended, and tell opsmcp of the step; whether others are there."""
        try:
            while (gone := os.waitpid(-1, os.WNOHANG))[0]:
                if gone[0] == self._step:
                    self._answer({f"exit {gone[0]}": os.waitstatus_to_exitcode(gone[1])})
        except ChildProcessError:
            return False
        return True

    def _answer(self, message: Message) -> None:
        with suppress(OSError):  # opsmcp is gone: the next thing that is read tells
            self._opsmcp.sendall(pack(message))

    def _end(self, which: str) -> Ending:
        """End all of the run, what the last step started, or what of that keeps its output open."""
        if which == "output" or not SEES_PROCESSES:
            return end(lambda: self._find(which))
        but = self._before if which == "step" else frozenset[tuple[int, str]]()
        return end(lambda: self._find(which), lambda: self._kill_children(but))

    def _find(self, which: str) -> list[ProcessInfo]:
        if not SEES_PROCESSES:
            self._reap()
            return living_groups(self._groups if which == "run" else self._groups[-1:])
        if which == "run":
            return self._below()
        of_step = self._below(self._before)
        return of_step if which == "step" else holders(of_step, self._pipe)

    def _below(self, but: Set[tuple[int, str]] = frozenset()) -> list[ProcessInfo]:
        """What is there of the run: without children nothing, since orphans become children.

        A process that forks and ends, again and again, is gone before all of `/proc` was read.
        """
        for _ in range(_MOST_LOOKS):
            if not self._reap():
                return []
            if found := below(os.getpid(), but):
                return found
        return [UNSEEN] if not but or self._children(but) else []

    def _children(self, but: Set[tuple[int, str]]) -> list[int]:
        known = {number for number, _ in but}
        return [number for number in numbers_of_children() if number not in known]

    def _kill_children(self, but: Set[tuple[int, str]]) -> None:
        """Kill them before they have ended themselves; nobody else has the number of a child."""
        until = time.monotonic() + _AT_ONCE_SECONDS
        while self._reap() and (children := self._children(but)) and time.monotonic() < until:
            for number in children:
                with suppress(OSError):  # it belongs to another user by now
                    os.kill(number, signal.SIGKILL)


def _supervise(file: int) -> None:
    """Serve opsmcp at the other end of a socket, for one run."""
    os.setsid()
    if SEES_PROCESSES:
        _SYSTEM.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        # A step may have stopped it, and then it would never see that opsmcp is gone.
        _SYSTEM.prctl(_PR_SET_PDEATHSIG, signal.SIGCONT, 0, 0, 0)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _wake_only)
    with socket.socket(fileno=file) as opsmcp:
        _Supervisor(opsmcp).run(woken)


def _call_this_process(title: str) -> None:
    """So that it is found by the next opsmcp, if this one is killed."""
    if SEES_PROCESSES:
        _SYSTEM.prctl(_PR_SET_NAME, title.encode(), 0, 0, 0)


def _wake_only(_number: int, _frame: object) -> None:
    """That it came is written where `run` looks."""


def _fork(opsmcp: socket.socket, file: int) -> None:
    """A supervisor for the run whose socket this is; opsmcp is told there if there can be none."""
    try:
        number = os.fork()
    except OSError as error:
        with socket.socket(fileno=file) as run:
            run.sendall(pack({"begun": (0, error.errno)}))
        return
    if number:
        os.close(file)
        return
    try:
        opsmcp.close()
        _supervise(file)
    finally:
        os._exit(0)


def _next_run(opsmcp: socket.socket) -> list[int]:
    """The socket of the next run; none when opsmcp is gone."""
    # One byte comes with each socket, and what is read never reaches into the next one.
    data, files, _, _ = socket.recv_fds(opsmcp, 1, 1)
    for file in files:
        os.set_inheritable(file, False)
    return files if data else []


def _become_private() -> socket.socket:
    """Let no step look into this process, nor have the socket to opsmcp; the latter.

    It ends with opsmcp also when a step has stopped it; the supervisors have their own ends.
    """
    if SEES_PROCESSES:
        _SYSTEM.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        _SYSTEM.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    opsmcp = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    return opsmcp


def main() -> None:
    """Serve opsmcp at the other end of standard input until it is gone; does not return."""
    opsmcp = _become_private()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel forgets supervisors that ended
    while files := _next_run(opsmcp):
        _fork(opsmcp, *files)
    os._exit(0)
