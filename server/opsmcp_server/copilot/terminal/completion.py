"""Completion in the chat: commands, tools, arguments with their values, clusters and hosts."""

import string
from collections.abc import Iterable, Iterator, Mapping, Sequence

import anyio
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from opsmcp_server.copilot.base.outcome import list_of, object_of, text_of
from opsmcp_server.copilot.servers.hub import Hub
from opsmcp_server.copilot.servers.tools import Offered
from opsmcp_tools.phrases.tool_names import LIST_INVENTORY, LIST_RUNS
from opsmcp_tools.safe_text.characters import clean_line

__all__ = ["ChatCompleter", "Names"]

_MOST = 50
_SHORTEST = 2
_REFRESH_SECONDS = 30.0
_LONGEST_NAME = 200
_WITH_TOOL = ("/run", "/plan")
_NAME = f"{string.ascii_letters}{string.digits}._-"
"""What a name consists of; Chinese has no spaces before one."""

_KINDS = {"cluster": "clusters", "host": "hosts", "run": "runs"}
"""Arguments whose values are names of a kind."""


class Names:
    """The names of clusters, hosts and runs, read while nobody waits for them."""

    def __init__(self, hub: Hub) -> None:
        """Read from these servers; there are none before that."""
        self._hub = hub
        self._names: Mapping[str, Sequence[str]] = {}
        self._old = anyio.Event()

    def __call__(self, kind: str) -> Sequence[str]:
        """What was read last of `hosts`, `clusters` or `runs`."""
        return self._names.get(kind, ())

    def age(self) -> None:
        """Something happened: read them again, and the tools with them."""
        self._old.set()

    async def keep_fresh(self) -> None:
        """Read them now, whenever something happened, and now and then; ends by cancellation."""
        while True:
            self._names = {
                "hosts": await self._read(LIST_INVENTORY, "hosts", "name", kind="hosts"),
                "clusters": await self._read(LIST_INVENTORY, "clusters", "name", kind="clusters"),
                "runs": await self._read(LIST_RUNS, "runs", "run"),
            }
            with anyio.move_on_after(_REFRESH_SECONDS):
                await self._old.wait()
            self._old = anyio.Event()
            await self._hub.refresh()

    async def _read(self, tool: str, rows: str, field: str, **arguments: str) -> Sequence[str]:
        offered = self._hub.find(tool)
        answer = await offered.read(**arguments) if offered else None
        found = list_of(answer.data.get(rows)) if answer else ()
        names = (text_of(object_of(row).get(field)) for row in found)
        return [clean_line(name, _LONGEST_NAME) for name in names if name]


class ChatCompleter(Completer):
    """Completes the word before the cursor. Does no I/O."""

    def __init__(self, hub: Hub, commands: Sequence[str], names: Names) -> None:
        """Complete from these."""
        self._hub = hub
        self._commands = commands
        self._names = names

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterator[Completion]:
        """What may stand here."""
        before = document.text_before_cursor
        is_command = before.lstrip().startswith("/")
        wanted, choices = self._in_command(before) if is_command else self._in_question(before)
        found = sorted({text for text in choices if _fits(text, wanted)})
        for text in found[:_MOST]:
            yield Completion(text, start_position=-len(wanted))

    def _in_question(self, before: str) -> tuple[str, Iterable[str]]:
        """What has a name. Not at nothing, for Tab would list everything."""
        wanted = before[len(before.rstrip(_NAME)) :]
        if len(wanted) < _SHORTEST:
            return wanted, ()
        return wanted, [*self._names("hosts"), *self._names("clusters"), *self._hub.tools]

    def _in_command(self, before: str) -> tuple[str, Iterable[str]]:
        words = before.split()
        typed = "" if before[-1].isspace() else words.pop()
        return typed.rpartition("=")[2], self._choices(words, typed)

    def _choices(self, earlier: Sequence[str], typed: str) -> Iterable[str]:
        if not earlier:
            return self._commands
        if earlier[0] == "/output":
            return self._names("runs")
        if earlier[0] not in _WITH_TOOL:
            return ()
        if len(earlier) == 1:
            return self._hub.tools
        offered = self._hub.find(earlier[1])
        return self._arguments(offered, earlier[2:], typed) if offered else ()

    def _arguments(self, offered: Offered, arguments: Sequence[str], typed: str) -> Iterable[str]:
        name, separator, _ = typed.partition("=")
        if not separator:
            taken = {word.partition("=")[0] for word in arguments}
            return [f"{name}=" for name in offered.properties if name not in taken]
        said = object_of(offered.properties.get(name))
        choices = list_of(said.get("enum")) or list_of(object_of(said.get("items")).get("enum"))
        shown = [clean_line(str(choice), _LONGEST_NAME) for choice in choices]
        return shown or self._names(_KINDS.get(name, ""))


def _fits(text: str, wanted: str) -> bool:
    return text.lower().startswith(wanted.lower()) and text != wanted
