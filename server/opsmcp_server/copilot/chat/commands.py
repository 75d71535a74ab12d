"""The slash commands of the chat: what a person does without the model."""

import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

import anyio.to_thread

from opsmcp_server.copilot.base.outcome import Outcome, list_of, object_of, text_of
from opsmcp_server.copilot.calls.call import Call, parse
from opsmcp_server.copilot.chat.session import Session
from opsmcp_server.copilot.chat.transcript import Saved
from opsmcp_server.copilot.servers.hub import Hub
from opsmcp_server.copilot.servers.tools import Offered, find, output_of
from opsmcp_server.copilot.terminal.person import page
from opsmcp_server.copilot.terminal.view import barred
from opsmcp_tools.arguments.nearest_names import nearest_names
from opsmcp_tools.phrases.tool_names import (
    GET_RUN_OUTPUT,
    LIST_RUNS,
    PLAN_OPERATION,
    RUN_OPERATION,
    SEARCH_OPERATIONS,
)
from opsmcp_tools.safe_text.characters import clean_line
from opsmcp_tools.safe_text.cleaning import clean

__all__ = ["Commands"]

_MOST_TOOLS = 200
_LONGEST_NAME = 100
_LONGEST_DESCRIPTION = 1_000


@dataclass
class Commands:
    """Does what a line that begins with a slash says."""

    session: Session
    _saved: Saved = field(default_factory=Saved)

    @property
    def hub(self) -> Hub:
        """The servers and their tools."""
        return self.session.caller.hub

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
            name, *arguments = shlex.split(line)
        except ValueError:
            name, *arguments = line.split()
        command = self._table.get(name)
        if command is None:
            return self._say("no-such-command", command=clean_line(name, 40))
        return await command(arguments)

    def _say(self, key: str, **values: object) -> int:
        self.session.view.note(self.session.words(key, **values))
        return 1

    async def _tools(self, arguments: Sequence[str]) -> int:
        tools = list(self.hub.tools.values())
        query = " ".join(arguments)
        found = find(tools, query, _MOST_TOOLS) if query else tools
        rows = {tool.name: (_mark(tool), tool.description) for tool in found}
        if query:
            rows = await self._searched(query) | rows
        if not rows:
            return self._say("no-tool-fits")
        width = max(map(len, rows))
        lines = [f"{mark} {name:<{width}}  {text}" for name, (mark, text) in rows.items()]
        self.session.view.answer("\n".join(lines[:_MOST_TOOLS]))
        return 0

    async def _searched(self, query: str) -> dict[str, tuple[str, str]]:
        """What servers find that do not list all their operations: name to mark and words."""
        rows: dict[str, tuple[str, str]] = {}
        for tool in self.hub.named(SEARCH_OPERATIONS):
            found = await tool.read(query=query)
            for row in map(object_of, list_of(found.data.get("operations"))):
                mark = "!" if row.get("destructive") is not False else "*"
                mark = " " if row.get("read_only") is True else mark
                words = clean_line(text_of(row.get("description")), _LONGEST_DESCRIPTION)
                rows[clean_line(text_of(row.get("name")), _LONGEST_NAME)] = (mark, words)
        return rows

    async def _run(self, arguments: Sequence[str]) -> int:
        call = self._read_call(arguments, "/run")
        if call is None:
            return 1
        self.session.caller.origins.person_gave(call.arguments)
        outcome = await self.session.caller.call(call.offered, call.arguments)
        self.session.view.rest()
        return 0 if outcome.good else 1

    def _read_call(self, arguments: Sequence[str], command: str) -> Call | None:
        """What is to be called; None when that was said to be wrong."""
        name, *words = arguments or [""]
        listed = self.hub.find(name)
        # One that is not listed may still be there.
        offered = listed or next(iter(self.hub.named(RUN_OPERATION)), None)
        parsed = parse(words, offered.properties if offered else {})
        if not name or parsed is None:
            self._usage(f"{command} TOOL name=value ...")
            return None
        if offered is None:
            near = ", ".join(nearest_names(name, self.hub.tools))
            key = "no-such-name-but" if near else "no-such-name"
            self._say(key, tool=clean_line(name, _LONGEST_NAME), near=near)
            return None
        return Call(offered, parsed if listed else {"name": name, "arguments": parsed})

    def _usage(self, usage: str) -> int:
        return self._say("usage", usage=usage)

    async def _plan(self, arguments: Sequence[str]) -> int:
        call = self._read_call(arguments, "/plan")
        if call is None:
            return 1
        planned = await self.session.caller.plan(call)
        if planned is None:
            return self._say("no-such-tool", tool=PLAN_OPERATION)
        self.session.view.answer(_said(planned))
        return int(planned.is_error)

    async def _runs(self, arguments: Sequence[str]) -> int:
        lists = self.hub.named(LIST_RUNS)
        for tool in lists:
            self.session.view.answer(_said(await tool.read()))
        return 0 if lists else self._say("no-such-tool", tool=LIST_RUNS)

    async def _output(self, arguments: Sequence[str]) -> int:
        if len(arguments) != 1:
            return self._usage("/output RUN")
        failure = self.session.words("no-such-tool", tool=GET_RUN_OUTPUT)
        for tool in self.hub.named(GET_RUN_OUTPUT):
            parts: list[str] = []
            async with aclosing(output_of(tool, arguments[0])) as answers:
                async for answer in answers:
                    if answer.is_error:
                        failure = _said(answer)
                        break
                    parts.append(answer.text)
            if parts:
                await page("".join(parts), self.session.interrupts)
                return 0
        self.session.view.note(failure)
        return 1

    async def _history(self, arguments: Sequence[str]) -> int:
        asked = self.session.conversation.questions
        lines = [f"{place}. {clean(text)}" for place, text in enumerate(asked, start=1)]
        self.session.view.answer("\n".join(lines) or self.session.words("none"))
        return 0

    async def _clear(self, arguments: Sequence[str]) -> int:
        self.session.conversation.forget()
        self._say("cleared")
        return 0

    async def _model(self, arguments: Sequence[str]) -> int:
        endpoint = self.session.endpoint
        if arguments:
            endpoint.model = arguments[0]
        self._say("model", model=clean_line(endpoint.model, 100))
        return 0

    async def _save(self, arguments: Sequence[str]) -> int:
        if len(arguments) != 1:
            return self._usage("/save FILE")
        path = Path(arguments[0])
        shown = clean_line(str(path), 200)
        text = self.session.transcript.markdown()
        try:
            await anyio.to_thread.run_sync(self._saved.write, path, text)
        except FileExistsError:
            return self._say("file-exists", file=shown)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            return self._say("not-saved", file=shown, reason=reason)
        self._say("saved", file=shown)
        return 0

    async def _help(self, arguments: Sequence[str]) -> int:
        self.session.view.answer(self.session.words("help"))
        return 0


def _mark(tool: Offered) -> str:
    if tool.reads_only:
        return " "
    return "!" if tool.destroys else "*"


def _said(outcome: Outcome) -> str:
    """What a tool said; behind a bar unless it is ours."""
    return outcome.text if outcome.is_ours else barred(outcome.text)
