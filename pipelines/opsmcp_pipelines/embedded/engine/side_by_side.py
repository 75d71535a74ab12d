"""The machines of one task: how many at a time, which go first, and when no more are begun.

Knows nothing of steps or of ssh; `run_steps` says what a machine does.
"""

import random
from collections.abc import Sequence
from typing import Protocol

import anyio

from opsmcp_pipelines.embedded.engine.state import NodeState
from opsmcp_pipelines.many_hosts import Brakes
from opsmcp_pipelines.report import Status

__all__ = ["Node", "run_side_by_side"]

_MOST_JITTER_SECONDS = 0.05
"""So that the logins of many hosts do not begin in one moment."""


class Node(Protocol):
    """A machine that is to do its part of a task."""

    @property
    def state(self) -> NodeState:
        """How that stands."""
        ...

    async def run(self) -> None:
        """Do it."""
        ...


async def run_side_by_side(nodes: Sequence[Node], brakes: Brakes) -> None:
    """Run them in their order, as far as the brakes let them; those that are left are skipped.

    Raises:
        Exception: What the first of them raised; those at work have ended.
    """
    if len(nodes) == 1:  # its end and that of the task are one change
        await nodes[0].run()
        return
    first, others = nodes[: brakes.canary], nodes[brakes.canary :]
    await _run_until(first, brakes.at_once, brakes.stop_after)
    bad = _not_good(first)
    if bad and others:
        _skip(nodes, f"{bad[0]}, which went first, did not succeed (hosts.canary)")
        return
    await _run_until(others, brakes.at_once, brakes.stop_after)
    if bad := _not_good(nodes):
        _skip(nodes, f"{len(bad)} before it did not succeed (hosts.stop_after)")


async def _run_until(nodes: Sequence[Node], at_once: int, stop_after: int) -> None:
    """Run them, at most so many at a time, and begin no more after so many that were not good."""
    limit = anyio.CapacityLimiter(at_once)
    raised: list[Exception] = []

    async def run(node: Node) -> None:
        try:
            await anyio.sleep(random.uniform(0, _MOST_JITTER_SECONDS))  # noqa: S311 - spreads logins
            await node.run()
        except Exception as error:  # noqa: BLE001 - raised again when the others have ended
            raised.append(error)
        finally:
            limit.release_on_behalf_of(node)

    async with anyio.create_task_group() as group:
        for node in nodes:
            await limit.acquire_on_behalf_of(node)
            if raised or (stop_after and len(_not_good(nodes)) >= stop_after):
                break
            node.state.begin()
            group.start_soon(run, node)
    if raised:
        raise raised[0]


def _not_good(nodes: Sequence[Node]) -> list[str]:
    """The names of those that have ended in another way than well."""
    states = [node.state for node in nodes]
    return [it.name for it in states if it.status.ended and it.status is not Status.SUCCEEDED]


def _skip(nodes: Sequence[Node], why: str) -> None:
    for node in nodes:
        if node.state.status is Status.PENDING:
            node.state.skip(why)
