"""Schedules at work: checked against the operations and policy, then driven by a server."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import anyio

from opsmcp_pipelines.models import result_names
from opsmcp_server.calls.context import CallContext
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.responding.inspections import Inspections
from opsmcp_server.responding.operations import check_when_known, problems_of_use
from opsmcp_tools.incidents.expression import BadExpression
from opsmcp_tools.incidents.schedule import Judgement, Schedule
from opsmcp_tools.model.tool import Tool
from opsmcp_tools.policy.decision import Action, Effect
from opsmcp_tools.toolbox.build import Toolbox

__all__ = ["inspecting"]


@asynccontextmanager
async def inspecting(context: CallContext) -> AsyncGenerator[None]:
    """Run the schedules while the block goes on.

    Raises:
        ConfigError: One of them cannot run as the settings say.
    """
    await check_when_known(context, lambda toolbox: _check(context, toolbox))
    async with anyio.create_task_group() as group:
        group.start_soon(Inspections(context).run)
        yield
        group.cancel_scope.cancel()


def _check(context: CallContext, toolbox: Toolbox) -> None:
    for schedule in context.config.schedules:
        for problem in _problems(context, schedule, toolbox):
            raise ConfigError(problem)


def _problems(context: CallContext, schedule: Schedule, toolbox: Toolbox) -> Iterator[str]:
    where = f"schedules.{schedule.name}"
    used = (schedule.run, schedule.arguments, schedule.where)
    yield from problems_of_use(f"{where}.run", *used, toolbox)
    tool = toolbox.find(schedule.run)
    if tool is None:
        return
    yield from _without_people(context, schedule, tool)
    try:
        Judgement.of(schedule.rule, result_names(tool.operation), schedule.arguments)
    except BadExpression as error:
        yield f"{where}.signal: an expression cannot be used: {error} ({schedule.where})"


def _without_people(context: CallContext, schedule: Schedule, tool: Tool) -> Iterator[str]:
    """Nobody is there to be asked: only what is allowed at once, at its next moment, can run."""
    at = schedule.moments.next_after(context.clock.now())
    decision = context.policy.decide(
        schedule.principal, Action.RUN, tool, schedule.arguments, at=at
    )
    if decision.effect is not Effect.ALLOW:
        yield (
            f"schedules.{schedule.name}.run: {tool.name} cannot run on its own: {decision.reason} "
            f"(rule {decision.rule}); a rule of policy with `effect: allow` and `principal: "
            f"{schedule.sender}` lets it ({schedule.where})"
        )
