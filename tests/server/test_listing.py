"""The page that is built once equals what the SDK would have sent."""

from typing import Any

import pytest
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from opsmcp_server.listing import Listing, ListingMiddleware
from tests.server.conftest import Ground
from tests.server.harness import ERAS, connected


@pytest.mark.parametrize("era", list(ERAS))
async def test_the_built_page_is_what_the_sdk_sends(
    era: str, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = await _listed(era, ground)
    monkeypatch.setattr(ListingMiddleware, "__call__", _step_aside)
    theirs = await _listed(era, ground)
    assert ours == theirs
    assert ours["tools"]


async def _step_aside(_self: ListingMiddleware, ctx: Any, call_next: Any) -> Any:
    return await call_next(ctx)


async def _listed(era: str, ground: Ground) -> dict[str, Any]:
    async with connected(f"http-{era}", ground.environ(), ground.root) as client:
        return (await client.list_tools()).model_dump(mode="json")


def test_replacing_the_tools_by_the_same_ones_is_no_change() -> None:
    listing = Listing(())
    assert listing.replace(()) is True
    assert listing.replace(()) is False
    assert all(listing.page(version)["tools"] == [] for version in MODERN_PROTOCOL_VERSIONS)
