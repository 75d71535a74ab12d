"""Policy: the one function that says what a principal may list, plan, run and read.

Listed means callable, and callable means allowed: every entry asks here. Pure. The simple form:
reading is free, changing asks the person, free scripts are refused; the principal and the arguments
are taken already and do not matter yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from opsmcp_tools.tool import Principal, Tool
from opsmcp_tools.toolbox import FREE_SCRIPT

__all__ = ["Action", "Decision", "Effect", "Policy"]

_NO_ARGUMENTS: Mapping[str, str] = MappingProxyType({})


class Action(StrEnum):
    """What somebody wants to do with a tool, or with the runs of it."""

    LIST = "list"
    PLAN = "plan"
    RUN = "run"
    READ = "read"


class Effect(StrEnum):
    """What comes of it: at once, after the person's consent, after another's approval, never."""

    ALLOW = "allow"
    CONFIRM = "confirm"
    APPROVE = "approve"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, by which rule, and why, in a sentence for whoever asked."""

    effect: Effect
    rule: str
    reason: str

    @property
    def denied(self) -> bool:
        """Whether nothing can make it allowed but another policy."""
        return self.effect is Effect.DENY


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules. With `read_only`, whatever is not read-only is neither shown nor run."""

    read_only: bool = False

    def decide(
        self,
        principal: Principal,
        action: Action,
        tool: Tool | None = None,
        arguments: Mapping[str, str] = _NO_ARGUMENTS,
    ) -> Decision:
        """Decide. Without a tool it is about a built-in one: `RUN` then changes something."""
        del principal, arguments  # No rule of the simple form looks at them.
        if action is Action.READ:
            return Decision(Effect.ALLOW, "reading", "results may be read by whoever ran it")
        return self._decide_built_in(action) if tool is None else self._decide(action, tool)

    def _decide_built_in(self, action: Action) -> Decision:
        if self.read_only and action is Action.RUN:
            return Decision(Effect.DENY, "read-only-mode", _READ_ONLY_REASON)
        return Decision(Effect.ALLOW, "built-in", "it starts nothing")

    def _decide(self, action: Action, tool: Tool) -> Decision:
        if tool.notes.get(FREE_SCRIPT):
            return Decision(Effect.DENY, "free-script", _FREE_SCRIPT_REASON)
        if tool.hints.read_only:
            return Decision(Effect.ALLOW, "read-only-operation", "it only reads")
        if self.read_only:
            return Decision(Effect.DENY, "read-only-mode", _READ_ONLY_REASON)
        if action is Action.RUN:
            return Decision(Effect.CONFIRM, "changes", "it changes something")
        return Decision(Effect.ALLOW, "looking", "nothing is changed by looking")


_FREE_SCRIPT_REASON = "its script is a variable, so it could run anything"
_READ_ONLY_REASON = "this server only runs operations that read (policy.read_only)"
