"""The slash commands of the chat: what a person does without the model."""

import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio.to_thread

from opsmcp_server.copilot.base.shape import list_of, object_of, text_of
from opsmcp_server.copilot.calls.arguments import parse
from opsmcp_server.copilot.calls.inner_call import named_call
from opsmcp_server.copilot.chat.save_file import Saved
from opsmcp_server.copilot.chat.session import Session
from opsmcp_server.copilot.servers import tool_search as finding
from opsmcp_server.copilot.servers.quiet_call import output_of, read
from opsmcp_server.copilot.servers.tool import Offered
from opsmcp_server.copilot.terminal.folded_output import barred
from opsmcp_server.copilot.terminal.pager import page
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
    """Does what a line that begins with a slash says. `show` gets clean text."""

    session: Session
    show: Callable[[str], None]
    _saved: Saved = field(default_factory=Saved)

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
        self.session.view.note(self.session.words(key, **values))
        return 1

    async def _tools(self, given: Sequence[str]) -> int:
        tools = list(self.session.hub.tools.values())
        query = " ".join(given)
        found = finding.find(tools, query, _MOST_TOOLS) if query else tools
        rows = {tool.name: (_mark(tool), tool.description) for tool in found}
        if query:
            rows = await self._searched(query) | rows
        if not rows:
            return self._say("no-tool-fits")
        width = max(map(len, rows))
        lines = [f"{mark} {name:<{width}}  {text}" for name, (mark, text) in rows.items()]
        self.show("\n".join(lines[:_MOST_TOOLS]))
        return 0

    async def _searched(self, query: str) -> dict[str, tuple[str, str]]:
        """What servers find that do not list all their operations: name to mark and words."""
        rows: dict[str, tuple[str, str]] = {}
        for tool in self._every(SEARCH_OPERATIONS):
            answer = await read(tool, {"query": query})
            for row in map(object_of, list_of(answer.data.get("operations"))):
                mark = "!" if row.get("destructive") is not False else "*"
                mark = " " if row.get("read_only") is True else mark
                words = clean_line(text_of(row.get("description")), _LONGEST_DESCRIPTION)
                rows[clean_line(text_of(row.get("name")), _LONGEST_NAME)] = (mark, words)
        return rows

    async def _run(self, given: Sequence[str]) -> int:
        call = self._read_call(given, "/run")
        if call is None:
            return 1
        offered, arguments = call
        self.session.conversation.origins.person_gave(arguments)
        outcome = await self.session.caller.call(offered, arguments)
        self.session.view.rest()
        return 0 if outcome.good else 1

    def _read_call(
        self, given: Sequence[str], command: str
    ) -> tuple[Offered, dict[str, Any]] | None:
        """The tool and its arguments; None when that was said to be wrong."""
        if not given:
            self._usage(f"{command} TOOL name=value ...")
            return None
        listed = self.session.hub.find(given[0])
        offered = listed or next(iter(self._every(RUN_OPERATION)), None)
        if offered is None:
            near = ", ".join(nearest_names(given[0], self.session.hub.tools))
            key = "no-such-name-but" if near else "no-such-name"
            self._say(key, tool=clean_line(given[0], _LONGEST_NAME), near=near)
            return None
        arguments = parse(given[1:], offered.properties)
        if arguments is None:
            self._usage(f"{command} TOOL name=value ...")
            return None
        # One that is not listed may still be there.
        return offered, arguments if listed else {"name": given[0], "arguments": arguments}

    def _usage(self, usage: str) -> int:
        return self._say("usage", usage=usage)

    async def _plan(self, given: Sequence[str]) -> int:
        call = self._read_call(given, "/plan")
        if call is None:
            return 1
        offered, arguments = call
        planner = self.session.hub.sibling(offered.server, PLAN_OPERATION)
        if planner is None:
            return self._say("no-such-tool", tool=PLAN_OPERATION)
        name, wanted = named_call(offered, arguments)
        answer = await read(planner, {"name": name, "arguments": dict(wanted)})
        self.show(_said(planner, answer.text))
        return int(answer.failed)

    async def _runs(self, given: Sequence[str]) -> int:
        lists = self._every(LIST_RUNS)
        for tool in lists:
            self.show(_said(tool, (await read(tool, {})).text))
        return 0 if lists else self._say("no-such-tool", tool=LIST_RUNS)

    def _every(self, name: str) -> list[Offered]:
        """The tool of that name of every server that has it."""
        return [tool for tool in self.session.hub.tools.values() if tool.tool.name == name]

    async def _output(self, given: Sequence[str]) -> int:
        if len(given) != 1:
            return self._usage("/output RUN")
        failure = self.session.words("no-such-tool", tool=GET_RUN_OUTPUT)
        for tool in self._every(GET_RUN_OUTPUT):
            parts: list[str] = []
            async with aclosing(output_of(tool, given[0])) as answers:
                async for answer in answers:
                    if answer.failed:
                        failure = _said(tool, answer.text)
                        break
                    parts.append(answer.text)
            if parts:
                await page("".join(parts), self.session.interrupts)
                return 0
        self.session.view.note(failure)
        return 1

    async def _history(self, given: Sequence[str]) -> int:
        asked = self.session.conversation.questions
        lines = [f"{place}. {clean(text)}" for place, text in enumerate(asked, start=1)]
        self.show("\n".join(lines) or self.session.words("none"))
        return 0

    async def _clear(self, given: Sequence[str]) -> int:
        self.session.conversation.forget()
        self._say("cleared")
        return 0

    async def _model(self, given: Sequence[str]) -> int:
        endpoint = self.session.endpoint
        if given:
            endpoint.model = given[0]
        self._say("model", model=clean_line(endpoint.model, 100))
        return 0

    async def _save(self, given: Sequence[str]) -> int:
        if len(given) != 1:
            return self._usage("/save FILE")
        path = Path(given[0])
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

    async def _help(self, given: Sequence[str]) -> int:
        self.show(self.session.words("help"))
        return 0


def _mark(tool: Offered) -> str:
    if tool.reads_only:
        return " "
    return "!" if tool.destroys else "*"


def _said(tool: Offered, text: str) -> str:
    """What a tool said; behind a bar unless it is ours."""
    return text if tool.server.in_process else barred(text)
