"""The events of Ops by a durable consumer of a real NATS: each once, in order, whatever dies."""

import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import pytest

from opsmcp_pipelines.models import OperationKey, OperationKind
from opsmcp_pipelines.ops.source import OpsSource
from opsmcp_pipelines.source import RunRef
from opsmcp_server.app import open_services
from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.observed import Observed, SenderRead, SignalsTaken
from opsmcp_server.config.load import load
from opsmcp_server.intake.event_reading import reading_events
from opsmcp_server.intake.ops_events import Unread
from opsmcp_tools.incidents.signal import Status
from tests.fakes.ops_server import fake_ops
from tests.server.intake.nats_server import (
    HOSTS,
    PASSWORD,
    Nats,
    needs_nats,
    report,
    running_nats,
)
from tests.server.intake.nats_site import (
    FROM_ENVIRONMENT,
    begun,
    config_of,
    has,
    reading,
    signals,
    until,
)

pytestmark = needs_nats


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[Nats]:
    with running_nats(tmp_path / "nats") as running:
        yield running


def _refused(context: CallContext) -> dict[str, int]:
    return {one.reason: one.count for one in context.incidents.signals().refusals()}


async def _consumer_of(nats: Nats) -> str:
    async with nats.client() as client:
        (info,) = await client.jetstream().consumers_info("ops")
        return info.name


async def test_what_is_published_becomes_signals_and_is_acknowledged(
    nats: Nats, tmp_path: Path
) -> None:
    heard: list[Observed] = []
    await nats.make_stream()
    await nats.publish(report("long-ago"))
    async with reading(nats.environ, tmp_path) as context:
        context.observers.add(heard.append)
        await begun(context)
        await nats.publish(*(report("db-1") for _ in range(3)))
        await until(lambda: len(signals(context)) == 3)
        name = await _consumer_of(nats)
        with anyio.fail_after(10):
            while (await nats.consumer(name)).num_ack_pending:  # noqa: ASYNC110
                await anyio.sleep(0.01)
        floor = (await nats.consumer(name)).ack_floor
        assert floor is not None and floor.stream_seq == 4
    found = _taken(heard)
    assert found == {"firing": 3}
    assert name.startswith("opsmcp-ops-")


def _taken(heard: Sequence[Observed]) -> Counter[str]:
    taken = Counter[str]()
    for one in heard:
        if isinstance(one, SignalsTaken):
            taken.update(one.new)
            taken["known"] += one.known
    return +taken


async def test_nothing_is_lost_or_handled_twice_when_nats_or_the_reader_is_away(
    nats: Nats, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await nats.make_stream()
    async with reading(nats.environ, tmp_path) as context:
        await begun(context)
        await nats.publish(report("first"))
        await until(has(context, "first"))
        nats.stop()
        await until(lambda: "cannot be read" in caplog.text)
        nats.start()
        await nats.publish(report("after-the-crash"))
        await until(has(context, "after-the-crash"))
        await until(lambda: "sender ops is read again" in caplog.messages)
    await nats.publish(*(report(f"away-{number}") for number in range(50)))
    async with reading(nats.environ, tmp_path) as context:
        await until(lambda: len(signals(context)) == 52)
        await nats.publish(report("last"))
        await until(has(context, "last"))
        assert len(signals(context)) == 53
        assert context.incidents.signals().activity()[0].signals == 53
    assert len([one for one in caplog.messages if "cannot be read" in one]) == 1
    assert PASSWORD not in caplog.text


async def test_a_consumer_that_nats_lost_is_made_again_where_it_was(
    nats: Nats, tmp_path: Path
) -> None:
    await nats.make_stream()
    async with reading(nats.environ, tmp_path) as context:
        await begun(context)
        await nats.publish(report("before"))
        await until(has(context, "before"))
        name = await _consumer_of(nats)
    async with nats.client() as client:
        await client.jetstream().delete_consumer("ops", name)
    await nats.publish(report("meanwhile"))
    async with reading(nats.environ, tmp_path) as context:
        await until(has(context, "meanwhile"))
        assert len(signals(context)) == 2


async def test_two_servers_on_one_consumer_handle_everything_once_and_in_order(
    nats: Nats, tmp_path: Path
) -> None:
    """That it is over is known only of what was wrong: out of order it would be lost."""
    heard: list[Observed] = []
    await nats.make_stream()
    config, environ = config_of(nats.environ, tmp_path)
    async with AsyncExitStack() as stack:
        contexts: list[CallContext] = []
        for _ in range(2):
            services = await stack.enter_async_context(
                open_services(config, environ, follows_runs=False)
            )
            services.calls.observers.add(heard.append)
            await stack.enter_async_context(reading_events(services.calls))
            contexts.append(services.calls)
        await begun(contexts[0])
        told = [
            report(f"h{number}", status)
            for number in range(60)
            for status in ("alerting", "normal")
        ]
        await nats.publish(*told, report("last"))
        with anyio.fail_after(50):
            await until(has(contexts[0], "last"))
        found = signals(contexts[0])
        counted = contexts[0].incidents.signals().activity()[0].signals
    assert _taken(heard) == {"firing": 61, "resolved": 60}
    assert len(found) == counted == 121
    by_host = {one.labels["hostname"]: one.status for one in reversed(found)}
    assert {host for host, status in by_host.items() if status is Status.FIRING} == {"last"}


def _hostile() -> Iterator[tuple[str, bytes]]:
    whole = report("db-1")
    where = f"{HOSTS}.db-1.findings"
    yield where, b"no JSON at all \xff\xfe"
    yield where, b"[" * 200_000
    yield where, b""
    yield where, json.dumps({"a": "event"}).encode()
    yield where, json.dumps({**whole, "data": {"x": "y" * 2_000_000}}).encode()
    yield f"{HOSTS}.elsewhere.findings", json.dumps(whole).encode()
    yield where, json.dumps(report("half", data={"status": "alerting", "kind": "\ud800"})).encode()
    yield where, b'{"id": "twice", ' + json.dumps(report("db-2")).encode()[1:]
    yield f"{HOSTS}.{'x' * 900}.findings", json.dumps(report("long")).encode()
    yield where, json.dumps(report("odd", time="yesterday", data="text")).encode()


@pytest.mark.parametrize(
    ("name", "header"),
    [
        (b"no-\xff-utf-8", b""),
        (b"status", b"NATS/1.0 404 No Messages\r\n\r\n"),
        (b"deleted", b"NATS/1.0 409 Consumer Deleted\r\n\r\n"),
        (b"spelled", b"NATS/1.0\r\nStatus: 408\r\n\r\n"),
        (b"garbage", b"NATS/1.0\r\n\xff\xfe no colon\r\n\r\n"),
    ],
)
async def test_a_message_that_looks_like_one_of_nats_itself_holds_up_nothing(
    nats: Nats, tmp_path: Path, name: bytes, header: bytes
) -> None:
    await nats.make_stream()
    body = json.dumps(report("x")).encode()
    subject = HOSTS.encode() + b"." + name + b".findings"
    async with reading(nats.environ, tmp_path) as context:
        await begun(context)
        nats.send(subject, header, body)
        await nats.publish(report("good"))
        await until(has(context, "good"))
        assert len(signals(context)) == 2


async def test_what_is_no_event_is_counted_and_holds_up_nothing(
    nats: Nats, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await nats.make_stream()
    async with reading(nats.environ, tmp_path) as context:
        await begun(context)
        await nats.publish_raw(_hostile())
        await nats.publish(report("good"))
        await until(has(context, "good"))
        keys = {one.key for one in signals(context)}
        await until(lambda: Unread.JUNK in _refused(context))
        assert "default/hosts/elsewhere/alert-hosts-disk" in keys
        assert "default/hosts/db-1/" in {key[: len("default/hosts/db-1/")] for key in keys}
        refused = _refused(context)
    assert refused[Unread.JUNK] == 4
    assert refused[Unread.LARGE] == 1
    assert refused[Unread.CLAIMED] >= 1
    told = [one for one in caplog.messages if Unread.JUNK in one]
    assert len(told) == 1, "told once, however many there are"


async def test_nats_that_is_away_at_the_start_is_told_once_and_read_when_it_comes(
    nats: Nats, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Observed] = []
    await nats.make_stream()
    nats.stop()
    async with reading(nats.environ, tmp_path) as context:
        context.observers.add(heard.append)
        await until(lambda: "cannot be read" in caplog.text)
        nats.start()
        await begun(context)
        await nats.publish(report("db-1"))
        await until(has(context, "db-1"))
        assert _refused(context) in ({}, {Unread.AWAY: 1})
    assert f"NATS at 127.0.0.1:{nats.port} cannot be used: it cannot be reached" in caplog.text
    connected = [one.is_connected for one in heard if isinstance(one, SenderRead)]
    assert (connected[0], connected[-1]) == (False, True)


async def _told(nats: Nats, folder: Path, settings: str, caplog: pytest.LogCaptureFixture) -> str:
    """What the log says first of a NATS that cannot be read."""
    async with reading(nats.environ, folder, settings):
        await until(lambda: "cannot be read" in caplog.text)
    (told,) = [one for one in caplog.messages if "cannot be read" in one]
    return told


async def test_what_a_person_has_to_mend_is_said_in_words(
    nats: Nats, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told = await _told(nats, tmp_path, FROM_ENVIRONMENT, caplog)
    assert "it has no stream ops: make one, with the subjects ops.>" in told
    (tmp_path / "wrong").write_text("wrong-password", "utf-8")
    address = f"nats://127.0.0.1:{nats.port}"
    wrong = f"{{url: '{address}', user: ops, password: {{file: '{tmp_path}/wrong'}}}}"
    caplog.clear()
    told = await _told(nats, tmp_path, wrong, caplog)
    assert "it refuses the user, password, token or credentials" in told
    assert "wrong-password" not in caplog.text
    caplog.clear()
    encrypted = (
        f"{{url: '{address.replace('nats', 'tls')}', user: ops, password: {{env: NATS_URL}}}}"
    )
    told = await _told(nats, tmp_path, encrypted, caplog)
    assert "it does not encrypt, so it was told nothing" in told


async def test_somebody_else_s_consumer_is_not_read(
    nats: Nats, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await nats.make_stream()
    async with reading(nats.environ, tmp_path) as context:
        await begun(context)
        name = await _consumer_of(nats)
    async with nats.client() as client:
        jetstream = client.jetstream()
        await jetstream.delete_consumer("ops", name)
        await jetstream.add_consumer("ops", durable_name=name, filter_subject="ops.other.>")
    told = await _told(nats, tmp_path, FROM_ENVIRONMENT, caplog)
    assert f"the consumer {name} of its stream ops is not one that opsmcp makes" in told


async def test_a_record_that_cannot_be_written_loses_nothing(
    nats: Nats, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await nats.make_stream()
    async with reading(nats.environ, tmp_path) as context:
        await begun(context)
    file = tmp_path / "state" / "incidents.db"
    file.rename(tmp_path / "kept")
    file.mkdir()
    await nats.publish(report("db-1"), report("db-1", "normal"))
    async with reading(nats.environ, tmp_path) as context:
        await until(lambda: "cannot be read" in caplog.text)
        file.rmdir()
        (tmp_path / "kept").rename(file)
        await until(lambda: len(signals(context)) == 2)
        assert [one.status for one in signals(context)] == [Status.RESOLVED, Status.FIRING]


async def test_the_end_of_a_run_is_heard_by_nats(nats: Nats, tmp_path: Path) -> None:
    """The Ops server itself has none here, so that nothing could be heard over HTTP."""
    ref = RunRef(OperationKey(OperationKind.PIPELINE, "ops-system", "drain"), "drain-x2f4d", "call")
    config, environ = config_of(nats.environ, tmp_path)
    await nats.make_stream()
    async with fake_ops() as ops:
        environ |= {"OPS_SERVER": ops.url, "OPS_TOKEN": ops.token}
        config = load(environ, cwd=tmp_path, senders=True)
        async with open_services(config, environ, follows_runs=False) as services:
            source = services.calls.source
            assert isinstance(source, OpsSource)
            async with reading_events(services.calls), anyio.create_task_group() as group:
                await begun(services.calls)
                group.start_soon(source.hear, anyio.lowlevel.checkpoint)
                with anyio.fail_after(20):
                    group.start_soon(_publish_ends, nats, ref)
                    await source.hinted(ref)
                assert not ops.state.events.queries
                group.cancel_scope.cancel()


async def _publish_ends(nats: Nats, ref: RunRef) -> None:
    """Again and again: who does not listen yet hears nothing."""
    subject = f"ops.clusters.default.namespaces.ops-system.pipelineruns.{ref.name}.status"
    while True:
        await nats.publish(report("x", type="PipelineRun", subject=subject, data={}))
        await anyio.sleep(0.1)
