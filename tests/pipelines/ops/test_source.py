"""The Ops server as a source, against the fake one: reading the catalogue."""

import json
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
import pytest

from opsmcp_pipelines.errors import (
    SourceError,
    SourceProtocolError,
    SourceRefused,
    SourceUnauthorized,
    SourceUnavailable,
)
from opsmcp_pipelines.models import OperationKind
from opsmcp_pipelines.ops.source import OpsSettings, OpsSource, open_ops_source
from tests.fakes.ops_server import FakeOps, Fault
from tests.fakes.ops_state import make_host, make_pipeline, make_task


@asynccontextmanager
async def _source(ops: FakeOps, **settings: Any) -> AsyncGenerator[OpsSource]:
    given = replace(OpsSettings(server=ops.url, token=ops.token), **settings)
    async with open_ops_source(given) as source:
        yield source


async def test_everything_is_read(ops: FakeOps) -> None:
    async with _source(ops) as source:
        contents = await source.read()
    assert (len(contents.pipelines), len(contents.tasks)) == (62, 182)
    assert [cluster.name for cluster in contents.clusters] == ["broken", "faraway"]
    assert [host.name for host in contents.hosts][:2] == ["local", "ssh2"]
    assert contents.problems == ()
    assert source.label == f"the Ops server at {ops.url}"


async def test_lists_are_read_page_by_page_in_order(ops: FakeOps) -> None:
    async with _source(ops) as whole, _source(ops, page_size=31) as paged:
        assert await paged.read() == await whole.read()


async def test_several_namespaces_are_read_and_kept_apart(ops: FakeOps) -> None:
    ops.put("tasks", make_task("same", "id"))
    ops.state.objects["tasks"].append(make_task("same", "id", namespace="default"))
    async with _source(ops, namespaces=("ops-system", "default", "missing")) as source:
        contents = await source.read()
    assert [task.namespace for task in contents.tasks if task.name == "same"] == [
        "ops-system",
        "default",
    ]
    assert contents.pipelines[-1].key.namespace == "default"


async def test_a_cluster_of_two_namespaces_is_one_cluster(ops: FakeOps) -> None:
    (broken, faraway) = ops.state.objects["clusters"]
    other = {**broken, "metadata": {"name": "broken", "namespace": "default"}}
    ops.replace("clusters", broken, faraway, other)
    async with _source(ops, namespaces=("ops-system", "default")) as source:
        assert len((await source.read()).clusters) == 2


async def test_nothing_new_is_the_very_same_object(ops: FakeOps) -> None:
    async with _source(ops, page_size=50) as source:
        first = await source.read()
        assert await source.read() is first


async def test_a_heartbeat_is_nothing_new(ops: FakeOps) -> None:
    async with _source(ops) as source:
        first = await source.read()
        ops.state.objects["hosts"][0]["status"]["heartTime"] = "2026-11-23T10:00:00Z"
        assert await source.read() is first


async def test_a_change_on_one_page_is_seen(ops: FakeOps) -> None:
    async with _source(ops, page_size=50) as source:
        first = await source.read()
        ops.put("tasks", make_task("list-tasks", "changed"))
        second = await source.read()
    assert second != first
    assert second.pipelines == first.pipelines
    assert next(t for t in second.tasks if t.name == "list-tasks").steps[0].content == "changed"


async def test_a_change_that_came_with_a_failure_is_seen_the_next_time(ops: FakeOps) -> None:
    async with _source(ops) as source:
        first = await source.read()
        ops.put("pipelines", make_pipeline("new-one", "list-tasks"))
        ops.fail("hosts", Fault.EMPTY)
        with pytest.raises(SourceUnavailable):
            await source.read()
        assert await source.read() is not first


async def test_a_broken_operation_becomes_a_problem(ops: FakeOps) -> None:
    ops.put("pipelines", make_pipeline("broken-one", desc=7))
    ops.put("tasks", make_task("broken-two", host=[]))
    async with _source(ops) as source:
        contents = await source.read()
    assert [(p.operation, p.kind) for p in contents.problems] == [
        ("broken-one", OperationKind.PIPELINE),
        ("broken-two", OperationKind.TASK),
    ]
    assert (len(contents.pipelines), len(contents.tasks)) == (62, 182)


async def test_a_broken_host_is_left_out_with_a_warning(
    ops: FakeOps, caplog: pytest.LogCaptureFixture
) -> None:
    ops.state.objects["hosts"][0]["spec"]["address"] = 5
    async with _source(ops) as source:
        contents = await source.read()
    assert "local" not in {host.name for host in contents.hosts}
    assert "left out the host ops-system/local: spec.address must be text" in caplog.text
    assert "LS0t" not in caplog.text


_FAULTS = [
    pytest.param(Fault.EMPTY, "", SourceUnavailable, "answered with nothing", id="empty"),
    pytest.param(Fault.PANIC, "", SourceUnavailable, "status 500", id="panic"),
    pytest.param(Fault.HTML, "", SourceProtocolError, "check the address", id="html"),
    pytest.param(Fault.GARBLED, "", SourceProtocolError, "incomplete JSON", id="garbled"),
    pytest.param(Fault.DROP, "", SourceUnavailable, "broke the connection", id="drop"),
    pytest.param(Fault.REFUSED, "no\nsuch verb", SourceRefused, "no such verb", id="refused"),
    pytest.param(Fault.RAW, '{"code":0}', SourceProtocolError, "than a list", id="no-data"),
    pytest.param(
        Fault.RAW,
        '{"code":0,"data":{"list":{},"total":1}}',
        SourceProtocolError,
        "than a list",
        id="list-no-list",
    ),
    pytest.param(
        Fault.RAW,
        '{"code":0,"data":{"list":[],"total":true}}',
        SourceProtocolError,
        "than a list",
        id="total-no-number",
    ),
]


@pytest.mark.parametrize(("fault", "text", "kind", "words"), _FAULTS)
async def test_a_fault_of_a_list_is_never_an_empty_catalogue(
    ops: FakeOps, fault: Fault, text: str, kind: type[SourceError], words: str
) -> None:
    ops.fail("tasks", fault, text=text)
    async with _source(ops) as source:
        with pytest.raises(SourceError) as caught:
            await source.read()
    assert type(caught.value) is kind
    assert "could not list the tasks in 'ops-system': the Ops server at" in str(caught.value)
    assert words in str(caught.value)
    assert ops.token not in str(caught.value)


async def test_an_empty_list_is_empty(ops: FakeOps) -> None:
    ops.fail("pipelines", Fault.NULL_LIST)
    async with _source(ops) as source:
        assert (await source.read()).pipelines == ()


async def test_a_wrong_token_is_said_without_the_token(ops: FakeOps) -> None:
    async with _source(ops, token="hunter2") as source:
        with pytest.raises(SourceUnauthorized, match="does not accept the token") as caught:
            await source.read()
    assert "hunter2" not in str(caught.value)


async def test_no_token_sends_none(ops: FakeOps) -> None:
    async with _source(ops, token="") as source:
        with pytest.raises(SourceUnauthorized):
            await source.read()


async def test_silence_has_an_end(ops: FakeOps) -> None:
    ops.fail("pipelines", Fault.HANG)
    async with _source(ops, read_seconds=0.05) as source:
        with anyio.fail_after(5), pytest.raises(SourceUnavailable, match=r"silent for 0\.05 s"):
            await source.read()


async def test_a_whole_exchange_has_an_end(ops: FakeOps) -> None:
    ops.fail("pipelines", Fault.HANG)
    async with _source(ops, total_seconds=0.05) as source:
        with anyio.fail_after(5), pytest.raises(SourceUnavailable, match=r"within 0\.05 s"):
            await source.read()


async def test_a_request_waits_only_so_long_for_a_connection(ops: FakeOps) -> None:
    ops.fail("pipelines", Fault.HANG)
    async with (
        _source(ops, connections=1, connect_seconds=0.05) as source,
        anyio.create_task_group() as group,
    ):
        group.start_soon(source.read)
        with anyio.fail_after(5):
            await ops.until_hanging()
            with pytest.raises(SourceUnavailable, match="is busy: all 1 connections"):
                await source.read()
        ops.release()


async def test_an_answer_that_is_too_large_is_not_read_to_its_end(ops: FakeOps) -> None:
    async with _source(ops, max_body_bytes=1000) as source:
        with pytest.raises(SourceProtocolError, match="more than 1000 bytes"):
            await source.read()


async def test_a_list_with_too_many_pages_is_not_read_to_its_end(ops: FakeOps) -> None:
    async with _source(ops, page_size=10, max_pages=3) as source:
        with pytest.raises(SourceProtocolError, match="more than 30 of them"):
            await source.read()


async def test_a_total_that_is_never_reached_is_not_believed(ops: FakeOps) -> None:
    lie = '{"code":0,"data":{"list":[],"total":5}}'
    ops.fail("tasks", Fault.RAW, text=lie, times=2)
    async with _source(ops) as source:
        with pytest.raises(SourceUnavailable, match="does not add up"):
            await source.read()


async def test_a_list_that_changed_between_two_pages_is_read_again(ops: FakeOps) -> None:
    lie = '{"code":0,"data":{"list":[],"total":5}}'
    ops.fail("tasks", Fault.RAW, text=lie)
    async with _source(ops) as source:
        assert len((await source.read()).tasks) == 182


async def test_several_hosts_of_one_name_cost_only_themselves(
    ops: FakeOps, caplog: pytest.LogCaptureFixture
) -> None:
    ops.state.objects["hosts"] += [make_host("twin", "192.0.2.1"), make_host("twin", "192.0.2.2")]
    async with _source(ops) as source:
        contents = await source.read()
    assert [host.name for host in contents.hosts][:2] == ["local", "ssh2"]
    assert "twin" not in [host.name for host in contents.hosts]
    assert (
        caplog.messages.count(
            "left out the host ops-system/twin: several have this name, "
            "and which of them is meant is not known"
        )
        == 1
    )


async def test_what_moved_from_one_page_to_the_next_meanwhile_is_no_second_one(
    ops: FakeOps,
) -> None:
    async with _source(ops) as source:
        whole = await source.read()
    first = ops.state.objects["clusters"][0]
    moved = {"code": 0, "data": {"list": [first, first], "total": 2}}
    ops.fail("clusters", Fault.RAW, text=json.dumps(moved))
    async with _source(ops) as source:
        assert (await source.read()).clusters == whole.clusters


async def test_a_server_that_is_not_there_cannot_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    async with open_ops_source(OpsSettings(server=url)) as source:
        with pytest.raises(SourceUnavailable, match="cannot be reached; check the address"):
            await source.read()
