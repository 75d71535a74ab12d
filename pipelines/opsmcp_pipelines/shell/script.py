"""One shell script under analysis: what its variables carry, and what words stand for.

A nested script (the text of `sh -c`, of `ssh`, of a here-document that feeds a shell) is one, too,
and inherits what its surroundings carry.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

from opsmcp_pipelines.shell.reader import FILE, Command, Place, Reader
from opsmcp_pipelines.shell.tree import Part, Word, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["STDIN", "Script"]

STDIN = "outer"
"""The key of what the surroundings of a nested script let it read."""

_SPLIT = " "
"""The quote of what a shell splits into words: the value of a variable without quotes."""

_MOST_WAYS = 16
_FIXED = re.compile(r"\$\(\s*(?:command -v|which|type -p|echo)\s+([\w./-]+)\s*\)")
_DEFAULT = re.compile(r"\$\{(\w+):?-([\w./ -]*)\}")
_ARRAY = re.compile(r"\$\{(\w+)\[[@*]\]\}")

Parts = tuple[Part, ...]


@dataclass
class Script:
    """What is known of a script. `seeds` is what each variable carries from the outside."""

    root: "Node"
    seeds: Mapping[str, frozenset[str]]
    arguments: Sequence[Word] = ()
    depth: int = 0
    line: int = 0
    fed: bool = False
    reader: Reader = field(default_factory=Reader)
    carried: dict[str, set[str]] = field(default_factory=dict[str, set[str]])

    def __post_init__(self) -> None:
        """Read it, and follow its values."""
        self.reader.read(self.root, Place(stdin=(STDIN,)) if self.fed else Place())
        self._by_sink: dict[str, list[Command]] = {}
        for command in self.reader.commands:
            self._by_sink.setdefault(command.place.sink, []).append(command)
        self._close()

    def _close(self) -> None:
        """Each value goes wherever something flows."""
        pending = [(key, value) for key, values in self.seeds.items() for value in values]
        while pending:
            key, value = pending.pop()
            known = self.carried.setdefault(key, set())
            if value not in known:
                known.add(value)
                pending += [(further, value) for further in self.reader.flows.get(key, ())]

    def writers(self, sink: str) -> Sequence[Command]:
        """The commands whose output goes there."""
        return self._by_sink.get(sink, ())

    def values_in(self, word: Word, function: str = "") -> set[str]:
        """The values that a word may hold."""
        return self.values_of(self.reader.keys_of(word, function))

    def values_at(self, part: Part, function: str = "") -> set[str]:
        """The values that a piece of a word may hold."""
        return self.values_of(self.reader.keys_in(part, function))

    def values_of(self, keys: Iterable[str]) -> set[str]:
        """The values that flow into any of the keys."""
        return {value for key in keys for value in self.carried.get(key, ())}

    def read_by(self, command: Command) -> set[str]:
        """The values that a command may read from its input."""
        documents = (self.values_in(d, command.place.function) for d in command.place.documents)
        return self.values_of(command.place.stdin).union(*documents)

    @cached_property
    def written_values(self) -> set[str]:
        """The values that are written to files."""
        writers = [
            c for sink in self._by_sink if sink.startswith(FILE) for c in self._by_sink[sink]
        ]
        writers += [c for c in self.reader.commands if c.words and c.words[0].program == "tee"]
        given = {v for c in writers for w in c.words for v in self.values_in(w, c.place.function)}
        return given.union(*(self.read_by(command) for command in writers))

    def touched_by(self, part: Part) -> set[str]:
        """The values that stand anywhere in a substitution."""
        if part.node is None or part.name:
            return set()
        return self.values_of(re.findall(r"\$\{?(\w+|[@*])", text_of(part.node)))

    def calls(self, function: str) -> Iterator[Command]:
        """The commands that call a function."""
        yield from (c for c in self.reader.commands if c.words and c.words[0].literal == function)

    def given(self, function: str) -> Iterator[list[Word]]:
        """The arguments of each call of a function, after what it shifts away first."""
        if not function:
            yield list(self.arguments)
            yield from (_operands(c.words[1:]) for c in self.calls("set"))
            return
        shifted = sum(
            int(c.words[1].prefix) if len(c.words) > 1 and c.words[1].prefix.isdigit() else 1
            for c in self.calls("shift")
            if c.place.function == function
        )
        for call in self.calls(function):
            scoped = [self._scope(word, call.place.function) for word in call.words[1:]]
            yield scoped[shifted:]

    def _scope(self, word: Word, function: str) -> Word:
        keyed = (replace(p, name=f"{function}:{p.name}") if _is_place(p) else p for p in word.parts)
        return replace(word, parts=tuple(keyed))

    def ways(self, word: Word, function: str) -> list[list[Word]] | None:
        """What a word may stand for, as words of the author and values; None if unknown.

        Followed through assignments and the calls of functions.
        """
        if len(word.parts) == 1 and (several := self._several(word.parts[0], function)) is not None:
            return several
        ways = self._flat(word, function)
        return None if ways is None else [_split(parts, word.line) for parts in ways]

    def _several(self, part: Part, function: str) -> list[list[Word]] | None:
        """What `"$@"` and whole arrays stand for."""
        if part.name in ("@", "*"):
            return list(self.given(function)) or None
        array = _ARRAY.fullmatch(part.text) if part.node is not None else None
        if array is None:
            return None
        known = self.reader.assigned.get(array[1], [])
        return None if None in known else [list(words) for words in known if words is not None]

    def _flat(self, word: Word, function: str, depth: int = 0) -> list[Parts] | None:
        choices: list[list[Parts]] = []
        for part in word.parts:
            found = self._one(part, function, depth)
            if found is None or len(found) > _MOST_WAYS:
                return None
            choices.append(found)
        total = 1
        for choice in choices:
            total *= len(choice)
        if total > _MOST_WAYS:
            return None
        return [tuple(p for parts in way for p in parts) for way in product(*choices)]

    def _one(self, part: Part, function: str, depth: int) -> list[Parts] | None:
        """What a piece of a word may stand for."""
        if not part.expands or part.is_value:
            return [(part,)]
        if part.node is None and not part.name:
            return None
        if fixed := _FIXED.fullmatch(part.text):
            return [(Part(fixed[1]),)]
        default = _DEFAULT.fullmatch(part.text)
        name = part.name or (default[1] if default else "")
        found = self._assigned(name, function, depth) if name else None
        if found is None:
            return None
        more: list[Parts] = [(Part(default[2]),)] if default else []
        quote = part.quote or _SPLIT
        return [tuple(_requoted(p, quote) for p in parts) for parts in (*found, *more)]

    def _assigned(self, name: str, function: str, depth: int) -> list[Parts] | None:
        """All that is assigned to a variable; the environment is the author's and unknown."""
        if depth > 3 or self.reader.renames:
            return None
        if name.rpartition(":")[2].isdigit():
            return self._positional(name, function, depth)
        known = self.reader.assigned.get(name)
        if known is None:
            return None if self.carried.get(name) or self.depth else [()]
        found: list[Parts] = []
        for words in known:
            if words is None or len(words) != 1:
                return None
            flat = self._flat(words[0], function, depth + 1)
            if flat is None:
                return None
            found += flat
        return found

    def _positional(self, name: str, function: str, depth: int) -> list[Parts] | None:
        scope, _, number = name.rpartition(":")
        found: list[Parts] = []
        for words in self.given(scope or function):
            if not int(number):
                return None
            chosen = words[int(number) - 1 : int(number)]
            flat = self._flat(chosen[0], "", depth + 1) if chosen else [()]
            if flat is None:
                return None
            found += flat
        return found or None


def _is_place(part: Part) -> bool:
    return part.name.isdigit() or part.name in ("@", "*")


def _operands(words: list[Word]) -> list[Word]:
    """What `set` makes positional parameters of."""
    for at, word in enumerate(words):
        if word.literal == "--":
            return words[at + 1 :]
    return [] if words and words[0].prefix.startswith(("-", "+")) else words


def _requoted(part: Part, quote: str) -> Part:
    """A piece of an assigned word where its variable stands."""
    return replace(part, quote=part.quote if part.expands else quote)


def _split(parts: Parts, line: int) -> list[Word]:
    """The words that a shell makes of the pieces."""
    words: list[list[Part]] = [[]]
    quoted = any(part.quote not in ("", _SPLIT) for part in parts)
    for part in parts:
        pieces = re.split(r"\s+", part.text) if part.quote == _SPLIT and not part.expands else None
        if pieces is None:
            words[-1].append(part)
            continue
        for number, piece in enumerate(pieces):
            if number:
                words.append([])
            if piece:
                words[-1].append(replace(part, text=piece))
    return [Word(tuple(w), line) for w in words if w or (quoted and len(words) == 1)]
