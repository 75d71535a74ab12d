"""JSON of strangers: each thing once, within bounds, or refused with words."""

import json

import pytest

from opsmcp_server.protocol.strict_json import MOST_BYTES, BadJson, read_json

DEEPEST = "[" * 64 + "]" * 64


@pytest.mark.parametrize(
    "text",
    ['{"a": {"b": 1}, "c": [{"b": 2}, {"b": 3}]}', DEEPEST, "null", '"[[[{{{,,,"', b'"\xc3\xa9"'],
)
def test_what_says_each_thing_once_is_read(text: str | bytes) -> None:
    assert read_json(text) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1, "a": 1}', "'a' stands twice"),
        ('{"b": [{"x": 1, "y": 2, "x": 3}]}', "'x' stands twice"),
        ('{"host": "a", "h\\u006fst": "b"}', "'host' stands twice"),
        (f"[{DEEPEST}]", "deeper than 64"),
        ('{"a":' * 65 + "1" + "}" * 65, "deeper than 64"),
        ("[" * 200_000, "deeper than 64"),
        ("[" + "1," * 100_000 + "1]", "more than 100000 values"),
        ('"' + "x" * MOST_BYTES + '"', "longer than"),
        ("{", "not JSON"),
        ("", "not JSON"),
        (b'"\xff"', "not JSON"),
        ("1" * 5000, "not JSON"),
        ('{"a": NaN}', "not JSON"),
        ("[-Infinity]", "not JSON"),
        ('{"a": 1}'.encode("utf-16"), "not JSON"),
    ],
)
def test_everything_else_is_refused_with_the_reason(text: str | bytes, words: str) -> None:
    with pytest.raises(BadJson, match=words):
        read_json(text)


def test_a_refusal_still_knows_what_was_asked() -> None:
    with pytest.raises(BadJson) as caught:
        read_json('{"id": 7, "a": 1, "a": 2}')
    assert caught.value.value == {"id": 7, "a": 2}
