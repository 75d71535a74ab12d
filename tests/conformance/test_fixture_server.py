"""The suite itself needs npm (`make conformance`); this holds what it is given."""

from pathlib import Path

from mcp import Client

from tests.conformance.fixture_server import fixture_server, fixture_services
from tests.server.task_client import TaskClient, call, end_of


async def test_the_suite_finds_its_tools_and_they_are_operations(tmp_path: Path) -> None:
    async with (
        fixture_services(tmp_path) as services,
        Client(fixture_server(services), extensions=[TaskClient()]) as client,
    ):
        names = {tool.name for tool in (await client.list_tools()).tools}
        greeted = await call(client, "greet", {"name": "you"})
        task = await call(client, "slow_compute", {"seconds": 1, "label": "x"})
        end = await end_of(client, task.task_id)
    assert names >= {"greet", "slow_compute", "failing_job", "confirm_delete", "get_run"}
    assert greeted.content[0].text == "Hello, you!"
    assert "computed x" in str(end["result"]["content"])
