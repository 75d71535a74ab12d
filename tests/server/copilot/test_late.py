"""What is told of a call that nobody waited for, once it has come to something."""

from contextlib import nullcontext

import anyio
import mcp_types as types
import pytest

from opsmcp_server.copilot.base.outcome import Outcome
from opsmcp_server.copilot.base.words import Words
from opsmcp_server.copilot.calls.call import Call
from opsmcp_server.copilot.calls.caller import Caller
from opsmcp_server.copilot.calls.consent import ConsentPrompt
from opsmcp_server.copilot.calls.origin import Origins
from opsmcp_server.copilot.servers.connection import Address, Server
from opsmcp_server.copilot.servers.hub import Hub
from opsmcp_server.copilot.servers.tools import Offered
from opsmcp_server.copilot.terminal.person import Interrupts, TerminalPerson
from opsmcp_server.copilot.terminal.view import Plain

_REFUSED = "restart-it was not started: nobody may."


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Outcome("", run="r-abcd", verdict="failed", is_error=True), "ended: failed (/output"),
        (Outcome("done", is_ours=False), "restart-it has ended: succeeded"),
        (Outcome("no", is_error=True, is_ours=False), "restart-it has ended: failed"),
        (Outcome("lost", is_error=True, verdict="unknown"), "restart-it has ended: unknown"),
        (Outcome("", run="r-abcd", verdict="running"), "opsmcp runs r-abcd"),
        (Outcome(_REFUSED, is_error=True), f"restart-it: {_REFUSED}"),
    ],
    ids=["a run", "another's", "another's error", "lost", "goes on", "no run"],
)
async def test_what_came_of_it_is_told_and_no_more(
    outcome: Outcome, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = Words()
    async with anyio.create_task_group() as group:
        person = TerminalPerson(words, nullcontext, Interrupts())
        view = Plain(words, silence=False)
        caller = Caller(Hub([]), ConsentPrompt(person, words), Origins(), group, view, words)
        server = Server(Address("https://x", "x"), caller.asking.elicited, group, words)
        tool = types.Tool(name="restart-it", input_schema={"type": "object"})
        call = Call(Offered("restart-it", server, tool), {}, run=outcome.run, left=True)
        caller._notify_late(call, outcome)
    assert told in capsys.readouterr().err
