from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsmcp_pipelines.embedded.engine.conditions import ConditionError, evaluate

VALUES = {"s": "Abc", "n": "5", "empty": "", "yes": "true", "q": "a b", "evil": "x' == 'x"}


@pytest.mark.parametrize(
    "expression",
    [
        "true",
        "1",
        "${yes}",
        "!${empty}",
        "${s} == abc",
        "'${s}' == \"ABC\"",
        "${s} != x",
        "${n} > 4",
        "${n} >= 5",
        "${n} < 5.5",
        "${n} <= 5",
        "${n} =< 5",
        "${n} => 5",
        "${empty} == ''",
        "${nobody}x${nobody} == x",
        "${q} == a b",
        "x${s}y == xabcy",
        "startwith(${s}, Ab)",
        "endwith(${s}, 'bc')",
        "not startwith(${s}, x)",
        "!endwith(${s}, x)",
        "false || ${n} > 1 && ${s} == abc",
        "!(false || false)",
        "true || nonsense == ${n}",
    ],
)
def test_condition_holds(expression: str) -> None:
    assert evaluate(expression, VALUES)


@pytest.mark.parametrize(
    "expression",
    [
        "false",
        "0",
        "!1",
        "${empty}",
        "${s} == x",
        "${n} > 5",
        "${evil} == y",
        "${nobody}",
        "true && false",
        "startwith(${s}, b)",
    ],
)
def test_condition_does_not_hold(expression: str) -> None:
    assert not evaluate(expression, VALUES)


@pytest.mark.parametrize(
    "expression",
    [
        "${s}",
        "${s} > 1",
        "nan > 1",
        "inf > 1",
        "${n} < -Infinity",
        "${n} > 1e999",
        "==",
        "a ==",
        "a b",
        "(true",
        "true)",
        "startwith(a)",
        "a == b == c",
        "'open",
        "true &&",
        "1 " * 300,
    ],
)
def test_condition_that_cannot_be_decided_is_an_error(expression: str) -> None:
    with pytest.raises(ConditionError):
        evaluate(expression, VALUES)


@given(st.text())
def test_value_never_changes_the_condition(value: str) -> None:
    unquoted = value[1:-1] if value[:1] == value[-1:] and value[:1] in "'\"" else value
    assert evaluate("${v} == wanted", {"v": value}) == (unquoted.strip().lower() == "wanted")


@given(st.text(max_size=60))
def test_any_expression_is_decided_or_refused(expression: str) -> None:
    with suppress(ConditionError):
        evaluate(expression, VALUES)
