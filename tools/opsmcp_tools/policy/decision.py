"""Policy: the one function that says what a principal may list, plan, run and read.

Listed means callable, and callable means allowed: every entry asks here. Pure. The rules of the
settings are asked in order and the first that fits decides; one that wants a question about some of
the places only leaves the rest to those after it. Without any, reading is free, changing asks the
person, and free scripts are refused. Read-only mode beats everything.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from types import MappingProxyType

from opsmcp_tools.model.tool import FREE_SCRIPT, Principal, Tool
from opsmcp_tools.policy.rules import AccessRequest, Approvers, BuiltInTool, Effect, Match, Rule

__all__ = ["Action", "Automatic", "BuiltInTool", "Considered", "Decision", "Effect", "Policy"]

_NO_ARGUMENTS: Mapping[str, str] = MappingProxyType({})
_NO_GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType({})
_NOBODY: "Mapping[str, Automatic]" = MappingProxyType({})


class Action(StrEnum):
    """What somebody wants to do with a tool, or with the runs of it."""

    LIST = "list"
    PLAN = "plan"
    RUN = "run"
    READ = "read"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, by which rule, and why, in a sentence for whoever asked.

    `approvers` are who may approve; nobody, unless the effect is `approve`.
    """

    effect: Effect
    rule: str
    reason: str
    approvers: Approvers = Approvers()

    @property
    def denied(self) -> bool:
        """Whether nothing can make it allowed but another policy."""
        return self.effect is Effect.DENY


@dataclass(frozen=True, slots=True)
class Automatic:
    """A principal that is no person, and has none to ask: who approves in place of one, if anybody.

    `always` are the tools for which it asks, whatever is allowed. `alone` are name patterns of
    those by which it may change something without asking, where a rule for it allows that.
    """

    approvers: Approvers
    always: frozenset[str] = frozenset()
    alone: tuple[str, ...] = ("*",)

    def may_act(self, tool: Tool) -> bool:
        """Whether a rule may let it change something with this tool, without asking anybody."""
        return any(fnmatchcase(tool.name, pattern) for pattern in self.alone)


@dataclass(frozen=True, slots=True)
class Considered:
    """One rule that was asked: whether it fits, and which condition decided that."""

    rule: Rule
    match: Match
    why: str


@dataclass(frozen=True)
class Policy:
    """The rules. With `read_only`, whatever is not read-only is neither shown nor run.

    `groups` are groups of principals beside those that a principal brings: name to name patterns.
    `automatic` are the principals that are no persons.
    """

    read_only: bool = False
    rules: tuple[Rule, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NO_GROUPS)
    automatic: Mapping[str, Automatic] = field(default_factory=lambda: _NOBODY)

    @property
    def about_people(self) -> bool:
        """Whether it depends on who calls, so that not everybody sees the same list."""
        return any(rule.about_people for rule in self.rules)

    @property
    def approves(self) -> bool:
        """Whether some call needs the approval of somebody else."""
        asks = any(one.approvers.groups for one in self.automatic.values())
        return asks or any(rule.effect is Effect.APPROVE for rule in self.rules)

    def decide(
        self,
        principal: Principal,
        action: Action,
        subject: Tool | BuiltInTool | None = None,
        arguments: Mapping[str, str] = _NO_ARGUMENTS,
        *,
        at: datetime | None = None,
    ) -> Decision:
        """Decide.

        Args:
            principal: Who asks.
            action: What for. Only `RUN` looks at arguments and time; the other actions ask whether
                some arguments at some time could be allowed.
            subject: The tool; None for what belongs to no tool, such as prompts.
            arguments: What the caller gave, in canonical form.
            at: The time, with time zone. None: a rule that depends on it fits if it restricts.
        """
        decision = self._by_rules(principal, action, subject, arguments, at)
        if self.automatic and action is Action.RUN and isinstance(subject, Tool):
            automatic = self.automatic.get(principal.name)
            return self._without_person(decision, subject, automatic) if automatic else decision
        return decision

    def _by_rules(
        self,
        principal: Principal,
        action: Action,
        subject: Tool | BuiltInTool | None,
        arguments: Mapping[str, str],
        at: datetime | None,
    ) -> Decision:
        if subject is None or (action is Action.READ and isinstance(subject, Tool)):
            return _READING
        if self.read_only and not _only_reads(subject):
            return _READ_ONLY_MODE
        # Mostly there are none, and lists ask for thousands of tools: nothing is made ready then.
        least = None
        if self.rules:
            for considered in self.consider(principal, action, subject, arguments, at=at):
                decision = _outcome(considered, action)
                if decision is not None and considered.match is not Match.PARTLY:
                    return _stricter(least, decision)
                least = _stricter(least, decision) if decision is not None else least
        return _stricter(least, _default(subject, action))

    def _without_person(self, decision: Decision, tool: Tool, automatic: Automatic) -> Decision:
        """The same for somebody whom nobody can be asked for; what is for people allows nothing."""
        if decision.effect in (Effect.DENY, Effect.APPROVE):
            return decision
        if decision.effect is Effect.ALLOW and tool.name not in automatic.always:
            by = (rule for rule in self.rules if rule.name == decision.rule)
            own = automatic.may_act(tool) and any(rule.is_for_automatic for rule in by)
            if _only_reads(tool) or own:
                return decision
        if not automatic.approvers.groups:
            return Decision(Effect.DENY, decision.rule, _NO_APPROVERS)
        return Decision(Effect.APPROVE, decision.rule, _NO_PERSON, automatic.approvers)

    def hides(self, tool: Tool) -> bool:
        """Whether there may be somebody who is not shown it, so that nothing else may name it."""
        if self.read_only and not _only_reads(tool):
            return True
        nobody = AccessRequest(Principal(""), frozenset(), tool)
        for rule in self.rules:
            about_all = replace(rule, principal=(), group=())
            outcome = _outcome(Considered(rule, *about_all.check(nobody)), Action.LIST)
            if outcome is not None and (outcome.denied or not rule.about_people):
                return outcome.denied
        return _default(tool, Action.LIST).denied

    def consider(
        self,
        principal: Principal,
        action: Action,
        subject: Tool | BuiltInTool,
        arguments: Mapping[str, str] = _NO_ARGUMENTS,
        *,
        at: datetime | None = None,
    ) -> Iterator[Considered]:
        """Every rule, in order, with whether it fits: what `decide` decides by."""
        known = dict(arguments) if action is Action.RUN else None
        request = AccessRequest(principal, self.groups_of(principal), subject, known, at)
        return (Considered(rule, *rule.check(request)) for rule in self.rules)

    def groups_of(self, principal: Principal) -> frozenset[str]:
        """The groups that a principal is in: those that it brings, and those of the settings."""
        named = (
            group
            for group, members in self.groups.items()
            if any(fnmatchcase(principal.name, member) for member in members)
        )
        return frozenset((*principal.groups, *named))


def _only_reads(subject: Tool | BuiltInTool) -> bool:
    if isinstance(subject, BuiltInTool):
        return subject.read_only
    return subject.hints.read_only and not subject.notes.get(FREE_SCRIPT)


def _outcome(considered: Considered, action: Action) -> Decision | None:
    """What follows from one rule; None when nothing does.

    Of one that fits partly follows what is wanted at least: the next is to be asked, too.
    """
    rule, match = considered.rule, considered.match
    if match is Match.NO or (match is Match.PARTLY and action is not Action.RUN):
        return None
    if match is Match.MAYBE:
        # It depends on what is not known yet: a list shows what some call could be allowed.
        doubtful = rule.effect is (Effect.DENY if action is not Action.RUN else Effect.ALLOW)
        if doubtful:
            return None
    effect = rule.effect
    if action is not Action.RUN and effect is not Effect.DENY:
        effect = Effect.ALLOW
    approvers = rule.approvers if effect is Effect.APPROVE else Approvers()
    return Decision(effect, rule.name, rule.reason or _REASONS[rule.effect], approvers)


def _stricter(least: Decision | None, decision: Decision) -> Decision:
    if least is None or _STRICTNESS[decision.effect] > _STRICTNESS[least.effect]:
        return decision
    return least


def _default(subject: Tool | BuiltInTool, action: Action) -> Decision:
    if isinstance(subject, BuiltInTool):
        return _BUILT_IN
    if subject.notes.get(FREE_SCRIPT):
        return _A_FREE_SCRIPT
    if subject.hints.read_only:
        return _ONLY_READS
    if action is not Action.RUN:
        return _LOOKING
    return _CHANGES if subject.hints.known else _NOT_KNOWN


_STRICTNESS = {effect: strictness for strictness, effect in enumerate(Effect)}
"""They are written down from the mildest to the strictest."""

_READING = Decision(Effect.ALLOW, "reading", "results may be read by whoever ran it")
_READ_ONLY_MODE = Decision(
    Effect.DENY,
    "read-only-mode",
    "this server only runs operations that read (policy.read_only)",
)
_BUILT_IN = Decision(Effect.ALLOW, "built-in", "it starts nothing")
_A_FREE_SCRIPT = Decision(
    Effect.DENY, "free-script", "its script is a variable, so it could run anything"
)
_ONLY_READS = Decision(Effect.ALLOW, "read-only-operation", "it only reads")
_CHANGES = Decision(Effect.CONFIRM, "changes", "it changes something")
_NOT_KNOWN = Decision(Effect.CONFIRM, "changes", "nothing says that it only reads")
_LOOKING = Decision(Effect.ALLOW, "looking", "nothing is changed by looking")

_NO_PERSON = "no rule for responders allows it, so people decide"
_NO_APPROVERS = "no rule for schedules allows it, and a schedule asks nobody"

_REASONS: Mapping[Effect, str] = {
    Effect.ALLOW: "a rule of this server allows it",
    Effect.CONFIRM: "a rule of this server wants a person to agree",
    Effect.APPROVE: "a rule of this server wants somebody else to approve",
    Effect.DENY: "a rule of this server forbids it",
}
