"""`opsmcp serve` as a process of its own, and what it used, as Linux tells."""

import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import anyio

from tests.loopback import free_port, until_ready

__all__ = ["LOG", "SERVE", "Usage", "serving"]

SERVE = ("-m", "opsmcp_server", "serve")
LOG = "server.log"


@asynccontextmanager
async def serving(
    folder: Path, environ: Mapping[str, str], arguments: Sequence[str] = SERVE
) -> AsyncGenerator[tuple[int, str]]:
    """A server with its state and its log in `folder`: its process number and its address."""
    port = free_port()
    given = {
        **os.environ,  # noqa: TID251 - a process of its own
        "OPSMCP_STATE_DIR": str(folder),
        "OPSMCP_SERVER_PORT": str(port),
        **environ,
    }
    url = f"http://127.0.0.1:{port}"
    # Whatever ends us, it does not go on alone.
    command = ["setpriv", "--pdeathsig", "KILL", sys.executable, *arguments]
    nothing = subprocess.DEVNULL
    with _open_log(folder) as log:
        async with await anyio.open_process(
            command, env=given, stdin=nothing, stdout=nothing, stderr=log
        ) as process:
            try:
                await until_ready(url)
                yield process.pid, url
            finally:
                process.terminate()


def _open_log(folder: Path) -> BinaryIO:
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / LOG).open("wb")


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor time so far, memory now, and the most memory so far."""

    processor_seconds: float = 0.0
    resident_mib: float = 0.0
    peak_mib: float = 0.0

    @classmethod
    def of(cls, pid: int) -> "Usage":
        """What a process used so far."""
        folder = Path("/proc") / str(pid)
        fields = (folder / "stat").read_text("ascii").rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
        status = dict(
            line.split(":", 1) for line in (folder / "status").read_text("utf-8").splitlines()
        )
        return cls(ticks / os.sysconf("SC_CLK_TCK"), _mib(status["VmRSS"]), _mib(status["VmHWM"]))

    def since(self, before: "Usage") -> "Usage":
        """The processor time that came since; memory as it is."""
        spent = self.processor_seconds - before.processor_seconds
        return Usage(spent, self.resident_mib, self.peak_mib)


def _mib(text: str) -> float:
    return int(text.split()[0]) / 1024
