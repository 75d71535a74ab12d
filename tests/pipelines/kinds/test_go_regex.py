"""Regexes of strangers: whole values, Go's meaning, and when ECMA-262 agrees."""

import pytest

from opsmcp_pipelines.kinds.go_regex import as_written, matches, parse_pattern


@pytest.mark.parametrize(
    ("regex", "good", "bad"),
    [
        ("^[0-9]*$", "123", "12a"),
        ("[0-9]+", "123", "a1"),
        ("^v", "v1.2", "1v"),
        ("prod$", "eu-prod", "prod-eu"),
        (r"a\$", "a$", "ba$"),
        ("[$]x", "$x", "a$x"),
        ("[^]^]x", "ax", "aax"),
        (r"\Aab\z", "ab", "abc"),
        ("a|^b", "b1", "c"),
        ("^[0-9]*$", "", "1\n"),
    ],
)
def test_the_whole_value_must_match_unless_the_author_anchored(regex: str, good: str, bad: str):
    pattern = parse_pattern(regex)
    assert pattern is not None
    assert matches(pattern.whole, good)
    assert not matches(pattern.whole, bad)
    assert as_written(pattern.whole) == regex


@pytest.mark.parametrize(
    "regex", ["(", "[", r"(?=a)", r"(a)\1", "a" * 600, "(?P<n", "a{1001}", "\ud800"], ids=repr
)
def test_what_is_not_re2_is_refused(regex: str):
    assert parse_pattern(regex) is None


@pytest.mark.parametrize(
    ("regex", "ecma"),
    [
        ("^[0-9]*$", "^[0-9]*$"),
        ("[a-z]{1,3}", "^(?:[a-z]{1,3})$"),
        (r"\d+\.\d+", r"^(?:\d+\.\d+)$"),
        ("(?i)abc", ""),
        (r"\pN", ""),
        ("x[[:alpha:]]", ""),
        (r"\Aa", ""),
        ("a{", ""),
        (r"\s", ""),
    ],
)
def test_a_schema_gets_a_pattern_only_when_both_mean_the_same(regex: str, ecma: str):
    pattern = parse_pattern(regex)
    assert pattern is not None
    assert pattern.ecma == ecma


def test_a_pattern_that_would_backtrack_is_no_danger():
    pattern = parse_pattern("(a+)+")
    assert pattern is not None
    assert not matches(pattern.whole, "a" * 5000 + "!")


def test_text_that_is_not_unicode_matches_nothing():
    assert not matches(".*", "\ud800")
