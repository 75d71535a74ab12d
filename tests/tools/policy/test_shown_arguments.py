"""Arguments as a person sees them before they agree."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsmcp_tools.policy.shown_arguments import leaves, show_arguments, show_value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("web-7d4b9c6f5-q4wzt", "web-7d4b9c6f5-q4wzt"),
        ("a sentence, with 'marks' and $x", "a sentence, with 'marks' and $x"),
        ("磁盘", "磁盘"),
        ("12", "12"),
        (12, "12"),
        (0.5, "0.5"),
        (True, "true"),
        (None, "null"),
        ("null", '"null"'),
        ([], "[]"),
        ({}, "{}"),
        ("{}", '"{}"'),
        ("", '""'),
        (" a", '" a"'),
        ("a ", '"a "'),
        ("a  b", '"a  b"'),
        ('"a"', '"\\"a\\""'),
        ("a\nb = c\t\r", '"a\\nb = c\\t\\r"'),
        ("a\\n\n", '"a\\\\n\\n"'),
        ("a\x1b[2J\x7f", '"a\\u001b[2J\\u007f"'),
        ("a\u200b\u202e\u3000\u00a0b", '"a\\u200b\\u202e\\u3000\\u00a0b"'),
        ("a\U000e0041\ud800", '"a\\udb40\\udc41\\ud800"'),
        ("rm \u05d0 x", '"rm \\u05d0 x"'),
    ],
)
def test_a_value_that_could_deceive_is_quoted(value: object, shown: str) -> None:
    assert show_value(value) == shown


def test_blanks_that_would_move_the_rest_out_of_sight_are_counted() -> None:
    hidden = f"uptime{' ' * 2400}; rm -rf /"
    assert show_value(hidden) == '"uptime" (2,400 blanks) "; rm -rf /"'
    assert show_value(hidden, "zh") == '"uptime" (2,400 个空格) "; rm -rf /"'
    assert show_value('a" (9 blanks) "b  c') == '"a\\" (9 blanks) \\"b  c"'


def test_every_value_has_a_path_of_its_own() -> None:
    given: dict[str, object] = {
        "selector": {"app": "everything", "": {}},
        "selector.app": "sandbox",
        "x = 1": [["a"], {"0": "b"}, None],
        "x[0]": "c",
    }
    assert show_arguments(given) == [
        "  selector.app = everything",
        '  selector."" = {}',
        '  "selector.app" = sandbox',
        '  "x = 1"[0][0] = a',
        '  "x = 1"[1].0 = b',
        '  "x = 1"[2] = null',
        '  "x[0]" = c',
    ]


def test_what_is_nested_deeply_is_shown_too() -> None:
    nested: dict[str, object] = {"a": "end"}
    for _ in range(20_000):
        nested = {"a": nested}
    ((path, value),) = leaves(nested)
    assert (len(path), value) == (40_001, "end")


TEXTS = st.text('a.[]{}0"= \\\n', max_size=4)
JSON = st.recursive(
    TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
GIVEN = st.dictionaries(TEXTS, JSON, max_size=2)


@given(st.lists(GIVEN, min_size=2, max_size=20))
def test_different_arguments_are_never_shown_alike(many: list[dict[str, object]]) -> None:
    shown = {json.dumps(arguments): "\n".join(show_arguments(arguments)) for arguments in many}
    assert len(set(shown.values())) == len(shown)


@given(st.dictionaries(st.text(), st.text()))
def test_every_value_is_one_line_of_what_can_be_seen(arguments: dict[str, object]) -> None:
    lines = show_arguments(arguments)
    assert len(lines) == len(arguments)
    assert all(line.isprintable() for line in lines)
