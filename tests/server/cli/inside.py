"""opsmcp's command line within this process: for tests that need very many commands."""

import io
from collections.abc import Generator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from logging import getLogger
from pathlib import Path

import pytest

from opsmcp_server import cli


def run_inside(arguments: list[str]) -> tuple[int, str]:
    """Exit status and all that was written."""
    written = io.StringIO()
    with redirect_stdout(written), redirect_stderr(written):
        status = cli.run(arguments)
    return status, written.getvalue()


@contextmanager
def settled(environ: Mapping[str, str], folder: Path) -> Generator[None]:
    """An environment and a working directory for commands; logging is as before, afterwards."""
    # A command configures logging for its whole process.
    names = ("opsmcp_server", "opsmcp_tools", "opsmcp_pipelines", "")
    before = [(logger, logger.level, logger.handlers[:]) for logger in map(getLogger, names)]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        patch.chdir(folder)
        yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers
