"""Text of strangers is made visible and short."""

import pytest

from opsmcp_tools.safe_text.characters import clean_line, has_hidden, quote

HIDDEN = {
    "newline": "a\nb",
    "nul": "a\0b",
    "escape": "\x1b[31m",
    "delete": "a\x7f",
    "zero width": "a\u200bb",
    "bidirectional": "a\u202eb",
    "tag": "a\U000e0041",
    "variation selector": "a\ufe0f",
    "Hangul filler": "a\u3164",
    "Ogham space": "a\u1680b",
    "surrogate": "a\ud800",
    "private use": "a\ue000",
    "line separator": "a\u2028b",
}


@pytest.mark.parametrize("text", HIDDEN.values(), ids=HIDDEN)
def test_what_cannot_be_seen_is_found(text: str):
    assert has_hidden(text)


@pytest.mark.parametrize("text", ["", "plain text", "O'Brien", "磁盘使用率", "naïve", "Ω"])
def test_what_can_be_seen_is_not_hidden(text: str):
    assert not has_hidden(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  two\n\tlines ", "two lines"),
        ("a\u200bb\u202e c", r"ab\u{202e} c"),
        ("\x1b[31m", r"\u{1b}[31m"),
        ("a\x07\ufe0fb", r"a\u{7}b"),
        ("one two three four", "one two…"),
        ("x" * 40, "x" * 11 + "…"),
        ("", ""),
    ],
)
def test_a_clean_line_is_visible_single_and_cut_at_a_word(text: str, line: str):
    assert clean_line(text, 12) == line


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a\nb", r"'a\u{a}b'"),
        ("\u202e", r"'\u{202e}'"),
        ("x" * 100, "'" + "x" * 60 + "…'"),
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        (7, "7"),
        (10**200, "a very large number"),
        ({"a": 1}, "an object"),
        ([1], "a list"),
    ],
    ids=str,
)
def test_what_was_given_is_shown_safely(given: object, shown: str):
    assert quote(given) == shown
