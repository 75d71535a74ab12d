"""Leases: who works on something keeps it, and who lost it stops."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio

from opsmcp_tools.model.errors import ToolUnavailable
from opsmcp_tools.model.run_record import Clock

__all__ = ["leased"]

logger = logging.getLogger(__name__)

_RENEW_SECONDS = 1.0


@asynccontextmanager
async def leased(
    what: str, renew: Callable[[], Awaitable[bool]], clock: Clock
) -> AsyncGenerator[None]:
    """Keep the lease of what was taken while the block goes on; it is cancelled when that is lost.

    Args:
        what: What it is, for the log.
        renew: Keeps it for longer; answers whether it is still ours.
        clock: What tells when.
    """
    async with anyio.create_task_group() as group:
        group.start_soon(_renew, what, renew, clock, group.cancel_scope)
        yield
        group.cancel_scope.cancel()


async def _renew(
    what: str, renew: Callable[[], Awaitable[bool]], clock: Clock, scope: anyio.CancelScope
) -> None:
    while True:
        await clock.sleep(_RENEW_SECONDS)
        try:
            if not await renew():
                logger.warning("%s was taken over", what)
                scope.cancel()
        except ToolUnavailable as error:
            logger.warning("%s may be taken over: %s", what, error)
