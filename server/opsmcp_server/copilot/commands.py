"""The slash commands of the chat: what a person does without the model."""

import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio.to_thread
import click
import mcp_types as types

from opsmcp_server.copilot import finding
from opsmcp_server.copilot.arguments import parse
from opsmcp_server.copilot.connections import FAULTS, Hub, Offered
from opsmcp_server.copilot.conversation import Conversation
from opsmcp_server.copilot.transcript import Transcript
from opsmcp_server.copilot.view import View
from opsmcp_server.copilot.words import Words
from opsmcp_tools.characters import clean_line
from opsmcp_tools.text import clean

__all__ = ["Commands"]

_MOST_OUTPUT_CHARACTERS = 4 * 1024 * 1024
_PAGE_CHARACTERS = 20_000
"""The most that get_run_output gives at once."""
_MOST_TOOLS = 200


@dataclass
class Commands:
    """Does what a line that begins with a slash says."""

    conversation: Conversation
    hub: Hub
    transcript: Transcript
    view: View
    words: Words
    show: Callable[[str], None]
    """Shows clean text."""

    @property
    def names(self) -> tuple[str, ...]:
        """All commands."""
        return tuple(self._table)

    @property
    def _table(self) -> Mapping[str, Callable[[Sequence[str]], Awaitable[int]]]:
        return {
            "/tools": self._tools,
            "/run": self._run,
            "/plan": self._plan,
            "/runs": self._runs,
            "/output": self._output,
            "/history": self._history,
            "/clear": self._clear,
            "/model": self._model,
            "/save": self._save,
            "/help": self._help,
        }

    async def do(self, line: str) -> int:
        """Do it; returns 0 when that went well."""
        try:
            name, *given = shlex.split(line)
        except ValueError:
            name, *given = line.split()
        command = self._table.get(name)
        if command is None:
            return self._say("no-such-command", command=clean_line(name, 40))
        return await command(given)

    def _say(self, key: str, **values: object) -> int:
        self.view.note(self.words(key, **values))
        return 1

    async def _tools(self, given: Sequence[str]) -> int:
        tools = list(self.hub.tools.values())
        found = finding.find(tools, " ".join(given), _MOST_TOOLS) if given else tools
        width = max((len(tool.name) for tool in found), default=0)
        lines = [f"{_mark(tool)} {tool.name:<{width}}  {tool.description}" for tool in found]
        self.show("\n".join(lines[:_MOST_TOOLS]) or self.words("none"))
        return 0

    async def _run(self, given: Sequence[str]) -> int:
        return await self._call(given, "/run TOOL name=value ...")

    async def _call(self, given: Sequence[str], usage: str) -> int:
        offered = self.hub.find(given[0]) if given else None
        if offered is None:
            return self._missing(given, usage)
        arguments = parse(given[1:], offered.properties)
        if arguments is None:
            return self._say("usage", usage=usage)
        self.conversation.typed(arguments)
        outcome = await self.conversation.call(offered, arguments)
        self.view.rest()
        return 0 if outcome.good else 1

    def _missing(self, given: Sequence[str], usage: str) -> int:
        if not given:
            return self._say("usage", usage=usage)
        return self._say("no-such-tool", tool=clean_line(given[0], 60))

    async def _plan(self, given: Sequence[str]) -> int:
        usage = "/plan TOOL name=value ..."
        offered = self.hub.find(given[0]) if given else None
        planner = self.hub.sibling(offered.server, "plan_operation") if offered else None
        if offered is None or planner is None:
            return self._missing(given if offered is None else ["plan_operation"], usage)
        arguments = parse(given[1:], offered.properties)
        if arguments is None:
            return self._say("usage", usage=usage)
        text = await _text(planner, {"name": offered.tool.name, "arguments": arguments})
        self.show(text)
        return 0

    async def _runs(self, given: Sequence[str]) -> int:
        lists = [tool for tool in self.hub.tools.values() if tool.tool.name == "list_runs"]
        for tool in lists:
            self.show(await _text(tool, {}))
        return 0 if lists else self._say("no-such-tool", tool="list_runs")

    async def _output(self, given: Sequence[str]) -> int:
        if len(given) != 1:
            return self._say("usage", usage="/output RUN")
        for tool in self.hub.tools.values():
            if tool.tool.name == "get_run_output":
                text = await _whole_output(tool, given[0])
                await anyio.to_thread.run_sync(click.echo_via_pager, text)
                return 0
        return self._say("no-such-tool", tool="get_run_output")

    async def _history(self, given: Sequence[str]) -> int:
        asked = self.conversation.questions
        lines = [f"{place}. {clean(text)}" for place, text in enumerate(asked, start=1)]
        self.show("\n".join(lines) or self.words("none"))
        return 0

    async def _clear(self, given: Sequence[str]) -> int:
        self.conversation.forget()
        self._say("cleared")
        return 0

    async def _model(self, given: Sequence[str]) -> int:
        if given:
            self.conversation.endpoint.model = given[0]
        self._say("model", model=clean_line(self.conversation.endpoint.model, 100))
        return 0

    async def _save(self, given: Sequence[str]) -> int:
        if len(given) != 1:
            return self._say("usage", usage="/save FILE")
        path = Path(given[0])
        try:
            await anyio.to_thread.run_sync(_write, path, self.transcript.markdown())
        except OSError as error:
            reason = error.strerror or type(error).__name__
            return self._say("not-saved", file=clean_line(str(path), 200), reason=reason)
        self._say("saved", file=clean_line(str(path), 200))
        return 0

    async def _help(self, given: Sequence[str]) -> int:
        self.show(self.words("help"))
        return 0


def _mark(tool: Offered) -> str:
    if tool.reads_only:
        return " "
    return "!" if tool.destroys else "*"


def _write(path: Path, text: str) -> None:
    # Only for its owner: a transcript tells how systems look.
    path = path.expanduser()
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


async def _text(offered: Offered, arguments: dict[str, Any]) -> str:
    return (await _result(offered, arguments))[0]


async def _whole_output(offered: Offered, run: str) -> str:
    parts: list[str] = []
    offset: object = 0
    while isinstance(offset, int) and sum(map(len, parts)) < _MOST_OUTPUT_CHARACTERS:
        asked = {"run": run, "offset": offset, "limit": _PAGE_CHARACTERS}
        text, data = await _result(offered, asked)
        output = data.get("output")
        parts.append(clean(output) if isinstance(output, str) else text)
        following = data.get("next_offset")
        offset = following if following != offset else None
    return "".join(parts)


async def _result(offered: Offered, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    try:
        result = await offered.server.client.call_tool(offered.tool.name, arguments)
    except FAULTS as error:
        return clean(str(error))[:2000], {}
    texts = [part.text for part in result.content if isinstance(part, types.TextContent)]
    data: dict[str, Any] | None = result.structured_content
    return clean("\n".join(texts)), data or {}
