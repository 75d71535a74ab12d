"""Another machine, through the person's own ssh: the truth about each step there, in words."""

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from opsmcp_pipelines.embedded.engine.file_work import FileOrder, FileWork, open_work
from opsmcp_pipelines.embedded.engine.files_directory import FileRefused
from opsmcp_pipelines.embedded.engine.machine import Limit, StepEnd
from opsmcp_pipelines.report import Status
from opsmcp_pipelines.shell import python_runner
from opsmcp_pipelines.ssh.bootstrap import (
    SUDO_SHELL,
    Interpreter,
    new_frame,
    python_text,
    shell_text,
)
from opsmcp_pipelines.ssh.explain import Explanations
from opsmcp_pipelines.ssh.kept_connections import MOST_KEPT, KeptConnections
from opsmcp_pipelines.ssh.login_turns import AT_ONE_SSHD, LoginTurns
from opsmcp_pipelines.ssh.refusals import Reason, cause_line, key_place, last_line
from opsmcp_pipelines.ssh.session import RemoteEnd, RemoteState, Session
from opsmcp_pipelines.ssh.target import SshTarget, file_command, ssh_command

if TYPE_CHECKING:
    from opsmcp_pipelines.shell.render import Script

__all__ = ["Connections", "RemoteMachine"]

_TRIES = 3
_PAUSE_SECONDS = (0.5, 2.0)
_MOST_MESSAGE_CHARS = 300
_ADVICE: Mapping[Reason, str] = {
    Reason.HOST_KEY_UNKNOWN: "a person has to look at its host key: ssh {0} true",
    Reason.HOST_KEY_CHANGED: "this may be an attack; a person has to find out why it changed",
    Reason.SESSION: "it has neither setsid nor perl",
    Reason.INTERPRETER: "bash or python3, which the script is for, is not installed there",
    Reason.TOOLS: "files are compared by sha256sum or shasum, and stat tells their mode",
    Reason.LOST: "what was there is as it was",
    Reason.DIRECTORY: "nothing can be written below /tmp or TMPDIR there",
}
_NEEDS_LINE = "password is required"
_SUDOERS = f"sudoers lacks ACCOUNT ALL=(ALL) NOPASSWD: {SUDO_SHELL}, which opens root"


class Connections:
    """What the connections of one run share.

    Attributes:
        turns: Whose turn it is to log in.
        left: Where something goes on after the run was ended, by name.
        unknown: Where it is not known whether something does.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        explanations: Explanations,
        kept: KeptConnections | None = None,
    ) -> None:
        """Connect to nothing yet.

        Args:
            environ: What ssh may see of the environment.
            explanations: What it makes of hosts.
            kept: What is kept for later runs; None: nothing.
        """
        self.environ = environ
        self.turns = LoginTurns(explanations)
        self.left: list[str] = []
        self.unknown: list[str] = []
        self._explanations = explanations
        self._kept = kept

    async def sharing(self, target: SshTarget) -> Sequence[str]:
        """The options of ssh for a connection that later runs may use, too."""
        if self._kept is None:
            return ()
        return self._kept.options(await self._explanations.of(target))


class RemoteMachine:
    """Starts steps on another machine.

    Attributes:
        target: How it is reached.
        as_root: Whether steps run as root there.
        shared: What it shares with the other machines of its run.
    """

    def __init__(self, target: SshTarget, shared: Connections, *, as_root: bool, of: int) -> None:
        """Connect to nothing yet; it is one of so many machines of a task."""
        self.name = target.name
        self.hostname = target.name
        self.shared = shared
        self.target = target
        self.as_root = as_root
        self._of = of

    def prepare(self, script: "Script") -> "_RemoteScriptLaunch":
        """Put the values into the text that is sent."""
        return _RemoteScriptLaunch(self, script)

    def prepare_file(self, order: FileOrder) -> "_RemoteFileLaunch":
        """Move nothing yet."""
        return _RemoteFileLaunch(self, order)

    def turn(self) -> AbstractAsyncContextManager[None]:
        """The turn of its logins, which is waited for where there are many machines."""
        crowded = self._of > AT_ONE_SSHD
        return self.shared.turns.turn(self.target) if crowded else nullcontext()

    async def sharing(self) -> Sequence[str]:
        """The options of ssh for a connection that later runs may use, too."""
        return await self.shared.sharing(self.target) if self._of <= MOST_KEPT else ()


class _RemoteLaunch:
    """Something that is ready to be sent."""

    def __init__(self, machine: RemoteMachine) -> None:
        self._machine = machine
        self._name = machine.name
        self._shared = machine.shared

    async def run(self, limit: Limit, on_output: Callable[[bytes], None]) -> StepEnd:
        """Send it, and once more where certainly nothing ran and another try may do better.

        A later try has a connection of its own: one that was kept may have been the cause.
        """
        async with self._machine.turn():
            options = await self._machine.sharing()
            for _ in range(_TRIES - 1):
                end = await self._try(limit, on_output, options)
                if end.reason is None or not end.reason.may_pass:
                    return self._judge(end, limit)
                options = ()
                await anyio.sleep(random.uniform(*_PAUSE_SECONDS))  # noqa: S311 - spreads logins
            return self._judge(await self._try(limit, on_output, options), limit)

    async def _try(
        self, limit: Limit, on_output: Callable[[bytes], None], options: Sequence[str]
    ) -> RemoteEnd:
        session = self._session(on_output, options)
        over = False
        try:
            end = await session.run(limit.seconds)
            over = True
        except OSError:
            end = RemoteEnd(
                RemoteState.NOT_STARTED, reason=Reason.OTHER, message="there is no ssh here"
            )
        finally:
            if not over:
                self._note_left(session.end)
        return end

    def _session(self, on_output: Callable[[bytes], None], options: Sequence[str]) -> Session:
        raise NotImplementedError

    def _judge(self, end: RemoteEnd, limit: Limit) -> StepEnd:
        raise NotImplementedError

    def _note_left(self, end: RemoteEnd) -> None:
        """Of a run that was ended from here: what cannot be said to have ended."""
        if end.state is RemoteState.UNKNOWN:
            self._shared.unknown.append(self._name)
        elif end.left:
            self._shared.left.append(self._name)

    def _not_started(self, end: RemoteEnd) -> StepEnd:
        reason = end.reason or Reason.OTHER
        advice = _ADVICE.get(reason, "").format(self._name)
        why = advice or cause_line(reason, end.message, _MOST_MESSAGE_CHARS)
        if reason is Reason.SUDO and _NEEDS_LINE in end.message:
            why = f"{why}; {_SUDOERS}"
        if reason is Reason.HOST_KEY_CHANGED:
            place = key_place(end.message, _MOST_MESSAGE_CHARS)
            why += f"; the one that was known: {place}" if place else ""
        note = f"nothing ran: {reason}" + (f" ({why})" if why else "")
        return StepEnd(Status.NOT_STARTED, note)


class _RemoteFileLaunch(_RemoteLaunch):
    """A file that is ready to be moved."""

    def __init__(self, machine: RemoteMachine, order: FileOrder) -> None:
        super().__init__(machine)
        self._order = order
        self._work: FileWork

    async def run(self, limit: Limit, on_output: Callable[[bytes], None]) -> StepEnd:
        """Move it, and once more where certainly nothing was begun."""
        try:
            async with open_work(self._order) as self._work:
                return await super().run(limit, on_output)
        except FileRefused as refused:
            return StepEnd(Status.FAILED, f"not run: {refused}")

    def _session(self, on_output: Callable[[bytes], None], options: Sequence[str]) -> Session:
        machine = self._machine
        command = file_command(machine.target, as_root=machine.as_root, more=options)
        return self._work.session(command, self._shared.environ, on_output)

    def _judge(self, end: RemoteEnd, limit: Limit) -> StepEnd:
        return self._work.judge(end, limit, self._not_started)


class _RemoteScriptLaunch(_RemoteLaunch):
    """A script that is ready to be sent."""

    def __init__(self, machine: RemoteMachine, script: "Script") -> None:
        super().__init__(machine)
        self._interpreter = _interpreter(script)
        self._text = _text(script)

    def _session(self, on_output: Callable[[bytes], None], options: Sequence[str]) -> Session:
        machine = self._machine
        command = ssh_command(machine.target, as_root=machine.as_root, more=options)
        frame = new_frame(self._interpreter, self._text)
        return Session(command, self._shared.environ, frame, on_output)

    def _judge(self, end: RemoteEnd, limit: Limit) -> StepEnd:
        match end.state:
            case RemoteState.NOT_STARTED:
                return self._not_started(end)
            case RemoteState.UNKNOWN:
                return StepEnd(Status.OTHER, self._lost(end, limit))
            case RemoteState.STOPPED:
                return StepEnd(Status.FAILED, self._with_left(f"stopped after {limit}", end))
            case RemoteState.ENDED:
                status = Status.FAILED if end.code else Status.SUCCEEDED
                note = f"exit status {end.code}" if end.code else ""
                return StepEnd(status, self._with_left(note, end))

    def _lost(self, end: RemoteEnd, limit: Limit) -> str:
        if end.silent:
            return (
                f"it was told to stop after {limit}, and nobody there answered: how it ended is not"
                " known"
            )
        said = last_line(end.message, _MOST_MESSAGE_CHARS)
        why = f" ({said})" if said else ""
        return f"it was started, and how it ended is not known: the connection was lost{why}"

    def _with_left(self, note: str, end: RemoteEnd) -> str:
        left = "it left processes behind, which go on" if end.left else ""
        return "; ".join(part for part in (note, left) if part)


def _interpreter(script: "Script") -> Interpreter:
    known = {"python": Interpreter.PYTHON, "bash": Interpreter.BASH}
    return known.get(script.language, Interpreter.SH)


def _text(script: "Script") -> str:
    if script.language != "python":
        return shell_text(script.text, script.environ)
    runner = Path(python_runner.__file__).read_text(encoding="utf-8")
    return python_text(script.text, script.environ, runner, script.mark)
