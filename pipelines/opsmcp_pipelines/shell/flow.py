"""What the variables of a script hold: which values are in them, and which words of the author.

A variable is known by accounting for its name: each place where it occurs is an expansion or a
plain assignment, or nothing is known of it. Pure.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import product

from opsmcp_pipelines.shell.programs import SETS_VARIABLES
from opsmcp_pipelines.shell.syntax import Assignment, Node, Part, Syntax, Word

__all__ = ["Flow", "key_of", "naming", "parts_within"]

_SPLIT = " "
"""The quote of what a shell splits into words: the value of a variable without quotes."""

_MOST_WAYS = 16
_MENTIONED = re.compile(r"\$\{?[!#]?(\w+|[@*])|([A-Za-z_][\w-]*)")
_NAMES = r"(?<![\w$])(?<!\$\{{)(?<!\$\{{[#!]){0}(?!\w)|(?<=\$\{{){0}:?="
"""Where a variable is named and not expanded, or is set by its expansion."""

_FOUND = re.compile(r"\$\(\s*(?:command -v|which|type -p|echo)\s+([\w./-]+)\s*\)")
_LETTERS = re.compile(r"[A-Za-z_]\w*")


class Flow:
    """The variables of one script, or of a text nested in one.

    Attributes:
        syntax: The script.
        functions: Those that it has.
        seeds: The values that placeholders and parameters carry from outside.
        outer: The script that it is a text in.
    """

    def __init__(
        self, syntax: Syntax, seeds: Mapping[str, frozenset[str]], outer: "Flow | None" = None
    ) -> None:
        """Follow the values through all assignments, loops and calls of functions."""
        self.syntax, self.seeds, self.outer = syntax, seeds, outer
        nodes = syntax.nodes
        self.functions = {node.name: node for node in nodes if node.kind == "function"}
        self.assigned: dict[str, list[Assignment | None]] = defaultdict(list)
        self._looked_at: set[str] = set()
        self._opened: dict[str, bool] = {}
        self._called: dict[str, list[list[Word]] | None] = {}
        self._set: Counter[str] = Counter()
        self._calls: dict[str, list[Node]] = defaultdict(list)
        self._held: dict[str, set[str]] = defaultdict(set)
        self._touched: dict[str, set[str]] = defaultdict(set)
        for node in nodes:
            self._read(node)
        for name, function in self.functions.items():
            for key in self.mentions(function.start, function.end, name):
                self._touched[key].add(f"{name}()")
        self._carried = _closed(self._held, seeds)
        for key, targets in self._held.items():
            self._touched[key] |= targets
        self._reached = _closed(self._touched, seeds)

    def _read(self, node: Node) -> None:
        declares = node.head in SETS_VARIABLES
        for made in node.assignments:
            self._set[made.name] += 1
            for word in made.words:
                self._flow(word, node.function, made.name)
            known = not made.adds and made.index is None and not (declares and len(node.words) > 1)
            if made.adds and made.array and (before := self.assigned[made.name]) and before[-1]:
                before[-1] = replace(before[-1], words=[*before[-1].words, *made.words])
            elif node.words and not declares:
                pass  # It is in the environment of that command alone.
            else:
                self.assigned[made.name].append(made if known else None)
        if node.kind == "for":
            self._set[node.name] += 1
            for word in node.words:
                self._flow(word, node.function, node.name)
                self.assigned[node.name].append(Assignment(node.name, [word], word.start))
        elif node.head in self.functions or node.head == "set":
            self._read_call(node)

    def _read_call(self, node: Node) -> None:
        self._calls[node.head].append(node)
        scope = node.head if node.head != "set" else node.function
        shifts = scope in self._shifting
        for number, word in enumerate(_operands(node), 1):
            places = range(1, 10) if shifts else (number,)
            self._flow(word, node.function, f"{scope}:@", *(f"{scope}:{at}" for at in places))

    @cached_property
    def _shifts(self) -> list[Node]:
        return [node for node in self.syntax.nodes if node.head == "shift"]

    @cached_property
    def _shifting(self) -> set[str]:
        return {node.function for node in self._shifts}

    def _flow(self, word: Word, function: str, *targets: str) -> None:
        if word.literal is not None:
            return
        for key in self.keys_of(word, function):
            self._held[key].update(targets)
        for key in self.mentions(word.start, word.end, function):
            self._touched[key].update(targets)

    # What is in words.

    def keys_of(self, word: Word, function: str) -> set[str]:
        """The variables that stand in a word, but for those within a substitution."""
        return {
            key_of(part.name, function)
            for part in parts_within(word.parts)
            if part.name and part.operator != "len"
        }

    def mentions(self, start: int, end: int, function: str) -> Iterator[str]:
        """The variables and functions that a piece of the script names in whatever way."""
        for found in _MENTIONED.finditer(self.syntax.text, start, end):
            if found[1]:
                yield key_of(found[1], function)
            elif found[2] in self.functions:
                yield f"{found[2]}()"

    def carried(self, word: Word, function: str) -> set[str]:
        """The values that are in a word."""
        if word.literal is not None:
            return set()
        keys = self.keys_of(word, function)
        return {value for key in keys for value in self._carried.get(key, ())}

    def carried_by(self, key: str) -> frozenset[str]:
        """The values that a variable holds."""
        return frozenset(self._carried.get(key, ()))

    def holding(self) -> set[str]:
        """The variables and placeholders that hold a value."""
        return {key for key, values in self._carried.items() if values}

    def depends(self, word: Word, function: str) -> set[str]:
        """The values that decide what a word is."""
        if word.literal is not None:
            return set()
        keys = self.mentions(word.start, word.end, function)
        return set[str]().union(*(self._reached.get(key, ()) for key in keys))

    def stand_in(self, values: set[str]) -> Part:
        """A piece of a word that holds any of the values."""
        name = f"OPSMCP_T{len(self._carried)}00"
        self._carried[name] = self._reached[name] = values
        return Part(f"${{{name}}}", "", 0, name)

    def reached(self, values: set[str]) -> dict[str, set[str]]:
        """The variables that may depend on any of the values, with those."""
        return {key: found & values for key, found in self._reached.items() if found & values}

    # Who names a variable.

    def is_open(self, name: str) -> bool:
        """Whether a variable is named otherwise than by an expansion or a plain assignment."""
        if name not in self._opened:
            named = sum(1 for _ in re.finditer(_NAMES.format(re.escape(name)), self.syntax.text))
            outer = self.outer if name not in self.assigned else None
            known = outer is None or not (outer._set[name] or outer.is_open(name))
            self._opened[name] = named != self._set[name] or not known
        return self._opened[name]

    # What words stand for.

    def ways(self, word: Word, function: str) -> list[list[Word]] | None:
        """What a word may stand for, as words of the author and values; None if unknown."""
        if len(word.parts) == 1 and (several := self._several(word.parts[0], function)) is not None:
            return several
        ways = self._flat(word, function)
        return None if ways is None else [_split(parts, word) for parts in ways]

    def _several(self, part: Part, function: str) -> list[list[Word]] | None:
        """What `"$@"` and whole arrays stand for."""
        if part.plain in ("@", "*"):
            if function not in self._called:
                self._called[function] = self._given(function)
            return self._called[function] or None
        if part.operator not in ("[@]", "[*]") or self.is_open(part.name):
            return None
        known = self.assigned.get(part.name, [])
        return None if None in known else [made.words for made in known if made]

    def _given(self, function: str) -> list[list[Word]] | None:
        """The arguments of each call of a function, after what it shifts away first."""
        shifts = [node for node in self._shifts if node.function == function]
        if any(not _is_once(node) for node in shifts) or any(len(n.words) > 1 for n in shifts):
            return None
        found: dict[object, list[Word]] = {}
        for node in self._calls.get(function or "set", ()):
            if function or node.function == function:
                words = _operands(node)[len(shifts) :]
                words = [_scoped(word, node.function) for word in words]
                found[tuple(tuple((p.text, p.quote) for p in w.parts) for w in words)] = words
        return list(found.values())

    def _flat(self, word: Word, function: str, depth: int = 0) -> list[tuple[Part, ...]] | None:
        choices: list[list[tuple[Part, ...]]] = []
        total = 1
        for part in word.parts:
            found = self._one(part, function, depth)
            total *= len(found or ())
            if found is None or total > _MOST_WAYS:
                return None
            choices.append(found)
        return [tuple(p for parts in way for p in parts) for way in product(*choices)]

    def _one(self, part: Part, function: str, depth: int) -> list[tuple[Part, ...]] | None:
        """What a piece of a word may stand for."""
        if not part.expands or part.is_value:
            return [(part,)]
        if fixed := _FOUND.fullmatch(part.text):
            return [(Part(fixed[1]),)]
        default = part.word if part.operator in (":-", "-") else None
        literal = default is not None and all(not piece.expands for piece in default.parts)
        if not part.plain and not literal:
            return None
        found = self._variable(part.name, function, depth)
        if found is None:
            return None
        more = [default.parts] if default is not None else []
        quote = part.quote or _SPLIT
        return [
            tuple(piece if piece.expands else replace(piece, quote=quote) for piece in parts)
            for parts in (*found, *more)
        ]

    def _variable(self, name: str, function: str, depth: int) -> list[tuple[Part, ...]] | None:
        """All that is assigned to a variable; the environment is the author's."""
        if depth > 3 or not name.isidentifier() or name.startswith("OPSMCP_") or self.is_open(name):
            return None
        if len(self.assigned.get(name, ())) > _MOST_WAYS:
            return None
        if name in self._looked_at:  # `V=${V:-x}`: what it was before.
            return [()]
        self._looked_at.add(name)
        found: list[tuple[Part, ...]] = [] if name in self.assigned else [()]
        for made in self.assigned.get(name, ()):
            known = made is not None and not made.array
            flat = self._flat(made.words[0], function, depth + 1) if made and known else None
            if flat is None:
                break
            found += flat
        else:
            self._looked_at.discard(name)
            return found
        self._looked_at.discard(name)
        return None


def naming(keys: Iterable[str]) -> re.Pattern[str]:
    """What names any of the variables; behind a parameter (`$1`) more may follow at once."""
    names = {key.rpartition(":")[2] for key in keys}
    found = (re.escape(n) + (r"(?!\w)" if n.isidentifier() else "") for n in sorted(names))
    return re.compile(rf"(?<!\w)(?:{'|'.join(found) or '(?!)'})")


def key_of(name: str, function: str) -> str:
    """The name of a variable, or of a parameter with its function."""
    if name == "*" or name == "@":
        return f"{function}:@"
    return f"{function}:{name}" if name.isdigit() else name


def parts_within(parts: Iterable[Part]) -> Iterator[Part]:
    """The parts of a word, and those in its expansions, but for commands."""
    for part in parts:
        yield part
        if part.word is not None:
            yield from parts_within(part.word.parts)
            if part.operator == ":" or part.operator.startswith(("((", "[")):
                for piece in part.word.parts:
                    if not piece.expands:
                        for name in _LETTERS.findall(piece.text):
                            yield Part(name, "((", piece.start, name)


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


def _operands(node: Node) -> Sequence[Word]:
    """The parameters of a call, or what `set` makes parameters of."""
    words = node.words[1:]
    if node.head != "set":
        return words
    for at, word in enumerate(words):
        if word.literal == "--":
            return words[at + 1 :]
    return () if words and words[0].prefix.startswith(("-", "+")) else words


def _is_once(node: Node) -> bool:
    """Whether a command stands in no loop of its function."""
    around = node.parent
    while around is not None and around.kind != "function":
        if around.kind in ("for", "loop", "substitution"):
            return False
        around = around.parent
    return True


def _scoped(word: Word, function: str) -> Word:
    """A word with parameters under the name of their function."""
    if word.literal is not None:
        return word
    return word.of(
        replace(p, name=key_of(p.name, function)) if p.plain and key_of(p.name, "") != p.name else p
        for p in word.parts
    )


def _split(parts: Iterable[Part], word: Word) -> list[Word]:
    """The words that a shell makes of the pieces."""
    words: list[list[Part]] = [[]]
    quoted = False
    for part in parts:
        quoted = quoted or part.quote not in ("", _SPLIT)
        if part.quote != _SPLIT or part.expands:
            words[-1].append(part)
            continue
        first, *more = re.split(r"\s+", part.text)
        words[-1] += [replace(part, text=first)] if first else []
        words += [[replace(part, text=piece)] if piece else [] for piece in more]
    return [
        Word(tuple(w), word.start, word.end) for w in words if w or (quoted and len(words) == 1)
    ]
