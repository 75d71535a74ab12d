"""Being told to end: SIGTERM, and SIGHUP of a terminal that was closed.

Left alone, they end Python on the spot, and the scripts of the embedded engine would go on with
nobody to stop them. Here what is under way is left as it is by Ctrl-C.
"""

import signal
import threading
from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskStatus

__all__ = ["run_until_signalled", "ending_signals"]

_SIGNALLED = 128
"""Added to a signal's number, it is the exit status of what it ended, as in shells."""


async def run_until_signalled(work: Callable[[], Awaitable[int]]) -> int:
    """The exit status of `work`, whose errors come as they are.

    It is cancelled by a signal to end; a second one ends the process at once. In any thread but the
    main one signals are somebody else's business.
    """
    if threading.current_thread() is not threading.main_thread():
        return await work()
    status, failure = 0, None

    async def listen(*, task_status: TaskStatus[None]) -> None:
        nonlocal status
        with anyio.open_signal_receiver(*ending_signals()) as signals:
            task_status.started()
            number = await anext(aiter(signals))
        status = _SIGNALLED + number
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        await group.start(listen)
        try:
            status = await work()
        # Carried out of the task group, which would wrap it.
        except Exception as error:  # noqa: BLE001
            failure = error
        group.cancel_scope.cancel()
    if failure is not None:
        raise failure
    return status


def ending_signals() -> list[signal.Signals]:
    """The signals to listen to. What a process was started to ignore (`nohup`) stays ignored."""
    both = (signal.SIGTERM, signal.SIGHUP)
    return [number for number in both if signal.getsignal(number) is not signal.SIG_IGN]
