"""A variable -> an input and its JSON Schema; and the schema of a tool's arguments.

Flat object schemas with one type per property: several clients refuse anything else. What a schema
cannot say the same way everywhere is said in words and checked by `values` in any case. Terse on
purpose, because a tool's definition is paid for in every request. Pure.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from opsmcp_pipelines.kinds.go_regex import Pattern, matches, parse_pattern
from opsmcp_pipelines.kinds.guess import kind_of
from opsmcp_pipelines.kinds.kind import Kind, Separator, ValueClass, VariableKind
from opsmcp_pipelines.kinds.lists import split_items
from opsmcp_pipelines.kinds.names import HOST, words_of
from opsmcp_pipelines.kinds.table import KINDS, LABEL_NAME, canonical
from opsmcp_pipelines.models import Variable
from opsmcp_tools.arguments.choices import NODE_SELECTORS, Inventory
from opsmcp_tools.arguments.kind_words import meaning_of
from opsmcp_tools.arguments.value_checks import TEXT_STARTS, Refused, check_value
from opsmcp_tools.model.errors import UnusableOperation
from opsmcp_tools.model.tool import Input, JsonObject
from opsmcp_tools.phrases import definition as words
from opsmcp_tools.phrases.phrase import Said
from opsmcp_tools.safe_text.characters import clean_line, has_hidden, quote

__all__ = ["build_input", "input_schema"]

_LONGEST_DESCRIPTION = 200
_LONGEST_OWN_WORDS = 140
_MOST_EXAMPLES = 3
_MOST_CHOICES = 500

_LABEL_WORDS = frozenset({"namespace", "ns", "svc", "service", "svcname", "servicename"})
_BOUNDS: Mapping[str, tuple[int, int]] = {
    "pid": (1, 4_194_304),
    "port": (1, 65535),
    "percent": (0, 100),
    "replicas": (0, 10_000),
    "topk": (1, 100_000),
    "limit": (1, 100_000),
    "lines": (1, 100_000),
    "tail": (1, 100_000),
}
_NO_GROUPS: Mapping[str, tuple[str, ...]] = {}
_OTHER_BOUNDS = (0, 1_000_000_000)
_PLAINLY_BOUND = ("port", "percent")
_FROM_TO = re.compile(r"(?<![\w.-])(-?\d{1,9}) to (-?\d{1,9})\b")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A variable, what its values are, what exists, and the author's regex."""

    variable: Variable
    kind: VariableKind
    inventory: Inventory
    pattern: Pattern

    def input(self, default: str | None) -> Input:
        """The plain input, with this default."""
        kind = self.kind
        return Input(
            self.variable.name,
            kind.kind,
            schema={},
            required=self.variable.required and not default,
            default=default,
            separator=kind.separator,
            guessed=kind.guessed,
            also=kind.also,
            without=kind.without,
        )

    def allowed(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Of what exists, what the author allows and the place takes."""
        enums, also = self.variable.enums, self.kind.also
        if enums:
            names = tuple(name for name in names if name in enums)
        if self.pattern.whole:
            names = tuple(name for name in names if matches(self.pattern.whole, name))
        return tuple(name for name in names if canonical(also, name)) if also else names


def build_input(
    variable: Variable,
    kind: VariableKind,
    inventory: Inventory,
    enum_limit: int = 64,
    *,
    starts: bool = True,
) -> Input:
    """What a caller may give for `variable`.

    Args:
        variable: What the author wrote.
        kind: What its values are.
        inventory: What exists.
        enum_limit: How many choices a schema lists.
        starts: Whether a text begins an argument of a program somewhere.

    Raises:
        UnusableOperation: What is declared makes no sense, so the operation is withheld.
    """
    wanted = _Wanted(variable, kind, inventory, _pattern_of(variable))
    item = replace(_BUILDERS.get(kind.kind, _plain)(wanted), starts=starts)
    if variable.required and item.kind is Kind.CLUSTER and not item.allowed:
        raise UnusableOperation("it needs a cluster and there is none that fits")
    return replace(item, schema=_property(item, wanted, enum_limit))


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


def _plain(wanted: _Wanted) -> Input:
    """What the kind says, and the choices and the regex of the author beside it."""
    choices = tuple(dict.fromkeys(value for value in wanted.variable.enums if value))
    item = wanted.input(wanted.variable.default)
    return replace(item, allowed=choices, pattern=wanted.pattern.whole)


def _cluster(wanted: _Wanted) -> Input:
    variable, inventory = wanted.variable, wanted.inventory
    names = wanted.allowed(inventory.cluster_names)
    # Ops runs what names an unknown cluster locally and says nothing.
    default = variable.default if variable.default in names else None
    if default is None and variable.required and inventory.default_cluster in names:
        default = inventory.default_cluster
    own = inventory.default_cluster or ""
    return replace(wanted.input(default), allowed=names, left_out=own)


def _host(wanted: _Wanted) -> Input:
    variable, inventory = wanted.variable, wanted.inventory
    if variable.name.lower() != HOST:
        # Some machine, which the inventory need not hold.
        return _plain(wanted)
    own = [name for name in (*variable.enums, variable.default) if name in NODE_SELECTORS]
    selectors = (*inventory.selectors, *(name for name in own if name))
    hosts = wanted.allowed(inventory.host_names)
    groups = inventory.host_groups if variable.groups else _NO_GROUPS
    named = dict.fromkeys((*hosts, *sorted(selectors), *sorted(groups)))
    allowed = tuple(named) if inventory.host_names else ()
    default = variable.default or inventory.only_host
    if default not in allowed and default not in selectors:
        default = None
    item = replace(wanted.input(default), allowed=allowed)
    if groups:
        # Only for callers: where it runs, each host finds itself in it.
        item = replace(item, groups=groups, separator=Separator.COMMA)
    far = _host_elsewhere(wanted) if inventory.are_sent_to else None
    return replace(item, elsewhere=far)


def _host_elsewhere(wanted: _Wanted) -> Input:
    """The host of a call that names another cluster: only that cluster knows which exist."""
    # A default that is a host of the own cluster is none there.
    variable = wanted.variable
    item = wanted.input(_selector(variable.default))
    needed = item.required or variable.default != item.default
    return replace(item, required=needed, allowed=variable.enums, pattern=wanted.pattern.whole)


def _selector(name: str | None) -> str | None:
    return name if name in NODE_SELECTORS else None


def _choice(wanted: _Wanted) -> Input:
    variable = wanted.variable
    choices = tuple(dict.fromkeys(value for value in variable.enums if value))
    if not choices or len(choices) > _MOST_CHOICES:
        raise UnusableOperation(f"variable {variable.name!r} has no usable list of choices")
    if any(_is_bad_choice(value) for value in choices):
        raise UnusableOperation(f"a choice of variable {variable.name!r} cannot be used")
    return replace(_plain(wanted), pattern="")


def _is_bad_choice(value: str) -> bool:
    return canonical(Kind.CHOICE, value) is None or has_hidden(value) or "${" in value


def _matching(wanted: _Wanted) -> Input:
    if not wanted.pattern.whole:
        raise UnusableOperation(f"variable {wanted.variable.name!r} has no regex to match")
    return _plain(wanted)


def _name(wanted: _Wanted) -> Input:
    named = words_of(wanted.variable.name)
    label = LABEL_NAME if named and named[-1] in _LABEL_WORDS else ""
    return replace(_plain(wanted), pattern=wanted.pattern.whole or label)


def _count(wanted: _Wanted) -> Input:
    variable = wanted.variable
    named = words_of(variable.name) or ("",)
    low, high = _own_bounds(variable) or _BOUNDS.get(named[-1], _OTHER_BOUNDS)
    default = variable.default or ""
    known = canonical(Kind.COUNT, default.removeprefix("-")) is not None
    own = int(default) if known else low
    return replace(_plain(wanted), minimum=min(low, own), maximum=max(high, own))


def _own_bounds(variable: Variable) -> tuple[int, int] | None:
    """The bounds that the author names in words, such as `1 to 100`."""
    found = _FROM_TO.search(f"{variable.desc}; {variable.display}")
    bounds = (int(found[1]), int(found[2])) if found else (0, 0)
    return bounds if bounds[0] < bounds[1] else None


_BUILDERS: Mapping[Kind, Callable[[_Wanted], Input]] = {
    Kind.CLUSTER: _cluster,
    Kind.HOST: _host,
    Kind.CHOICE: _choice,
    Kind.PATTERN: _matching,
    Kind.KUBERNETES_NAME: _name,
    Kind.COUNT: _count,
}


def _property(item: Input, wanted: _Wanted, enum_limit: int) -> JsonObject:
    variable, inventory, pattern = wanted.variable, wanted.inventory, wanted.pattern
    listed = bool(item.allowed) and len(item.allowed) <= enum_limit
    description = _describe(item, variable, inventory, listed)
    one: JsonObject = {"type": _TYPES.get(item.kind, "string")}
    more = {"enum": list(item.allowed)} if listed else _limits(item, pattern)
    schema: JsonObject = {"type": "array"} if item.separator else one
    if description:
        schema["description"] = description
    schema |= {"items": one | more} if item.separator else more
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
    if item.groups:
        return {}
    own = {"pattern": pattern.ecma} if pattern.ecma and not item.separator else {}
    if item.kind is Kind.TEXT:
        first = {"pattern": _first_character(item)} if item.starts else {}
        return {"maxLength": KINDS[Kind.TEXT].longest, **first, **own}
    if item.kind is Kind.PATTERN or (own and item.kind not in _TYPES):
        return own
    row = KINDS[item.also or item.kind]
    if row.value_class is ValueClass.ADDRESS and not item.separator and not item.without:
        return {}  # Everybody knows what a path or an image looks like.
    characters = row.characters
    for sign in item.without:
        characters = characters.replace("\\\\" if sign == "\\" else sign, "")
    # An optional argument takes the blank which models fill it with.
    many = "+" if item.required or item.separator else "*"
    return {"pattern": f"^{characters}{many}$"} if characters else {}


def _first_character(item: Input) -> str:
    none = TEXT_STARTS.replace("-", "\\-")
    return f"^[^{none}]" if item.required else f"^(?![{none}])"


def _typed(item: Input, text: str | None) -> object:
    """A value of the author as the schema's type has it; None when no caller could give it."""
    if not text:
        return None
    try:
        value = check_value(item, text)
    except Refused:
        return None
    if item.separator:
        return [
            _typed(replace(item, separator=None), one)
            for one in split_items(item.variable_kind, value)
        ]
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
        return _own_bounds(variable) is not None
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
