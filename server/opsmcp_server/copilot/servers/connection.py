"""An MCP server of the chat: connected in a task of its own, and anew when it was gone.

Whatever goes wrong with a call is an outcome, in words for the person and the model. The SDK's
transports end whoever has them open when their server cannot be reached, so nothing else may live
in the task that has.
"""

import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx2
import mcp_types as types
from anyio.abc import TaskGroup, TaskStatus
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.dispatcher import ProgressFnT
from mcp.shared.exceptions import MCPError
from mcp_types.jsonrpc import CONNECTION_CLOSED
from pydantic import ValidationError

from opsmcp_pipelines.run import Verdict
from opsmcp_server.copilot.base.outcome import Outcome, read_outcome
from opsmcp_server.copilot.base.words import Words
from opsmcp_server.protocol.results import STRUCTURED
from opsmcp_tools.safe_text.cleaning import clean

__all__ = ["FAULTS", "Address", "Elicit", "Server"]

logger = logging.getLogger(__name__)

FAULTS = (
    MCPError,
    OSError,
    TimeoutError,
    ValidationError,
    httpx2.HTTPError,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
)
"""What may go wrong between a client and a server."""

Elicit = Callable[[str, types.ElicitRequestParams], Awaitable[types.ElicitResult]]
"""Answers an elicitation, given the label of the server that asks."""

_OURS = "opsmcp"
_LONGEST_INSTRUCTIONS = _LONGEST_ERROR = 2_000
_MOST_PAGES = 100
_CONNECT_SECONDS = 10.0
_READ_SECONDS = 90.0
"""Silence that is borne; opsmcp answers within a minute and reports progress before that."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is: a URL with its token, or an SDK server in this process."""

    target: Any
    label: str
    token: str = field(default="", repr=False)
    trusted: bool = False
    """Whether it is believed when it says that it is opsmcp: anybody can say so."""


class Server:
    """A server and its tools."""

    def __init__(self, address: Address, elicit: Elicit, group: TaskGroup, words: Words) -> None:
        """Connect in `group`, when it is asked for the first time."""
        self._address = address
        self._elicit = elicit
        self._group = group
        self._words = words
        self._client: Client | None = None
        self._opening = anyio.Lock()
        self._closing = anyio.Event()
        self.asks_itself = False
        """Whether it asks a person by elicitation where its policy wants that, as opsmcp does."""

        self.instructions = ""
        """What it says of itself."""

    @property
    def label(self) -> str:
        """Its name among the servers of the chat."""
        return self._address.label

    @property
    def in_process(self) -> bool:
        """Whether it ends with this process."""
        return not isinstance(self._address.target, str)

    async def is_there(self) -> bool:
        """Whether it can be connected to; raises nothing."""
        try:
            await self._connected()
        except FAULTS:
            return False
        return True

    async def call(
        self, tool: str, arguments: dict[str, Any], on_progress: ProgressFnT | None = None
    ) -> Outcome:
        """What came of a call. It is never repeated: what became of it is not known."""
        try:
            client = await self._connected()
            result = await client.call_tool(
                tool, arguments, progress_callback=on_progress, meta={STRUCTURED: True}
            )
        # RuntimeError: the SDK gives up after too many rounds of questions.
        except (*FAULTS, RuntimeError) as error:
            return self._fault(error)
        return read_outcome(result, is_ours=self.in_process)

    def _fault(self, error: Exception) -> Outcome:
        if isinstance(error, ConnectionError):
            return Outcome(self._words("mcp-unreachable", server=self.label), is_error=True)
        if isinstance(error, MCPError) and error.code == CONNECTION_CLOSED:
            text = self._words("mcp-lost", server=self.label)
            return Outcome(text, is_error=True, verdict=str(Verdict.UNKNOWN))
        if isinstance(error, RuntimeError):
            return Outcome(self._words("asks-endlessly", server=self.label), is_error=True)
        text = clean(str(error))[:_LONGEST_ERROR] or type(error).__name__
        return Outcome(text, is_error=True, is_ours=self.in_process)

    async def list_tools(self) -> list[types.Tool]:
        """All pages of its list; raises one of `FAULTS` when there is none."""
        client = await self._connected()
        found: list[types.Tool] = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = await client.list_tools(cursor=cursor, cache_mode="bypass")
            found += page.tools
            cursor = page.next_cursor
            if cursor is None:
                break
        return found

    def close(self) -> None:
        """Take leave of it."""
        self._closing.set()

    async def _connected(self) -> Client:
        async with self._opening:
            if self._client is None:
                await self._group.start(self._live)
            client = self._client
        if client is None:  # it is gone again already
            raise ConnectionError(self.label)
        return client

    async def _live(self, *, task_status: TaskStatus[None]) -> None:
        """Be connected, until it is closed or the server is gone."""
        failure: BaseException | None = None
        started = False
        try:
            async with AsyncExitStack() as stack:
                self._client = await self._enter(stack)
                started = True
                task_status.started()
                await self._closing.wait()
        except FAULTS as error:
            failure = error
        except BaseExceptionGroup as group:
            # A transport's task group wraps what went wrong in it.
            if group.split(FAULTS)[1] is not None:
                raise
            failure = group
        finally:
            self._client = None
        if failure is not None:
            logger.debug("%s is gone: %s", self.label, type(failure).__name__)
            if not started:
                raise ConnectionError(self.label) from failure

    async def _enter(self, stack: AsyncExitStack) -> Client:
        async def asked(context: object, params: types.ElicitRequestParams) -> types.ElicitResult:
            del context
            return await self._elicit(self.label, params)

        target = await _transport(stack, self._address)
        client = await stack.enter_async_context(Client(target, elicitation_callback=asked))
        info = client.server_info
        self.asks_itself = self._address.trusted and info is not None and info.name == _OURS
        self.instructions = clean(client.instructions or "")[:_LONGEST_INSTRUCTIONS]
        return client


async def _transport(stack: AsyncExitStack, address: Address) -> Any:
    if not isinstance(address.target, str):
        return address.target
    headers = {"Authorization": f"Bearer {address.token}"} if address.token else {}
    http = await stack.enter_async_context(
        httpx2.AsyncClient(
            headers=headers, timeout=httpx2.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS)
        )
    )
    return streamable_http_client(address.target, http_client=http)
