"""The names that the chat completes: clusters, hosts and runs, read while nobody waits for them."""

from collections.abc import Iterable, Mapping
from typing import Any

import anyio

from opsmcp_server.copilot.base.shape import list_of, object_of, text_of
from opsmcp_server.copilot.servers.connections import Hub
from opsmcp_server.copilot.servers.quiet_call import read
from opsmcp_tools.phrases.tool_names import LIST_INVENTORY, LIST_RUNS
from opsmcp_tools.safe_text.characters import clean_line

__all__ = ["Names"]

_REFRESH_SECONDS = 30.0
_LONGEST_NAME = 200


class Names:
    """What was read last; empty before that."""

    def __init__(self, hub: Hub) -> None:
        """Read from these servers."""
        self._hub = hub
        self._names: Mapping[str, tuple[str, ...]] = {}
        self._old = anyio.Event()

    def __call__(self, kind: str) -> Iterable[str]:
        """The names of a kind: `hosts`, `clusters` or `runs`."""
        return self._names.get(kind, ())

    def age(self) -> None:
        """Something happened: read them again, and the tools with them."""
        self._old.set()

    async def keep_fresh(self) -> None:
        """Read them now, whenever something happened, and now and then; ends by cancellation."""
        while True:
            names = {kind: await self._inventory(kind) for kind in ("hosts", "clusters")}
            self._names = {**names, "runs": await self._read(LIST_RUNS, {}, "runs", "run")}
            with anyio.move_on_after(_REFRESH_SECONDS):
                await self._old.wait()
            self._old = anyio.Event()
            await self._hub.refresh()

    async def _inventory(self, kind: str) -> tuple[str, ...]:
        return await self._read(LIST_INVENTORY, {"kind": kind}, kind, "name")

    async def _read(
        self, tool: str, arguments: dict[str, Any], rows: str, field: str
    ) -> tuple[str, ...]:
        offered = self._hub.find(tool)
        if offered is None:
            return ()
        answer = await read(offered, arguments)
        named = (text_of(object_of(row).get(field)) for row in list_of(answer.data.get(rows)))
        return tuple(clean_line(name, _LONGEST_NAME) for name in named if name)
