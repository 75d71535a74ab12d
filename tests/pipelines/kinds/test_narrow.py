"""Where a value stands narrows what it may be; what was declared otherwise contradicts."""

from dataclasses import replace

import pytest

from opsmcp_pipelines.kinds.kind import Kind, Separator, ValueClass, VariableKind
from opsmcp_pipelines.kinds.lists import class_of
from opsmcp_pipelines.kinds.narrow import Need, forced, narrowed

TOKEN = VariableKind(Kind.TOKEN, guessed=True)
COMMA, BLANK = Separator.COMMA, Separator.BLANK


@pytest.mark.parametrize(
    ("guess", "need", "kind"),
    [
        (TOKEN, Need.NUMBER, VariableKind(Kind.COUNT, guessed=True)),
        (TOKEN, Need.OPTION, VariableKind(Kind.COUNT, guessed=True)),
        (TOKEN, Need.SIGNAL, VariableKind(Kind.SIGNAL, guessed=True)),
        (TOKEN, Need.NAME, TOKEN),
        (TOKEN, Need.WORDS, VariableKind(Kind.TOKEN, BLANK, guessed=True)),
        (
            VariableKind(Kind.HOST, COMMA, guessed=True),
            Need.WORDS,
            VariableKind(Kind.HOST, BLANK, guessed=True),
        ),
        (VariableKind(Kind.PATH, guessed=True), Need.NAME, TOKEN),
        (VariableKind(Kind.TIME, guessed=True), Need.UNQUOTED, TOKEN),
        (VariableKind(Kind.TEXT, guessed=True), Need.UNQUOTED, TOKEN),
    ],
)
def test_a_guess_gives_way(guess: VariableKind, need: Need, kind: VariableKind):
    assert narrowed(guess, need) == kind


@pytest.mark.parametrize(
    ("kind", "need"),
    [
        (Kind.HOST, Need.NUMBER),
        (Kind.PATH, Need.NAME),
        (Kind.UNIT, Need.NAME),
        (Kind.SIZE, Need.OPTION),
        (Kind.SIGNAL, Need.OPTION),
        (Kind.TIME, Need.UNQUOTED),
        (Kind.TEXT, Need.WORDS),
    ],
)
def test_what_was_declared_contradicts_and_is_both_where_it_cannot_be_refused(
    kind: Kind, need: Need
):
    declared = VariableKind(kind)
    assert narrowed(declared, need) is None
    both = forced(declared, need)
    assert both.kind is kind
    assert both.also in (Kind.TOKEN, Kind.COUNT)


@pytest.mark.parametrize(
    ("kind", "need"),
    [
        (Kind.COUNT, Need.NUMBER),
        (Kind.CHOICE, Need.OPTION),
        (Kind.SIGNAL, Need.SIGNAL),
        (Kind.SIZE, Need.NAME),
        (Kind.PATH, Need.UNQUOTED),
        (Kind.HOST, Need.WORDS),
    ],
)
def test_what_fits_stays_as_it_is(kind: Kind, need: Need):
    assert narrowed(VariableKind(kind), need) == VariableKind(kind)


def test_a_url_and_a_unit_lose_the_signs_that_a_shell_expands():
    url = VariableKind(Kind.URL)
    assert narrowed(url, Need.UNQUOTED) == replace(url, without="?&")
    unit = VariableKind(Kind.UNIT)
    assert narrowed(unit, Need.UNQUOTED) == replace(unit, without="\\")


def test_a_cluster_is_one_that_exists_and_a_name_as_well():
    cluster = VariableKind(Kind.CLUSTER)
    assert narrowed(cluster, Need.NAME) == replace(cluster, also=Kind.TOKEN)


def test_a_declared_list_stands_within_quotes_or_bare_when_blanks_join_it():
    hosts = VariableKind(Kind.HOST, COMMA)
    assert class_of(hosts) is ValueClass.PHRASE
    assert narrowed(hosts, Need.WORDS) is None
    blank = VariableKind(Kind.HOST, BLANK)
    assert narrowed(blank, Need.WORDS) == blank
    assert narrowed(hosts, Need.NUMBER) is None
