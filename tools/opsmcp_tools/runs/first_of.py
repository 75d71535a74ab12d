"""The first of several waits."""

from collections.abc import Awaitable, Callable

import anyio

__all__ = ["first_of"]


async def first_of(
    first: Callable[[], Awaitable[object]], *others: Callable[[], Awaitable[object]]
) -> None:
    """Return when one of them returns; the others are cancelled."""
    async with anyio.create_task_group() as group:

        async def wait_for(wait: Callable[[], Awaitable[object]]) -> None:
            await wait()
            group.cancel_scope.cancel()

        for wait in others:
            group.start_soon(wait_for, wait)
        await wait_for(first)
