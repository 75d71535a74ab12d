"""A server that asks about a call which the person has left, while another one is made."""

from contextlib import nullcontext

import anyio
import mcp_types as types

from opsmcp_server.copilot.base.words import Words
from opsmcp_server.copilot.calls.call import Call
from opsmcp_server.copilot.calls.consent import ConsentPrompt
from opsmcp_server.copilot.servers.connection import Address, Server
from opsmcp_server.copilot.servers.tools import Offered
from opsmcp_server.copilot.terminal.person import Interrupts, TerminalPerson


class _Agrees(TerminalPerson):
    """A person who says yes to everything."""

    def __init__(self) -> None:
        super().__init__(Words(), nullcontext, Interrupts())
        self.asked: list[str] = []

    @property
    def can_be_asked(self) -> bool:
        return True

    async def choose(self, name: str, question: str, choices: str) -> str:
        self.asked.append(f"{name}: {question}")
        return "y"

    async def line(self, prompt: str) -> str:
        return ""


async def test_a_yes_to_a_call_is_none_to_one_that_was_left() -> None:
    person = _Agrees()
    asking = ConsentPrompt(person, Words())
    schema: types.ElicitRequestedSchema = {"type": "object", "properties": {}}
    async with anyio.create_task_group() as group:
        server = Server(Address("https://x", "x"), asking.elicited, group, Words())

        def made(name: str) -> Call:
            tool = types.Tool(name=name, input_schema={"type": "object"})
            return Call(Offered(name, server, tool), {})

        async def elicited(text: str) -> str:
            params = types.ElicitRequestFormParams(message=text, requested_schema=schema)
            return (await asking.elicited("x", params)).action

        left, other = made("restart-it"), made("delete-it")
        with asking.about(left):
            pass
        with asking.about(other):
            assert await elicited("Run restart-it?") == "cancel"
            assert person.asked == []
            left.answered = True
            assert await elicited("Run delete-it?") == "accept"
    assert person.asked == ["delete-it: x asks: Run delete-it?"]
