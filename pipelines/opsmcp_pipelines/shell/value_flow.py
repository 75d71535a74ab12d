"""Flow: which values reach which variables of a shell script, and so where they stand. Pure.

Values are environment variables of a known prefix. What programs make of them is not followed:
only what the shell itself, or a command that prints its arguments, passes on.
"""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from opsmcp_pipelines.shell.assignments import (
    POSITIONAL,
    assignments,
    functions_of,
    integer_names,
    split_by_loops,
)
from opsmcp_pipelines.shell.tree import bare, text_of
from opsmcp_pipelines.shell.word import Word

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Flow"]

_CUTS = re.compile(
    r"\$\{\w+(\[[^]]*\])?(#|:\s*[\d$(]|/)|\b(sed|[gmn]?awk|perl|python[0-9.]*|ruby|rev|expr|dd"
    r"|base64|jq|yq)\b|\bcut\s[^|;]*-([cb]|d\s*[\"']?\w|-char|-byte)|\b(tail|head)\s+-c"
    r"|\btr\s+(-\w+\s+)*[\"']?(?!a-z|A-Z)\w"
)
"""Signs that a text may lose its beginning, at a letter or digit."""
_SPLITS_ANYWHERE = re.compile(r"\bIFS=(\$')?[\"']?[\w.@/%+=-]")


class Flow:
    """Which values reach which shell variables, and so which nodes."""

    def __init__(self, root: "Node", prefix: str) -> None:
        """Follow the values through the script of `root`; their names begin with `prefix`."""
        self._value = re.compile(rf"{prefix}[0-9]+")
        self._reached: dict[str, set[str]] = {}
        self.integers = integer_names(root)
        self.functions = functions_of(root)
        flows = list(assignments(root, self.functions))
        self._texts: dict[str, list[str]] = {}
        for name, text in flows:
            self._texts.setdefault(name, []).append(bare(text.strip()))
        while sum(self._follow(name, text) for name, text in flows):
            pass
        # Splitting at a letter is as good as cutting there.
        self.splits_anywhere = _SPLITS_ANYWHERE.search(text_of(root)) is not None
        self._cut = set(self._reached) if self.splits_anywhere else set[str]()
        looped = set(split_by_loops(root, self.functions))
        carried = {(name, text) for name, text in flows if self._values_of(text)}
        self._split = {name for name, _ in carried & looped} - {
            name for name, _ in carried - looped
        }
        self._changed = set(self._cut)
        while sum(self._mark(name, text) for name, text in flows):
            pass

    def _follow(self, name: str, text: str) -> bool:
        known = self._reached.setdefault(name, set())
        # Arithmetic follows names: after `w=v`, `$((w))` reads v.
        new = (self._values_of(text) | self._reached.get(bare(text.strip()), set())) - known
        known |= new
        return bool(new)

    def _mark(self, name: str, text: str) -> bool:
        """Note whether a variable may hold a part of a value, or one that lost its beginning."""
        before = len(self._cut) + len(self._changed)
        if self._values_of(text):
            if not self.is_whole(text):
                self._changed.add(name)
            if self.is_cut(text):
                self._cut.add(name)
        return len(self._cut) + len(self._changed) > before

    def is_whole(self, text: str) -> bool:
        """Whether a word is one whole value: the value itself, or a variable that holds one."""
        match = re.fullmatch(r"([\"']?)[$ ]\{?(\w+|@)\}?\1", text.strip())
        if match is None or match[2] in self._changed:
            return False
        return bool(match[1]) or self._value.fullmatch(match[2]) is not None

    def is_split(self, text: str) -> bool:
        """Whether a word is a variable that a loop took from words already split."""
        match = re.fullmatch(r"\$\{?(\w+)\}?", text)
        return match is not None and match[1] in self._split

    def is_cut(self, text: str) -> bool:
        """Whether a text may hold a value without its beginning."""
        if _CUTS.search(text):
            return True
        return any(re.search(_use_of(name, by_name=False), text) for name in self._cut)

    def expand(self, words: "list[Word[Node]]") -> "Iterator[list[Word[Node]]]":
        """The command line, also with its first word replaced by what was assigned to it."""
        yield words
        match = re.fullmatch(r"\$\{?(\w+)(?:\[.*\])?\}?", words[0].text) if words else None
        for text in self._texts.get(match[1], []) if match else []:
            parts = text.strip("() ").split()  # an array is written in parentheses
            yield [*(Word(bare(part), words[0].node) for part in parts), *words[1:]]

    def values_in(self, texts: Iterable[str], *, by_name: bool = False) -> set[str]:
        """The values that the texts contain, directly or through a variable.

        `by_name` when the shell reads variables there without a dollar sign, as in arithmetic.
        """
        return {value for text in texts for value in self._values_of(text, by_name=by_name)}

    def _values_of(self, text: str, *, by_name: bool = False) -> set[str]:
        found = set(self._value.findall(text))
        for name, values in self._reached.items():
            if values and re.search(_use_of(name, by_name=by_name), text):
                found |= values
        return found


def _use_of(name: str, *, by_name: bool) -> str:
    """A pattern for the places that read a shell variable."""
    if name in POSITIONAL:
        return rf"\$\{{?[!#]?{re.escape(name)}"
    start = r"(?<![A-Za-z0-9_])" if by_name else r"\$\{?[!#]?"
    return rf"{start}{re.escape(name)}(?![A-Za-z0-9_])"
