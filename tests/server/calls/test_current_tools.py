"""What a caller is told while there are no tools yet."""

import pytest

from opsmcp_pipelines.discovery import Discovery
from opsmcp_server.calls.current_tools import CurrentTools
from opsmcp_tools.model.errors import ToolUnavailable
from tests.fakes.scripted_source import ScriptedSource


async def _refusal(discovery: Discovery) -> str:
    tools = CurrentTools(discovery, "the Ops server", first_read_seconds=0)
    with pytest.raises(ToolUnavailable) as caught:
        await tools.current()
    return str(caught.value)


async def test_a_source_that_has_not_answered_is_named() -> None:
    assert "(the Ops server has not answered yet)" in await _refusal(Discovery(ScriptedSource()))


async def test_what_takes_opsmcp_long_to_check_is_not_blamed_on_the_source() -> None:
    discovery = Discovery(ScriptedSource())
    assert await discovery.refresh()
    said = await _refusal(discovery)
    assert "(0 were read, and opsmcp is still checking them)" in said
    assert "Ops server" not in said
