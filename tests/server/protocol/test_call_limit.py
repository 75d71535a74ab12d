"""How often one principal may call tools of a server, whatever it calls."""

import mcp_types as types
import pytest

from opsmcp_server.calls.observed import Limited, Observed
from tests.server.conftest import Ground
from tests.server.harness import ERAS, running, services_of, serving
from tests.server.people import client_of, known_by_name


@pytest.mark.parametrize("era", ERAS)
async def test_who_calls_too_often_is_told_when_to_try_again(era: str, ground: Ground) -> None:
    environ = ground.environ(OPSMCP_LIMITS_CALLS_PER_MINUTE="6")
    heard: list[Observed] = []
    async with running(f"memory-{era}", environ, ground.root) as run:
        services_of(run).calls.observers.add(heard.append)
        async with (
            serving(services_of(run), known_by_name) as url,
            client_of("anna", url, era) as anna,
            client_of("ben", url, era) as ben,
        ):
            good = [await anna.call_tool("list_runs", {}) for _ in range(2)]
            more = await anna.call_tool("show-greeting", {"who": "world"})
            other = await ben.call_tool("list_runs", {})
    assert not any(result.is_error for result in (*good, other))
    assert more.is_error
    (told,) = more.content
    assert isinstance(told, types.TextContent)
    assert "at most 6 a minute" in told.text
    assert "Nothing was started. Try again in 10 s." in told.text
    assert heard == [Limited("calls_per_minute")]


async def test_who_brings_no_token_is_not_counted(ground: Ground) -> None:
    environ = ground.environ(OPSMCP_LIMITS_CALLS_PER_MINUTE="6")
    async with running("memory-modern", environ, ground.root) as run, run.connect() as client:
        results = [await client.call_tool("list_runs", {}) for _ in range(4)]
    assert not any(result.is_error for result in results)
