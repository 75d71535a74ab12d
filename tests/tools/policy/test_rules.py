"""Rules of the settings file: how they are read, refused, and what they decide."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.load import load
from opsmcp_tools.model.tool import Principal, Tool
from opsmcp_tools.policy.decision import Action, Effect, Policy
from tests.tools.recorded import toolbox

ANNA = Principal("anna")
BOB = Principal("bob")
NIGHT = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
EMPTY: dict[str, str] = {}
DAY = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def policy_of(folder: Path, rules: Any, **more: Any) -> Policy:
    file = folder / "opsmcp.yaml"
    file.write_text(yaml.safe_dump({"policy": {"rules": rules, **more}}), "utf-8")
    given = load({"HOME": str(folder)}, cwd=folder, file=file).policy
    return Policy(given.read_only, given.rules, given.groups)


def tool(name: str) -> Tool:
    found = toolbox().find(name)
    assert found is not None
    return found


def effect(
    policy: Policy,
    name: str,
    who: Principal = ANNA,
    *,
    action: Action = Action.RUN,
    at: datetime = DAY,
    **arguments: str,
) -> Effect:
    return policy.decide(who, action, tool(name), arguments, at=at).effect


@pytest.mark.parametrize(
    ("rule", "name", "expected"),
    [
        ({"operation": "delete-*"}, "delete-pod", Effect.DENY),
        ({"operation": "delete-*"}, "get-pod", Effect.ALLOW),
        ({"kind": "task"}, "get-pod", Effect.ALLOW),
        ({"kind": "pipeline"}, "get-pod", Effect.DENY),
        ({"namespace": "ops-system"}, "get-pod", Effect.DENY),
        ({"namespace": "other"}, "get-pod", Effect.ALLOW),
        ({"label": "ops/copilot=enabled"}, "get-pod", Effect.DENY),
        ({"label": "team=*"}, "get-pod", Effect.ALLOW),
        ({"read_only": True}, "get-pod", Effect.DENY),
        ({"read_only": False}, "get-pod", Effect.ALLOW),
        ({"destructive": True}, "delete-pod", Effect.DENY),
        ({"principal": "bob"}, "get-pod", Effect.ALLOW),
        ({"principal": "an*"}, "get-pod", Effect.DENY),
    ],
    ids=str,
)
def test_a_rule_decides_where_all_its_conditions_fit(
    tmp_path: Path, rule: dict[str, Any], name: str, expected: Effect
) -> None:
    policy = policy_of(tmp_path, [{"effect": "deny", **rule}])
    assert effect(policy, name) is expected


def test_the_first_rule_that_fits_decides(tmp_path: Path) -> None:
    rules = [
        {"effect": "allow", "operation": "delete-pod", "principal": "anna"},
        {"effect": "deny", "operation": "delete-*"},
    ]
    policy = policy_of(tmp_path, rules)
    assert effect(policy, "delete-pod") is Effect.ALLOW
    assert effect(policy, "delete-pod", BOB) is Effect.DENY


def test_a_group_of_the_settings_stands_for_its_members(tmp_path: Path) -> None:
    whom = {"approve": {"from": "leads"}}
    rules = [{"effect": "approve", "group": "night-shift", "destructive": True, **whom}]
    policy = policy_of(tmp_path, rules, groups={"night-shift": ["bob"], "leads": ["carl"]})
    assert effect(policy, "delete-pod", BOB) is Effect.APPROVE
    assert effect(policy, "delete-pod") is Effect.CONFIRM
    assert policy.about_people


def test_places_are_compared_with_what_the_call_names(tmp_path: Path) -> None:
    rules = [{"effect": "deny", "arguments": {"namespace": ["kube-*"]}}]
    policy = policy_of(tmp_path, rules)
    assert effect(policy, "get-pod", namespace="kube-system", pod="x") is Effect.DENY
    assert effect(policy, "get-pod", namespace="shop", pod="x") is Effect.ALLOW
    assert effect(policy, "get-pod", action=Action.LIST) is Effect.ALLOW


def test_a_window_of_time_may_pass_midnight(tmp_path: Path) -> None:
    window = {"days": ["mon-fri"], "hours": "22:00-06:00", "zone": "UTC"}
    policy = policy_of(tmp_path, [{"effect": "deny", "destructive": True, "time": window}])
    assert effect(policy, "delete-pod", at=NIGHT.replace(day=24)) is Effect.DENY
    assert effect(policy, "delete-pod", at=DAY) is Effect.CONFIRM


def test_read_only_mode_beats_every_rule(tmp_path: Path) -> None:
    policy = policy_of(tmp_path, [{"effect": "allow"}], read_only=True)
    assert effect(policy, "delete-pod") is Effect.DENY
    assert effect(policy, "get-pod") is Effect.ALLOW


def test_what_was_considered_says_why(tmp_path: Path) -> None:
    rules = [
        {"effect": "deny", "principal": "bob"},
        {"effect": "allow", "operation": "get-*"},
    ]
    policy = policy_of(tmp_path, rules)
    considered = list(policy.consider(ANNA, Action.RUN, tool("get-pod"), {}, at=DAY))
    assert [item.match.name for item in considered] == ["NO", "YES"]
    assert considered[0].why


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ("deny", "must be a list of rules"),
        ([EMPTY], "effect is missing"),
        ([{"effect": "maybe"}], "must be one of allow, confirm, approve, deny"),
        ([{"effect": "deny", "operatoin": "x"}], "did you mean 'operation'"),
        ([{"effect": "deny", "operation": 7}], "must be a pattern"),
        ([{"effect": "deny", "read_only": "yes"}], "must be true or false"),
        ([{"effect": "deny", "kind": "pod"}], "must be one of pipeline, task"),
        ([{"effect": "deny", "arguments": {"pod": "x"}}], "there is no key 'arguments.pod'"),
        ([{"effect": "deny", "arguments": ["x"]}], "must be a mapping"),
        ([{"effect": "deny", "time": {"hours": "1-2", "zone": "UTC"}}], "must be like 22:00-06:00"),
        ([{"effect": "deny", "time": {"hours": "24:30-01:00", "zone": "UTC"}}], "must be like"),
        ([{"effect": "deny", "time": {"days": "mon"}}], "time.zone is missing"),
        ([{"effect": "deny", "time": {"zone": "Moon/Base"}}], "must be a time zone"),
        ([{"effect": "deny", "time": {"days": "someday", "zone": "UTC"}}], "must be one of mon"),
        ([{"effect": "deny", "reason": 3}], "must be a text"),
        ([{"effect": "deny", "name": "a"}, {"effect": "deny", "name": "a"}], "two rules"),
        ([{"effect": "deny"}] * 501, "more than 500 rules"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_rule_that_could_be_misread_stops_the_start(
    tmp_path: Path, rules: Any, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        policy_of(tmp_path, rules)
    assert words in str(caught.value)
    assert "opsmcp.yaml" in str(caught.value)
