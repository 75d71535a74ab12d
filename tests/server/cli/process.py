"""The command line: in this process, as a process of its own in a pipe, and on a terminal."""

import io
import logging
import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO
from unittest.mock import patch

from opsmcp_server.cli import run
from opsmcp_server.config.environment import process_environment
from tests.leaks import SEARCH
from tests.measured import MEASURED

COMMAND = (sys.executable, "-m", "opsmcp_server")
SECONDS = 120
"""How long a process may take on a machine that is very busy."""

_LOGGERS = ("", "opsmcp_server", "opsmcp_tools", "opsmcp_pipelines")

MANIFESTS = """
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata:
  name: say-hello
  labels: {ops/copilot: enabled, opsmcp/read-only: "true"}
spec:
  desc: "Shows a \\e[31mgreeting\\e[0m."
  host: localhost
  variables:
    word: {desc: Whom to greet, required: true}
  steps:
    - name: greet
      content: printf 'hello \\033[31m%s\\n' ${word}
---
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata:
  name: show-trouble
  labels: {ops/copilot: enabled, opsmcp/read-only: "true"}
spec:
  desc: Shows what a failure looks like.
  host: localhost
  steps:
    - name: break
      content: echo something broke; exit 3
---
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata:
  name: delete-marker
  labels: {ops/copilot: enabled}
spec:
  desc: Deletes the marker.
  host: localhost
  steps:
    - name: delete
      content: rm FOLDER/marker
---
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata:
  name: show-forever
  labels: {ops/copilot: enabled, opsmcp/read-only: "true"}
spec:
  desc: Shows its process number in a pipe and never ends.
  host: localhost
  steps:
    - name: sleep
      content: echo $$ > FOLDER/pipe; exec sleep 600
---
apiVersion: crd.chenshaowen.com/v1
kind: Pipeline
metadata:
  name: broken-pipeline
  labels: {ops/copilot: enabled}
spec:
  desc: Refers to a task that is not there.
  tasks: [{name: nowhere, taskRef: nowhere}]
"""


@dataclass(frozen=True)
class Opsmcp:
    """An opsmcp with a home, a state and manifests of its own."""

    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def marker(self) -> Path:
        return self.folder / "marker"

    @property
    def pipe(self) -> Path:
        return self.folder / "pipe"

    def environment(self) -> dict[str, str]:
        given = process_environment()
        return {
            "PATH": given["PATH"],
            "HOME": str(self.folder),
            "OPSMCP_STATE_DIR": str(self.folder / "state"),
            "OPSMCP_EMBEDDED_MANIFESTS": str(self.folder / "manifests"),
            "OPSMCP_EMBEDDED_BUNDLED": "false",
            "TERM": "xterm",
            "COLUMNS": "200",
            **self.environ,
        }

    def start(
        self, *arguments: str, stdin: int = subprocess.DEVNULL, under: tuple[str, ...] = ()
    ) -> "subprocess.Popen[str]":
        """A process of its own; `under` is a command that starts it."""
        return subprocess.Popen(
            [*under, *COMMAND, *arguments],
            cwd=self.folder,
            env={**MEASURED, **self.environment()},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """What it prints and its exit status, in this process: one of its own takes a second."""
        out, err = _stream(), _stream()
        with self.surroundings(), redirect_stdout(out), redirect_stderr(err):
            status = run(arguments)
        return subprocess.CompletedProcess(arguments, status, _text(out), _text(err))

    @contextmanager
    def surroundings(self, stdin: TextIO | None = None) -> Generator[None]:
        """The environment, folder, input and fresh logging that a process would begin with."""
        environ = patch.dict(os.environ, self.environment(), clear=True)  # noqa: TID251 - its own
        given = patch.object(sys, "stdin", stdin or io.StringIO())
        with environ, chdir(self.folder), given, _logging():
            yield

    def as_process(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """The same of a process of its own."""
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=SECONDS)
        SEARCH.search(err)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def on_terminal(
        self, *arguments: str, typed: str = "", interrupt_at: str = ""
    ) -> tuple[int, str]:
        """Exit status and all that the terminal got; Ctrl-C once `interrupt_at` is shown."""
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env={**MEASURED, **self.environment()},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        ) as process:
            os.close(theirs)
            os.write(ours, typed.encode())
            shown, interrupted = b"", False
            while part := _read(ours, process, again=interrupted):
                shown += part
                if interrupt_at and interrupt_at.encode() in shown:
                    process.send_signal(signal.SIGINT)
                    interrupt_at, interrupted = "", True
            os.close(ours)
            return process.wait(SECONDS), shown.decode()


@contextmanager
def _logging() -> Generator[None]:
    """What a command configures is gone when it ends."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(logger, logger.handlers[:], logger.level) for logger in loggers]
    try:
        yield
    finally:
        for logger, handlers, level in before:
            logger.handlers[:] = handlers
            logger.setLevel(level)


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)


def _text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


def _read(terminal: int, process: "subprocess.Popen[bytes]", *, again: bool) -> bytes:
    """The next that is shown; nothing at the end.

    With `again`, Ctrl-C is pressed once more in each second in which nothing comes: one that a
    program gets just before it begins to read is noticed only after the reading, by Python, too.
    """
    for _ in range(SECONDS):
        if select.select([terminal], [], [], 1)[0]:
            break
        if again:
            process.send_signal(signal.SIGINT)
    else:
        process.kill()
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux reports the end of the other side so
        return b""
