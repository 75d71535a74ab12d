"""Runs on an Ops server, against the fake one: one call, one run."""

import socket
from collections.abc import AsyncGenerator

import anyio
import pytest
from anyio.lowlevel import checkpoint

from opsmcp_pipelines.errors import (
    NotFound,
    SourceError,
    SourceProtocolError,
    SourceRefused,
    SourceUnauthorized,
    SourceUnavailable,
    StartOutcomeUnknown,
)
from opsmcp_pipelines.models import Definition, OperationKey, OperationKind, Pipeline, Task
from opsmcp_pipelines.ops.source import OpsSettings, OpsSource, open_ops_source
from opsmcp_pipelines.report import Status
from opsmcp_pipelines.source import CALL_ID_VARIABLE, Cancelled, RunRef, StartRequest
from tests.fakes.fault_proxy import Asked, fault_proxy
from tests.fakes.ops_server import FakeOps, Fault

_PIPELINE = OperationKey(OperationKind.PIPELINE, "ops-system", "bed-echo")
_TASK = OperationKey(OperationKind.TASK, "ops-system", "bed-echo")
_DEFINITIONS = {
    _PIPELINE: Definition(Pipeline("bed-echo", "ops-system"), ()),
    _TASK: Definition(Task("bed-echo", "ops-system"), ()),
}
_REQUEST = StartRequest(_DEFINITIONS[_PIPELINE], "r-1", {"host": "local", "message": "hi\ud83d"})


@pytest.fixture
async def source(ops: FakeOps) -> AsyncGenerator[OpsSource]:
    settings = OpsSettings(server=ops.url, token=ops.token)
    async with open_ops_source(settings) as opened:
        yield opened


@pytest.mark.parametrize("key", [_PIPELINE, _TASK], ids=["pipeline", "task"])
async def test_a_start_is_one_request_with_the_call_id(
    ops: FakeOps, source: OpsSource, key: OperationKey
) -> None:
    ref = await source.start(StartRequest(_DEFINITIONS[key], "r-1", {"host": "local"}))
    (run,) = ops.runs
    (post,) = ops.posts
    assert ref == RunRef(key, run.name, "r-1")
    assert post.json["variables"] == {"host": "local", CALL_ID_VARIABLE: "r-1"}
    assert await source.find_run(key, "r-1", checkpoint) == ref
    assert await source.find_run(key, "r-2", checkpoint) is None


@pytest.mark.parametrize("key", [_PIPELINE, _TASK], ids=["pipeline", "task"])
async def test_a_run_is_read_until_its_end(
    ops: FakeOps, source: OpsSource, key: OperationKey
) -> None:
    ref = await source.start(StartRequest(_DEFINITIONS[key], "r-1", {"host": "local"}))
    reports = [await source.read_run(ref) for _ in range(3)]
    assert reports[-1].status is Status.SUCCEEDED
    assert reports[-1].tasks[0].nodes[0].node == "local"
    assert not reports[0].status.ended


@pytest.mark.parametrize(
    ("fault", "text", "after"),
    [
        pytest.param(Fault.DROP, "", False, id="dropped-before"),
        pytest.param(Fault.DROP, "", True, id="dropped-after"),
        pytest.param(Fault.EMPTY, "", True, id="empty"),
        pytest.param(Fault.PANIC, "", True, id="panic"),
        pytest.param(Fault.HTML, "", False, id="html"),
        pytest.param(Fault.GARBLED, "", True, id="garbled"),
        pytest.param(Fault.RAW, '{"code":0,"data":{}}', True, id="no-name"),
        pytest.param(Fault.REFUSED, 'Post "http://k/x": EOF', True, id="kubernetes-silent"),
    ],
)
async def test_a_start_whose_answer_is_lost_is_in_doubt_and_not_repeated(
    ops: FakeOps, source: OpsSource, fault: Fault, text: str, after: bool
) -> None:
    ops.fail("pipelineruns", fault, text=text, after=after)
    with pytest.raises(StartOutcomeUnknown, match="could not start pipeline ops-system/bed-echo"):
        await source.start(_REQUEST)
    assert len(ops.posts) == 1
    made = after or fault is Fault.GARBLED
    assert (await source.find_run(_PIPELINE, "r-1", checkpoint) is not None) is made


async def test_a_start_that_is_not_answered_in_time_is_in_doubt(ops: FakeOps) -> None:
    ops.fail("pipelineruns", Fault.HANG, after=True)
    settings = OpsSettings(server=ops.url, token=ops.token, read_seconds=0.05)
    async with open_ops_source(settings) as source:
        with anyio.fail_after(5), pytest.raises(StartOutcomeUnknown, match="silent"):
            await source.start(_REQUEST)
    assert len(ops.runs) == 1


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param('Get "http://k/api": dial tcp: connect: x', SourceUnavailable, id="refused"),
        pytest.param('Get "http://k/api": request canceled', SourceUnavailable, id="silent"),
        pytest.param("etcdserver: request is too large", SourceRefused, id="too-large"),
        pytest.param('pipelines.crd.chenshaowen.com "x" not found', NotFound, id="not-found"),
    ],
)
async def test_a_start_that_was_surely_not_done_is_not_in_doubt(
    ops: FakeOps, source: OpsSource, text: str, kind: type[SourceError]
) -> None:
    ops.fail("pipelineruns", Fault.REFUSED, text=text)
    with pytest.raises(kind) as caught:
        await source.start(_REQUEST)
    assert not isinstance(caught.value, StartOutcomeUnknown)


async def test_a_start_with_a_wrong_token_is_refused(ops: FakeOps) -> None:
    async with open_ops_source(OpsSettings(server=ops.url, token="wrong")) as source:
        with pytest.raises(SourceUnauthorized):
            await source.start(_REQUEST)
    assert ops.runs == []


async def test_a_start_on_a_server_that_is_not_there_was_not_received() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    async with open_ops_source(OpsSettings(server=url)) as source:
        with pytest.raises(SourceUnavailable, match="cannot be reached") as caught:
            await source.start(_REQUEST)
    assert not isinstance(caught.value, StartOutcomeUnknown)


async def test_a_run_that_was_cleared_away_is_not_found(ops: FakeOps, source: OpsSource) -> None:
    ops.script("bed-echo", [{"runStatus": "Running"}, None])
    ref = await source.start(_REQUEST)
    assert (await source.read_run(ref)).status is Status.RUNNING
    with pytest.raises(NotFound, match="not found"):
        await source.read_run(ref)
    assert await source.find_run(_PIPELINE, "r-1", checkpoint) is None


async def test_a_run_is_found_behind_newer_ones(ops: FakeOps, source: OpsSource) -> None:
    ref = await source.start(_REQUEST)
    for _ in range(45):
        ops.state.create_run("pipelineruns", "ops-system", {"pipelineRef": "bed-echo"}, 10)
    assert await source.find_run(_PIPELINE, "r-1", checkpoint) == ref


async def test_only_the_newest_runs_are_looked_through(ops: FakeOps, source: OpsSource) -> None:
    body = {"pipelineRef": "bed-echo"}
    for _ in range(520):
        ops.state.create_run("pipelineruns", "ops-system", body, 10)
    turns: list[int] = []

    async def turn() -> None:
        turns.append(len(ops.requests))

    assert await source.find_run(_PIPELINE, "r-1", turn) is None
    assert turns == list(range(25))
    assert len(ops.requests) == 25


async def test_runs_that_go_between_two_pages_do_not_hide_the_one_that_is_looked_for(
    ops: FakeOps,
) -> None:
    def clear_newest(asked: Asked) -> None:
        if "page=2" in asked.path:
            del ops.runs[-10:]

    async with (
        fault_proxy(ops.url, clear_newest) as proxy,
        open_ops_source(OpsSettings(server=proxy.url, token=ops.token)) as source,
    ):
        ref = await source.start(_REQUEST)
        for _ in range(25):
            ops.state.create_run("pipelineruns", "ops-system", {"pipelineRef": "bed-echo"}, 10)
        with pytest.raises(SourceUnavailable, match="changed while they were read"):
            await source.find_run(_PIPELINE, "r-1", checkpoint)
        assert await source.find_run(_PIPELINE, "r-1", checkpoint) == ref


async def test_a_list_of_nothing_holds_no_run(ops: FakeOps, source: OpsSource) -> None:
    await source.start(_REQUEST)
    ops.fail("pipelineruns", Fault.NULL_LIST)
    assert await source.find_run(_PIPELINE, "r-1", checkpoint) is None


async def test_an_answer_without_a_run_is_not_a_run(ops: FakeOps, source: OpsSource) -> None:
    ops.fail("pipelineruns/x", Fault.RAW, text='{"code":0,"data":[]}')
    with pytest.raises(SourceProtocolError, match="without one"):
        await source.read_run(RunRef(_PIPELINE, "x", "r-1"))


@pytest.mark.parametrize("name", ["", "..", "a/b", "a%2Fb", "A", "x" * 300])
async def test_a_name_that_leads_elsewhere_is_never_asked_for(
    ops: FakeOps, source: OpsSource, name: str
) -> None:
    with pytest.raises(SourceRefused, match="not a name that Kubernetes allows"):
        await source.read_run(RunRef(_PIPELINE, name, "r-1"))
    assert ops.requests == []


async def test_a_run_cannot_be_cancelled(ops: FakeOps, source: OpsSource) -> None:
    ref = await source.start(_REQUEST)
    assert not source.traits.cancels
    assert await source.cancel(ref) is Cancelled.GOES_ON
    assert {seen.method for seen in ops.requests} == {"POST"}
