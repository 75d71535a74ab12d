import sys
from collections.abc import Mapping
from typing import Any

import pytest

from opsmcp_tools.incidents.expression import (
    BODY,
    MOST_SOURCE_BYTES,
    SIGNAL,
    BadExpression,
    Condition,
    Failed,
    Text,
    Value,
    outcome_values,
    outcome_variables,
    signal_values,
    whole,
)
from tests.tools.incidents.signals import make

_LABELS = {"alertname": "NodeDiskFull", "instance": "h1:9100", "cluster": "prod"}
VALUES = signal_values(make(labels=_LABELS, data={"value": 93, "tags": ["a", "b"]}))
OUTCOME = outcome_variables(("used",), ("host",))


def condition(source: str, variables: Mapping[str, Any] = SIGNAL) -> bool:
    return Condition(source, variables).holds(VALUES)


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        ('labels.alertname == "NodeDiskFull" && severity in ["critical", "warning"]', True),
        ('labels.instance.matches("^h[0-9]+:")', True),
        ("labels.instance.matches(r'^db\\d')", False),
        ('has(labels.nope) && labels.nope == "x"', False),
        ("data.value > 90 && trusted", True),
        ('"b" in data.tags', True),
        ('at > timestamp("2020-01-01T00:00:00Z")', True),
        ('labels.nope == "x" || true', True),
        ('labels.cluster.startsWith("prod") // the "real" one, not matches(x)', True),
    ],
)
def test_a_condition_is_true_or_false_of_a_signal(source: str, holds: bool) -> None:
    assert condition(source) is holds


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ('labels.nope == "x"', 'Key not found in map : "nope"'),
        ("int(labels.cluster) > 5", "cannot convert string to int"),
        ("data.value", "neither true nor false, but of the type INT"),
        ("data.nope", 'Key not found in map : "nope"'),
    ],
)
def test_what_cannot_be_evaluated_is_no_match_and_says_why(source: str, why: str) -> None:
    with pytest.raises(Failed, match=why):
        condition(source)


def test_a_quote_in_a_label_does_not_change_a_condition() -> None:
    values = signal_values(make(labels={"name": '" || true || "'}))
    assert Condition('labels.name == "x"', SIGNAL).holds(values) is False


def test_half_a_character_in_a_value_is_no_match() -> None:
    with pytest.raises(Failed):
        Condition('kind == "x"', SIGNAL).holds({**VALUES, "kind": "\ud800"})


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("severity in", "column 12: Syntax error"),
        ('\nlabel.x == "a"', "line 2, column 6: there is no .label.x. here; did you mean 'labels'"),
        ("severity", "must be a condition, true or false, and is of the type STRING"),
        ("labels.used < 85", "column 13: .*labels, results and arguments are texts, and int"),
        ('labels.instance.matches("(")', "the pattern of matches cannot be used: missing"),
        ("labels.instance.matches(labels.cluster)", "matches takes one pattern, written out"),
        ('labels.instance.matches("a" + "b")', "matches takes one pattern, written out"),
        ('matches(labels.instance, "a")', "matches takes one pattern, written out"),
        ('true || labels.x.matches("[")', "the pattern of matches cannot be used"),
        ('kind.replace("a", labels.x) == ""', "replace takes two texts, written out"),
        ('kind.replace("a", "aa") == ""', "second is not longer than the first"),
        ('kind == "' + "x" * MOST_SOURCE_BYTES + '"', "longer than 2,048 bytes"),
        ("labels.?x == 1", "column 1: unsupported syntax"),
        ("", "column 1: Syntax error"),
        ("+".join(["kind"] * 50), "too many operators in a row"),
    ],
)
def test_a_condition_that_cannot_be_right_is_refused_when_it_is_read(source: str, why: str) -> None:
    with pytest.raises(BadExpression, match=why):
        Condition(source, SIGNAL)


def test_results_and_arguments_are_known_by_name_and_are_texts() -> None:
    values = {**VALUES, "results.used": "91", "arguments.host": "h1", "verdict": "succeeded"}
    variables = {**SIGNAL, **OUTCOME}
    assert Condition("int(results.used) >= 85", variables).holds(values)
    with pytest.raises(BadExpression, match=r"no 'results.nope' here; did you mean"):
        Condition('results.nope == "1"', variables)
    with pytest.raises(BadExpression, match="int.* makes a number"):
        Condition("results.used >= 85", variables)


def test_a_text_is_made_of_a_signal_or_there_is_none() -> None:
    assert Text('labels.instance.split(":")[0]', SIGNAL).of(VALUES) == "h1"
    assert Text('kind.replace(".", "-") + "!"', SIGNAL).of(VALUES).endswith("!")
    assert Text("data.tags[1]", SIGNAL).of(VALUES) == "b"
    for source in ("labels.nope", '""', "data.value", "data.tags[7]"):
        with pytest.raises(Failed):
            Text(source, SIGNAL).of(VALUES)
    with pytest.raises(BadExpression, match=r"must be a text.*string\(\.\.\.\)"):
        Text("size(labels)", SIGNAL)


def test_a_text_has_a_bound() -> None:
    with pytest.raises(Failed, match="longer than 4,096 bytes"):
        Text("+".join(["labels.a"] * 10), SIGNAL).of({**VALUES, "labels": {"a": "x" * 1000}})


def test_a_value_is_what_json_can_say() -> None:
    values: dict[str, Any] = {"body": {"id": 7, "items": [{"n": 1}, {"n": None}]}, "headers": {}}
    assert Value("body.items.map(one, one.n)", BODY).of(values) == [1, None]
    assert Value('{"id": string(body.id)}', BODY).of(values) == {"id": "7"}
    for source in ("{1: 2}", 'b"raw"', 'timestamp("2020-01-01T00:00:00Z")', "[type(1)]"):
        with pytest.raises(Failed):
            Value(source, BODY).of(values)


def test_an_endless_evaluation_ends_soon_and_is_no_match() -> None:
    loops = "data.tags.all(a, data.tags.all(b, data.tags.all(c, data.tags.all(d, true))))"
    with pytest.raises(Failed, match="budget"):
        Condition(loops, SIGNAL).holds({**VALUES, "data": {"tags": ["x"] * 200}})


def test_nulls_cost_python_nothing() -> None:
    """The library gives away a reference to None with each null: Python 3.11 died of thousands."""
    nulls = Value("body", BODY)
    before = sys.getrefcount(None)
    body = {"a": None, "b": [None] * 9}
    assert [nulls.of({"body": body, "headers": {}}) for _ in range(100)] == [body] * 100
    assert abs(sys.getrefcount(None) - before) < 500


@pytest.mark.parametrize("source", ["labels.host", "data.host", "data.all[0]", "key"])
def test_a_text_is_not_cut_where_it_holds_a_nul(source: str) -> None:
    odd = "h1\0;x"
    signal = make(key=odd, labels={"host": odd}, data={"host": odd, "all": [odd]})
    values = signal_values(signal)
    assert Text(source, SIGNAL).of(values) == "h1\ufffd;x"
    assert not Condition(f"{source} == 'h1'", SIGNAL).holds(values)


def test_results_and_bodies_are_not_cut_there_either() -> None:
    values = {**VALUES, **outcome_values("succeeded", {"used": "5\0 %"}, {"host": "h\0"})}
    known = {**SIGNAL, **OUTCOME}
    assert Text("results.used + arguments.host", known).of(values) == "5\ufffd %h\ufffd"
    assert (
        Value("body.a[0]", BODY).of(whole({"body": {"a": ["x\0y"]}, "headers": {}})) == "x\ufffdy"
    )
