"""What the schema of an input says in words: the author's, then what a value must be. Pure."""

import re

from opsmcp_pipelines.kinds.guess import kind_of
from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.kinds.names import words_of
from opsmcp_pipelines.models import Variable
from opsmcp_tools.arguments.choices import Inventory
from opsmcp_tools.arguments.kind_words import meaning_of
from opsmcp_tools.model.tool import Input
from opsmcp_tools.phrases import definition as words
from opsmcp_tools.phrases.phrase import Said
from opsmcp_tools.safe_text.characters import clean_line

__all__ = ["describe_input", "own_bounds"]

_LONGEST_DESCRIPTION = 200
_LONGEST_OWN_WORDS = 140
_PLAINLY_BOUND = ("port", "percent")
_FROM_TO = re.compile(r"(?<![\w.-])(-?\d{1,9}) to (-?\d{1,9})\b")


def describe_input(item: Input, variable: Variable, inventory: Inventory, *, listed: bool) -> str:
    """The author's words first, then what a value must be."""
    own = clean_line(variable.desc or variable.display, _LONGEST_OWN_WORDS).rstrip(" .")
    if _bare(own) == _bare(variable.name):
        own = ""
    parts = [own] if own else []
    meaning = _meaning(item, variable, inventory, listed)
    if meaning and not _is_said(item, variable, own) and meaning.casefold() not in own.casefold():
        parts.append(meaning)
    if item.pattern and variable.regex and item.kind is not Kind.PATTERN and not listed:
        parts.append(words.MATCHING(variable.regex).to(inventory.language))
    if not listed and not item.required and item.default is None and item.kind in _TEXTUAL:
        parts.append(words.OPTIONAL().to(inventory.language))
    return clean_line("; ".join(parts), _LONGEST_DESCRIPTION)


def _is_said(item: Input, variable: Variable, own: str) -> bool:
    """Whether the author's words, or a good example of them, tell what kind of value it is."""
    if item.kind in _SAID_BY_NAME and not item.allowed:
        return "name" in own.casefold() or _says_what(item, variable)
    if item.kind is Kind.COUNT:
        return own_bounds(variable) is not None
    if item.kind is Kind.IMAGE:
        return "image" in own.casefold()
    return item.kind is Kind.TOKEN and bool(own and variable.examples)


def _bare(text: str) -> str:
    """What a name is the name of: `podname`, `pod-name` and `pod name` are `pod`."""
    return "".join(words_of(text)).removesuffix("name")


_SAID_BY_NAME = frozenset(
    {Kind.CONTAINER, Kind.HOST, Kind.KUBERNETES_NAME, Kind.PACKAGE, Kind.USER, Kind.VERSION}
)


def _says_what(item: Input, variable: Variable) -> bool:
    """Whether the name of the variable alone tells what is wanted."""
    return kind_of(Variable(variable.name)).kind is item.kind


_TEXTUAL = frozenset(Kind) - {Kind.COUNT, Kind.FLAG, Kind.CHOICE}


def _meaning(item: Input, variable: Variable, inventory: Inventory, listed: bool) -> str:
    if item.kind is Kind.CLUSTER and listed:
        return inventory.about_clusters
    if item.kind is Kind.HOST and listed and inventory.about_hosts:
        return inventory.about_hosts
    said = _said(item, variable, listed)
    return said.to(inventory.language) if said else ""


_SAID_BY_SCHEMA = frozenset({Kind.COUNT, Kind.FLAG, Kind.CHOICE, Kind.PATTERN, Kind.TEXT})


def _said(item: Input, variable: Variable, listed: bool) -> Said | None:
    if item.kind is Kind.CLUSTER or (item.kind is Kind.HOST and item.allowed):
        return words.WHERE() if listed else words.COUNTED(len(item.allowed), item.kind)
    if item.kind is Kind.CHOICE and not listed:
        return words.CHOICES(len(item.allowed), ", ".join(item.allowed[:5]))
    if item.kind is Kind.PATTERN:
        return words.MATCHING(variable.regex)
    if item.kind is Kind.COUNT and words_of(variable.name)[-1:] in [(w,) for w in _PLAINLY_BOUND]:
        return words.BOUNDS(item.minimum, item.maximum)
    if item.kind in _SAID_BY_SCHEMA:
        return None
    meaning = meaning_of(item.kind)
    return words.SEVERAL(meaning) if item.separator else meaning


def own_bounds(variable: Variable) -> tuple[int, int] | None:
    """The bounds that the author names in words, such as `1 to 100`."""
    found = _FROM_TO.search(f"{variable.desc}; {variable.display}")
    bounds = (int(found[1]), int(found[2])) if found else (0, 0)
    return bounds if bounds[0] < bounds[1] else None
