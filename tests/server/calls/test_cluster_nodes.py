"""The nodes of a cluster: completed, and refused when they are not there."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from mcp import Client

from tests.fakes.ops_server import FakeOps, Fault, fake_ops
from tests.recorded_ops import load
from tests.server.harness import connected, settings
from tests.server.protocol.test_interaction import text_of

NODES = "clusters/faraway/nodes"


@pytest.fixture
async def ops() -> AsyncIterator[FakeOps]:
    async with fake_ops() as ops:
        yield ops


def connect(ops: FakeOps, folder: Path) -> Any:
    environ = settings(
        folder,
        OPS_SERVER=ops.url,
        OPS_TOKEN=ops.token,
        OPSMCP_RUN_WAIT_SECONDS="0",
    )
    return connected("memory-modern", environ, folder)


async def call(client: Client, node: str, cluster: str = "faraway") -> types.CallToolResult:
    return await client.call_tool("get-node-status", {"nodename": node, "cluster": cluster})


def know_nodes(ops: FakeOps) -> None:
    import json

    ops.fail(NODES, Fault.RAW, text=json.dumps(load("clusters-nodes")["body"]), times=9)


async def test_a_node_that_is_not_there_is_refused_with_the_real_names(
    ops: FakeOps, tmp_path: Path
) -> None:
    know_nodes(ops)
    async with connect(ops, tmp_path) as client:
        wrong = await call(client, "far-away-1")
        again = await call(client, "elsewhere")
    assert wrong.is_error and again.is_error
    assert "no such node; did you mean 'faraway1'?" in text_of(wrong)
    assert '"nodename": "faraway1"' in text_of(wrong)
    assert "(it has faraway1)" in text_of(again)
    assert ops.posts == []
    assert sum(NODES in seen.path for seen in ops.requests) == 1


async def test_a_node_that_is_there_is_taken(ops: FakeOps, tmp_path: Path) -> None:
    know_nodes(ops)
    async with connect(ops, tmp_path) as client:
        await call(client, "faraway1")
    assert len(ops.posts) == 1


async def public_ip(client: Client, **given: str) -> types.CallToolResult:
    return await client.call_tool("get-public-ip", given)


async def test_a_host_of_another_cluster_is_looked_for_there(ops: FakeOps, tmp_path: Path) -> None:
    know_nodes(ops)
    async with connect(ops, tmp_path) as client:
        there = await public_ip(client, host="faraway1", cluster="faraway")
        ours = await public_ip(client, host="ssh2", cluster="faraway")
        here = await public_ip(client, host="faraway1")
        many = await public_ip(client, host="all", cluster="faraway")
        plan = await client.call_tool(
            "plan_operation",
            {"name": "get-public-ip", "arguments": {"host": "ssh2", "cluster": "faraway"}},
        )
    assert not there.is_error
    assert [seen.json["variables"]["host"] for seen in ops.posts] == ["faraway1"]
    assert "the cluster faraway has no such node (it has faraway1)" in text_of(ours)
    assert "it must be one of local, ssh2" in text_of(here)
    assert "selectors and lists are not allowed here" in text_of(many)
    assert "has no such node" in text_of(plan)


async def test_hosts_are_completed_from_the_cluster_that_was_chosen(
    ops: FakeOps, tmp_path: Path
) -> None:
    know_nodes(ops)
    reference, argument = types.PromptReference(name="investigate"), {"name": "host", "value": ""}
    async with connect(ops, tmp_path) as client:
        there = await client.complete(reference, argument, context_arguments={"cluster": "faraway"})
        here = await client.complete(reference, argument)
    assert there.completion.values == ["faraway1"]
    assert "ssh2" in here.completion.values


@pytest.mark.parametrize("fault", [Fault.PANIC, Fault.DROP, Fault.EMPTY])
async def test_where_the_nodes_cannot_be_had_nothing_is_refused(
    ops: FakeOps, tmp_path: Path, fault: Fault
) -> None:
    ops.fail(NODES, fault, times=9)
    async with connect(ops, tmp_path) as client:
        await call(client, "anything")
    assert len(ops.posts) == 1


async def test_nodes_are_completed(ops: FakeOps, tmp_path: Path) -> None:
    know_nodes(ops)
    reference = types.PromptReference(name="investigate")
    argument = {"name": "nodename", "value": "far"}
    async with connect(ops, tmp_path) as client:
        given = await client.complete(reference, argument, context_arguments={"cluster": "faraway"})
        any_cluster = await client.complete(reference, argument)
        unknown = await client.complete(reference, argument, context_arguments={"cluster": "x/.."})
    assert given.completion.values == any_cluster.completion.values == ["faraway1"]
    assert unknown.completion.values == []
