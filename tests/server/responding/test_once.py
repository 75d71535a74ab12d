"""Whatever is killed and whoever is first: a repair is started once, and has one outcome."""

import multiprocessing
import os
import random
import signal as signals
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from opsmcp_server.config.errors import ConfigError
from opsmcp_tools.incidents.incident import Incident, Outcome, State
from opsmcp_tools.incidents.signal import Status
from opsmcp_tools.model.errors import ToolError
from tests.server.responding.ground import Working, World, make_world, whys, working

_ROUNDS = 2
_SIGNALS = 4

_AUTO = """\
  - {name: auto-each, mode: auto, run: clear-it, arguments: {name: key}, settle: 0s,
     verify: {after: 0s, within: 20s, run: get-usage, arguments: {name: key}, expect: 'true'}}
"""
_LIMITS = "  limits: {runs_per_hour: 1000, places_per_hour: 1000}\n"

# Processes that are forked from one that has imported everything start at once.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([__name__])


def _work_for_ever(world: World, told: Connection) -> None:
    async def work() -> None:
        async with working(world):
            told.send("at work")
            await anyio.sleep_forever()

    anyio.run(work)


def kill_at_work(world: World, wait: Callable[[], object]) -> None:
    """An opsmcp that is killed after it began to work, when `wait` comes back."""
    mine, theirs = _PROCESSES.Pipe()
    process = _PROCESSES.Process(target=_work_for_ever, args=(world, theirs))
    process.start()
    theirs.close()
    try:
        assert mine.poll(180)
        mine.recv()
        wait()
    finally:
        os.kill(process.pid or 0, signals.SIGKILL)
        process.join()


async def test_a_repair_is_started_once_however_often_its_server_is_killed(tmp_path: Path) -> None:
    world, chance = make_world(tmp_path, _AUTO, _LIMITS), random.Random(15)
    async with working(world) as work:
        keys = [f"k{number}" for number in range(_SIGNALS)]
        await work.record(*(work.signal(key, key=key) for key in keys))
    for _ in range(_ROUNDS):
        moment = partial(threading.Event().wait, chance.uniform(0.2, 2.0))
        await to_thread.run_sync(kill_at_work, world, moment)
    async with working(world) as work:
        found = [await _ended(work, key) for key in keys]
    assert sorted(set(world.runs)) == sorted(world.runs)
    assert len(found) == _SIGNALS
    for one in found:
        starts = [entry for entry in one.log if entry.after is State.RUNNING]
        assert len(starts) <= 1, whys(one)
        assert one.outcome is Outcome.RECOVERED or one.state is State.HANDED_OVER, whys(one)


async def _ended(work: Working, key: str) -> Incident:
    with anyio.fail_after(90):
        while True:
            one = next(one for one in await work.incidents() if one.key == key)
            if one.state in (State.CLOSED, State.HANDED_OVER):
                whole = await work.driver.records.get(one.id)
                assert whole is not None
                return whole
            await anyio.sleep(0.1)


_ASKS = "  - {name: asks, mode: approve, run: clear-it, arguments: {name: key}, key: key}\n"


async def test_of_approve_reject_and_resolve_at_once_there_is_one_outcome(tmp_path: Path) -> None:
    world, chance = make_world(tmp_path, _ASKS, _LIMITS), random.Random(7)
    async with working(world) as work:
        keys = [f"k{number}" for number in range(6)]
        await work.record(*(work.signal(key, key=key) for key in keys))
        ends = [await _raced(work, key, chance) for key in keys]
    ran = world.runs
    assert sorted(set(ran)) == sorted(ran)
    for key, one in zip(keys, ends, strict=True):
        assert (key in ran) == any(entry.after is State.RUNNING for entry in one.log), whys(one)
        rejected = any("rejected" in entry.why for entry in one.log)
        assert not (rejected and key in ran), whys(one)


async def _raced(work: Working, key: str, chance: random.Random) -> Incident:
    with anyio.fail_after(60):
        while True:
            one = next(one for one in await work.incidents() if one.key == key)
            if one.state is State.WAITING:
                break
            await anyio.sleep(0.1)

    async def decide(approves: bool) -> None:
        with suppress(ToolError):
            await work.decide(one.request, approves=approves)

    async def resolve() -> None:
        await work.record(work.signal(f"over-{key}", key=key, status=Status.RESOLVED))

    racers: list[Any] = [lambda: decide(True), lambda: decide(False), resolve]
    chance.shuffle(racers)
    async with anyio.create_task_group() as group:
        for racer in racers:
            group.start_soon(racer)
    return await _ended(work, key)


async def test_a_repair_that_does_not_help_stops_at_the_breaker(tmp_path: Path) -> None:
    world = make_world(
        tmp_path,
        "  - {name: auto-in-vain, mode: auto, run: clear-nothing, arguments: {name: key},\n"
        "     key: '\"same\"', verify: {after: 0s, within: 1s, run: get-usage,\n"
        "     arguments: {name: key}, expect: 'int(results.used) < 5'},\n"
        "     limits: {cooldown: 0s, attempts: 9}, breaker: {after: 2, within: 4h, for: 1h}}\n",
        _LIMITS,
    )
    async with working(world) as work:
        await work.record(work.signal())
        held = await work.until(State.HELD)
    assert "the breaker is open: 2 runs did not help" in held.why
    assert len(world.runs) == 2


async def test_two_responders_that_undo_each_other_end_after_two_runs(tmp_path: Path) -> None:
    one = (
        "  - {{name: auto-{name}, when: 'kind == \"{kind}\"', mode: auto, run: clear-it,"
        " arguments: {{name: kind}},\n     key: kind, limits: {{cooldown: 0s}},"
        " verify: {{resolved: true}}}}\n"
    )
    responders = one.format(name="fills", kind="Empty") + one.format(name="clears", kind="Full")
    world = make_world(tmp_path, responders, _LIMITS)
    async with working(world) as work:
        ends = [await _ping_pong(work, number) for number in range(4)]
    assert len(world.runs) == 2, [whys(one) for one in ends]
    assert ends[-1].state in (State.HANDED_OVER, State.HELD)


async def _ping_pong(work: Working, number: int) -> Incident:
    """One is wrong, its repair makes that good, and the other wrong."""
    kind = ("Full", "Empty")[number % 2]
    name = ("auto-clears", "auto-fills")[number % 2]
    labels = {"host": "localhost"}
    await work.record(work.signal(f"on-{number}", key=kind, kind=kind, labels=labels))
    one = await work.until(State.VERIFYING, State.HANDED_OVER, State.HELD, responder=name)
    if one.state is State.VERIFYING:
        over = {"key": kind, "kind": kind, "labels": labels, "status": Status.RESOLVED}
        await work.record(work.signal(f"off-{number}", **over))
        return await work.until(State.CLOSED, responder=name)
    return one


async def test_a_pause_holds_what_comes_and_its_end_lets_it_go_on(tmp_path: Path) -> None:
    world = make_world(tmp_path, _ASKS)
    async with working(world) as work:
        await work.driver.records.pause("asks", "anna", paused=True)
        await work.record(work.signal())
        held = await work.until(State.HELD)
        await work.driver.records.pause("*", "anna", paused=False)
        await work.until(State.WAITING)
    assert "asks was paused by anna" in held.why


async def test_what_expires_is_handed_over_and_calls_for_people(tmp_path: Path) -> None:
    world = make_world(tmp_path, _ASKS)
    async with working(world) as work:
        await work.record(work.signal())
        await work.until(State.WAITING)
        work.clock.ahead = timedelta(minutes=11)
        handed = await work.until(State.HANDED_OVER)
    assert handed.escalated and "no answer is no" in handed.why
    assert world.runs == []


@pytest.mark.parametrize("wrong", ["run: clear-nope", "run: get-usage, arguments: {nme: key}"])
async def test_an_operation_that_cannot_be_called_stops_the_start(
    tmp_path: Path, wrong: str
) -> None:
    world = make_world(tmp_path, f"  - {{name: asks, mode: approve, {wrong}}}\n")
    with pytest.raises(BaseException) as error:
        async with working(world):
            pass
    assert error.group_contains(ConfigError, match=r"responders\.asks\.run: .*opsmcp\.yaml:\d+")
