"""One reply of the model: asked for, shown as it comes, and asked for again where that mends it.

What can be mended is mended once each: an endpoint without tool calling is asked for JSON, a
conversation that is too long is shortened, a stream that dropped before it said anything is begun
again. Knows nothing of what is done with the calls in a reply.
"""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from opsmcp_server.copilot.base.errors import (
    ContextOverflow,
    CopilotError,
    NoToolCalling,
    StreamDropped,
)
from opsmcp_server.copilot.base.words import Words
from opsmcp_server.copilot.llm import json_tool_mode as jsonmode
from opsmcp_server.copilot.llm.client import Endpoint, Message
from opsmcp_server.copilot.llm.messages import Turn, tokens_of
from opsmcp_server.copilot.llm.reply import Reply
from opsmcp_server.copilot.terminal.view import View
from opsmcp_tools.safe_text.cleaning import clean
from opsmcp_tools.safe_text.token_estimate import estimate_tokens

__all__ = ["LONGEST_ANSWER", "Prompt", "Replies"]

LONGEST_ANSWER = 256 * 1024
"""Characters of an answer that are read."""


@dataclass
class Prompt:
    """What goes to the model besides the turn: it may be cut when it is too long."""

    system: str
    earlier: list[Message]
    tools: Sequence[Message]


@dataclass
class Replies:
    """Asks the model. `tool_calling` is `auto`, `native` or `json`, as the settings have it."""

    endpoint: Endpoint
    view: View
    words: Words
    tool_calling: str = "auto"
    _without_tools: set[str] = field(default_factory=set[str])
    """The models that were found to take no tools."""

    async def reply(self, turn: Turn, prompt: Prompt) -> Reply:
        """The model's reply. Its text was shown; its calls were not made.

        Raises:
            CopilotError: There is none. What came of it is kept in the turn.
        """
        mended: set[type[CopilotError]] = set()
        while True:
            reply = Reply(LONGEST_ANSWER)
            try:
                await self._ask(turn, prompt, reply)
            except (NoToolCalling, ContextOverflow, StreamDropped) as error:
                if type(error) in mended or not self._mend(turn, prompt, reply, error):
                    raise
                mended.add(type(error))
            else:
                return reply

    @property
    def _uses_json(self) -> bool:
        return self.tool_calling == "json" or self.endpoint.model in self._without_tools

    def _mend(self, turn: Turn, prompt: Prompt, reply: Reply, error: CopilotError) -> bool:
        """Whether asking again may help."""
        if isinstance(error, NoToolCalling):
            if self.tool_calling != "auto":
                return False
            self._without_tools.add(self.endpoint.model)
            self.view.note(self.words("json-mode"))
            return True
        if isinstance(error, ContextOverflow):
            prompt.earlier.clear()
            turn.shorten()
            self.view.note(self.words("shortened"))
            return True
        # What was shown already stays, and is not said twice.
        return self._uses_json or not reply.text

    async def _ask(self, turn: Turn, prompt: Prompt, reply: Reply) -> None:
        uses_json = self._uses_json
        messages, tools = _request(turn, prompt, uses_json=uses_json)
        turn.tokens += tokens_of(messages) + tokens_of(tools)
        self.view.thinking()
        try:
            async with aclosing(self.endpoint.stream(messages, tools)) as pieces:
                async for piece in pieces:
                    text = reply.add(piece)
                    if text and not uses_json:
                        self.view.text(text)
                    if reply.cut:
                        break
        except BaseException:
            self._keep(turn, "" if uses_json else clean(reply.text))
            raise
        turn.tokens += estimate_tokens(reply.text)
        if uses_json:
            reply.reread(*jsonmode.read_turn(reply.text, is_whole=not reply.cut_by))
            self.view.text(reply.text)
        text = f"{reply.text} …" if reply.cut_by and reply.text else reply.text
        self.view.end_text(clean(text), final=not reply.calls)

    def _keep(self, turn: Turn, text: str) -> None:
        """Keep what came of an answer that broke off."""
        self.view.end_text(f"{text} …" if text else "", final=False)
        if text.strip():
            turn.says(text)


def _request(
    turn: Turn, prompt: Prompt, *, uses_json: bool
) -> tuple[list[Message], Sequence[Message]]:
    """Messages and tools as the endpoint takes them."""
    said = [*prompt.earlier, *turn.messages]
    if uses_json:
        system = f"{prompt.system}\n{jsonmode.instruction(prompt.tools)}"
        return [_system(system), *jsonmode.plain_messages(said)], ()
    return [_system(prompt.system), *said], prompt.tools


def _system(text: str) -> Message:
    return {"role": "system", "content": text}
