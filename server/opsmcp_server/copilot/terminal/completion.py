"""Completion in the chat: commands, tools, arguments with their values, clusters and hosts."""

import string
from collections.abc import Callable, Iterable, Iterator, Sequence

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from opsmcp_server.copilot.base.shape import list_of, object_of
from opsmcp_server.copilot.servers.connections import Hub
from opsmcp_server.copilot.servers.tool import Offered
from opsmcp_tools.safe_text.characters import clean_line

__all__ = ["ChatCompleter"]

_MOST = 50
_SHORTEST = 2
_WITH_TOOL = ("/run", "/plan")
_NAME = f"{string.ascii_letters}{string.digits}._-"
"""What a name consists of; Chinese has no spaces before one."""


class ChatCompleter(Completer):
    """Completes the word before the cursor. Does no I/O: `names` are clusters, hosts and runs."""

    def __init__(
        self, hub: Hub, commands: Sequence[str], names: Callable[[str], Iterable[str]]
    ) -> None:
        """Complete from these; `names` gives those of one kind: `hosts`, `clusters`, `runs`."""
        self._hub = hub
        self._commands = commands
        self._names = names

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterator[Completion]:
        """What may stand here."""
        before = document.text_before_cursor
        if before.lstrip().startswith("/"):
            wanted, choices = self._in_command(before)
        else:
            wanted, choices = self._in_question(before)
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
        typed = "" if before[-1].isspace() else words[-1]
        earlier = words[:-1] if typed else words
        return typed.rpartition("=")[2], self._choices(earlier, typed)

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

    def _arguments(self, offered: Offered, given: Sequence[str], typed: str) -> Iterable[str]:
        name, separator, _ = typed.partition("=")
        if separator:
            return self._values(offered, name)
        taken = {word.partition("=")[0] for word in given}
        return [f"{name}=" for name in offered.properties if name not in taken]

    def _values(self, offered: Offered, name: str) -> Iterable[str]:
        choices = list_of(object_of(offered.properties.get(name)).get("enum"))
        if choices:
            return [clean_line(str(choice), 200) for choice in choices]
        kind = {"cluster": "clusters", "host": "hosts", "run": "runs"}.get(name)
        return self._names(kind) if kind else ()


def _fits(text: str, wanted: str) -> bool:
    return text.lower().startswith(wanted.lower()) and text != wanted
