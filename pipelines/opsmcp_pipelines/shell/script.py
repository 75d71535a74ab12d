"""One shell script under analysis: its commands, what its variables carry, and who names them.

A variable is known by accounting for its name: each place where it occurs is an expansion or a
plain assignment, or nothing is known of it. No form has to be known that sets or reads a variable
in another way. Pure; nothing is built for what has no value.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

from opsmcp_pipelines.shell.programs import SETS_VARIABLES
from opsmcp_pipelines.shell.tree import (
    Part,
    Word,
    captures,
    climb,
    line_of,
    literal_word,
    parse,
    text_of,
    word_of,
)

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["ANY", "Script"]

ANY = "*"
"""Stands for every value: what a variable is of which somebody else may know."""

_SPLIT = " "
"""The quote of what a shell splits into words: the value of a variable without quotes."""

_MOST_WAYS = 16
_MENTIONED = re.compile(rb"\$\{?[!#]?(\w+|[@*])|([A-Za-z_][\w-]*)")
_NAME = re.compile(rb"(?<![\w$])(?<!\$\{)(?<!\$\{#)[A-Za-z_]\w*|(?<=\$\{)\w+(?=:?=)|(?<=\$\{!)\w+")
_WORD = re.compile(rb"\w+|[@*]")
_NAME_END = re.compile(rb"\w")
_DIGIT = re.compile(rb"\d|[A-Za-z_]\w*|[@*]")
_FIXED = re.compile(r"\$\(\s*(?:command -v|which|type -p|echo)\s+([\w./-]+)\s*\)")
_DEFAULT = re.compile(r"\$\{(\w+):?-([\w./ -]*)\}")
_ARRAY = re.compile(r"\$\{(\w+)\[[@*]\]\}")
_COMPLEX = re.compile(r"\$\{[#!]?(\w+|[@*])|\$(\w+|[@*])")
_WORDLIKE = frozenset({"word", "string", "string_content", "raw_string", "concatenation", "number"})

Parts = tuple[Part, ...]


class Script:
    """A script, or a text nested in one.

    Attributes:
        seeds: The values that the placeholders of a nested text carry, by name.
        arguments: Its positional parameters, with its name first.
        outer: The script that it is a text in.
        line: That on which it begins in the script of the author.
    """

    def __init__(
        self,
        source: bytes,
        seeds: Mapping[str, frozenset[str]],
        *,
        arguments: Sequence[Word] = (),
        outer: "Script | None" = None,
        line: int = 1,
    ) -> None:
        """Parse it, and follow its values."""
        self.source, self.seeds, self.arguments = source, seeds, arguments
        self.outer, self.line = outer, line
        self.depth: int = outer.depth + 1 if outer else 0
        self.root = parse(source)
        self.found = captures(self.root)
        self.commands: list[Node] = self.found.get("command", [])
        self.heads = {node.id: _head(node) for node in self.commands}
        self._words: dict[int, list[Word]] = {}
        self._opened: dict[str, bool] = {}
        self._calls: dict[str, list[list[Word]]] = {}
        bodies = (
            (node, node.child_by_field_name("name")) for node in self.found.get("function", [])
        )
        self._spans = [(n.start_byte, n.end_byte, text_of(name)) for n, name in bodies if name]
        self._starts = [span[0] for span in self._spans]
        self._parents = _enclosing(self._spans)
        self.functions = frozenset(name for _, _, name in self._spans)
        self.assigned: dict[str, list[list[Word] | None]] = defaultdict(list)
        self.assignments: list[tuple[Node, str, list[Word]]] = []
        self._named: set[int] = set()
        self._held: dict[str, set[str]] = defaultdict(set)
        self._touched: dict[str, set[str]] = defaultdict(set)
        self._read_assignments()
        self._read_calls()
        self._carried = _closed(self._held, seeds)
        for key, targets in self._held.items():
            self._touched[key] |= targets
        self._reached = _closed(self._touched, seeds)

    # What there is.

    def words(self, command: "Node") -> list[Word]:
        """The words of a command, its name first."""
        known = self._words.get(command.id)
        if known is None:
            nodes = self.word_nodes(command)
            known = self._words[command.id] = [word_of(node) for node in nodes]
        return known

    def word_nodes(self, command: "Node") -> "list[Node]":
        """The nodes of its words."""
        name = command.child_by_field_name("name")
        first = [name.named_children[0]] if name and name.named_children else [name] if name else []
        nodes = [*first, *command.children_by_field_name("argument")]
        # The parser takes the descriptor of `0<file` for a word.
        glued = (
            nodes[-1:]
            and nodes[-1].type == "number"
            and self.source[nodes[-1].end_byte : nodes[-1].end_byte + 1]
        )
        return nodes[:-1] if glued in (b"<", b">") else nodes

    def line_at(self, node: "Node | Word") -> int:
        """The line in the script of the author."""
        line = node.line if isinstance(node, Word) else line_of(node)
        return self.line + max(line, 1) - 1

    def function_at(self, start: int) -> str:
        """The function in which a byte stands."""
        index = bisect_right(self._starts, start) - 1
        while index >= 0 and not start < self._spans[index][1]:
            index = self._parents[index]
        return self._spans[index][2] if index >= 0 else ""

    # What flows into variables.

    def _read_assignments(self) -> None:
        for node in self.found.get("assignment", []):
            name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
            if name is None:
                continue
            adds = self.source[name.end_byte : name.end_byte + 2] == b"+="
            if name.type == "subscript":
                name = name.named_children[0]
            variable = text_of(name)
            array = value is not None and value.type == "array"
            words = [word_of(n) for n in value.named_children] if array and value else []
            words = words if array else [word_of(value) if value else literal_word("")]
            self._flow(value, words, variable)
            self._named.add(name.start_byte)
            self.assignments.append((node, variable, words))
            plain = name.parent == node and _is_plain(node)
            known = self.assigned[variable]
            if plain and adds and known and (first := known[-1]) is not None and array:
                self.assigned[variable][-1] = [*first, *words]
            else:
                known.append(self._scoped(words, node) if plain and not adds else None)
        for node in self.found.get("loop", []):
            name = node.child_by_field_name("variable")
            if name is not None:
                values = node.children_by_field_name("value")
                words = [word_of(value) for value in values]
                self._named.add(name.start_byte)
                words = words or [Word((Part("$@", '"', name="@"),))]
                for word, value in zip(words, [*values] or [None], strict=False):
                    self._flow(value, [word], text_of(name), at=node)
                    self.assigned[text_of(name)].append(self._scoped([word], node))

    def _flow(
        self,
        node: "Node | None",
        words: Iterable[Word],
        *targets: str,
        at: "Node | None" = None,
    ) -> None:
        at = node or at
        function = self.function_at(at.start_byte) if at else ""
        for word in words:
            for key in self.keys_of(word, function):
                self._held[key].update(targets)
        if node is not None:
            for key in self.mentions(node.start_byte, node.end_byte):
                self._touched[key].update(targets)

    def _read_calls(self) -> None:
        """What the functions of the script, and `set`, make positional parameters of."""
        shifting = {
            self.function_at(c.start_byte) for c in self.commands if self.heads[c.id] == "shift"
        }
        every = {scope: [f"{scope}:{place}" for place in range(1, 10)] for scope in shifting}
        for command in self.commands:
            name = self.heads[command.id]
            if name not in self.functions and name != "set":
                continue
            scope = name if name != "set" else self.function_at(command.start_byte)
            nodes = self.word_nodes(command)[1:]
            words = self.words(command)[1:]
            skipped = 0 if name != "set" else len(words) - len(_operands(words))
            nodes, words = nodes[skipped:], words[skipped:]
            for number, (node, word) in enumerate(zip(nodes, words, strict=True), 1):
                own = every[scope] if scope in shifting else (f"{scope}:{number}",)
                self._flow(node, [word], *own, f"{scope}:@", f"{scope}:*")
        for node in self.found.get("function", []):
            for key in self.mentions(node.start_byte, node.end_byte):
                self._touched[key].add(f"{text_of(node.child_by_field_name('name') or node)}()")
        for number, word in enumerate(self.arguments):
            for place in (number, "@", "*"):
                for key in self.keys_of(word, ""):
                    self._held[key].add(f":{place}")

    def keys_of(self, word: Word, function: str) -> set[str]:
        """The variables that stand in a word, but for those within a substitution."""
        return {key for part in word.parts for key in self._keys_in(part, function)}

    @staticmethod
    def _keys_in(part: Part, function: str) -> Iterator[str]:
        if part.name:
            yield _key(part.name, function)
        elif part.node is not None and part.node.type == "expansion":
            for found in _COMPLEX.finditer(part.text):
                yield _key(found[1] or found[2], function)

    def mentions(self, start: int, end: int) -> Iterator[str]:
        """The variables and functions that a piece of the script names in whatever way."""
        function = self.function_at(start)
        for found in _MENTIONED.finditer(self.source, start, end):
            name = (found[1] or found[2]).decode()
            if found[1]:
                yield _key(name, function)
            elif name in self.functions:
                yield f"{name}()"

    def carried(self, word: Word, function: str) -> set[str]:
        """The values that are in a word."""
        if word.literal is not None:
            return set()
        keys = self.keys_of(word, function)
        return {v for key in keys for v in self._carried.get(key, ()) if v != ANY}

    def stand_in(self, values: set[str]) -> Part:
        """A piece of a word that holds any of the values."""
        name = f"OPSMCP_T{len(self._carried)}00"
        self._carried[name] = self._reached[name] = values
        return Part(f"${{{name}}}", "", 0, name)

    @property
    def holding(self) -> set[str]:
        """The variables and placeholders that hold a value."""
        return {
            key.rpartition(":")[2] for key, values in self._carried.items() if values - {ANY}
        } - {"@", "*"}

    def carried_by(self, key: str) -> frozenset[str]:
        """The values that a variable holds."""
        return frozenset(self._carried.get(key, ()))

    def touching(self, start: int, end: int) -> set[str]:
        """The values that what a piece of the script prints, or runs, may depend on."""
        keys = set(self.mentions(start, end))
        found = set[str]().union(*(self._reached.get(key, ()) for key in keys))
        return found | ({ANY} if any(self.is_open(key) for key in keys) else set())

    def reached_by(self, key: str) -> frozenset[str]:
        """The values that a variable may depend on."""
        return frozenset(self._reached.get(key, ()))

    def reached(self, values: Iterable[str]) -> set[str]:
        """The variables that may depend on any of the values."""
        wanted = set(values)
        return {key for key, found in self._reached.items() if found & wanted}

    def depends(self, word: Word, function: str) -> set[str]:
        """The values that decide what a word is; `ANY` where that is not known."""
        found: set[str] = set()
        for part in word.parts:
            keys = list(self._keys_in(part, function))
            found |= set[str]().union(*(self._reached.get(key, ()) for key in keys))
            if any(self.is_open(key) for key in keys) or part.name.startswith("OPSMCP_U"):
                found.add(ANY)
            if part.node is not None and not part.name:
                found |= self.touching(part.node.start_byte, part.node.end_byte)
        return found

    # Who names a variable.

    @cached_property
    def _occurrences(self) -> Mapping[str, list[int]]:
        """Where a name occurs otherwise than as an expansion."""
        found: dict[str, list[int]] = defaultdict(list)
        for match in _NAME.finditer(self.source):
            found[match[0].decode()].append(match.start())
        return found

    def is_open(self, name: str) -> bool:
        """Whether a variable may be set in a way that is not followed."""
        if name not in self._opened:
            self._opened[name] = self._may_be_set(name)
        return self._opened[name]

    def _may_be_set(self, name: str) -> bool:
        if ":" in name or "(" in name or name.startswith("OPSMCP_"):
            return False
        if name in self._renamed:
            return True
        if any(not self.is_accounted(at) for at in self._occurrences.get(name, ())):
            return True
        if self.outer is None or name in self.assigned:
            return False
        return bool(self.outer._occurrences.get(name)) or self.outer.is_open(name)

    @cached_property
    def _renamed(self) -> set[str]:
        """Other names of variables (`declare -n`)."""
        found = self.found.get("declaration", [])
        renaming = [n for n in found if re.search(r"\s-\w*n", text_of(n))]
        return {name for node in renaming for name in re.findall(r"\w+", text_of(node))}

    def is_accounted(self, at: int) -> bool:
        """Whether a name stands there as a plain assignment, or only as a word of a program."""
        return at in self._named or self.is_commented(at) or self.is_word(at)

    @cached_property
    def _comments(self) -> list[tuple[int, int]]:
        return sorted((n.start_byte, n.end_byte) for n in self.found.get("comment", []))

    def is_commented(self, at: int) -> bool:
        """Whether a byte is part of a comment."""
        index = bisect_right(self._comments, (at, len(self.source)))
        return index > 0 and at < self._comments[index - 1][1]

    def named(self, wanted: Iterable[str]) -> list[int]:
        """Where any of the names stands, in order."""
        source, found = self.source, list[int]()
        if words := _any_of(wanted, digits=False):
            starts = (m.start() for m in re.finditer(rb"(?:%b)(?!\w)" % words, source))
            found += [at for at in starts if not _NAME_END.match(source[at - 1 : at])]
        # A number is a parameter behind a dollar only, and then its first digit, unless in braces.
        if numbers := _any_of(wanted, digits=True):
            pattern = rb"(?<=\$)(?:%b)|(?:(?<=\$\{)|(?<=\$\{[#!]))(?:%b)(?!\w)"
            found += [m.start() for m in re.finditer(pattern % (numbers, numbers), source)]
        return sorted(found)

    def name_at(self, at: int) -> str:
        """The name of a variable, or a positional parameter, that stands at a byte."""
        found = (_DIGIT if self.source[at - 1 : at] == b"$" else _WORD).match(self.source, at)
        return found[0].decode() if found else ""

    def is_word(self, at: int) -> bool:
        """Whether a byte is in a word of a program that can set and read no variable of a shell."""
        return self.is_only_word(climb(self.root.descendant_for_byte_range(at, at + 1)))

    def is_only_word(self, nodes: "Iterable[Node]") -> bool:
        """The same of the nodes around it, from the inside."""
        inside = False
        for around in nodes:
            if around.type == "command" and not inside:
                head = self.heads[around.id]
                if not head or head in SETS_VARIABLES or head in self.functions:
                    return False
                if head == "printf" and [w.literal for w in self.words(around)[1:2]] == ["-v"]:
                    return False
                inside = True
            elif (
                around.type in ("command_substitution", "process_substitution")
                or not inside
                and around.type not in _WORDLIKE
            ):
                return False
        return inside

    # What words stand for.

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
            return self._given(function) or None
        array = _ARRAY.fullmatch(part.text) if part.node is not None else None
        if array is None or self.is_open(array[1]):
            return None
        known = self.assigned.get(array[1], [])
        return None if None in known else [list(words) for words in known if words is not None]

    def _flat(self, word: Word, function: str, depth: int = 0) -> list[Parts] | None:
        choices: list[list[Parts]] = []
        total = 1
        for part in word.parts:
            found = self._one(part, function, depth)
            total *= len(found or ())
            if found is None or total > _MOST_WAYS:
                return None
            choices.append(found)
        return [tuple(p for parts in way for p in parts) for way in product(*choices)]

    def _one(self, part: Part, function: str, depth: int) -> list[Parts] | None:
        """What a piece of a word may stand for."""
        if not part.expands or part.is_value:
            return [(part,)]
        if fixed := _FIXED.fullmatch(part.text):
            return [(Part(fixed[1]),)]
        default = _DEFAULT.fullmatch(part.text)
        name = part.name or (default[1] if default else "")
        found = self._variable(name, function, depth) if name else None
        if found is None:
            return None
        more: list[Parts] = [(Part(default[2]),)] if default else []
        quote = part.quote or _SPLIT
        return [tuple(_requoted(p, quote) for p in parts) for parts in (*found, *more)]

    def _variable(self, name: str, function: str, depth: int) -> list[Parts] | None:
        """All that is assigned to a variable; the environment is the author's."""
        parameter = name.rpartition(":")[2].isdigit()
        if depth > 3 or parameter or self.is_open(name) or name.startswith("OPSMCP_"):
            return None
        found: list[Parts] = [] if name in self.assigned else [()]
        for words in self.assigned.get(name, ()):
            flat = self._flat(words[0], function, depth + 1) if words and len(words) == 1 else None
            if flat is None:
                return None
            found += flat
        return found

    def _given(self, function: str) -> list[list[Word]]:
        """The arguments of each call of a function, after what it shifts away first."""
        if function not in self._calls:
            different = {_look(words): words for words in self._each_call(function)}
            self._calls[function] = list(different.values())
        return self._calls[function]

    def _each_call(self, function: str) -> Iterator[list[Word]]:
        if not function:
            yield list(self.arguments[1:])
        name = function or "set"
        shifted = sum(
            int(words[1].prefix) if len(words) > 1 and words[1].prefix.isdigit() else 1
            for c in self.commands
            if self.heads[c.id] == "shift" and self.function_at(c.start_byte) == function
            for words in [self.words(c)]
        )
        for call in self.commands:
            if self.heads[call.id] == name:
                words = self._scoped(self.words(call)[1:], call)
                yield (_operands(words) if not function else words)[shifted:]

    @cached_property
    def strays(self) -> "list[Node]":
        """Assignments to PATH that name a folder which depends on where the step works."""
        good = re.compile(r"[/~][\w./-]*|\$\{?[A-Za-z_].*")
        paths = [node for node, name, _ in self.assignments if name == "PATH"]
        folders = [(n, text_of(n).partition("=")[2].strip("\"'").split(":")) for n in paths]
        return [node for node, named in folders if not all(map(good.fullmatch, named))]

    def _scoped(self, words: list[Word], node: "Node") -> list[Word]:
        """The words with positional parameters under the name of their function."""
        function = self.function_at(node.start_byte)
        return [
            w.of(replace(p, name=_key(p.name, function)) if p.name else p for p in w.parts)
            if any(_key(p.name, "") != p.name for p in w.parts)
            else w
            for w in words
        ]


def _head(command: "Node") -> str:
    """The program that a command names; empty when that is no plain word."""
    name = command.child_by_field_name("name")
    if name is None or not name.text:
        return ""
    text = name.text.decode(errors="replace")
    if text.isascii() and not re.search(r"[^\w./:+@%-]", text):
        return text
    return word_of(name.named_children[0]).literal or "" if name.named_children else text


def _enclosing(spans: Sequence[tuple[int, int, str]]) -> list[int]:
    """For each span the index of the one around it, or -1."""
    parents: list[int] = []
    for index, (start, _, _) in enumerate(spans):
        around = index - 1
        while around >= 0 and not start < spans[around][1]:
            around = parents[around]
        parents.append(around)
    return parents


def _is_plain(assignment: "Node") -> bool:
    """Whether it is an assignment of its own, or a declaration without options."""
    parent = assignment.parent
    if parent is None or parent.type not in ("declaration_command", "command"):
        return True
    return parent.type == "declaration_command" and not any(
        child.type == "word" for child in parent.named_children
    )


def _closed(
    edges: Mapping[str, set[str]], seeds: Mapping[str, frozenset[str]]
) -> dict[str, set[str]]:
    """Each value goes wherever something flows."""
    carried: dict[str, set[str]] = {}
    pending = [(key, value) for key, values in seeds.items() for value in values]
    while pending:
        key, value = pending.pop()
        known = carried.setdefault(key, set())
        if value not in known:
            known.add(value)
            pending += [(further, value) for further in edges.get(key, ())]
    return carried


def _key(name: str, function: str) -> str:
    return f"{function}:{name}" if name.isdigit() or name in ("@", "*") else name


def _operands(words: list[Word]) -> list[Word]:
    """What `set` makes positional parameters of."""
    for at, word in enumerate(words):
        if word.literal == "--":
            return words[at + 1 :]
    return [] if words and words[0].prefix.startswith(("-", "+")) else words


def _look(words: list[Word]) -> tuple[tuple[tuple[str, str, str], ...], ...]:
    """What two command lines have in common that mean the same."""
    return tuple(tuple((p.text, p.quote, p.name) for p in word.parts) for word in words)


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


def _any_of(wanted: Iterable[str], *, digits: bool) -> bytes:
    """A pattern of the numbers among names, or of the others, the longest first."""
    chosen = {name for name in wanted if name.isdigit() is digits}
    return "|".join(sorted(chosen, key=lambda name: (-len(name), name))).encode()
