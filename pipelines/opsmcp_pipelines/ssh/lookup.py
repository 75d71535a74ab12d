"""What ssh makes of a host, and whether it answers: for a person who asks about that one."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from subprocess import PIPE
from types import MappingProxyType

import anyio

from opsmcp_pipelines.ssh.bootstrap import Interpreter, new_frame, shell_text
from opsmcp_pipelines.ssh.session import RemoteEnd, RemoteState, Session
from opsmcp_pipelines.ssh.target import SshTarget, ssh_command, ssh_environment

__all__ = ["HostLook", "look_at"]

_EXPLAIN_SECONDS = 10.0
_LOGIN_SECONDS = 30.0
_MOST_BYTES = 256 * 1024
_SHOWN = ("hostname", "user", "port", "proxyjump", "identityfile", "stricthostkeychecking")


@dataclass(frozen=True, slots=True)
class HostLook:
    """What was found of a host.

    `settings` are those of `ssh -G` that matter, several values of one joined by commas; `end` is
    how a login with `true` ended, in `seconds`.
    """

    settings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    end: RemoteEnd = RemoteEnd(RemoteState.NOT_STARTED)
    seconds: float = 0.0

    @property
    def answers(self) -> bool:
        """Whether a script ran there."""
        return self.end.state is RemoteState.ENDED and self.end.code == 0


async def look_at(target: SshTarget, environ: Mapping[str, str]) -> HostLook:
    """Ask ssh what it makes of the host, and log in once.

    Args:
        target: The host.
        environ: The environment of the process.

    Raises:
        OSError: There is no ssh here.
    """
    seen = ssh_environment(environ)
    settings = await _explain(target, seen)
    frame = new_frame(Interpreter.SH, shell_text("true", {}))
    session = Session(ssh_command(target), seen, frame, _nothing)
    began = time.monotonic()
    end = await session.run(_LOGIN_SECONDS)
    return HostLook(settings, end, time.monotonic() - began)


async def _explain(target: SshTarget, environ: Mapping[str, str]) -> Mapping[str, str]:
    command = ("ssh", "-G", *target.options, "--", target.name)
    text = b""
    with anyio.move_on_after(_EXPLAIN_SECONDS):
        done = await anyio.run_process(command, stdin=None, stderr=PIPE, check=False, env=environ)
        text = done.stdout[:_MOST_BYTES]
    found: dict[str, list[str]] = {}
    for line in text.decode(errors="replace").splitlines():
        key, _, value = line.partition(" ")
        if key in _SHOWN and value:
            found.setdefault(key, []).append(value)
    return MappingProxyType({key: ", ".join(found[key]) for key in _SHOWN if key in found})


def _nothing(_chunk: bytes) -> None:
    """What a login prints is not looked at."""
