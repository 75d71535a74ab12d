"""A variable -> an input and its JSON Schema; and the two schemas of a tool.

Flat object schemas with one type per property: several clients refuse anything else. What a schema
cannot say the same way everywhere is said in words and checked by `values` in any case. Terse on
purpose, because a tool's definition is paid for in every request. Pure.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from opsmcp_pipelines.kinds.go_regex import Pattern, matches, parse_pattern
from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.models import Variable
from opsmcp_pipelines.run import Verdict
from opsmcp_tools.arguments.choices import NODE_SELECTORS, Inventory
from opsmcp_tools.arguments.kind_meanings import MEANINGS
from opsmcp_tools.arguments.value_checks import (
    LABEL_NAME,
    MAX_TEXT,
    SUBDOMAIN_NAME,
    Refused,
    check_value,
)
from opsmcp_tools.model.errors import UnusableOperation
from opsmcp_tools.model.kind_rules import kind_of, words_of
from opsmcp_tools.model.tool import Input, JsonObject
from opsmcp_tools.phrases import definition as words
from opsmcp_tools.phrases.phrase import Said
from opsmcp_tools.safe_text.characters import clean_line, has_hidden, quote

__all__ = ["OUTPUT_SCHEMA", "build_input", "input_schema"]

_LONGEST_DESCRIPTION = 200
_LONGEST_OWN_WORDS = 140
_LONGEST_CHOICE = 256
_MOST_EXAMPLES = 3
_MOST_CHOICES = 500

_NAME_SCHEMA = "[a-z0-9.-]"
_WORD_SCHEMA = r"\S"
"""Short and wider than the checks of `values`: they are paid for in every request."""

_LABEL_WORDS = frozenset({"namespace", "ns", "svc", "service", "svcname", "servicename"})
_BOUNDS: Mapping[str, tuple[int, int]] = {
    "port": (1, 65535),
    "percent": (0, 100),
    "replicas": (0, 10_000),
    "topk": (1, 100_000),
    "limit": (1, 100_000),
    "lines": (1, 100_000),
    "tail": (1, 100_000),
}
_OTHER_BOUNDS = (0, 1_000_000_000)
_PLAINLY_BOUND = ("port", "percent")
_FROM_TO = re.compile(r"\b(\d{1,9}) to (\d{1,9})\b")


def build_input(
    variable: Variable, kind: Kind, inventory: Inventory, enum_limit: int = 64
) -> Input:
    """What a caller may give for `variable`.

    Raises:
        UnusableOperation: What is declared makes no sense, so the operation is withheld.
    """
    pattern = _pattern_of(variable)
    item = _BUILDERS.get(kind, _plain)(variable, kind, inventory, pattern)
    if variable.required and item.kind is Kind.CLUSTER and not item.allowed:
        raise UnusableOperation("it needs a cluster and there is none that fits")
    return replace(item, schema=_property(item, variable, inventory, pattern, enum_limit))


def _pattern_of(variable: Variable) -> Pattern:
    if not variable.regex:
        return Pattern("", "")
    pattern = parse_pattern(variable.regex)
    if pattern is None:
        raise UnusableOperation(
            f"the regex of variable {variable.name!r} cannot be used: {quote(variable.regex)} is "
            "not RE2, as Go has it"
        )
    return pattern


def _input(variable: Variable, kind: Kind, default: str | None) -> Input:
    required = variable.required and not default
    return Input(variable.name, kind, schema={}, required=required, default=default)


def _plain(variable: Variable, kind: Kind, _inventory: Inventory, _pattern: Pattern) -> Input:
    return _input(variable, kind, variable.default)


def _cluster(variable: Variable, kind: Kind, inventory: Inventory, pattern: Pattern) -> Input:
    names = _narrowed(inventory.cluster_names, variable, pattern)
    # Ops runs what names an unknown cluster locally and says nothing.
    default = variable.default if variable.default in names else None
    if default is None and variable.required and inventory.default_cluster in names:
        default = inventory.default_cluster
    own = inventory.default_cluster or ""
    return replace(_input(variable, kind, default), allowed=names, left_out=own)


def _host(variable: Variable, kind: Kind, inventory: Inventory, pattern: Pattern) -> Input:
    own = [name for name in (*variable.enums, variable.default) if name in NODE_SELECTORS]
    selectors = (*inventory.selectors, *(name for name in own if name))
    hosts = _narrowed(inventory.host_names, variable, pattern)
    allowed = tuple(dict.fromkeys((*hosts, *sorted(selectors)))) if inventory.host_names else ()
    default = variable.default or inventory.only_host
    if default not in allowed and default not in selectors:
        default = None
    item = replace(_input(variable, kind, default), allowed=allowed)
    far = _host_elsewhere(variable, pattern) if inventory.are_sent_to else None
    return replace(item, elsewhere=far)


def _host_elsewhere(variable: Variable, pattern: Pattern) -> Input:
    """The host of a call that names another cluster: only that cluster knows which exist."""
    # A default that is a host of the own cluster is none there.
    item = _input(variable, Kind.HOST, _selector(variable.default))
    needed = item.required or variable.default != item.default
    return replace(item, required=needed, allowed=variable.enums, pattern=pattern.whole)


def _selector(name: str | None) -> str | None:
    return name if name in NODE_SELECTORS else None


def _narrowed(names: tuple[str, ...], variable: Variable, pattern: Pattern) -> tuple[str, ...]:
    """Of what exists, what the author allows."""
    if variable.enums:
        names = tuple(name for name in names if name in variable.enums)
    if pattern.whole:
        names = tuple(name for name in names if matches(pattern.whole, name))
    return names


def _choice(variable: Variable, kind: Kind, _inventory: Inventory, _pattern: Pattern) -> Input:
    choices = tuple(dict.fromkeys(value for value in variable.enums if value))
    if not choices or len(choices) > _MOST_CHOICES:
        raise UnusableOperation(f"variable {variable.name!r} has no usable list of choices")
    if any(_is_bad_choice(value) for value in choices):
        raise UnusableOperation(f"a choice of variable {variable.name!r} cannot be used")
    return replace(_input(variable, kind, variable.default), allowed=choices)


def _is_bad_choice(value: str) -> bool:
    return len(value) > _LONGEST_CHOICE or has_hidden(value) or "${" in value


def _matching(variable: Variable, kind: Kind, _inventory: Inventory, pattern: Pattern) -> Input:
    if not pattern.whole:
        raise UnusableOperation(f"variable {variable.name!r} has no regex to match")
    return replace(_input(variable, kind, variable.default), pattern=pattern.whole)


def _name(variable: Variable, kind: Kind, _inventory: Inventory, _pattern: Pattern) -> Input:
    named = words_of(variable.name)
    label = bool(named) and named[-1] in _LABEL_WORDS
    pattern = LABEL_NAME if label else SUBDOMAIN_NAME
    return replace(_input(variable, kind, variable.default), pattern=pattern)


def _count(variable: Variable, kind: Kind, _inventory: Inventory, _pattern: Pattern) -> Input:
    named = words_of(variable.name) or ("",)
    low, high = _own_bounds(variable) or _BOUNDS.get(named[-1], _OTHER_BOUNDS)
    item = _input(variable, kind, variable.default)
    try:
        own = int(check_value(item, variable.default))
    except Refused:
        own = low
    return replace(item, minimum=min(low, own), maximum=max(high, own))


def _own_bounds(variable: Variable) -> tuple[int, int] | None:
    """The bounds that the author names in words, such as `1 to 100`."""
    found = _FROM_TO.search(f"{variable.desc}; {variable.display}")
    bounds = (int(found[1]), int(found[2])) if found else (0, 0)
    return bounds if bounds[0] < bounds[1] else None


_Builder = Callable[[Variable, Kind, Inventory, Pattern], Input]
_BUILDERS: Mapping[Kind, _Builder] = {
    Kind.CLUSTER: _cluster,
    Kind.HOST: _host,
    Kind.CHOICE: _choice,
    Kind.PATTERN: _matching,
    Kind.KUBERNETES_NAME: _name,
    Kind.COUNT: _count,
}


def _property(
    item: Input, variable: Variable, inventory: Inventory, pattern: Pattern, enum_limit: int
) -> JsonObject:
    listed = bool(item.allowed) and len(item.allowed) <= enum_limit
    told = _describe(item, variable, inventory, listed)
    schema: JsonObject = {"type": _TYPES.get(item.kind, "string")}
    if told:
        schema["description"] = told
    if listed:
        schema["enum"] = list(item.allowed)
    else:
        schema |= _limits(item, pattern)
    default = _typed(item, item.default)
    if default is not None:
        schema["default"] = default
    examples = [_typed(item, text) for text in variable.examples[:_MOST_EXAMPLES]]
    good = [example for example in examples if example is not None]
    return schema | ({"examples": good} if good and not item.allowed else {})


_TYPES: Mapping[Kind, str] = {Kind.COUNT: "integer", Kind.FLAG: "boolean"}


def _limits(item: Input, pattern: Pattern) -> JsonObject:
    if item.kind is Kind.COUNT and (item.minimum, item.maximum) != _OTHER_BOUNDS:
        return {"minimum": item.minimum, "maximum": item.maximum}
    if item.kind is Kind.TEXT:
        return {"maxLength": MAX_TEXT}
    if item.kind is Kind.KUBERNETES_NAME or (item.kind is Kind.HOST and not item.allowed):
        return {"pattern": _some_of(_NAME_SCHEMA, item)}
    if item.kind in (Kind.TOKEN, Kind.HOST, Kind.CLUSTER):
        return {"pattern": _some_of(_WORD_SCHEMA, item)}
    return {"pattern": pattern.ecma} if item.kind is Kind.PATTERN and pattern.ecma else {}


def _some_of(characters: str, item: Input) -> str:
    """A pattern that takes the blank which models fill optional arguments with."""
    return f"^{characters}{'+' if item.required else '*'}$"


def _typed(item: Input, text: str | None) -> str | int | bool | None:
    """A value of the author as the schema's type has it; None when no caller could give it."""
    if not text:
        return None
    try:
        value = check_value(item, text)
    except Refused:
        return None
    if item.kind is Kind.COUNT:
        return int(value)
    return value == "true" if item.kind is Kind.FLAG else value


def _describe(item: Input, variable: Variable, inventory: Inventory, listed: bool) -> str:
    """The author's words first, then what a value must be."""
    own = clean_line(variable.desc or variable.display, _LONGEST_OWN_WORDS).rstrip(" .")
    if _bare(own) == _bare(variable.name):
        own = ""
    parts = [own] if own else []
    meaning = _meaning(item, variable, inventory, listed)
    if meaning and not _is_said(item, variable, own) and meaning.casefold() not in own.casefold():
        parts.append(meaning)
    if not listed and not item.required and item.default is None and item.kind in _TEXTUAL:
        parts.append(words.OPTIONAL().to(inventory.language))
    return clean_line("; ".join(parts), _LONGEST_DESCRIPTION)


def _is_said(item: Input, variable: Variable, own: str) -> bool:
    """Whether the author's words, or a good example of them, tell what kind of value it is."""
    if item.kind is Kind.KUBERNETES_NAME:
        return "name" in own.casefold() or _says_what(variable)
    if item.kind is Kind.COUNT:
        return _own_bounds(variable) is not None
    if item.kind is Kind.IMAGE:
        return "image" in own.casefold()
    return item.kind is Kind.TOKEN and bool(own and variable.examples)


def _bare(text: str) -> str:
    """What a name is the name of: `podname`, `pod-name` and `pod name` are `pod`."""
    return "".join(words_of(text)).removesuffix("name")


def _says_what(variable: Variable) -> bool:
    """Whether the name of the variable alone tells that a Kubernetes name is wanted."""
    return kind_of(Variable(variable.name)) is Kind.KUBERNETES_NAME


_TEXTUAL = frozenset(Kind) - {Kind.COUNT, Kind.FLAG, Kind.CHOICE}


def _meaning(item: Input, variable: Variable, inventory: Inventory, listed: bool) -> str:
    if item.kind is Kind.CLUSTER and listed:
        return inventory.about_clusters
    if item.kind is Kind.HOST and listed and inventory.about_hosts:
        return inventory.about_hosts
    said = _said(item, variable, listed)
    return said.to(inventory.language) if said else ""


def _said(item: Input, variable: Variable, listed: bool) -> Said | None:
    if item.kind is Kind.CLUSTER or (item.kind is Kind.HOST and item.allowed):
        return words.WHERE() if listed else words.COUNTED(len(item.allowed), item.kind)
    if item.kind is Kind.CHOICE and not listed:
        return words.CHOICES(len(item.allowed), ", ".join(item.allowed[:5]))
    if item.kind is Kind.PATTERN:
        return words.MATCHING(variable.regex)
    if item.kind is Kind.COUNT and words_of(variable.name)[-1:] in [(w,) for w in _PLAINLY_BOUND]:
        return words.BOUNDS(item.minimum, item.maximum)
    meaning = MEANINGS.get(item.kind)
    return meaning() if meaning else None


def input_schema(inputs: Iterable[Input]) -> JsonObject:
    """The schema of a tool's arguments: flat, closed, in the order of `inputs`."""
    items = tuple(inputs)
    schema: JsonObject = {
        "type": "object",
        "properties": {item.name: item.schema for item in items},
        "additionalProperties": False,
    }
    required = [item.name for item in items if item.required]
    return schema | ({"required": required} if required else {})


_STRING: JsonObject = {"type": "string"}
_VERDICT: JsonObject = {"type": "string", "enum": [verdict.value for verdict in Verdict]}

OUTPUT_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "run": _STRING,
        "operation": _STRING,
        "verdict": _VERDICT,
        "started_at": _STRING,
        "duration_seconds": {"type": "number"},
        "tasks": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "name": _STRING,
                    "task": _STRING,
                    "verdict": _STRING,
                    "nodes": {"type": "array", "items": {"type": "object"}},
                },
            },
        },
        "results": {"type": "object", "additionalProperties": _STRING},
        "advice": _STRING,
        "warnings": {"type": "array", "items": _STRING},
    },
    "required": ["run", "operation", "verdict"],
}
"""The structured result of a run, the same for every tool."""
