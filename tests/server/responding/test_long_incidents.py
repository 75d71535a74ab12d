"""Incidents that go on for days, and what is said of them meanwhile."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import anyio

from opsmcp_tools.incidents.incident import Incident, Outcome, State
from opsmcp_tools.incidents.signal import Status
from tests.server.responding.ground import Working, make_world, working

_HOUR = timedelta(hours=1)


async def _until(work: Working, is_so: Callable[[Incident], bool]) -> Incident:
    """The newest incident, once that is so."""
    with anyio.fail_after(60):
        while not is_so((await work.incidents())[0]):  # noqa: ASYNC110 - nothing tells it
            await anyio.sleep(0.1)
        return (await work.incidents())[0]


async def test_people_have_an_incident_for_as_long_as_its_sender_says_that_it_goes_on(
    tmp_path: Path,
) -> None:
    async with working(make_world(tmp_path, "  - {name: tells}\n")) as work:
        await work.record(work.signal())
        first = await work.until(State.HANDED_OVER)
        work.clock.ahead = 20 * _HOUR
        await work.record(work.signal())
        work.clock.ahead = 30 * _HOUR
        looked = await _until(work, lambda one: one.look_at > work.clock.now())
        assert looked.state is State.HANDED_OVER
        work.clock.ahead = 45 * _HOUR
        over = await work.until(State.CLOSED)
        assert (over.id, over.outcome) == (first.id, Outcome.SILENT)
        work.clock.ahead = 46 * _HOUR
        # Its sender repeats what still goes on: that would be hidden for good.
        await work.record(work.signal())
        again = await work.until(State.HANDED_OVER)
        assert again.id != first.id
        before = await _until(work, lambda one: not one.owner)
        work.clock.ahead = timedelta()
        await _until(work, lambda one: one.epoch > before.epoch)


async def test_whether_a_repair_helped_is_not_looked_at_before_its_time(tmp_path: Path) -> None:
    verify = "{after: 1h, within: 2h, run: get-usage, arguments: {name: key}, expect: 'true'}"
    responder = (
        "  - {name: auto-one, mode: auto, run: clear-it, arguments: {name: key}, verify: V}\n"
    )
    async with working(make_world(tmp_path, responder.replace("V", verify))) as work:
        await work.record(work.signal())
        before = await work.until(State.VERIFYING)
        await work.record(work.signal("over", status=Status.RESOLVED))
        looked = await _until(work, lambda one: one.epoch > before.epoch and not one.owner)
        assert (looked.state, looked.probe, looked.probe_run) == (State.VERIFYING, 0, "")
        work.clock.ahead = _HOUR
        assert (await work.until(State.CLOSED)).outcome is Outcome.RECOVERED
