"""What ssh makes of a host, and whether it answers: for a person who asks about that one."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from opsmcp_pipelines.ssh.bootstrap import Interpreter, new_frame, shell_text
from opsmcp_pipelines.ssh.explain import explain
from opsmcp_pipelines.ssh.session import RemoteEnd, RemoteState, Session
from opsmcp_pipelines.ssh.target import SshTarget, ssh_command, ssh_environment

__all__ = ["HostLook", "look_at"]

_LOGIN_SECONDS = 30.0


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
    settings = (await explain(target, seen)).settings
    frame = new_frame(Interpreter.SH, shell_text("true", {}))
    session = Session(ssh_command(target), seen, frame, _nothing)
    began = time.monotonic()
    end = await session.run(_LOGIN_SECONDS)
    return HostLook(settings, end, time.monotonic() - began)


def _nothing(_chunk: bytes) -> None:
    """What a login prints is not looked at."""
