"""A server that wants tokens, and requests to it as any client could send them."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import httpx2

from opsmcp_server.identity.personal_token import SCOPES, PersonalToken, make_token
from opsmcp_server.identity.token_files import token_file
from opsmcp_tools.model.tool import Principal
from tests.server.conftest import Ground
from tests.server.harness import Running, running

ACCEPT = {"Accept": "application/json, text/event-stream"}


def add_token(
    ground: Ground,
    name: str,
    *,
    groups: tuple[str, ...] = (),
    scopes: tuple[str, ...] = SCOPES,
    age: timedelta = timedelta(days=-1),
    owner: str = "",
) -> tuple[str, PersonalToken]:
    """A token in the state directory; it is over after `age`, counted backwards from now."""
    now = datetime.now(UTC)
    who = Principal(name, groups, owner or f"token:{name}")
    text, kept = make_token(who, scopes=scopes, now=now, expires=now - age)
    keep(ground, kept)
    return text, kept


def keep(ground: Ground, *tokens: PersonalToken) -> None:
    """Put these into the file, in the place of those with their ids."""
    with token_file(ground.root / "state").updating() as kept:
        others = [one for one in kept.get("tokens", []) if one["id"] not in {t.id for t in tokens}]
        kept["tokens"] = [*others, *(one.data() for one in tokens)]


@asynccontextmanager
async def guarded(ground: Ground, era: str = "modern", **more: str) -> AsyncGenerator[Running]:
    async with running(f"http-{era}", ground.environ(**more), ground.root) as run:
        yield run


def listing(method: str = "tools/list", **params: Any) -> dict[str, Any]:
    """The body of one request of the newer era."""
    meta: dict[str, Any] = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}


async def post(
    run: Running, *headers: tuple[str, str], body: dict[str, Any] | None = None, query: str = ""
) -> httpx2.Response:
    """One request of the newer era."""
    body = body or listing()
    own = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", body["method"])]
    name = body["params"].get("name")
    own += [("Mcp-Name", name)] if name else []
    async with httpx2.AsyncClient(timeout=30) as client:
        every = [*ACCEPT.items(), *own, *headers]
        return await client.post(f"{run.url}/mcp{query}", headers=every, json=body)


async def status(run: Running, *headers: tuple[str, str]) -> int:
    return (await post(run, *headers)).status_code


async def until(look: Callable[[], Awaitable[object]], wanted: object) -> None:
    """Return once it is so: the server looks at its files every second."""
    for _ in range(100):
        if await look() == wanted:
            return
        await anyio.sleep(0.1)
    raise AssertionError(f"it never became {wanted}")


def bearer(token: str) -> tuple[str, str]:
    return "Authorization", f"Bearer {token}"
