"""One row per kind: whatever is known of a kind stands there, and holds together."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsmcp_pipelines.kinds.go_regex import compile_pattern, matches
from opsmcp_pipelines.kinds.kind import (
    ITEM_KINDS,
    Kind,
    Separator,
    ValueClass,
    VariableKind,
    parse_kind,
)
from opsmcp_pipelines.kinds.lists import MAX_ITEMS, canonical_value, class_of, split_items
from opsmcp_pipelines.kinds.table import KINDS, canonical
from tests.pipelines.kinds.good_values import GOOD_VALUES

ROWS = [(kind, KINDS[kind]) for kind in KINDS]
INERT = [kind for kind, row in ROWS if kind is not Kind.CHOICE and row.value_class != "text"]
SIGNS = "abzAZ09._:/@%+=,~!?&#[]*-\\ "


def test_every_kind_of_value_has_its_row():
    assert set(KINDS) == set(Kind) - {Kind.BOUND}


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_holds_together(kind: Kind):
    row = KINDS[kind]
    assert compile_pattern(row.pattern) is not None
    for words in (row.meaning, row.allowed):
        assert words.en and words.zh and not words.en.endswith(".")
    for example in GOOD_VALUES.get(kind, ()):
        value = canonical(kind, example)
        assert value is not None
        assert canonical(kind, value) == value
        assert not row.characters or matches(f"{row.characters}+", example)
    assert canonical(kind, "a" * (row.longest + 1)) is None
    assert canonical(kind, "") is None


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_that_is_said_of_a_kind_is_a_value_to_be_copied(kind: Kind):
    row = KINDS[kind]
    for words in (row.meaning, row.allowed):
        assert not any(sign in words.en + words.zh for sign in ("such as", "e.g.", "例如"))
    for shape in row.shapes:
        assert "<" in shape
        assert canonical(kind, shape) is None


@pytest.mark.parametrize("kind", INERT)
@given(text=st.text(SIGNS, max_size=12))
def test_no_inert_value_is_an_option_or_another_folder(kind: Kind, text: str):
    value = canonical(kind, text)
    if value is not None:
        assert not value.startswith("-")
        assert ".." not in value.split("/")
    if value is not None and KINDS[kind].value_class is not ValueClass.PHRASE:
        assert shlex.split(value.replace("\\", "")) == [value.replace("\\", "")]


@pytest.mark.parametrize("kind", sorted(ITEM_KINDS))
def test_no_item_of_a_list_holds_what_separates_items(kind: Kind):
    for separator in Separator:
        for example in GOOD_VALUES[kind]:
            assert separator.sign not in example
            assert canonical(kind, f"{example}{separator.sign}{example}") is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("host", VariableKind(Kind.HOST)),
        ("list.host", VariableKind(Kind.HOST, Separator.COMMA)),
        ("list.path.line", VariableKind(Kind.PATH, Separator.LINE)),
        ("list.unit.blank", VariableKind(Kind.UNIT, Separator.BLANK)),
    ],
)
def test_a_kind_is_declared_by_its_name(text: str, kind: VariableKind):
    assert parse_kind(text) == kind
    assert parse_kind(str(kind)) == kind


@pytest.mark.parametrize(
    "text",
    ["", "hosts", "list", "list.", "list.text", "list.list.host", "list.host.tab", "host.comma"]
    + ["list.time", "list.selector", "list.host.comma.x"],
)
def test_what_names_no_kind_declares_none(text: str):
    assert parse_kind(text) is None


def test_a_list_is_exactly_its_items():
    hosts = VariableKind(Kind.HOST, Separator.COMMA)
    assert canonical_value(hosts, "web-1, web-2") == "web-1,web-2"
    assert split_items(hosts, "web-1,web-2") == ("web-1", "web-2")
    assert class_of(hosts) is ValueClass.PHRASE
    for bad in ("", "web-1,", "web-1,--all", "web-1;id", "web-1 web-2", "a," * MAX_ITEMS + "a"):
        assert canonical_value(hosts, bad) is None


def test_a_list_of_lines_or_blanks_is_joined_by_one_sign_each():
    units = VariableKind(Kind.UNIT, Separator.BLANK)
    assert canonical_value(units, "  nginx.service   getty@tty1.service\n") == (
        "nginx.service getty@tty1.service"
    )
    paths = VariableKind(Kind.PATH, Separator.LINE)
    assert canonical_value(paths, "/srv/a\n/srv/b/") == "/srv/a\n/srv/b"
