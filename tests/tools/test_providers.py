"""The schemas of all recorded tools against what each provider of models accepts.

Rules as documented by Anthropic (tool use: input_schema), OpenAI (function calling, structured
outputs: supported schemas) and Google (Gemini API: Schema, parametersJsonSchema).
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
import pytest

from opsmcp_server import builtin, finding
from tests.tools.recorded import toolbox

Schema = dict[str, Any]

_PLAIN = {
    "type", "description", "enum", "default", "examples", "pattern", "minimum", "maximum",
    "maxLength", "properties", "required", "additionalProperties",
}  # fmt: skip
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_GEMINI_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.-]{0,62}")


def every() -> dict[str, Schema]:
    own = (*builtin.definitions(), *finding.definitions())
    return {tool.name: tool.input_schema for tool in (*toolbox().tools, *own)}


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


def openai_strict(_name: str, schema: Schema) -> Iterator[str]:
    """What clients that turn strict on cannot add themselves: they require all and allow null."""
    if sum(len(word) for part in parts(schema) for word in part.get("enum", ())) > 15_000:
        yield "enums too long"
    for part in parts(schema):
        if part["type"] == "object" and part.get("additionalProperties") is not False:
            yield "open object"
        if set(part) - _PLAIN or len(part.get("enum", ())) > 1_000:
            yield "unsupported keyword"


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
def test_every_schema_is_accepted(provider: Callable[[str, Schema], Iterator[str]]):
    # The arguments of another operation are an open object by nature.
    free = {"plan_operation", "run_operation"} if provider is openai_strict else set[str]()
    faults = {
        name: found
        for name, schema in every().items()
        if name not in free and (found := list(provider(name, schema)))
    }
    assert faults == {}
