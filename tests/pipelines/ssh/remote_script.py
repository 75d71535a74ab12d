"""A script on a host, and what it and its connection are as processes of this machine."""

import os
from pathlib import Path

import anyio

from opsmcp_pipelines.ssh.bootstrap import Interpreter, new_frame, shell_text
from opsmcp_pipelines.ssh.session import RemoteEnd, Session
from opsmcp_pipelines.ssh.target import SshTarget, ssh_command, ssh_environment

__all__ = [
    "ENVIRON",
    "MARK",
    "Script",
    "marked",
    "nothing_left",
    "one_marked",
    "own_connections",
    "sleeper",
    "sshd_above",
]

ENVIRON = ssh_environment(os.environ)  # noqa: TID251 - that of the person
MARK = "opsmcp-test-mark"


class Script:
    """A script on a host, and what it has printed."""

    def __init__(self, target: SshTarget, text: str, *, alive: int = 5) -> None:
        """After three times `alive` seconds of silence ssh gives up."""
        self.printed = bytearray()
        self.begun = anyio.Event()
        frame = new_frame(Interpreter.SH, shell_text(text, {}))
        usual, wanted = (f"-oServerAliveInterval={seconds}" for seconds in (5, alive))
        command = [wanted if word == usual else word for word in ssh_command(target)]
        self.session = Session(command, ENVIRON, frame, self._print)

    def _print(self, chunk: bytes) -> None:
        self.printed += chunk
        if b"begun" in self.printed:
            self.begun.set()

    async def run(self, seconds: float = 60) -> RemoteEnd:
        return await self.session.run(seconds)


def marked(mark: str) -> list[int]:
    """The processes that have it among their arguments."""
    return [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if mark.encode() in _read(path) and int(path.parent.name) != os.getpid()
    ]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


async def one_marked(mark: str) -> int:
    """The process with the mark, once it is there."""
    for _ in range(100):
        if found := marked(mark):
            return found[0]
        await anyio.sleep(0.1)
    raise AssertionError("it was not started")


async def nothing_left(mark: str) -> bool:
    for _ in range(100):
        if not marked(mark):
            return True
        await anyio.sleep(0.1)
    return False


def sleeper(mark: str) -> str:
    """A child that can be found by its arguments."""
    return f"sh -c 'sleep 600; :' {mark}"


def sshd_above(pid: int) -> int:
    """The sshd of the session in which a process is."""
    while not Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").startswith("sshd"):
        pid = int(
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]
        )
    return pid


def own_connections() -> list[int]:
    """Every ssh that this process has started."""
    path = Path(f"/proc/self/task/{os.getpid()}/children")
    children = [int(child) for child in path.read_text(encoding="utf-8").split()]
    return [one for one in children if _read(Path(f"/proc/{one}/comm")) == b"ssh\n"]
