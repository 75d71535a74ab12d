"""What the error of a resource that cannot be read means: not there, or not now (SEP-2164)."""

from pathlib import Path

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, ErrorData

from tests.fakes.ops_server import fake_ops
from tests.server.conftest import Ground
from tests.server.harness import connected, journal_of, running, services_of, settings
from tests.server.protocol.test_subscriptions import subscribe

_NOW = ["ops://clusters", "ops://hosts", "ops://operations", "ops://operations/show-disk"]


async def _refusal(client: Client, address: str) -> ErrorData:
    with pytest.raises(MCPError) as caught:
        await client.read_resource(address)
    return caught.value.error


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_while_the_source_is_down_no_resource_is_absent(era: str, tmp_path: Path) -> None:
    async with fake_ops() as ops:
        environ = settings(tmp_path, OPS_SERVER=ops.url, OPS_TOKEN="wrong")
        async with connected(f"memory-{era}", environ, tmp_path) as client:
            refused = [await _refusal(client, address) for address in _NOW]
            absent = await _refusal(client, "ops://nothing")
    assert [(one.code, one.data) for one in refused] == [(INTERNAL_ERROR, None)] * len(_NOW)
    assert refused[0].message.startswith("The operations are not known yet (could not ")
    assert refused[0].message.endswith("). opsmcp keeps trying; ask again later.")
    assert absent.code == INVALID_PARAMS


async def test_a_long_address_is_not_repeated(ground: Ground) -> None:
    async with connected("memory-modern", ground.environ(), ground.root) as client:
        for address in ("ops://x" + "y" * 100_000, "ops://runs/" + "z" * 100_000):
            refused = await _refusal(client, address)
            assert (refused.code, refused.data) == (INVALID_PARAMS, None)
            assert len(refused.message) < 300


async def test_an_operation_that_went_away_is_absent(ground: Ground) -> None:
    address = "ops://operations/show-greeting"
    async with running("memory-modern", ground.environ(), ground.root) as run:
        services = services_of(run)
        (ground.manifests / "own.yaml").unlink()
        await services.calls.tools.discovery.refresh()
        assert services.calls.tools.discovery.catalogue is not None
        services.clients.adopt(services.clients.build(services.calls.tools.discovery.catalogue))
        async with run.connect() as client:
            refused = await _refusal(client, address)
    assert (refused.code, refused.data) == (INVALID_PARAMS, {"uri": address})
    assert "is gone" in refused.message


async def test_while_the_journal_cannot_be_read_no_run_is_absent(ground: Ground) -> None:
    async with running("memory-legacy", ground.environ(), ground.root) as run:
        journal = journal_of(run)
        async with run.connect() as client:
            result = await client.call_tool("show-greeting", {"who": "world"})
            address = f"ops://runs/{result.structured_content['run']}"
            journal._open().reader.close()
            refused = await _refusal(client, address)
            with pytest.raises(MCPError) as caught:
                await subscribe(client, address)
    assert (refused.code, refused.data) == (INTERNAL_ERROR, None)
    assert (caught.value.code, caught.value.error.data) == (INTERNAL_ERROR, None)
