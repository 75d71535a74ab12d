"""Whose words the arguments of a call are."""

import pytest

from opsmcp_server.copilot.calls.origin import Origins


def origins(*said: str) -> Origins:
    made = Origins()
    for text in said:
        made.person_said(text)
    made.was_read()
    return made


def test_nothing_is_foreign_before_anything_was_read() -> None:
    made = Origins()
    made.person_said("restart it")
    assert made.foreign({"pod": "web-1"}, {}) == ()


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("restart web-1 please", "web-1"),
        ("restart Web-1.", "web-1"),
        ("重启web-1节点", "web-1"),
        ("(web-1)", "web-1"),
        ("look at https://shop.example/cart", "https://shop.example/cart"),
        ("keep 5 of them", "5"),
        ("the pod with a space", "with a space"),
        ("删除数据库", "数据库"),
    ],
)
def test_what_the_person_said_is_theirs(said: str, value: str) -> None:
    assert origins(said).foreign({"it": value}, {}) == ()


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("restart web-12", "web-1"),
        ("restart my-web-1", "web-1"),
        ("look at web-1.shop", "web-1"),
        ("look at shop.web-1", "web-1"),
        ("keep 50 of them", "5"),
        ("restart what is broken", "web-1"),
        ("", "web-1"),
    ],
)
def test_what_the_person_did_not_say_is_foreign(said: str, value: str) -> None:
    assert origins(said).foreign({"it": value}, {}) == ("it",)


def test_what_is_nested_and_of_any_type_is_looked_at() -> None:
    arguments = {"a": {"b": ["x1", 7]}, "c": True, "d": None, "e": ""}
    assert origins("take x1").foreign(arguments, {}) == ("a.b[1]", "c")


def test_the_default_of_a_tool_is_nobodys_instruction() -> None:
    properties = {"days": {"type": "integer", "default": 7}, "deep": {"default": False}}
    assert origins().foreign({"days": 7, "deep": False}, properties) == ()
    assert origins().foreign({"days": 8, "deep": True}, properties) == ("days", "deep")


def test_arguments_that_the_person_typed_are_theirs() -> None:
    made = origins()
    made.person_gave({"pod": "web-1", "days": 7})
    assert made.foreign({"pod": "web-1", "days": 7}, {}) == ()


def test_forgetting_begins_anew() -> None:
    made = origins("web-1")
    made.forget()
    assert made.foreign({"pod": "web-2"}, {}) == ()
    made.was_read()
    assert made.foreign({"pod": "web-1"}, {}) == ("pod",)


def test_what_was_said_long_ago_is_forgotten_first() -> None:
    made = origins("web-1")
    made.person_said("x" * 1024 * 1024)
    assert made.foreign({"pod": "web-1"}, {}) == ("pod",)
