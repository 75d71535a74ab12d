"""A rule that asks about some of the places that a call touches, and says nothing of the others."""

from pathlib import Path

import pytest

from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.models import Variable
from opsmcp_tools.policy.decision import Action, Effect
from tests.tools.policy.test_places import decided
from tests.tools.policy.test_rules import ANNA, policy_of, tool
from tests.tools.policy.test_spelling import made

_WEB_ASKS = {"effect": "confirm", "arguments": {"host": "web-*"}}


@pytest.mark.parametrize("rest", ["allow", "confirm", "approve", "deny"])
@pytest.mark.parametrize("hosts", ["web-1,db-1", "web-*", "all"])
def test_a_question_about_some_places_is_no_permission_for_the_others(
    tmp_path: Path, hosts: str, rest: str
) -> None:
    whom = {"approve": {"from": "leads"}} if rest == "approve" else {}
    rules = [_WEB_ASKS, {"effect": rest, **whom}]
    policy = policy_of(tmp_path, rules, groups={"leads": "carl"})
    expected = Effect.CONFIRM if rest == "allow" else Effect(rest)
    assert decided(policy, made(Variable("hosts")), hosts=hosts) is expected
    assert decided(policy, made(Variable("hosts")), hosts="web-1,web-2") is Effect.CONFIRM


def test_a_question_about_one_cluster_is_none_about_a_call_that_names_none(tmp_path: Path) -> None:
    subject = tool("delete-pod")
    known = next(item for item in subject.inputs if item.kind is Kind.CLUSTER).allowed[0]
    asks = {"effect": "confirm", "arguments": {"cluster": known}}
    policy = policy_of(tmp_path, [asks, {"effect": "deny"}])
    assert decided(policy, subject, cluster=known) is Effect.CONFIRM
    assert decided(policy, subject) is Effect.DENY
    assert policy.decide(ANNA, Action.LIST, subject).effect is Effect.ALLOW


def test_what_could_only_be_permitted_in_part_is_not_listed(tmp_path: Path) -> None:
    subject = made(Variable("hosts", value="web-1,db-1"))
    policy = policy_of(tmp_path, [_WEB_ASKS, {"effect": "deny"}])
    assert decided(policy, subject) is Effect.DENY
    assert policy.decide(ANNA, Action.LIST, subject).effect is Effect.DENY
