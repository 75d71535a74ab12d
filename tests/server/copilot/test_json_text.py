"""What a model means that answers in JSON for want of tool calling."""

import pytest

from opsmcp_server.copilot.llm.json_text import plain_messages, read_turn

GREET = '{"tool": "greet", "arguments": {"word": "x"}}'
STOMP = '{"name": "stomp", "parameters": {}}'


def read(text: str) -> tuple[str, list[tuple[str, str]]]:
    answer, calls = read_turn(text)
    assert len({call.call_id for call in calls}) == len(calls)
    return answer, [(call.name, call.arguments) for call in calls]


@pytest.mark.parametrize(
    "text",
    [GREET, f" {GREET}\n", f"```json\n{GREET}\n```", GREET[:-1], GREET.replace("}}", "},}")],
    ids=["bare", "spaced", "fenced", "one bracket short", "a comma too many"],
)
def test_an_object_that_is_the_whole_reply_is_a_call(text: str) -> None:
    assert read(text) == ("", [("greet", '{"word": "x"}')])


@pytest.mark.parametrize(
    "text",
    [
        f"To greet, send {GREET}.",
        f"{GREET}\nwould greet.",
        f"Like this:\n```json\n{GREET}\n```",
        f"```json\n{GREET}\n```\nor\n```json\n{STOMP}\n```",
        f"[{GREET}, {STOMP}]",
        f'{GREET} {{"status": "Running"}}',
        '{"name": "web-1", "status": "Running"}',
        '{"tool": ""}',
        "{}",
        "",
    ],
)
def test_whatever_else_is_an_answer_as_it_stands(text: str) -> None:
    assert read(text) == (text, [])


@pytest.mark.parametrize("between", ["", "\n", "\n\n"])
def test_of_several_objects_each_counts_in_its_order(between: str) -> None:
    answer, calls = read(between.join([GREET, STOMP, '{"answer": "I look."}']))
    assert answer == "I look."
    assert calls == [("greet", '{"word": "x"}'), ("stomp", "{}")]


def test_an_object_may_say_something_beside_its_call() -> None:
    assert read('{"answer": "I look.", "tool": "look"}') == ("I look.", [("look", "{}")])


def test_what_was_cut_is_not_made_whole() -> None:
    assert read_turn(GREET[:-1], is_whole=False) == (GREET[:-1], [])
    assert len(read_turn(GREET, is_whole=False)[1]) == 1


def test_the_roles_take_turns() -> None:
    called = {"function": {"name": "greet", "arguments": "{}"}}
    messages = plain_messages(
        [
            {"role": "user", "content": "greet"},
            {"role": "assistant", "content": "I look.", "tool_calls": [called, called]},
            {"role": "tool", "tool_call_id": "json-1", "content": "one"},
            {"role": "tool", "tool_call_id": "json-2", "content": "two"},
        ]
    )
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert read_turn(messages[1]["content"])[0] == "I look."
    assert messages[2]["content"] == "Result of the tool:\none\n\nResult of the tool:\ntwo"
