"""The traps of the SDK, each as a client would fall into it."""

from typing import Any

import mcp_types as types
import pytest
from mcp.shared.exceptions import MCPError
from mcp_types.jsonrpc import INTERNAL_ERROR

from opsmcp_server.protocol.handlers import build_server
from opsmcp_server.protocol.tool_list import Listing
from opsmcp_tools.policy.decision import Decision, Policy
from tests.server.conftest import Ground
from tests.server.harness import Running, running

SECRET = "dsn postgres://u:planted@h"


class Exploding(Policy):
    """A policy with a bug in it: what a handler may meet."""

    def decide(self, *args: Any, **kwargs: Any) -> Decision:
        raise RuntimeError(SECRET)


async def _broken(run: Running) -> None:
    assert run.services is not None
    run.services.calls.policy = Exploding()


@pytest.mark.parametrize("link", ["memory-legacy", "memory-modern", "http-legacy", "http-modern"])
async def test_the_text_of_an_exception_reaches_no_client(
    link: str, ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(link, ground.environ(), ground.root) as run, run.connect() as client:
        await _broken(run)
        result = await client.call_tool("show-greeting", {"who": "world"})
        with pytest.raises(MCPError) as caught:
            await client.read_resource("ops://operations")
    assert result.is_error
    assert SECRET not in str(result.content)
    assert caught.value.code == INTERNAL_ERROR
    assert SECRET not in str(caught.value)
    number = str(result.content).split("under the id ")[1][:8]
    assert any(number in record.getMessage() for record in caplog.records)


async def test_a_call_over_http_does_not_list_all_tools_first(ground: Ground) -> None:
    async with running("http-modern", ground.environ(), ground.root) as run:
        assert run.services is not None
        server = build_server(run.services)
        assert server.get_tool_input_schema is not None
        schema = server.get_tool_input_schema("show-greeting")
    assert schema is not None
    assert set(schema["properties"]) >= {"who", "topk"}


def test_every_listed_definition_survives_both_eras() -> None:
    tool = types.Tool(name="x", description="x", input_schema={"type": "object"})
    listing = Listing((tool,))
    for version in ("2025-11-25", "2026-07-28"):
        assert [item["name"] for item in listing.page(version)["tools"]] == ["x"]
