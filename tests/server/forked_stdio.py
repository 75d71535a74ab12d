"""`opsmcp stdio` in a process that is forked from one that has imported it, and so starts at once.

To start Python and import everything takes ten times what most tests do with the server. That it
starts as a client starts it is what the tests of the command line are about.
"""

import multiprocessing
import os
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
from anyio import to_thread
from mcp import StdioServerParameters

import opsmcp_server.cli.stdio  # what `run` imports when the command is given
from opsmcp_server.cli import run
from opsmcp_server.process.preload import import_ahead

__all__ = ["PROCESSES", "forked_stdio"]

_COMMAND = opsmcp_server.cli.stdio.command.name
_SECONDS = 60

import_ahead()

PROCESSES = multiprocessing.get_context("forkserver")
"""Forks processes from one that has imported this, and what else tests let it fork."""

PROCESSES.set_forkserver_preload([__name__, "tests.faults.batch", "tests.faults.test_signals"])


@asynccontextmanager
async def forked_stdio(environ: Mapping[str, str]) -> AsyncGenerator[StdioServerParameters]:
    """What a client starts: a command that passes on what the server reads and writes."""
    with TemporaryDirectory() as folder:
        there, back = Path(folder, "there"), Path(folder, "back")
        os.mkfifo(there)
        os.mkfifo(back)
        process = PROCESSES.Process(target=_serve, args=(dict(environ), str(there), str(back)))
        await to_thread.run_sync(process.start)
        try:
            passing = ["-c", 'cat "$2" & exec cat > "$1"', "sh", str(there), str(back)]
            yield StdioServerParameters(command="/bin/sh", args=passing)
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(process.join, _SECONDS)
        finally:
            process.kill()
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(process.join)


def _serve(environ: Mapping[str, str], there: str, back: str) -> None:
    os.dup2(os.open(there, os.O_RDONLY), 0)
    os.dup2(os.open(back, os.O_WRONLY), 1)
    os.environ.clear()  # noqa: TID251 - it is a process of its own
    os.environ.update(environ)  # noqa: TID251
    sys.stdin, sys.stdout = os.fdopen(0, encoding="utf-8"), os.fdopen(1, "w", encoding="utf-8")
    sys.exit(run([str(_COMMAND)]))
