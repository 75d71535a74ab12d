"""What is named when a plan is not the one that was asked for any more."""

from typing import Any

import pytest

from opsmcp_tools.approval_requests.deciding import changes

PLAN: dict[str, Any] = {
    "definition": "d1",
    "decision": {"effect": "approve"},
    "cluster": "prod",
    "variables": {"name": "x"},
    "read_only": False,
    "hazards": [],
    "source": "here",
    "tasks": [{"host": "role=web", "hosts": 1, "host_names": ["web-1"], "steps": ["a"]}],
}


def said(**now: Any) -> list[str]:
    return [one.to("en") for one in changes(PLAN, {**PLAN, **now})]


@pytest.mark.parametrize(
    ("now", "named"),
    [
        ({"definition": "d2"}, "its definition"),
        ({"decision": {"effect": "confirm"}}, "what policy says of it"),
        ({"cluster": "test"}, "its cluster"),
        ({"variables": {"name": "y"}}, "its variables"),
        ({"read_only": True}, "whether it only reads"),
        ({"hazards": ["deletes"]}, "its hazards"),
        ({"source": "there"}, "its source"),
        ({}, "a part of its plan that is too long to be shown"),
    ],
)
def test_what_differs_is_named(now: dict[str, Any], named: str) -> None:
    assert said(**now) == [named]


def test_hosts_that_came_or_went_are_named_then_and_now() -> None:
    task = {**PLAN["tasks"][0], "hosts": 2, "host_names": ["web-1", "db-1"]}
    assert said(tasks=[task]) == ["where it would run (then web-1, now web-1, db-1)"]


def test_scripts_are_named_only_where_the_definition_does_not_explain_them() -> None:
    task = {**PLAN["tasks"][0], "steps": ["b"]}
    assert said(tasks=[task]) == ["its scripts"]
    assert said(tasks=[task], definition="d2") == ["its definition"]
