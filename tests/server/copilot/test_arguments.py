"""Arguments as a person types them, and calls as a person reads them."""

import pytest

from opsmcp_server.copilot.calls.call import call_line, command_line, parse

PROPERTIES = {
    "pod": {"type": "string"},
    "topk": {"type": "integer"},
    "deep": {"type": "boolean"},
    "share": {"type": "number"},
}


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("pod=12", "12"),
        ("topk=12", 12),
        ("topk=-1", -1),
        ("topk=many", "many"),
        ("topk=" + "9" * 30, "9" * 30),
        ("deep=true", True),
        ("deep=false", False),
        ("deep=yes", "yes"),
        ("share=0.5", 0.5),
        ("share=half", "half"),
        ("share=nan", "nan"),
        ("share=1e400", "1e400"),
        ("other=a=b", "a=b"),
        ("pod=", ""),
    ],
)
def test_what_is_typed_becomes_what_the_schema_wants(word: str, value: object) -> None:
    assert list((parse([word], PROPERTIES) or {}).values()) == [value]


@pytest.mark.parametrize("word", ["pod", "=x", "", "--pod"])
def test_what_is_not_name_and_value_is_nothing(word: str) -> None:
    assert parse(["topk=1", word], PROPERTIES) is None


def test_a_call_is_one_short_line_for_people_and_a_safe_one_for_a_shell() -> None:
    arguments = {"word": "a\x1b[2J b'; rm -rf /", "n": 1}
    assert call_line("say", arguments) == "say word=a b'; rm -rf / n=1"
    assert len(call_line("say", {"word": "x" * 1_000})) == 200
    line = command_line("say", {"word": "a b'; rm"}, ["--config", "my file"])
    assert line == "opsmcp call say 'word=a b'\"'\"'; rm' --config 'my file'"
