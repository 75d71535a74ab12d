"""What every command does first: settings, logging, and what an error is to the user.

Logging is configured here and nowhere else, always to stderr: stdout belongs to the protocol or to
the answer.
"""

import logging
import sys
from pathlib import Path

import click

from opsmcp_server.cli.options import Shared
from opsmcp_server.config.effective import Config
from opsmcp_server.config.environment import process_environment
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.load import load
from opsmcp_server.process.log_masking import MaskingFilter
from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.safe_text.characters import show_hidden

__all__ = [
    "Failed",
    "Unreachable",
    "WrongUse",
    "configure_logging",
    "mask_logs",
    "read_config",
    "working_directory",
]

_OURS = ("opsmcp_server", "opsmcp_tools", "opsmcp_pipelines")
_WHOLE = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_BRIEF = "opsmcp: %(message)s"
_CONTROLS = {
    code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code not in (9, 10)
}


class Failed(click.ClickException):
    """The operation did not succeed. Like its siblings, it is one line on stderr."""

    exit_code = 1


class WrongUse(click.ClickException):
    """Wrong use or configuration."""

    exit_code = 2


class Unreachable(click.ClickException):
    """The source cannot be reached."""

    exit_code = 3


def read_config(
    shared: Shared, *, people: bool = False, senders: bool = False, channels: bool = False
) -> Config:
    """The effective settings of this command. Files of settings that do not count are named.

    With `people`, the tokens of those who sign in to the pages are read, too; with `senders`, what
    senders of signals prove themselves with; with `channels`, where messages go.

    Raises:
        WrongUse: They cannot be used.
    """
    cwd = working_directory()
    try:
        config = load(
            process_environment(),
            cwd=cwd,
            flags=shared.flags,
            file=shared.file,
            options=shared.words(cwd),
            people=people,
            senders=senders,
            channels=channels,
        )
    except ConfigError as error:
        raise WrongUse(str(error)) from error
    for file in config.settings_files:
        if not file.used:
            from opsmcp_server.cli.terminal import tell

            said = f"opsmcp: {file.path} is ignored: {file.why}; {file.remedy}"
            tell(show_hidden(said))
    return config


def working_directory() -> Path:
    """Where the command was given.

    Raises:
        WrongUse: It is there no more.
    """
    try:
        return Path.cwd()
    except OSError as error:
        raise WrongUse("the working directory is gone; change to one that is there") from error


def mask_logs(config: Config) -> None:
    """Mask what these settings hold as a secret in all that is logged from here on."""
    masker = Masker(config.secret_values())
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, _CleanFormatter):
            handler.addFilter(MaskingFilter(masker))


class _CleanFormatter(logging.Formatter):
    """Nothing that is logged can steer a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).translate(_CONTROLS)


def configure_logging(*, verbose: bool, level: int = logging.WARNING) -> None:
    """Log to stderr: our own from `level` or everything, others' from WARNING.

    Others stay quiet even with `verbose`: HTTP libraries log headers, and so tokens. To a person
    at a terminal a warning is a message like any other.
    """
    brief = sys.stderr.isatty() and level >= logging.WARNING and not verbose
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(MaskingFilter(Masker()))
    handler.setFormatter(_CleanFormatter(_BRIEF if brief else _WHOLE))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in _OURS:
        logging.getLogger(name).setLevel(logging.DEBUG if verbose else level)
