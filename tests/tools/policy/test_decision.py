"""The one decision function, in its simple form."""

import dataclasses

import pytest

from opsmcp_tools.model.tool import Principal, Tool
from opsmcp_tools.policy.decision import Action, BuiltInTool, Effect, Policy
from tests.tools.recorded import tool

ALICE = Principal("alice")
FREE, READING, CHANGING = "script", "get-pod", "delete-pod"


@pytest.mark.parametrize(
    ("name", "action", "effect", "rule"),
    [
        (READING, Action.RUN, Effect.ALLOW, "read-only-operation"),
        (READING, Action.LIST, Effect.ALLOW, "read-only-operation"),
        (CHANGING, Action.LIST, Effect.ALLOW, "looking"),
        (CHANGING, Action.PLAN, Effect.ALLOW, "looking"),
        (CHANGING, Action.RUN, Effect.CONFIRM, "changes"),
        (CHANGING, Action.READ, Effect.ALLOW, "reading"),
        (FREE, Action.LIST, Effect.DENY, "free-script"),
        (FREE, Action.PLAN, Effect.DENY, "free-script"),
        (FREE, Action.RUN, Effect.DENY, "free-script"),
        (FREE, Action.READ, Effect.ALLOW, "reading"),
    ],
)
def test_reading_is_free_changing_asks_and_free_scripts_are_refused(
    name: str, action: Action, effect: Effect, rule: str
):
    decision = Policy().decide(ALICE, action, tool(name))
    assert (decision.effect, decision.rule) == (effect, rule)
    assert decision.denied is (effect is Effect.DENY)


@pytest.mark.parametrize("action", [Action.LIST, Action.PLAN, Action.RUN])
def test_read_only_hides_and_refuses_whatever_changes(action: Action):
    policy = Policy(read_only=True)
    assert policy.decide(ALICE, action, tool(CHANGING)).rule == "read-only-mode"
    assert policy.decide(ALICE, action, tool(READING)).effect is Effect.ALLOW


def test_a_built_in_tool_may_look_but_not_change_in_read_only_mode():
    looking, changing = BuiltInTool("get_run"), BuiltInTool("cancel_run", read_only=False)
    assert Policy(read_only=True).decide(ALICE, Action.RUN, looking).effect is Effect.ALLOW
    assert Policy(read_only=True).decide(ALICE, Action.RUN, changing).denied
    assert Policy(read_only=True).decide(ALICE, Action.LIST, changing).denied
    assert Policy().decide(ALICE, Action.RUN, changing).rule == "built-in"


def test_a_free_script_is_refused_whatever_its_hints_say():
    harmless: Tool = dataclasses.replace(tool(FREE), hints=tool(READING).hints)
    assert Policy().decide(ALICE, Action.RUN, harmless).denied
