"""Completion in the chat: commands, tools, arguments with their values, clusters and hosts."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from opsmcp_server.copilot.connections import Hub
from opsmcp_server.copilot.offered import Offered
from opsmcp_server.copilot.shape import list_of, object_of
from opsmcp_tools.characters import clean_line

__all__ = ["ChatCompleter"]

_MOST = 50
_WITH_TOOL = ("/run", "/plan")


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
        words = before.split()
        typed = "" if not before or before[-1].isspace() else words[-1]
        earlier = words[:-1] if typed else words
        wanted = typed.rpartition("=")[2]
        found = sorted({text for text in self._choices(earlier, typed) if _fits(text, wanted)})
        for text in found[:_MOST]:
            yield Completion(text, start_position=-len(wanted))

    def _choices(self, earlier: Sequence[str], typed: str) -> Iterable[str]:
        if not earlier:
            return self._commands if typed.startswith("/") else self._everywhere(typed)
        if earlier[0] == "/output":
            return self._names("runs")
        if earlier[0] not in _WITH_TOOL:
            return self._everywhere(typed)
        if len(earlier) == 1:
            return self._hub.tools
        offered = self._hub.find(earlier[1])
        return self._arguments(offered, earlier[2:], typed) if offered else ()

    def _everywhere(self, typed: str) -> Iterable[str]:
        """In a question: what has a name. Not at nothing, for Tab would list everything."""
        if len(typed) < 2:
            return ()
        return [*self._names("hosts"), *self._names("clusters"), *self._hub.tools]

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
