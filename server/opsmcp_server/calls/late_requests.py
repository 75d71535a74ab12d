"""The requests of one opsmcp, imported with the first of them: most starts never have one."""

from typing import TYPE_CHECKING

import anyio

from opsmcp_tools.approval_requests.handle import is_request
from opsmcp_tools.model.tool import Principal

if TYPE_CHECKING:
    from opsmcp_server.calls.call_requests import CallRequests
    from opsmcp_server.calls.context import CallContext

__all__ = ["LateRequests"]


class LateRequests:
    """Gives them to whoever needs them, and works for them from then on."""

    def __init__(self, context: "CallContext") -> None:
        """Prepare; nothing is imported or opened."""
        self._context = context
        self._needed = anyio.Event()
        self._requests: CallRequests | None = None
        self._pages = ""

    async def run_handle(self, handle: str, principal: Principal) -> str:
        """The handle of the run that a request of this principal became; any other as it is.

        Raises:
            UnknownRun: This principal has no such request.
            RunsUnreadable: It cannot be looked up now.
        """
        if not is_request(handle):
            return handle
        return (await self.get().get(handle, principal)).run or handle

    def page(self, request: str) -> str:
        """The address of the page of a request; empty where this process has no pages."""
        return f"{self._pages}/requests/{request}" if self._pages else ""

    @property
    def pages(self) -> str:
        """The address under which pages are; empty where this process has none."""
        return self._pages

    def show_pages(self, address: str) -> None:
        """Name the pages of this process in what is said of requests."""
        self._pages = address

    def get(self) -> "CallRequests":
        """The requests."""
        if self._requests is None:
            from opsmcp_server.calls.call_requests import CallRequests

            self._requests = CallRequests(self._context)
            self._needed.set()
        return self._requests

    async def run(self) -> None:
        """Start what is approved, once anything was asked for; ends by being cancelled."""
        await self._needed.wait()
        await self.get().run()

    def close(self) -> None:
        """Close what was opened."""
        if self._requests is not None:
            self._requests.close()
