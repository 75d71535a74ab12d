"""A program that starts run after run with an audit trail, and is killed by the tests.

The source notes each start that it is asked for in a file before it answers, as a machine on which
something happened would.
"""

import os
import random
import signal
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import anyio

from opsmcp_tools.audit.files import TrailFiles
from opsmcp_tools.audit.line import AuditEvent, read_line
from opsmcp_tools.audit.recorder import Recorder
from opsmcp_tools.audit.signing import read_private_key
from opsmcp_tools.audit.trail import Trail
from opsmcp_tools.audit.verify import Report, verify
from opsmcp_tools.model.run_record import SystemClock

__all__ = ["check", "start_until_killed"]

_STARTED = "started"


def _trail(root: Path) -> Trail:
    return Trail(root / "audit", "one", key_file=root / "audit.key", version="0")


def start_until_killed(root: Path, name: str, seed: int) -> None:
    """Start runs, several at a time; the process kills itself at a moment that the seed decides."""
    anyio.run(_start_all, root, name, random.Random(seed))


async def _start_all(root: Path, name: str, chance: random.Random) -> None:
    clock = SystemClock()
    it = Recorder(_trail(root), required=True, now=clock.now)
    started = os.open(root / _STARTED, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    last = chance.randint(1, 30)

    async def start(number: int) -> None:
        run = f"r-{name}-{number}"
        await it.record(AuditEvent("run.start", clock.now(), details={"run": run}))
        os.write(started, f"{run}\n".encode())
        it.note(AuditEvent("run.end", clock.now(), details={"run": run}))

    with _killed_while_writing(chance):
        async with anyio.create_task_group() as group:
            group.start_soon(it.run)
            for first in range(0, last, 4):
                async with anyio.create_task_group() as some:
                    for number in range(first, first + 4):
                        some.start_soon(start, number)
            os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def _killed_while_writing(chance: random.Random) -> Generator[None]:
    """Some of the times: half a line reaches the disk, and the process is gone."""
    at, write = chance.randint(1, 12), os.write

    def killing(number: int, data: bytes | memoryview) -> int:
        nonlocal at
        if len(data) > 40:
            at -= 1
            if at == 0 and chance.random() < 0.8:
                write(number, bytes(data)[: chance.randint(1, len(data) - 1)])
                os.kill(os.getpid(), signal.SIGKILL)
        return write(number, data)

    os.write = killing  # a disk that is slow cannot be had otherwise
    try:
        yield
    finally:
        os.write = write


def check(root: Path) -> tuple[Report, int, int]:
    """What `verify` finds, how many runs were started, and how many of them have no start line."""
    trail = _trail(root)
    trail.append([AuditEvent("server.start", SystemClock().now())])
    trail.close()
    files = TrailFiles(root / "audit", "one").all()
    key = read_private_key(root / "audit.key", make=False).public
    report = verify(files, {key.fingerprint: key})
    lines = (read_line(line) for path in files for line in path.read_bytes().splitlines())
    known = {line["run"] for line in lines if line["event"] == "run.start"}
    started = (root / _STARTED).read_text("ascii").split()
    return report, len(started), len(set(started) - known)


def main(arguments: Sequence[str]) -> None:
    root, name, seed = arguments
    start_until_killed(Path(root), name, int(seed))


if __name__ == "__main__":
    main(sys.argv[1:])
