"""Clients of each older version can read what they get."""

import json
from typing import Any

import pytest
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from tests.server.conftest import Ground
from tests.server.harness import running
from tests.server.lines import answers_on_stdio
from tests.server.older import initialize, older

_LINKS_FROM = "2025-06-18"
_GREET = {
    "name": "show-greeting",
    "arguments": {"who": "world"},
    "_meta": {"opsmcp/structured": True},
}


def kinds(result: dict[str, Any]) -> list[str]:
    """What the content of a result consists of; each text must be one."""
    assert all(part["type"] != "text" or part["text"] for part in result["content"])
    return [part["type"] for part in result["content"]]


def expected(version: str) -> list[str]:
    return ["text", "resource_link"] if version >= _LINKS_FROM else ["text"]


@pytest.mark.parametrize("version", HANDSHAKE_PROTOCOL_VERSIONS)
async def test_the_result_of_a_run_has_only_content_that_the_version_knows(
    version: str, ground: Ground
) -> None:
    async with (
        running("http-legacy", ground.environ(), ground.root) as run,
        older(run.url, version) as client,
    ):
        result = await client.ask("tools/call", **_GREET)
        again = await client.ask(
            "tools/call", name="get_run", arguments={"run": result["structuredContent"]["run"]}
        )
    assert kinds(result) == kinds(again) == expected(version)
    assert "hello world" in result["content"][0]["text"]


@pytest.mark.parametrize("version", HANDSHAKE_PROTOCOL_VERSIONS)
async def test_so_it_is_on_stdio(version: str, ground: Ground) -> None:
    messages = [
        initialize(version),
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": _GREET},
    ]
    lines = [json.dumps(message).encode() for message in messages]
    opened, called = await answers_on_stdio(ground, lines, count=2)
    assert opened["result"]["protocolVersion"] == version
    assert kinds(called["result"]) == expected(version)
