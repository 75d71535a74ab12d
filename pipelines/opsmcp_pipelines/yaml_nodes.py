"""YAML text -> plain nodes that know their line: text, lists and mappings, nothing else.

Works on the parser's events and constructs no Python objects, so that a scalar stays the text its
author wrote (`10`, `true`) and no tag can mean anything. Aliases, duplicate keys and deep nesting
are refused. Knows nothing of manifests and hosts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

__all__ = [
    "ListNode",
    "MapNode",
    "Node",
    "TextNode",
    "YamlProblem",
    "line_in",
    "list_in",
    "map_in",
    "map_of",
    "read_documents",
    "text_in",
    "text_of",
]

_MAX_DEPTH = 40
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, slots=True)
class TextNode:
    """A scalar as it was written; `null` when it is YAML's unquoted null or nothing at all.

    `style` is the sign that it begins with (`|`, `>` or a quote), empty for a plain one; `column`
    counts characters from 0.
    """

    line: int
    text: str
    null: bool = False
    style: str = ""
    column: int = 0


@dataclass(frozen=True, slots=True)
class ListNode:
    """A sequence."""

    line: int
    items: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class MapNode:
    """A mapping with text keys, in the author's order.

    Of one in braces, `end` is the line and the column of what follows it; else it is None, and
    `column` that of its keys.
    """

    line: int
    fields: "dict[str, Node]" = field(default_factory=dict[str, "Node"])
    column: int = 0
    end: tuple[int, int] | None = None


Node = TextNode | ListNode | MapNode


class YamlProblem(Exception):
    """Text that cannot be read as YAML, or that uses what is refused here.

    Attributes:
        line: From 1; 0 when it is not known.
        reason: What is wrong.
        rest: Whether the rest of the text is lost, too.
    """

    def __init__(self, line: int, reason: str, *, rest: bool = False) -> None:
        """Keep the place and the reason."""
        self.line = line
        self.reason = reason
        self.rest = rest
        super().__init__(f"line {line}: {reason}")


def line_in(fields: MapNode, key: str) -> int:
    """Where a field stands, or where it would stand."""
    return fields.fields[key].line if key in fields.fields else fields.line


def map_of(node: Node, what: str) -> MapNode:
    """The node as a mapping; it is called `what` when it is none.

    Raises:
        YamlProblem: It is something else.
    """
    if not isinstance(node, MapNode):
        raise YamlProblem(node.line, f"{what} must be a mapping")
    return node


def map_in(fields: MapNode, key: str) -> MapNode:
    """A field that is a mapping; an empty one when it is not there.

    Raises:
        YamlProblem: It is something else.
    """
    node = fields.fields.get(key)
    if node is None or (isinstance(node, TextNode) and node.null):
        return MapNode(line_in(fields, key))
    return map_of(node, key)


def list_in(fields: MapNode, key: str) -> tuple[Node, ...]:
    """The items of a field that is a list; none when it is not there.

    Raises:
        YamlProblem: It is something else.
    """
    node = fields.fields.get(key)
    if node is None or (isinstance(node, TextNode) and node.null):
        return ()
    if not isinstance(node, ListNode):
        raise YamlProblem(node.line, f"{key} must be a list")
    return node.items


def text_of(node: Node, what: str) -> str:
    """The node as text, empty for null; it is called `what` when it is none.

    Raises:
        YamlProblem: It is something else, or holds a NUL character.
    """
    if not isinstance(node, TextNode):
        raise YamlProblem(node.line, f"{what} must be text")
    if "\0" in node.text:
        raise YamlProblem(node.line, f"{what} must not hold a NUL character")
    return "" if node.null else node.text


def text_in(fields: MapNode, key: str) -> str:
    """A field that is text; empty when it is not there.

    Raises:
        YamlProblem: It is something else.
    """
    node = fields.fields.get(key)
    return "" if node is None else text_of(node, key)


def read_documents(text: str) -> Iterator[Node | YamlProblem]:
    """Each document of `text`, or what is wrong with it; empty documents are left out.

    A problem of one document does not cost the others; a syntax error ends the iteration.
    """
    try:
        for events in _split(text):
            if len(events) > 1 or not _is_empty(events[0]):
                yield _compose(events)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        yield YamlProblem(line, f"not valid YAML: {error.problem or 'unreadable'}", rest=True)
    except yaml.YAMLError:
        yield YamlProblem(0, "not valid YAML: it holds characters that YAML forbids", rest=True)


def _split(text: str) -> Iterator[list[yaml.Event]]:
    """The events of each document, without its start and end."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    events: list[yaml.Event] = []
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.DocumentStartEvent):
            events = []
        elif isinstance(event, yaml.DocumentEndEvent):
            yield events
        else:
            events.append(event)


def _is_empty(event: yaml.Event) -> bool:
    return isinstance(event, yaml.ScalarEvent) and event.value == ""


def _compose(events: list[yaml.Event]) -> Node | YamlProblem:
    try:
        return _Composer(iter(events)).node(0)
    except YamlProblem as problem:
        return problem


class _Composer:
    """Builds the nodes of one document from its events."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self._events = events

    def node(self, depth: int) -> Node:
        return self._build(next(self._events), depth)

    def _build(self, event: yaml.Event, depth: int) -> Node:
        line = event.start_mark.line + 1 if event.start_mark else 0
        if depth > _MAX_DEPTH:
            raise YamlProblem(line, f"nested deeper than {_MAX_DEPTH} levels")
        if isinstance(event, yaml.ScalarEvent):
            return _text(event, line)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(line, depth)
        if isinstance(event, yaml.MappingStartEvent):
            return self._map(event, line, depth)
        raise YamlProblem(line, "aliases (`*name`) are not supported; write the value out")

    def _list(self, line: int, depth: int) -> ListNode:
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._build(event, depth + 1))
        return ListNode(line, tuple(items))

    def _map(self, start: yaml.MappingStartEvent, line: int, depth: int) -> MapNode:
        fields: dict[str, Node] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._build(event, depth + 1)
            if not isinstance(key, TextNode):
                raise YamlProblem(key.line, "a key must be text")
            if key.text in fields:
                raise YamlProblem(key.line, f"the key {key.text[:80]!r} appears twice")
            fields[key.text] = self.node(depth + 1)
        mark = event.end_mark
        end = (mark.line + 1, mark.column) if mark and start.flow_style else None
        return MapNode(line, fields, _column(start), end)


def _text(event: yaml.ScalarEvent, line: int) -> TextNode:
    plain = not event.style and event.implicit[0]
    null = plain and event.value in _NULLS
    return TextNode(line, event.value, null, event.style or "", _column(event))


def _column(event: yaml.Event) -> int:
    return event.start_mark.column if event.start_mark else 0
