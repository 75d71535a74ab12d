"""The record of signals, for commands that only look at it: nothing is made that is not there."""

from anyio import to_thread

from opsmcp_server.calls.context import CallContext
from opsmcp_server.protocol.builtin_tools import get_run
from opsmcp_tools.incidents.store import SignalStore
from opsmcp_tools.policy.decision import Action

__all__ = ["open_record"]


async def open_record(context: CallContext) -> SignalStore | None:
    """The record, if anything was ever received with this `state.dir`.

    Raises:
        NotAllowed: Policy lets this principal read nothing of the kind.
        JournalUnusable: It cannot be opened.
    """
    context.require(context.principal, Action.READ, get_run.ROW.subject)
    if not context.incidents.exists:
        return None
    return await to_thread.run_sync(context.incidents.signals)
