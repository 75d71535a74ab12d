"""The events of a fake Ops server, read on a real socket by what `opsmcp serve` runs."""

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest

from opsmcp_pipelines.errors import SourceProtocolError
from opsmcp_pipelines.platform_events import EventPage, PlatformEvent
from opsmcp_server.app import open_services
from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.observed import Observed, SenderRead, SignalsRefused, SignalsTaken
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.load import load
from opsmcp_server.intake.event_reading import reading_events
from opsmcp_server.intake.event_record import EventRecord
from opsmcp_server.intake.ops_events import Unread
from opsmcp_server.intake.ops_feed import Feed
from opsmcp_server.intake.sender_checks import check_senders
from opsmcp_tools.incidents.signal import Signal
from opsmcp_tools.incidents.store import Refusals
from tests.fakes.ops_events import FakeEvents
from tests.fakes.ops_server import FakeOps, Fault, fake_ops
from tests.own_settings import write_settings

_SETTINGS = """\
events:
  senders:
    ops: {type: ops, subjects: ["ops.clusters.*.namespaces.*.hosts.>"]}
"""
_HOSTS = "ops.clusters.default.namespaces.ops-system.hosts"


def _publish(events: FakeEvents, host: str, about: str = "findings", **more: float) -> None:
    data = {"host": host, "kind": "alert-hosts-disk", "status": "alerting"}
    events.publish(f"{_HOSTS}.{host}.{about}", "TaskRunReport", data, **more)


def _environ(ops: FakeOps, folder: Path) -> dict[str, str]:
    return {
        "OPS_SERVER": ops.url,
        "OPS_TOKEN": ops.token,
        "OPSMCP_STATE_DIR": str(folder / "state"),
        "HOME": str(folder),
    }


@asynccontextmanager
async def _context(ops: FakeOps, folder: Path) -> AsyncGenerator[CallContext]:
    write_settings(folder, _SETTINGS)
    environ = _environ(ops, folder)
    config = load(environ, cwd=folder, senders=True)
    async with open_services(config, environ, follows_runs=False) as services:
        yield services.calls


@asynccontextmanager
async def _reading(ops: FakeOps, folder: Path) -> AsyncGenerator[CallContext]:
    with anyio.fail_after(40):
        async with _context(ops, folder) as context, reading_events(context):
            yield context


def _signals(context: CallContext) -> Sequence[Signal]:
    return context.incidents.signals().signals(limit=10_000)


async def _until(context: CallContext, count: int) -> Sequence[Signal]:
    while len(found := _signals(context)) < count:  # noqa: ASYNC110 - a record tells nobody
        await anyio.sleep(0.05)
    return found


async def _refused(context: CallContext) -> Sequence[Refusals]:
    while not (found := context.incidents.signals().refusals()):  # noqa: ASYNC110 - likewise
        await anyio.sleep(0.05)
    return found


async def _begun(ops: FakeOps) -> None:
    """Once it reads for the first time, so that what comes now is no thing of the past."""
    while not ops.state.events.open:  # noqa: ASYNC110 - a request on a socket tells nobody
        await anyio.sleep(0.01)


async def test_what_is_published_becomes_signals(tmp_path: Path) -> None:
    heard: list[Observed] = []
    async with fake_ops() as ops:
        ops.state.events.turn_on()
        _publish(ops.state.events, "long-ago", ago=1000.0)
        async with _reading(ops, tmp_path) as context:
            context.observers.add(heard.append)
            await _begun(ops)
            for about in ("findings", "alerts", "alerts"):
                _publish(ops.state.events, "db-1", about)
            found = await _until(context, 3)
    assert {one.key for one in found} == {"default/hosts/db-1/alert-hosts-disk"}
    assert len({one.delivery_id for one in found}) == 3
    taken = [one for one in heard if isinstance(one, SignalsTaken)]
    assert sum(one.new["firing"] for one in taken) == sum(len(one.lags) for one in taken) == 3


async def test_a_restart_loses_nothing_and_reads_nothing_twice(tmp_path: Path) -> None:
    async with fake_ops() as ops:
        ops.state.events.turn_on()
        async with _reading(ops, tmp_path) as context:
            await _begun(ops)
            _publish(ops.state.events, "db-1")
            await _until(context, 1)
        for number in range(50):
            _publish(ops.state.events, f"away-{number}")
        async with _reading(ops, tmp_path) as context:
            found = await _until(context, 51)
            _publish(ops.state.events, "db-2")
            found = await _until(context, 52)
    assert len(found) == len({one.key for one in found}) == 52


async def test_an_outage_is_told_once_and_nothing_of_it_is_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    heard: list[Observed] = []
    async with fake_ops() as ops:
        ops.state.events.turn_on()
        ops.fail("/events/", Fault.DROP, times=2)
        async with _reading(ops, tmp_path) as context:
            context.observers.add(heard.append)
            while "sender ops is read again" not in caplog.messages:
                await anyio.sleep(0.05)
                if ops.state.events.open:
                    _publish(ops.state.events, "db-1")
                    await _until(context, 1)
            counted = await _refused(context)
    connected = [one.is_connected for one in heard if isinstance(one, SenderRead)]
    assert connected[:3] == [False, False, True]
    assert SignalsRefused("ops", Unread.AWAY, 1) in heard
    told = [one for one in caplog.messages if "sender ops cannot be read" in one]
    assert len(told) == 1
    assert [(one.reason, one.count) for one in counted] == [(Unread.AWAY, 1)]


async def test_what_was_left_out_last_is_counted_when_it_stops(tmp_path: Path) -> None:
    left_out = anyio.Event()
    async with fake_ops() as ops:
        ops.state.events.turn_on()
        ops.fail("/events/", Fault.DROP, times=1)
        async with _reading(ops, tmp_path) as context:
            context.observers.add(
                lambda seen: left_out.set() if isinstance(seen, SignalsRefused) else None
            )
            await left_out.wait()
        async with _context(ops, tmp_path) as context:
            counted = context.incidents.signals().refusals()
    assert [(one.reason, one.count) for one in counted] == [(Unread.AWAY, 1)]


@dataclass
class _Pages:
    """A source of events as a stream that answers as Ops does, without any waiting."""

    events: list[PlatformEvent] = field(default_factory=list[PlatformEvent])
    now: datetime = datetime(2026, 11, 30, 12, tzinfo=UTC)
    poison: datetime | None = None
    done: anyio.Event = field(default_factory=anyio.Event)
    stop_at: int = 20

    asked: int = 0

    async def read_events(
        self, pattern: str, since: datetime | None, wait_seconds: float
    ) -> EventPage:
        await anyio.lowlevel.checkpoint()
        self.asked += 1
        if self.asked >= self.stop_at:
            self.done.set()
            await anyio.sleep_forever()
        begin = since.replace(microsecond=0) if since else self.now
        if self.poison and begin <= self.poison:
            raise SourceProtocolError("unreadable")
        found = [one for one in self.events if one.at and one.at >= begin][:1000]
        return EventPage(tuple(found), 0, len(found) == 1000, self.now)


async def _not_waiting(_seconds: float) -> None:
    await anyio.lowlevel.checkpoint()


async def _read_pages(pages: _Pages, folder: Path, upto: datetime) -> tuple[int, dict[str, int]]:
    """How many signals there are after it was read on from there, and what was left out."""
    async with fake_ops() as ops, _context(ops, folder) as context:
        record = EventRecord(context, context.config.events.senders["ops"])
        await record.keep((), _HOSTS, upto)
        with anyio.fail_after(40):
            async with anyio.create_task_group() as group:
                group.start_soon(Feed(pages, record, _HOSTS, _not_waiting).run)
                await pages.done.wait()
                group.cancel_scope.cancel()
        left_out = {reason: count for (_, reason), count in record.refusals.take().items()}
        return len(_signals(context)), left_out


def _events(pages: _Pages, *at_seconds: float) -> list[PlatformEvent]:
    data = {"status": "alerting", "kind": "k"}
    return [
        PlatformEvent(
            f"{_HOSTS}.h{number}.findings",
            f"e-{number}",
            "TaskRunReport",
            pages.now - timedelta(seconds=seconds),
            data,
        )
        for number, seconds in enumerate(at_seconds)
    ]


async def test_more_than_a_thousand_are_read_page_by_page(tmp_path: Path) -> None:
    pages = _Pages()
    pages.events = _events(pages, *(600.0 - number / 5 for number in range(2500)))
    found, left_out = await _read_pages(pages, tmp_path, pages.now - timedelta(seconds=600))
    assert (found, left_out) == (2500, {})


async def test_more_than_a_thousand_in_a_second_are_told_to_be_lost(tmp_path: Path) -> None:
    pages = _Pages()
    pages.events = _events(pages, *([300.0] * 1500), *([299.0] * 1500), 100.0)
    found, left_out = await _read_pages(pages, tmp_path, pages.now - timedelta(seconds=290))
    assert (found, left_out) == (2001, {Unread.LOST: 2})


async def test_what_cannot_be_read_holds_up_nothing_for_ever(tmp_path: Path) -> None:
    pages = _Pages(poison=datetime(2026, 11, 30, 11, 50, tzinfo=UTC))
    pages.events = _events(pages, -20.0)
    found, left_out = await _read_pages(pages, tmp_path, pages.now - timedelta(seconds=700))
    assert found == 1
    assert left_out == {Unread.AWAY: 1, Unread.LOST: 1}


@pytest.mark.parametrize(
    ("settings", "server", "words"),
    [
        ("ops: {type: ops}", "", "there is no Ops server"),
        ("{a: {type: ops}, b: {type: ops}}", "http://ops.example", "a second one"),
    ],
)
def test_a_sender_that_cannot_be_read_stops_the_start(
    settings: str, server: str, words: str, tmp_path: Path
) -> None:
    write_settings(tmp_path, f"events:\n  senders:\n    {settings}\n")
    environ = {"OPS_SERVER": server, "HOME": str(tmp_path)}
    with pytest.raises(ConfigError, match=words):
        check_senders(load(environ, cwd=tmp_path, senders=True))


@pytest.mark.parametrize("subjects", ["[]", "[kafka.>]", "ops.>", "[ops.>, 3]", "['ops.a b']"])
def test_subjects_are_patterns_of_ops(subjects: str, tmp_path: Path) -> None:
    write_settings(tmp_path, f"events:\n  senders:\n    ops: {{type: ops, subjects: {subjects}}}\n")
    with pytest.raises(ConfigError, match="subjects must be a list of 1 to 4 patterns"):
        load({"HOME": str(tmp_path)}, cwd=tmp_path, senders=True)
