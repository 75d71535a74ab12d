"""`run_operation`: another way to say what a call says, not another way to call.

The call that it takes is prepared, asked about and answered like any.
"""

from opsmcp_server.protocol.builtin_tools.row import BuiltIn
from opsmcp_tools.model.tool import Hints
from opsmcp_tools.phrases.tool_names import RUN_OPERATION, SEARCH_OPERATIONS

__all__ = ["ROW"]

ROW = BuiltIn(
    name=RUN_OPERATION,
    title="Run operation",
    description=f"Run an operation that {SEARCH_OPERATIONS} found, with the same checks and "
    "questions as if it were listed. Answers like its own tool.",
    takes_call_of=f"Its name, as {SEARCH_OPERATIONS} gave it.",
    respond=None,
    # What it does depends on the operation; a client that trusts hints must think the worst.
    hints=Hints(read_only=False, destructive=True, idempotent=False),
    reaches_unlisted=True,
    answers_run=True,
)
