"""Runs a command's work with running services, and turns errors into exit statuses."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import cast

import anyio
import click

from opsmcp_pipelines.catalogue import FAULTS_LOG
from opsmcp_pipelines.errors import SourceError
from opsmcp_server.app import open_services
from opsmcp_server.calls.context import CallContext
from opsmcp_server.cli import leave_closed_pipe, leave_unwritten
from opsmcp_server.cli.options import Shared
from opsmcp_server.cli.start import (
    Failed,
    Unreachable,
    WrongUse,
    configure_logging,
    mask_logs,
    read_config,
)
from opsmcp_server.config.effective import Config
from opsmcp_server.config.environment import process_environment
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.process.signals import run_until_signalled
from opsmcp_server.protocol.services import Services
from opsmcp_server.sources.registry import why_not_embedded
from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.model.errors import (
    ApprovalsUnusable,
    InvalidArguments,
    JournalUnusable,
    RunsUnreadable,
    ToolError,
    ToolUnavailable,
    UnknownCursor,
    UnknownRun,
    UnknownTool,
)

__all__ = ["Work", "run_with_context", "run_with_services"]

logger = logging.getLogger(__name__)

Work = Callable[[Services], Awaitable[int]]
"""What a command does; returns the exit status."""

_EXPECTED = (ApprovalsUnusable, ConfigError, JournalUnusable, SourceError, ToolError)
_WRONG_USE = (
    ApprovalsUnusable,
    ConfigError,
    InvalidArguments,
    JournalUnusable,
    RunsUnreadable,
    UnknownCursor,
    UnknownRun,
    UnknownTool,
)


def run_with_services(
    shared: Shared,
    work: Work,
    *,
    starts_runs: bool = False,
    follows_runs: bool = True,
    level: int = logging.WARNING,
    config: Config | None = None,
    serves: bool = False,
    serves_many: bool = False,
) -> int:
    """Open the services, do `work`, close them.

    Args:
        shared: The options that every command has.
        work: What the command does.
        starts_runs: Whether it is pointless where no run can be kept account of.
        follows_runs: Whether it has to do with runs at all.
        level: From where on our own log messages are shown.
        config: The settings, if the command has read them.
        serves: Whether it is a server, whose log tells what is wrong with manifests; elsewhere
            `opsmcp lint` does.
        serves_many: Whether it is the server of many people.

    Raises:
        click.ClickException: Something that was foreseen went wrong.
    """
    configure_logging(verbose=shared.verbose, level=level)
    if not (serves or shared.verbose):
        logging.getLogger(FAULTS_LOG).setLevel(logging.ERROR)
    config = config or read_config(shared)
    mask_logs(config)
    _warn_of_unused(config)
    opened = open_services(
        config,
        process_environment(),
        starts_runs=starts_runs,
        follows_runs=follows_runs,
        serves_many=serves_many,
    )
    try:
        return _status(anyio.run(_work, opened, work, shared.words()))
    except _EXPECTED as error:
        masker = Masker(config.secret_values())
        raise _failure(error, masker, shared.words(), read=False) from error


def run_with_context(
    shared: Shared,
    work: Callable[[CallContext], Awaitable[int]],
    *,
    starts_runs: bool = False,
    follows_runs: bool = True,
) -> int:
    """The same for what needs no more than a call does."""
    return run_with_services(
        shared,
        lambda services: work(services.calls),
        starts_runs=starts_runs,
        follows_runs=follows_runs,
    )


def _warn_of_unused(config: Config) -> None:
    why = why_not_embedded(config)
    if why and config.embedded.manifests:
        logger.warning("embedded.manifests is not used, because %s", why)


async def _work(
    opened: AbstractAsyncContextManager[Services], work: Work, options: Sequence[str]
) -> int | click.ClickException:
    async with opened as services:
        # An error must not leave through the task groups of the services: they would wrap it.
        try:
            return await run_until_signalled(partial(work, services))
        except click.ClickException as error:
            return error
        except BrokenPipeError:
            return leave_closed_pipe()
        except OSError as error:
            return leave_unwritten(error)
        except (ExceptionGroup, *_EXPECTED) as raised:
            if _is_closed_pipe(raised):
                return leave_closed_pipe()
            error = _only_one(raised)
            if not isinstance(error, _EXPECTED):
                raise
            calls = services.calls
            read = calls.tools.toolbox is not None
            return _failure(error, calls.masker, options, read=read)


def _only_one(error: Exception) -> Exception:
    """What went wrong in the task groups that it came through, if that is one thing."""
    if not isinstance(error, ExceptionGroup):
        return error
    group = cast("ExceptionGroup[Exception]", error)
    return group if len(group.exceptions) != 1 else _only_one(group.exceptions[0])


def _is_closed_pipe(error: Exception) -> bool:
    """Whether nothing else went wrong in the task groups that it came through."""
    if isinstance(error, ExceptionGroup):
        within = cast("ExceptionGroup[Exception]", error).exceptions
        return all(_is_closed_pipe(one) for one in within)
    return isinstance(error, BrokenPipeError)


def _status(outcome: int | click.ClickException) -> int:
    if isinstance(outcome, click.ClickException):
        raise outcome
    return outcome


def _failure(
    error: Exception, masker: Masker, options: Sequence[str], *, read: bool
) -> click.ClickException:
    """`read` says whether the source was ever read; if not, that is what went wrong."""
    text = error.to_terminal(options) if isinstance(error, ToolError) else str(error)
    message = masker.text(text)
    if isinstance(error, _WRONG_USE):
        return WrongUse(message)
    if isinstance(error, SourceError) or (isinstance(error, ToolUnavailable) and not read):
        return Unreachable(message)
    return Failed(message)
