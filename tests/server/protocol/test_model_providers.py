"""Every tool that can be published against what each provider of models accepts.

Rules as documented by Anthropic (tool use: name, description, input_schema), OpenAI (function
calling; structured outputs: supported schemas and limits) and Google (Gemini API:
FunctionDeclaration, parametersJsonSchema).
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
import pytest

from opsmcp_server.protocol.builtin_tools import registry
from opsmcp_tools.toolbox.build import build_toolbox
from opsmcp_tools.toolbox.tool_settings import ToolSettings
from tests.tools.recorded import BIND, EVERYTHING, catalogue, toolbox
from tests.tools.toolbox.test_build import bundled_tools

Schema = dict[str, Any]

_PLAIN = {
    "type", "description", "enum", "default", "examples", "pattern", "minimum", "maximum",
    "maxLength", "properties", "required", "additionalProperties",
}  # fmt: skip
_STRICT = {
    "type", "description", "enum", "pattern", "minimum", "maximum", "properties", "required",
    "additionalProperties",
}  # fmt: skip
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_GEMINI_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.-]{0,62}")
_LONGEST_DESCRIPTION = 1_024
"""Characters: the least that any of them allows."""


def every() -> dict[str, tuple[str, Schema]]:
    """All recorded operations in both languages, all bundled ones and all built-in tools."""
    chinese = ToolSettings(exposure=EVERYTHING, bind=BIND, language="zh")
    own = [row.definition() for row in registry.BUILT_IN]
    named = [
        *((f"{tool.name}", tool) for tool in (*toolbox().tools, *own)),
        *((f"{tool.name} (bundled)", tool) for tool in bundled_tools()),
        *((f"{tool.name} (zh)", tool) for tool in build_toolbox(catalogue(), chinese).tools),
    ]
    return {label: (tool.description or "", tool.input_schema) for label, tool in named}


def parts(schema: Schema) -> Iterator[Schema]:
    yield schema
    for value in schema.get("properties", {}).values():
        yield from parts(value)


def anthropic(name: str, schema: Schema) -> Iterator[str]:
    jsonschema.Draft202012Validator.check_schema(schema)
    if not _NAME.fullmatch(name) or schema.get("type") != "object":
        yield "name or root"
    if any(not re.fullmatch(r"[a-zA-Z0-9_.-]{1,64}", key) for key in schema["properties"]):
        yield "property name"


def openai_plain(name: str, schema: Schema) -> Iterator[str]:
    if not _NAME.fullmatch(name) or "properties" not in schema:
        yield "name or root"
    for part in parts(schema):
        if set(part) & {"oneOf", "anyOf", "allOf", "not", "$ref"} or not isinstance(
            part.get("type"), str
        ):
            yield "combined or untyped"


def strict(schema: Schema) -> Schema:
    """What clients make of a schema to turn strict on: all required, null for what is optional.

    They leave out what strict does not know; the descriptions and our own checks say the same.
    """
    kept = {key: value for key, value in schema.items() if key in _STRICT}
    if schema.get("type") != "object":
        return kept
    properties = {name: strict(part) for name, part in schema.get("properties", {}).items()}
    for name in properties.keys() - set(schema.get("required", ())):
        properties[name]["type"] = [properties[name]["type"], "null"]
    return kept | {"properties": properties, "required": list(properties)}


def openai_strict(_name: str, schema: Schema) -> Iterator[str]:
    made = list(parts(strict(schema)))
    words = [word for part in made for word in part.get("enum", ())]
    if len(words) > 1_000 or sum(map(len, words)) > 15_000:
        yield "enums too long"
    if sum(len(part.get("properties", {})) for part in made) > 5_000:
        yield "too many properties"
    for part in made:
        if part["type"] == "object" and part.get("additionalProperties") is not False:
            yield "open object"
        if part["type"] == "object" and set(part["required"]) != set(part["properties"]):
            yield "not all required"


def gemini(name: str, schema: Schema) -> Iterator[str]:
    if not _GEMINI_NAME.fullmatch(name):
        yield "name"
    for part in parts(schema):
        if set(part) - _PLAIN or part["type"] not in ("object", "string", "integer", "boolean"):
            yield "unsupported keyword or type"
        if "enum" in part and (part["type"] != "string" or not all(part["enum"])):
            yield "enum of other than texts"
    if any(key not in schema["properties"] for key in schema.get("required", ())):
        yield "requires what is not there"


@pytest.mark.parametrize(
    "provider", [anthropic, openai_plain, openai_strict, gemini], ids=lambda check: check.__name__
)
def test_every_tool_is_accepted(provider: Callable[[str, Schema], Iterator[str]]):
    # The arguments of another operation are an open object by nature.
    free = {"plan_operation", "run_operation"} if provider is openai_strict else set[str]()
    faults = {
        label: found
        for label, (_, schema) in every().items()
        if label not in free and (found := list(provider(label.split()[0], schema)))
    }
    assert faults == {}


def test_every_description_is_short_enough_and_there():
    told = {label: description for label, (description, _) in every().items()}
    assert [
        label for label, text in told.items() if not 0 < len(text) <= _LONGEST_DESCRIPTION
    ] == []


def test_no_schema_uses_a_keyword_that_some_client_does_not_know():
    used = {key for _, schema in every().values() for part in parts(schema) for key in part}
    assert used <= _PLAIN


_BAD: dict[str, tuple[Callable[[str, Schema], Iterator[str]], Schema]] = {
    "a list of types": (
        openai_plain,
        {"type": "object", "properties": {"a": {"type": ["string"]}}},
    ),
    "an open object": (openai_strict, {"type": "object", "properties": {}}),
    "an enum of numbers": (
        gemini,
        {"type": "object", "properties": {"a": {"type": "integer", "enum": [1]}}},
    ),
    "a name of no property": (anthropic, {"type": "object", "properties": {"a b": {}}}),
}


@pytest.mark.parametrize("name", _BAD)
def test_the_validators_refuse_what_their_provider_would(name: str):
    provider, schema = _BAD[name]
    assert list(provider("tool", schema))
