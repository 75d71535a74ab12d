"""`responders` and `events.quiet` of the settings file: plain data to what is done, or a refusal.

What a responder does alone at night is decided here: nothing unknown is passed over. What depends
on the operations is checked when they are known.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from opsmcp_server.config.expression_fields import ExpressionFields, fields_of, read_each
from opsmcp_server.config.groups.agent import read_agent
from opsmcp_server.config.policy_rules import read_window
from opsmcp_server.config.schema import MOST_APPROVERS, RawSetting
from opsmcp_tools.incidents.expression import SIGNAL, outcome_variables
from opsmcp_tools.incidents.responder import (
    Agent,
    Breaker,
    Check,
    Escalation,
    Limits,
    Mode,
    Quiet,
    Resolved,
    Responder,
)
from opsmcp_tools.policy.rules import Approvers

if TYPE_CHECKING:
    from opsmcp_server.config.effective import Config

__all__ = ["read_quiet", "read_responders"]

_MOST = 200
_MOST_STEPS = 10
_KEYS = (
    "name",
    "senders",
    "when",
    "key",
    "settle",
    "mode",
    "run",
    "arguments",
    "agent",
    "confirm",
    "verify",
    "approve",
    "limits",
    "breaker",
    "recurs",
    "notify",
    "escalate",
)
_OF_A_RUN = ("run", "arguments")
_OF_CHANGES = ("confirm", "verify", "approve", "limits", "breaker")
_USELESS: Mapping[Mode, tuple[tuple[str, ...], str]] = {
    Mode.NOTIFY: ((*_OF_A_RUN, "agent", *_OF_CHANGES), "say approve, auto or agent"),
    Mode.APPROVE: (("agent",), "say agent"),
    Mode.AUTO: (("agent",), "say agent"),
    Mode.AGENT: (_OF_A_RUN, "the model chooses among agent.tools"),
}
"""The keys that mean nothing with a mode, and what to do instead."""

_MODES = tuple(Mode)
_SENDER = "sender (events.senders, or schedule:NAME)"
_CHANNEL = "channel (events.channels)"


def read_quiet(item: RawSetting) -> tuple[Quiet, ...]:
    """The times in which signals are recorded and not acted on.

    Raises:
        ConfigError: One of them cannot be used.
    """
    return tuple(map(_quiet, fields_of(item, "name")))


def _quiet(fields: ExpressionFields) -> Quiet:
    fields.known(("name", "when", "time"))
    window = (
        read_window(fields.where, fields.origin, fields.given["time"])
        if fields.has("time")
        else None
    )
    if window is None and not fields.has("when"):
        raise fields.refuse("", "needs a time or a condition (when), or nothing would ever be done")
    return Quiet(fields.name("name"), fields.condition("when", SIGNAL), window)


def read_responders(item: RawSetting, config: "Config") -> tuple[Responder, ...]:
    """The responders, in order.

    Args:
        item: What the file says.
        config: The other settings, by which some of it is judged.

    Raises:
        ConfigError: One of them cannot be used.
    """
    return read_each(item, lambda fields: _Reader(fields, config).responder(), _MOST)


class _Reader:
    """Reads one responder."""

    def __init__(self, fields: ExpressionFields, config: "Config") -> None:
        self._fields = fields
        self._config = config
        self._known = (*config.events.senders, *(one.sender for one in config.schedules))

    def responder(self) -> Responder:
        """The responder."""
        fields = self._fields.known(_KEYS)
        mode = Mode(fields.word("mode", _MODES, Mode.NOTIFY))
        agent = self._agent(mode)
        self._check_run(mode)
        if mode is Mode.AUTO or (agent and agent.auto):
            self._check_alone("mode auto" if mode is Mode.AUTO else "agent.auto")
        arguments = fields.arguments("arguments", SIGNAL)
        known = {**SIGNAL, **outcome_variables((), arguments)}
        return Responder(
            name=fields.name("name"),
            senders=fields.names("senders", self._known, _SENDER),
            when=fields.condition("when", SIGNAL),
            key=fields.expression("key", SIGNAL),
            settle_seconds=fields.seconds("settle", 0.0, most=1),
            mode=mode,
            run=fields.text("run"),
            arguments=arguments,
            agent=agent,
            confirm=self._confirm() if fields.has("confirm") else None,
            verify=self._verify(known),
            approvers=self._approvers(mode, agent),
            limits=self._limits(agent),
            breaker=self._breaker(),
            recurs_seconds=fields.seconds("recurs", 3600.0),
            notify=fields.names("notify", self._config.events.channels, _CHANNEL),
            escalate=self._escalate(),
            where=fields.origin,
        )

    def _escalate(self) -> tuple[Escalation, ...]:
        """`[pager]`, or steps such as `{to: [pager], after: 10m}`."""
        fields, known = self._fields, self._config.events.channels
        if not fields.has("escalate"):
            return ()
        raw = fields.given["escalate"]
        items = cast("list[object]", raw) if isinstance(raw, list) else [raw]
        if len(items) > _MOST_STEPS:
            raise fields.refuse("escalate", f"has more than {_MOST_STEPS} steps")
        steps: list[Escalation] = []
        for number, item in enumerate(items):
            where = f"escalate[{number}]"
            if item in (None, []):
                raise fields.refuse(where, "names no channel; name one, or leave it out")
            if not isinstance(item, dict):
                single = replace(fields, given={"escalate": item})
                steps.append(Escalation(single.names("escalate", known, _CHANNEL)))
                continue
            inside = replace(fields, given={where: cast("object", item)}).inner(where)
            inside.known(("to", "after"))
            if inside.given.get("to") in (None, []):
                raise inside.refuse("to", "is missing: the channels of this step")
            channels = inside.names("to", known, _CHANNEL)
            steps.append(Escalation(channels, inside.seconds("after", 0.0, least=0, most=1)))
        return tuple(steps)

    def _check_run(self, mode: Mode) -> None:
        fields = self._fields
        keys, instead = _USELESS[mode]
        useless = next((key for key in keys if fields.has(key)), None)
        if useless is not None:
            raise fields.refuse(useless, f"does nothing with mode {mode}; {instead}")
        if mode in (Mode.APPROVE, Mode.AUTO) and not fields.has("run"):
            raise fields.refuse("run", f"is missing: mode {mode} needs the operation that is run")

    def _agent(self, mode: Mode) -> Agent | None:
        if mode is not Mode.AGENT:
            return None
        if not self._fields.has("agent"):
            raise self._fields.refuse(
                "agent", "is missing: mode agent needs the operations that it may call (tools)"
            )
        return read_agent(self._fields)

    def _check_alone(self, what: str) -> None:
        """Return if all is there that has to be where `what` lets it change something unasked."""
        fields, config = self._fields, self._config
        if not fields.has("verify"):
            raise fields.refuse(
                "verify", f"is missing: with {what} it has to be looked whether the run helped"
            )
        if not config.policy.pin:
            raise fields.refuse(
                "",
                f"has {what}, which needs policy.pin: true, so that no definition runs that nobody "
                "looked at",
            )
        senders = config.events.senders
        for name in fields.names("senders", self._known, _SENDER) or senders:
            sender = senders.get(name)
            if sender and not sender.has_secret and not fields.has("confirm"):
                raise fields.refuse(
                    "confirm",
                    f"is missing: the sender {sender.name} proves no secret, so with {what} it has "
                    "to be looked first whether it is so",
                )

    def _confirm(self) -> Check:
        inside = self._fields.inner("confirm").known(("run", "arguments", "expect"))
        return self._check(inside, SIGNAL)

    def _check(self, inside: ExpressionFields, variables: Mapping[str, Any]) -> Check:
        if not inside.has("run"):
            raise inside.refuse("run", "is missing: the operation that looks")
        return Check(
            run=inside.text("run"),
            arguments=inside.arguments("arguments", variables),
            expect=inside.source("expect"),
            after_seconds=inside.seconds("after", 30.0, most=1),
            within_seconds=inside.seconds("within", 600.0, least=1, most=1),
            where=inside.origin,
        )

    def _verify(self, variables: Mapping[str, Any]) -> Check | Resolved:
        if not self._fields.has("verify"):
            return Resolved()
        inside = self._fields.inner("verify")
        if "resolved" not in inside.given:
            inside.known(("after", "run", "arguments", "expect", "within"))
            check = self._check(inside, variables)
            if check.within_seconds <= check.after_seconds:
                raise inside.refuse("within", "must be longer than after, when it is first looked")
            return check
        inside.known(("resolved", "within"))
        if inside.given["resolved"] is not True:
            raise inside.refuse("resolved", "must be true, or give an operation that looks (run)")
        return Resolved(inside.seconds("within", 1800.0, least=60, most=7))

    def _approvers(self, mode: Mode, agent: Agent | None) -> Approvers:
        fields, requests = self._fields, self._config.requests
        groups, count, seconds = requests.approvers, requests.count, requests.expires_seconds
        if mode is Mode.NOTIFY or (agent and not agent.changes):
            return Approvers()
        if fields.has("approve"):
            inside = fields.inner("approve").known(("from", "count", "expires"))
            known = self._config.policy.groups
            groups = inside.names("from", known, "group (policy.groups)") or groups
            count = inside.whole("count", count, 1, MOST_APPROVERS)
            seconds = inside.seconds("expires", seconds, least=60, most=7)
        self._check_groups(groups)
        return Approvers(groups, count, seconds)

    def _check_groups(self, groups: tuple[str, ...]) -> None:
        fields, known = self._fields, self._config.policy.groups
        if not groups:
            raise fields.refuse(
                "approve",
                "is missing, and requests.approvers is not set: people have to approve what no "
                "rule allows, and nobody could; name groups of policy.groups in approve.from",
            )
        for group in groups:
            if group not in known:
                there = "policy.groups does not have it"
                raise fields.refuse("approve.from", f"names the group {group}, and {there}")

    def _limits(self, agent: Agent | None) -> Limits:
        standard = Limits(attempts=max(1, agent.changes)) if agent else Limits()
        if not self._fields.has("limits"):
            return standard
        inside = self._fields.inner("limits").known(("cooldown", "per_key", "attempts"))
        if agent and inside.has("attempts"):
            raise inside.refuse("attempts", "does nothing with mode agent: say agent.changes")
        per_key, seconds = inside.rate("per_key", standard.per_key, standard.per_key_seconds)
        return Limits(
            cooldown_seconds=inside.seconds("cooldown", standard.cooldown_seconds, most=7),
            per_key=per_key,
            per_key_seconds=seconds,
            attempts=inside.whole("attempts", standard.attempts, 1, 10),
        )

    def _breaker(self) -> Breaker:
        if not self._fields.has("breaker"):
            return Breaker()
        inside = self._fields.inner("breaker").known(("after", "within", "for"))
        standard = Breaker()
        return Breaker(
            after=inside.whole("after", standard.after, 1, 100),
            within_seconds=inside.seconds("within", standard.within_seconds, least=60, most=7),
            for_seconds=inside.seconds("for", standard.for_seconds, least=60, most=7),
        )
