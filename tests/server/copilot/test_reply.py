"""An answer put together from the pieces of a stream, as endpoints differ."""

import pytest

from opsmcp_server.copilot.llm.json_text import read_object
from opsmcp_server.copilot.llm.reply import CallPiece, Piece, Reply


def made(*pieces: CallPiece) -> list[tuple[str, str, str]]:
    reply = Reply(100)
    for piece in pieces:
        reply.add(Piece(calls=(piece,)))
    return [(call.call_id, call.name, call.arguments) for call in reply.calls]


@pytest.mark.parametrize(
    "pieces",
    [
        [CallPiece(0, "a", "one"), CallPiece(0, arguments="{}"), CallPiece(1, "b", "two", "{}")],
        [CallPiece(0, "a", "one", "{}"), CallPiece(0, "b", "two", "{}")],
        [CallPiece(None, "a", "one", "{}"), CallPiece(None, "b", "two", "{}")],
        [CallPiece(0, "a", "one", "{"), CallPiece(0, "a", "one", "}"),
         CallPiece(1, "b", "two", "{}")],
        [CallPiece(0, "a", "one", "{"), CallPiece(1, "b", "two"), CallPiece(0, arguments="}"),
         CallPiece(1, arguments="{}")],
    ],
    ids=["as it should be", "always 0", "no index", "name in each piece", "mixed"],
)  # fmt: skip
def test_two_calls_are_two_however_they_are_numbered(pieces: list[CallPiece]) -> None:
    assert made(*pieces) == [("a", "one", "{}"), ("b", "two", "{}")]


def test_calls_without_ids_get_some() -> None:
    pieces = (CallPiece(0, name="one", arguments="{}"), CallPiece(0, name="two", arguments="{}"))
    assert [call_id for call_id, _, _ in made(*pieces)] == ["call-1", "call-2"]


def test_everything_that_comes_has_a_limit() -> None:
    reply = Reply(10)
    assert reply.add(Piece(text="x" * 8)) == "x" * 8
    assert not reply.cut
    assert reply.add(Piece(text="y" * 8, refusal="z" * 99)) == "yy"
    assert (reply.text, reply.cut, len(reply.refusal)) == ("x" * 8 + "yy", True, 10)
    calls = tuple(CallPiece(number, f"c{number}", "n", "a" * 300_000) for number in range(40))
    reply.add(Piece(calls=calls))
    assert len(reply.calls) == 32
    assert {len(call.arguments) for call in reply.calls} == {256 * 1024}


@pytest.mark.parametrize(
    ("number", "length"), [(33, 1), (1, 256 * 1024 + 1)], ids=["calls", "arguments"]
)
def test_a_reply_with_more_than_is_read_is_not_whole(number: int, length: int) -> None:
    reply = Reply(10)
    pieces = [CallPiece(place, f"c{place}", "n", "a" * length) for place in range(number)]
    reply.add(Piece(calls=tuple(pieces), finish="tool_calls"))
    assert reply.cut_by == "limit"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", {}),
        ('{"a": 1}', {"a": 1}),
        ('```json\n{"a": 1,}\n```', {"a": 1}),
        ("{'a': True, 'b': None,}", {"a": True, "b": None}),
        ('Sure: {"a": {"b": [1]}} and so on', {"a": {"b": [1]}}),
        ('{"a": {"b": 1', {"a": {"b": 1}}),
        ('{"a": "None of True",}', {"a": "None of True"}),
        ('{"a": True, "b": "None", "c": "x,]"}', {"a": True, "b": "None", "c": "x,]"}),
        ('{"a": "say \\"True\\",}", "b": [1,],}', {"a": 'say "True",}', "b": [1]}),
        ('```json\n{"a": "```sh of True",}\n```', {"a": "```sh of True"}),
        ('```json\n{"a": 1\n```', {"a": 1}),
        ('"{\\"a\\": 1}"', {"a": 1}),
        ('{"a": "line\nbreak"}', {"a": "line\nbreak"}),
        ('{"a": "it\'s"}', {"a": "it's"}),
    ],
)
def test_json_is_repaired_where_it_is_plain_what_was_meant(text: str, meant: object) -> None:
    assert read_object(text) == meant


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "cut of',
        '{"a": 1}{"a": 2}',
        '{"a": 1} or {"a": 2}',
        "[1]",
        "1",
        "nothing",
        "{a: 1}",
        "[" * 100_000,
    ],
)
def test_what_was_meant_is_not_guessed(text: str) -> None:
    assert read_object(text) is None
