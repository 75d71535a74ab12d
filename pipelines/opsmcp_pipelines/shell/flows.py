"""What flows where in a shell script, by name: a variable is one thing wherever it is assigned.

What programs print is the script's own, but for those that print what they are given. Keys are the
names of variables, `f:1` for parameters of a function, and those of pipes, substitutions and files.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from opsmcp_pipelines.shell.programs import FILTERS, NAMES_VARIABLES, PRINTERS
from opsmcp_pipelines.shell.tree import SUBSTITUTIONS, Part, Word

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = [
    "FILE",
    "Command",
    "Flows",
    "Place",
    "file_key",
    "key_of",
    "reading",
    "scoped",
    "sink_of",
]

FILE = "file:"
"""What the keys of files begin with; that of a process which a redirection starts is no more."""

_ANY = "!"
"""The key of a variable whose name only the run knows."""

_VARIABLE = re.compile(r"[A-Za-z_]\w*")
_EXPANDED = re.compile(r"(?<!\\)\$\{?[!#]?(\w+|[@*])|\$\{(\w+):?=")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node stands: where its output goes, what it may read, and within what.

    `sink` is empty for the step's own output. `stdin` are the keys of what is read, `documents` the
    texts that the script itself writes there, and `source` is the file that is read.
    """

    sink: str = ""
    stdin: tuple[str, ...] = ()
    documents: tuple[Word, ...] = ()
    source: Word | None = None
    function: str = ""
    number: str = ""
    exported: bool = False
    depth: int = 0


@dataclass(slots=True)
class Command:
    """A simple command."""

    words: list[Word]
    place: Place
    line: int
    assigned: list[tuple[str, Word]] = field(default_factory=list[tuple[str, Word]])


@dataclass(slots=True)
class Flows:
    """The commands of a script, and what flows between them.

    `assigned` holds None for what cannot be known; `renames` is whether the script gives a variable
    another name (`declare -n`).
    """

    commands: list[Command] = field(default_factory=list[Command])
    assigned: dict[str, list["list[Word] | None"]] = field(
        default_factory=lambda: defaultdict(list)
    )
    written: list[Word] = field(default_factory=list[Word])
    functions: set[str] = field(default_factory=set[str])
    flows: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    renames: bool = False

    def keys_of(self, word: Word, function: str) -> set[str]:
        """What flows into a word."""
        return {key for part in word.parts for key in self.keys_in(part, function)}

    def keys_in(self, part: Part, function: str) -> set[str]:
        """What flows into a piece of a word."""
        if part.node is None or part.name:
            return {key_of(part.name, function)} if part.name else set()
        if part.node.type in SUBSTITUTIONS:
            return {sink_of(part.node)}
        names = _EXPANDED.findall(part.text)
        if part.text.startswith("${!"):
            return {_ANY}
        inner = {sink_of(child) for child in part.node.named_children if _is_sub(child)}
        return inner | {key_of(name or other, function) for name, other in names}

    def assign(self, name: str, words: list[Word], place: Place, *, adds: bool = False) -> None:
        """Note what is assigned to a variable, or added to it."""
        for word in words:
            for key in self.keys_of(word, place.function):
                self.flows[key].add(name)
        known = self.assigned[name]
        if not adds:
            known.append([replace(w, parts=scoped(w.parts, place.function)) for w in words])
        elif known and (first := known[-1]) is not None:
            first += words
        else:
            known.append(None)

    def connect_all(self) -> None:
        """Follow everything through the commands, once all are known."""
        for command in self.commands:
            self._connect(command)
        for name in list(self.assigned):
            self.flows[name].add(_ANY)
            if self.renames:
                self.flows[_ANY].add(name)

    def _connect(self, command: Command) -> None:
        """What flows through a command, by its name."""
        if not command.words:
            return
        name, rest, place = command.words[0].program, command.words[1:], command.place
        given = {key for word in rest for key in self.keys_of(word, place.function)}
        fed = {key for word in place.documents for key in self.keys_of(word, place.function)}
        fed |= set(place.stdin)
        read = {file_key(word) for word in rest} if name in FILTERS else set[str]()
        printed = (given if name in PRINTERS else set[str]()) | read
        printed |= fed if name in FILTERS else set()
        files = [w for w in rest if not w.prefix.startswith("-")] if name == "tee" else []
        self.written += files
        for key in printed:
            self.flows[key] |= {place.sink, *(file_key(word) for word in files)}
        if name in self.functions:
            self._call(name, rest, place, fed)
        elif name == "set":
            self._positional(place.function, rest, place.function)
        elif name in NAMES_VARIABLES or (name == "printf" and rest and rest[0].literal == "-v"):
            into = fed | given if name in ("printf", "getopts") else fed
            self._named(
                rest, into | ({key_of("@", place.function)} if name == "getopts" else set())
            )

    def _named(self, words: Sequence[Word], keys: Iterable[str]) -> None:
        names = {w.literal for w in words if w.literal and _VARIABLE.fullmatch(w.literal)}
        for name in names | {"REPLY", "MAPFILE", "OPTARG"}:
            self.assigned[name].append(None)
            for key in keys:
                self.flows[key].add(name)

    def _call(self, name: str, rest: Sequence[Word], place: Place, fed: Iterable[str]) -> None:
        self.flows[f"call:{name}"].add(place.sink)
        for key in fed:
            self.flows[key].add(f"in:{name}")
        self._positional(name, rest, place.function)

    def _positional(self, function: str, words: Sequence[Word], caller: str) -> None:
        shifts = any(
            command.words[0].literal == "shift" and command.place.function == function
            for command in self.commands
            if command.words
        )
        for number, word in enumerate(words, 1):
            places = range(1, 10) if shifts else (number,)
            for key in self.keys_of(word, caller):
                self.flows[key] |= {f"{function}:{n}" for n in (*places, "@", "*")}


def key_of(name: str, function: str) -> str:
    """The key of a variable that a function reads."""
    return f"{function}:{name}" if name.isdigit() or name in ("@", "*") else name


def scoped(parts: tuple[Part, ...], function: str) -> tuple[Part, ...]:
    """Positional parameters under the name of their function."""
    return tuple(replace(p, name=key_of(p.name, function)) if p.name else p for p in parts)


def file_key(word: Word) -> str:
    """The key of a file, by the last part of its name."""
    text = "".join(part.text for part in word.parts)
    return FILE + text.rpartition("/")[2]


def reading(place: Place, key: str = "", document: Word | None = None) -> Place:
    """The place with another input."""
    keys, documents = (key,) if key else (), (document,) if document else ()
    return replace(place, stdin=keys, documents=documents, source=None)


def sink_of(node: "Node") -> str:
    """The key of what is printed within a substitution."""
    return FILE if node.type == "process_substitution" else f"sub:{node.id}"


def _is_sub(node: "Node") -> bool:
    return node.type == "command_substitution"
