"""Responders at work: checked against the operations, then driven for as long as a server runs."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio

from opsmcp_server.calls.context import CallContext
from opsmcp_server.responding.driver import Driver
from opsmcp_server.responding.investigation import Investigates
from opsmcp_server.responding.operations import check_operations, check_when_known

__all__ = ["responding"]


@asynccontextmanager
async def responding(
    context: CallContext, investigator: Investigates | None = None
) -> AsyncGenerator[Driver]:
    """Work on incidents while the block goes on.

    Args:
        context: The running opsmcp.
        investigator: Asks a model, for responders that want one.

    Raises:
        ConfigError: The settings use an operation in a way that cannot be right.
    """
    responders = context.config.responders
    await check_when_known(context, lambda toolbox: check_operations(responders, toolbox))
    driver = Driver(context, investigator)
    async with anyio.create_task_group() as group:
        group.start_soon(driver.run)
        yield driver
        group.cancel_scope.cancel()
