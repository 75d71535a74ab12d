"""An input -> its JSON Schema; and the schema of a tool's arguments.

Flat object schemas with one type per property: several clients refuse anything else. What a schema
cannot say the same way everywhere is said in words and checked by `arguments` in any case. Terse on
purpose, because a tool's definition is paid for in every request. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from opsmcp_pipelines.kinds.go_regex import Pattern
from opsmcp_pipelines.kinds.kind import Kind, ValueClass
from opsmcp_pipelines.kinds.lists import split_items
from opsmcp_pipelines.kinds.table import KINDS
from opsmcp_pipelines.models import Variable
from opsmcp_tools.arguments.choices import Inventory
from opsmcp_tools.arguments.value_checks import TEXT_STARTS, Refused, check_value
from opsmcp_tools.model.tool import Input, JsonObject
from opsmcp_tools.toolbox.input_words import describe_input

__all__ = ["OTHER_BOUNDS", "input_schema", "property_schema"]

OTHER_BOUNDS = (0, 1_000_000_000)
"""Those of a count of which nothing says others."""

_MOST_EXAMPLES = 3


def property_schema(
    item: Input, variable: Variable, inventory: Inventory, pattern: Pattern, enum_limit: int
) -> JsonObject:
    """The schema of one property.

    Args:
        item: What a caller may give.
        variable: What the author wrote.
        inventory: What exists.
        pattern: The author's regex.
        enum_limit: How many choices it lists.
    """
    listed = bool(item.allowed) and len(item.allowed) <= enum_limit
    description = describe_input(item, variable, inventory, listed=listed)
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
    if item.kind is Kind.COUNT and (item.minimum, item.maximum) != OTHER_BOUNDS:
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
