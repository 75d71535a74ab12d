"""Blocking work in a thread, under a watchdog: what makes no progress is left behind.

A thread that reads from a hung file system cannot be stopped. So it is a daemon, which ends with
the process and not before it may: anyio's own threads would be waited for. Knows nothing of what is
done; the caller decides what goes on without the item that did not get done.
"""

import atexit
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Generic, TypeVar

import anyio
from anyio import from_thread
from anyio.lowlevel import current_token

__all__ = ["Progress", "Stuck", "run_watched"]

_ItemT = TypeVar("_ItemT")
_ResultT = TypeVar("_ResultT")


_LAST_SECONDS = 0.5
"""How long the end of the process waits for work that was left behind."""


class Stuck(Exception):
    """One item of the work took too long.

    Attributes:
        item: The one that the work was at.
        thread: Works on; alive for as long as it does.
    """

    def __init__(self, item: object, thread: threading.Thread) -> None:
        """Keep both."""
        super().__init__(f"no progress at {item}")
        self.item = item
        self.thread = thread


class _LeftBehind(BaseException):
    """Ends work that nobody waits for any more, at its next item."""


class Progress(Generic[_ItemT]):
    """What the work tells of itself, from its thread."""

    def __init__(self, first: _ItemT) -> None:
        """Begin with the first item."""
        self.item = first
        self._since = monotonic()
        self.left_behind = False
        """Set when nobody waits for the work any more: it ends as soon as it is at another item."""

    def at(self, item: _ItemT) -> None:
        """Begin with this item; whatever came before it is done."""
        if self.left_behind:
            raise _LeftBehind
        self.item, self._since = item, monotonic()

    def seconds_left(self, limit: float) -> float:
        """How long the present item may still take."""
        return self._since + limit - monotonic()


async def run_watched(
    work: Callable[[Progress[_ItemT]], _ResultT], first: _ItemT, *, item_seconds: float
) -> _ResultT:
    """What `work` returns, called in a thread of its own.

    Work that is left behind, also by cancellation, must have changed nothing that others see.

    Args:
        work: Told where to say at which item it is.
        first: The item that it begins with.
        item_seconds: How long one item may take.

    Raises:
        Stuck: One took longer.
    """
    progress, over = Progress(first), anyio.Event()
    results: list[_ResultT] = []
    errors: list[BaseException] = []
    token = current_token()

    def run() -> None:
        try:
            results.append(work(progress))
        except BaseException as error:  # noqa: BLE001 - carried over to whoever waits
            errors.append(error)
        if not progress.left_behind:
            with suppress(RuntimeError):  # the event loop has ended
                from_thread.run_sync(over.set, token=token)

    thread = threading.Thread(target=run, name="watched", daemon=True)
    thread.start()
    try:
        while not over.is_set():
            left = progress.seconds_left(item_seconds)
            if left <= 0:
                raise Stuck(progress.item, thread)
            with anyio.move_on_after(left):
                await over.wait()
    finally:
        progress.left_behind = True
        if not over.is_set():
            # A thread that ends within a library of C++ together with the process aborts that.
            atexit.register(thread.join, _LAST_SECONDS)
    if errors:
        raise errors[0]
    return results[0]
