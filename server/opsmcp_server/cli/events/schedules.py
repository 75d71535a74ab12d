"""`opsmcp schedules`: the inspections, when they are due and what they found; or one, whole."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import click
from anyio import to_thread

from opsmcp_server.calls.context import CallContext
from opsmcp_server.cli.options import Shared, shared_options
from opsmcp_server.cli.session import run_with_context
from opsmcp_server.cli.start import WrongUse
from opsmcp_server.cli.terminal import Cell, show_json, show_table, show_text
from opsmcp_server.protocol.builtin_tools import list_incidents
from opsmcp_tools.arguments.nearest_names import suggest
from opsmcp_tools.model.tool import JsonObject
from opsmcp_tools.policy.decision import Action
from opsmcp_tools.safe_text.characters import clean_line, quote

if TYPE_CHECKING:
    from opsmcp_tools.incidents.brakes import Pause
    from opsmcp_tools.incidents.schedule import Fire, Schedule

__all__ = ["schedules"]

_NEXT, _LAST = 5, 20


@dataclass(frozen=True)
class _Shown:
    """One schedule: its next moments, what became of the last ones, the newest first."""

    schedule: "Schedule"
    following: tuple[datetime, ...]
    fires: tuple["Fire", ...]
    paused: "Pause | None"


@click.command("schedules")
@click.argument("schedule", required=False, metavar="[NAME]")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@shared_options
def schedules(shared: Shared, schedule: str | None, as_json: bool) -> int:
    """Show the inspections, when they are due and what they found; or one.

    In a pipe: name, next moment, last moment, what became of it, run and why, separated by tabs.
    `opsmcp serve` runs them.
    """

    async def work(context: CallContext) -> int:
        context.require(context.principal, Action.READ, list_incidents.ROW.subject)
        found = await to_thread.run_sync(_look, context, _named(context, schedule))
        if as_json:
            show_json({"schedules": [_data(one) for one in found]})
        elif schedule is None:
            columns = ("schedule", "next", "last", "became", "run", "why")
            empty = "The settings have no schedules (docs/schedules.md)."
            show_table(columns, map(_row, found), empty=empty)
        else:
            for line in _lines(found[0]):
                show_text(clean_line(line, 600))
        return 0

    return run_with_context(shared, work, follows_runs=False)


def _named(context: CallContext, name: str | None) -> tuple["Schedule", ...]:
    every: dict[str, Schedule] = {one.name: one for one in context.config.schedules}
    if name is None:
        return tuple(every.values())
    if name not in every:
        hint = suggest(name, every) or f"; there are: {', '.join(every) or 'none'}"
        raise WrongUse(f"there is no schedule {quote(name)}{hint}")
    return (every[name],)


def _look(context: CallContext, wanted: tuple["Schedule", ...]) -> list[_Shown]:
    """What is kept of them; nothing is made where nothing ever ran."""
    from opsmcp_tools.incidents.brakes import EVERYBODY
    from opsmcp_tools.incidents.sqlite_incidents import SqliteIncidents
    from opsmcp_tools.incidents.sqlite_schedules import SqliteSchedules

    now = context.clock.now()
    if not context.incidents.exists:
        return [_Shown(one, _following(one, now), (), None) for one in wanted]
    file = context.incidents.file()
    pauses, kept = SqliteIncidents(file, "").pauses(), SqliteSchedules(file)
    stopped = {name: pause for name, pause in pauses.items() if pause.paused}
    return [
        _Shown(
            one,
            _following(one, now),
            kept.last(one.name, _LAST),
            stopped.get(one.sender) or stopped.get(EVERYBODY),
        )
        for one in wanted
    ]


def _following(one: "Schedule", now: datetime) -> tuple[datetime, ...]:
    found: list[datetime] = []
    for _ in range(_NEXT):
        moment = one.moments.next_after(found[-1] if found else now)
        if moment is None:
            break
        found.append(moment)
    return tuple(found)


def _row(one: _Shown) -> tuple[Cell, ...]:
    fire = one.fires[0] if one.fires else None
    return (
        Cell(one.schedule.name, "bold"),
        Cell(_next(one)),
        Cell(_local(one, fire.due_at) if fire else "never"),
        Cell(_became(fire) if fire else ""),
        Cell(fire.run if fire else ""),
        Cell(clean_line(fire.why, 300) if fire else ""),
    )


def _next(one: _Shown) -> str:
    if one.paused is not None:
        return f"paused by {clean_line(one.paused.by, 60)}"
    return _local(one, one.following[0]) if one.following else "never"


def _became(fire: "Fire") -> str:
    return f"{fire.verdict}, {fire.status}" if fire.verdict else str(fire.state)


def _local(one: _Shown, moment: datetime) -> str:
    return one.schedule.moments.local(moment).isoformat(sep=" ", timespec="minutes")


def _lines(one: _Shown) -> Iterator[str]:
    schedule = one.schedule
    given = " ".join(f"{name}={value}" for name, value in schedule.arguments.items())
    yield f"{schedule.name}: {schedule.run} {given}".rstrip()
    yield f"at {schedule.moments}, {schedule.jitter.seconds} s later"
    yield f"as {schedule.principal.name}, key {quote(schedule.rule.key, 300)}"
    if schedule.rule.when:
        yield f"wrong when {schedule.rule.when}"
    if one.paused is not None:
        yield _next(one)
    for moment in one.following:
        yield f"next {_local(one, moment)}"
    for fire in one.fires:
        yield f"{_local(one, fire.due_at)}  {_became(fire)} {fire.run} {fire.why}".rstrip()


def _data(one: _Shown) -> JsonObject:
    schedule = one.schedule
    return {
        "name": schedule.name,
        "cron": schedule.moments.cron,
        "zone": schedule.moments.zone,
        "run": schedule.run,
        "arguments": dict(schedule.arguments),
        "paused_by": one.paused.by if one.paused else "",
        "next": [moment.isoformat() for moment in one.following],
        "last": [_fire_data(fire) for fire in one.fires],
    }


def _fire_data(fire: "Fire") -> JsonObject:
    return {
        "due_at": fire.due_at.isoformat(),
        "state": str(fire.state),
        "began_at": fire.began_at.isoformat(),
        "ended_at": fire.ended_at.isoformat() if fire.ended_at else None,
        "run": fire.run,
        "verdict": fire.verdict,
        "status": fire.status,
        "why": fire.why,
    }
