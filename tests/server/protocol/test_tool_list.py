"""Lists are built once, stay the same bytes, and equal what the SDK would have sent."""

import json
from dataclasses import replace
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from opsmcp_server.protocol.handlers import build_server
from opsmcp_server.protocol.services import Services
from opsmcp_server.protocol.tool_list import Listing, ListingMiddleware
from opsmcp_tools.model.tool import Principal, Tool
from tests.own_settings import write_settings
from tests.server.conftest import EXTRA, Ground
from tests.server.harness import ERAS, Running, connected, running
from tests.tools.corpus import TOOL

MODERN = MODERN_PROTOCOL_VERSIONS[0]
LEGACY = "2025-11-25"


@pytest.mark.parametrize("link", [f"{how}-{era}" for how in ("http", "sse") for era in ERAS])
async def test_the_built_page_is_what_the_sdk_sends(
    link: str, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = await _listed(link, ground.environ(), ground)
    monkeypatch.setattr(ListingMiddleware, "__call__", _step_aside)
    theirs = await _listed(link, ground.environ(), ground)
    assert ours == theirs
    assert ours["tools"]


async def _step_aside(_self: ListingMiddleware, ctx: Any, call_next: Any) -> Any:
    return await call_next(ctx)


async def _listed(link: str, environ: dict[str, str], ground: Ground) -> dict[str, Any]:
    async with connected(link, environ, ground.root) as client:
        return (await client.list_tools()).model_dump(mode="json")


async def test_processes_of_any_hash_seed_list_the_same_bytes(ground: Ground) -> None:
    lists = [
        json.dumps(await _listed("stdio-legacy", ground.environ(PYTHONHASHSEED=seed), ground))
        for seed in ("1", "2")
    ]
    assert lists[0] == lists[1]


async def test_a_list_over_http_is_the_same_bytes_each_time(ground: Ground) -> None:
    async with running("http-modern", ground.environ(), ground.root) as run:
        first, again = await _post_list(run), await _post_list(run)
    assert first.content == again.content
    assert int(first.headers["content-length"]) == len(first.content)
    assert {"ttlMs": 60_000, "cacheScope": "private"}.items() <= first.json()["result"].items()


async def _post_list(run: Running) -> httpx2.Response:
    meta: dict[str, Any] = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"_meta": meta}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params}
    headers = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": MODERN,
        "Mcp-Method": "tools/list",
    }
    async with httpx2.AsyncClient() as client:
        return await client.post(f"{run.url}/mcp", json=message, headers=headers)


def shown(listing: Listing, *tools: Tool) -> bool:
    return listing.show(listing.build(tools, tools))


def tools(names: str) -> list[Tool]:
    return [replace(TOOL, name=name, digest=name) for name in names]


def test_an_equal_generation_is_no_change_and_keeps_its_pages() -> None:
    listing = Listing(())
    assert shown(listing, *tools("ab")) is True
    page, written = listing.page(MODERN), listing.written(MODERN)
    assert shown(listing, *tools("ab")) is False
    assert listing.page(MODERN) is page
    assert listing.written(MODERN) is written


def test_the_pages_that_were_asked_for_are_built_before_they_are_shown() -> None:
    listing = Listing(())
    shown(listing, *tools("ab"))
    listing.page(LEGACY)
    listing.written(MODERN)
    built = listing.build(tools("abc"))
    assert (set(built.pages), set(built.written)) == ({LEGACY}, {MODERN})
    listing.show(built)
    assert [tool["name"] for tool in listing.page(LEGACY)["tools"]] == ["a", "b", "c"]
    assert [tool["name"] for tool in json.loads(listing.written(MODERN).tools)] == ["a", "b", "c"]


def test_a_list_that_changes_between_two_pages_repeats_and_skips_nothing() -> None:
    listing = Listing((), page_size=2)
    shown(listing, *tools("bdf"))
    first = listing.slice(None)
    shown(listing, *tools("acef"))
    second = listing.slice(first.next_cursor)
    # b and d are gone with the page that had them; a came before, e and f are yet to come.
    assert [tool.name for tool in (*first.tools, *second.tools)] == ["b", "d", "e", "f"]
    assert second.next_cursor is None


async def test_a_catalogue_that_reads_the_same_changes_no_list(ground: Ground) -> None:
    async with running("memory-modern", ground.environ(), ground.root) as run:
        assert run.services is not None
        listing = run.services.clients.listing
        before = listing.page(MODERN)
        text = (ground.manifests / "own.yaml").read_text("utf-8")
        (ground.manifests / "own.yaml").write_text(f"{text}# a remark\n", "utf-8")
        await _refresh(run.services)
        assert listing.page(MODERN) is before
        (ground.manifests / "extra.yaml").write_text(EXTRA, "utf-8")
        await _refresh(run.services)
        assert listing.page(MODERN) is not before


async def _refresh(services: Services) -> None:
    await services.calls.tools.discovery.refresh()
    with anyio.fail_after(60):
        tools = services.calls.tools
        while tools.toolbox is None or tools.toolbox.catalogue is not tools.discovery.catalogue:
            await anyio.lowlevel.checkpoint()


_RULES = """\
policy:
  rules:
    - {name: no deleting, effect: deny, principal: [token, ann*], operation: delete-*}
"""


async def test_everybody_sees_what_policy_shows_them(ground: Ground) -> None:
    write_settings(ground.root, _RULES)
    environ = ground.environ(OPSMCP_SERVER_TOKEN="planted-server-token")
    async with running("http-modern", environ, ground.root) as run, run.connect() as client:
        assert run.services is not None
        theirs = {tool.name for tool in (await client.list_tools()).tools}
        async with Client(build_server(run.services)) as local:
            own = {tool.name for tool in (await local.list_tools()).tools}
    assert own - theirs == {"delete-thing"}
    assert theirs < own


async def test_those_who_may_see_the_same_share_one_list(ground: Ground) -> None:
    write_settings(ground.root, _RULES)
    async with running("memory-modern", ground.environ(), ground.root) as run:
        services = run.services
        assert services is not None
        anna, anne, bob = (Principal(name) for name in ("anna", "anne", "bob"))
        assert services.clients.listing_for(anna) is services.clients.listing_for(anne)
        assert services.clients.listing_for(bob) is services.clients.listing
        assert services.clients.listing_for(anna) is not services.clients.listing
