"""Responders at work: checked against the operations, then driven for as long as a server runs."""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio

from opsmcp_server.calls.context import CallContext
from opsmcp_server.responding.driver import Driver
from opsmcp_server.responding.operations import check_operations
from opsmcp_tools.model.errors import ToolUnavailable

__all__ = ["responding"]

logger = logging.getLogger(__name__)


@asynccontextmanager
async def responding(context: CallContext) -> AsyncGenerator[Driver]:
    """Work on incidents while the block goes on.

    Raises:
        ConfigError: The settings use an operation in a way that cannot be right.
    """
    try:
        check_operations(context.config.responders, await context.tools.current())
    except ToolUnavailable as error:
        # What is wrong then is found when an incident is decided on, and hands that one over.
        logger.warning("the operations of responders are not checked yet: %s", error)
    driver = Driver(context)
    async with anyio.create_task_group() as group:
        group.start_soon(driver.run)
        yield driver
        group.cancel_scope.cancel()
