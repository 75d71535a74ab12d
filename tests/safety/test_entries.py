"""No hostile value reaches the Ops server, whichever way it comes; each answer is in our words."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import quote

import mcp_types as types
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from opsmcp_tools.safe_text.characters import has_hidden
from tests.safety.conftest import GOOD, LINKS, NAME, Attacked, shown
from tests.safety.hostile import CLASSES, calls, every_value, texts
from tests.tools.corpus import VARIABLES

FOREIGN = (
    "Traceback",
    'File "',
    "Error(",
    "Exception",
    "opsmcp failed on this request",
    "pydantic",
    "object at 0x",
    "codec can't",
)
"""What an answer of ours never says: words of libraries and of our own faults."""

LONGEST = 8_000

Ask = Callable[[Client], Awaitable[Any]]


def test_the_corpus_has_every_class_and_is_large_enough() -> None:
    wanted = "shell quote template path argument url unicode size type regex"
    assert sorted(CLASSES) == sorted(wanted.split())
    assert all(len(values) >= 10 for values in CLASSES.values())
    assert len(texts()) >= 1_000
    assert {kind for _, kind, _ in every_value()} == set(VARIABLES)


async def answer_of(ask: Awaitable[Any]) -> tuple[bool, str]:
    """Whether it was refused, and in which words."""
    try:
        result = await ask
    except MCPError as error:
        # Its data hold the address that was asked for, as the protocol wants it (SEP-2164).
        return True, error.error.message
    if not isinstance(result, types.CallToolResult):
        return False, str(result)
    shown = [part.text for part in result.content if isinstance(part, types.TextContent)]
    return bool(result.is_error), "\n".join(shown)


def foreign(text: str) -> list[str]:
    """What an answer must not be: in words of libraries, endless, or with characters unseen."""
    faults = [word for word in FOREIGN if word in text]
    faults += ["too long"] if len(text) > LONGEST else []
    return faults + (["unseen characters"] if any(map(has_hidden, text.split("\n"))) else [])


async def how_refused(client: Client, name: str, arguments: dict[str, Any]) -> list[str]:
    """What is wrong with how a call is refused: each argument must be told what is allowed."""
    given = arguments if name == NAME else arguments["arguments"]
    is_error, text = await answer_of(client.call_tool(name, arguments))
    unnamed = [argument for argument in given if f"- {argument}: " not in text]
    faults = [*([] if is_error else ["accepted"]), *unnamed, *foreign(text)]
    return [f"{fault} in {shown(given)}: {text}" for fault in faults]


async def how_answered(client: Client, asks: Iterable[tuple[object, Ask]]) -> list[str]:
    """What is wrong with the answers to all this."""
    faults: list[str] = []
    for given, ask in asks:
        _, text = await answer_of(ask(client))
        faults += [f"{fault} in answer to {shown(given)}" for fault in foreign(text)]
    return faults


async def test_a_call(attacked: Attacked, caplog: pytest.LogCaptureFixture) -> None:
    every = calls(thorough=attacked.link in LINKS[:2])
    faults = [one for given in every for one in await how_refused(attacked.client, NAME, given)]
    assert faults == []
    assert not [record for record in caplog.records if "internal error" in record.getMessage()]


async def test_a_good_call_goes_the_same_way(everywhere: Attacked) -> None:
    before = len(everywhere.ops.posts)
    key = "${HOME}`id`;'"
    meta: Any = {"opsmcp/idempotency-key": f"{everywhere.link}{key}", "opsmcp/other": key}
    good = await everywhere.client.call_tool(NAME, GOOD, meta=meta)
    [post] = everywhere.ops.posts[before:]
    assert not good.is_error
    # What a call names itself by stays here.
    assert "HOME" not in repr(post)


@pytest.mark.parametrize("tool", ["plan_operation", "run_operation"])
async def test_a_call_within_a_call(tool: str, near: Attacked) -> None:
    faults = [
        one
        for given in calls()
        for one in await how_refused(near.client, tool, {"name": NAME, "arguments": given})
    ]
    assert faults == []


def _names(text: str) -> list[Ask]:
    call = {"name": text, "arguments": GOOD}
    return [
        lambda client: client.call_tool(text, GOOD),
        lambda client: client.call_tool(NAME, {**GOOD, text: "a"}),
        lambda client: client.call_tool("plan_operation", call),
        lambda client: client.call_tool("run_operation", call),
        lambda client: client.call_tool("plan_operation", {"name": NAME, text: "a"}),
    ]


PROMPT = types.PromptReference(name="investigate")
OPERATION = types.ResourceTemplateReference(uri="ops://operations/{name}")


def _completions(text: str) -> list[Ask]:
    def ask(reference: Any, name: str, value: str, given: dict[str, str]) -> Ask:
        return lambda client: client.complete(
            reference, {"name": name, "value": value}, context_arguments=given
        )

    return [
        *(ask(PROMPT, name, text, {}) for name in ("host", "cluster", "node", "run", "name")),
        ask(OPERATION, "name", text, {text: text}),
        ask(PROMPT, "node", "w", {"cluster": text}),
        ask(PROMPT, text, "w", {}),
        ask(types.PromptReference(name=text), "host", "w", {}),
        ask(types.ResourceTemplateReference(uri=text), "name", "w", {}),
    ]


def _prompts(text: str) -> list[Ask]:
    return [
        lambda client: client.get_prompt(text),
        lambda client: client.get_prompt("investigate", {"problem": text, "host": text}),
        lambda client: client.get_prompt("investigate", {text: text}),
    ]


@pytest.mark.parametrize("asks", [_names, _completions, _prompts])
async def test_names_and_what_only_looks(asks: Callable[[str], list[Ask]], near: Attacked) -> None:
    every = [(text, ask) for text in near.texts() for ask in asks(text)]
    assert await how_answered(near.client, every) == []


async def test_arguments_of_built_in_tools(near: Attacked) -> None:
    tools = [tool for tool in (await near.client.list_tools()).tools if "_" in tool.name]
    every = [(text, _with_all(tool, text)) for tool in tools for text in near.texts()]
    assert len(tools) == 6
    assert await how_answered(near.client, every) == []


def _with_all(tool: types.Tool, text: str) -> Ask:
    arguments = dict.fromkeys(tool.input_schema["properties"], text)
    return lambda client: client.call_tool(tool.name, arguments)


FINE = {"ops://hosts", "ops://clusters", "ops://operations", f"ops://operations/{NAME}"}


def _addresses(text: str) -> list[str]:
    encoded = quote(text, safe="")
    return [
        *(f"ops://{part}" for part in (text, encoded, f"operations/{text}", f"runs/{text}")),
        *(f"ops://{part}" for part in (f"operations/{encoded}", f"runs/{encoded}/output")),
        *(f"ops://operations/{NAME}{text}", f"ops://hosts{text}", f"{text}://{NAME}", text),
    ]


async def test_addresses_of_resources(near: Attacked) -> None:
    for address in (address for text in near.texts() for address in _addresses(text)):
        is_error, text = await answer_of(near.client.read_resource(address))
        assert is_error or address in FINE, shown(address)
        assert foreign(text) == [], shown(address)


NO_TEXTS: list[Any] = [1, True, [], {}, ["a"], 1.5]


async def test_a_hash_that_is_none(near: Attacked) -> None:
    for value in (*near.texts(), *NO_TEXTS):
        meta: Any = {"opsmcp/plan-hash": value}
        is_error, text = await answer_of(near.client.call_tool(NAME, GOOD, meta=meta))
        assert is_error and foreign(text) == [], shown(value)


async def test_a_key_of_a_call_that_is_none(near: Attacked) -> None:
    for value in (*NO_TEXTS, "k" * 201, "a\nb", "a\u202eb"):
        meta: Any = {"opsmcp/idempotency-key": value}
        is_error, text = await answer_of(near.client.call_tool(NAME, GOOD, meta=meta))
        assert is_error and foreign(text) == [], shown(value)
