"""Inspections from their moment to a signal, an incident and its end; once, whatever is killed."""

import json
import multiprocessing
import os
import signal as signals
import sys
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from opsmcp_server.calls.observed import InspectionBegun, Observed, SignalsTaken
from opsmcp_server.config.errors import ConfigError
from opsmcp_tools.incidents.incident import Outcome, State
from opsmcp_tools.incidents.schedule import Fire, FireState
from opsmcp_tools.incidents.sqlite_schedules import SqliteSchedules
from tests.server.cli.inside import run_inside, settled
from tests.server.responding.ground import Working, World, make_world, working

_SCHEDULES = """\
schedules:
  - {name: usage, cron: "* * * * *", zone: Europe/Berlin, run: get-usage,
     arguments: {name: '"root"'},
     signal: {when: 'int(results.used) > 80', key: '"used/" + arguments.name', severity: critical}}
"""
_TOLD = "  - {name: told, senders: ['schedule:usage'], when: 'severity == \"critical\"'}\n"
_CHANGES = """\
schedules:
  - {name: tidy, cron: "* * * * *", zone: UTC, run: clear-it, arguments: {name: '"moment"'}}
"""
_MINUTE = timedelta(minutes=1)


async def _fires(work: Working, name: str) -> Sequence[Fire]:
    def look() -> Sequence[Fire]:
        return SqliteSchedules(work.calls.incidents.file()).last(name, 500)

    return await to_thread.run_sync(look)


async def _entered(work: Working, name: str) -> None:
    """Return once it is known when the first moment is due, before the clock is moved."""

    def look() -> bool:
        return name in SqliteSchedules(work.calls.incidents.file()).due()

    with anyio.fail_after(60):
        while not await to_thread.run_sync(look):  # noqa: ASYNC110 - none tells it
            await anyio.sleep(0.02)


async def _inspected(work: Working, name: str, count: int) -> Fire:
    """The last moment whose inspection ended, once there are so many."""
    with anyio.fail_after(60):
        while True:
            done = [one for one in await _fires(work, name) if one.state is FireState.DONE]
            if len(done) >= count:
                return done[0]
            await anyio.sleep(0.1)


async def test_what_an_inspection_finds_opens_an_incident_and_a_good_one_ends_it(
    tmp_path: Path,
) -> None:
    world = make_world(tmp_path, _TOLD, _SCHEDULES)
    heard: list[Observed] = []
    async with working(world) as work:
        work.calls.observers.add(heard.append)
        await _entered(work, "usage")
        work.clock.ahead = 2 * _MINUTE
        bad = await _inspected(work, "usage", 1)
        opened = await work.until(State.HANDED_OVER)
        world.used.write_text("no number\n", "utf-8")
        work.clock.ahead += _MINUTE
        unclear = await _inspected(work, "usage", 2)
        world.used.write_text("10\n", "utf-8")
        work.clock.ahead += _MINUTE
        good = await _inspected(work, "usage", 3)
        closed = await work.until(State.CLOSED)
    assert (bad.verdict, bad.status, bad.why) == (
        "succeeded",
        "firing",
        "int(results.used) > 80 is true",
    )
    assert unclear.status == "firing" and "cannot be decided" in unclear.why
    assert good.status == "resolved"
    assert (opened.key, opened.signal.labels) == ("used/root", {"name": "root"})
    assert (closed.id, closed.outcome, closed.count) == (opened.id, Outcome.RESOLVED, 2)
    begun = [one.late_seconds for one in heard if isinstance(one, InspectionBegun)]
    assert len(begun) == 3 and all(0 <= late < 120 for late in begun)
    taken = [(one.sender, dict(one.new)) for one in heard if isinstance(one, SignalsTaken)]
    firing = ("schedule:usage", {"firing": 1})
    assert taken == [firing, firing, ("schedule:usage", {"resolved": 1})]
    await _is_shown(world)


async def _is_shown(world: World) -> None:
    with settled(world.environ(), world.root):
        status, said = await to_thread.run_sync(run_inside, ["schedules"])
        assert status == 0 and said.startswith("usage\t") and "succeeded, resolved\tr-" in said
        status, said = await to_thread.run_sync(run_inside, ["schedules", "usage"])
        assert "wrong when int(results.used) > 80" in said and said.count("next ") == 5
        status, said = await to_thread.run_sync(run_inside, ["schedules", "--json"])
        (one,) = json.loads(said)["schedules"]
        assert [fire["status"] for fire in one["last"]] == ["resolved", "firing", "firing"]
        status, said = await to_thread.run_sync(run_inside, ["events", "pause", "schedule:usage"])
        assert (status, said) == (0, "schedule:usage paused: nothing new is begun\n")
        _, said = await to_thread.run_sync(run_inside, ["schedules"])
        assert "paused by " in said
        status, said = await to_thread.run_sync(run_inside, ["schedules", "usgae"])
        assert (status, said) == (
            2,
            "opsmcp: there is no schedule 'usgae'; did you mean 'usage'?\n",
        )


_RULES = "  rules:\n"
_FOR_ALL = "{name: for all, effect: allow, operation: clear-*}"
_FOR_SCHEDULES = "{name: tidies, effect: allow, operation: clear-it, principal: 'schedule:tidy'}"


def _with_rule(world: World, rule: str) -> None:
    path = world.root / ".config" / "opsmcp" / "opsmcp.yaml"
    text = path.read_text("utf-8").replace(_RULES, f"{_RULES}    - {rule}\n")
    path.write_text(text, "utf-8")


@pytest.mark.parametrize(
    ("schedules", "why"),
    [
        (_CHANGES, r"tidy\.run: clear-it cannot run on its own: no rule for schedules allows it"),
        (_CHANGES.replace("clear-it", "clear-nope"), r"tidy\.run: there is no operation"),
        (
            _CHANGES.replace("clear-it", "unlabelled"),
            r"tidy\.run: unlabelled is no tool: .*ops/copilot",
        ),
        (_CHANGES.replace("name: '", "nme: '"), r"tidy\.run: clear-it takes no argument 'nme'"),
        (_SCHEDULES.replace("int(results.used)", "results.used"), r"usage\.signal: an expression"),
        (_SCHEDULES.replace("results.used)", "results.usd)"), r"usage\.signal: an expression"),
    ],
)
async def test_a_schedule_that_cannot_run_alone_or_be_judged_stops_the_start(
    tmp_path: Path, schedules: str, why: str
) -> None:
    world = make_world(tmp_path, _TOLD.replace("senders: ['schedule:usage'], ", ""), schedules)
    _with_rule(world, _FOR_ALL)
    own = world.root / "manifests" / "own.yaml"
    task, _, _ = own.read_text("utf-8").partition("---")  # the first document, which has no label
    (own.parent / "alone.yaml").write_text(task.replace("clear-it", "unlabelled"), "utf-8")
    with pytest.raises(BaseException) as error:
        async with working(world):
            pass
    assert error.group_contains(ConfigError, match=rf"schedules\.{why}.*opsmcp\.yaml:\d+")


# Processes that are forked from one that has imported everything start at once.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([__name__])


def _work_until_killed(world: World, told: Connection) -> None:
    async def work() -> None:
        async with working(world) as work:
            await _entered(work, "tidy")
            work.clock.ahead = 2 * _MINUTE
            while not any(fire.run for fire in await _fires(work, "tidy")):  # noqa: ASYNC110
                await anyio.sleep(0.01)
            told.send("begun")
            await anyio.sleep_forever()

    anyio.run(work)


def _kill_after_it_began(world: World) -> None:
    mine, theirs = _PROCESSES.Pipe()
    process = _PROCESSES.Process(target=_work_until_killed, args=(world, theirs))
    process.start()
    theirs.close()
    assert mine.poll(60)
    os.kill(process.pid or 0, signals.SIGKILL)
    process.join()


async def test_what_a_killed_server_had_begun_is_told_by_the_next_and_run_once(
    tmp_path: Path,
) -> None:
    world = make_world(tmp_path, _TOLD.replace("'schedule:usage'", "am"), _CHANGES)
    _with_rule(world, _FOR_SCHEDULES)
    await to_thread.run_sync(_kill_after_it_began, world)
    async with working(world) as work:
        work.clock.ahead = 3 * _MINUTE
        taken_over = await _inspected(work, "tidy", 1)
        work.clock.ahead = 5 * _MINUTE
        own = await _inspected(work, "tidy", 2)
        recorded = await to_thread.run_sync(
            partial(work.calls.incidents.signals().signals, sender="schedule:tidy")
        )
    assert taken_over.epoch > 1 and taken_over.run != own.run
    assert (own.verdict, len(recorded)) == ("succeeded", 2)
    assert len(world.runs) == 1 + (taken_over.verdict == "succeeded")


async def test_serve_says_in_one_line_why_a_schedule_beside_responders_cannot_run(
    tmp_path: Path,
) -> None:
    world = make_world(tmp_path, _TOLD.replace("senders: ['schedule:usage'], ", ""), _CHANGES)
    serve = [sys.executable, "-m", "opsmcp_server", "serve", "--port", "0"]
    with anyio.fail_after(60):
        ended = await anyio.run_process(serve, check=False, env=world.environ(), cwd=tmp_path)
    last = ended.stderr.decode().splitlines()[-1]
    assert ended.returncode == 2
    assert last.startswith("opsmcp: schedules.tidy.run: clear-it cannot run on its own")
