"""Responder: what is done about signals that fit it. Frozen data, as the settings say it.

A responder is a principal, `responder:NAME`: it checks, plans, asks policy and starts as everybody
does, and its `mode` is the most that may happen.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from opsmcp_tools.incidents.expression import Condition, Failed, Text, signal_values
from opsmcp_tools.incidents.signal import Signal
from opsmcp_tools.model.tool import Principal
from opsmcp_tools.phrases import incident as words
from opsmcp_tools.policy.rules import RESPONDER, Approvers, Window

__all__ = [
    "Agent",
    "Bounds",
    "Breaker",
    "Check",
    "Escalation",
    "Fit",
    "Limits",
    "Mode",
    "NoArgument",
    "Quiet",
    "Resolved",
    "Responder",
    "Responders",
    "make_arguments",
]


class Mode(StrEnum):
    """The most that a responder does."""

    NOTIFY = "notify"
    APPROVE = "approve"
    AUTO = "auto"
    AGENT = "agent"
    """A model looks for the cause, and asks for changes."""


@dataclass(frozen=True)
class Check:
    """A call that only reads, and what its results must say.

    `expect` is the condition as it is written: which results there are is known with the catalogue.
    It is looked `after_seconds` after the run for the first time, and again until `within_seconds`.
    """

    run: str
    arguments: Mapping[str, Text]
    expect: str
    after_seconds: float = 0.0
    within_seconds: float = 0.0
    where: str = ""


@dataclass(frozen=True, slots=True)
class Resolved:
    """It is verified when its senders say that nothing is wrong any more, in time."""

    within_seconds: float = 1800.0


@dataclass(frozen=True, slots=True)
class Agent:
    """What a model may do that looks for the cause, all in all, for one incident.

    `tools` are name patterns of the operations that it may call, `auto` of those of them that may
    change something without asking anybody, where a rule of policy allows it to the responder. It
    may start `reads` runs that only read and ask for `changes` others. In `seconds` neither people
    nor the runs of changes count. `anywhere`: also at places that the signal does not name.
    """

    tools: tuple[str, ...]
    auto: tuple[str, ...] = ()
    reads: int = 12
    changes: int = 1
    seconds: float = 600.0
    tokens: int = 60_000
    anywhere: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """How often a responder may change something.

    `per_key` is how often for one key in `per_key_seconds`, `attempts` how many runs an incident
    may have, and `cooldown_seconds` counts from the end of the last run for the key.
    """

    cooldown_seconds: float = 600.0
    per_key: int = 5
    per_key_seconds: float = 86400.0
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Breaker:
    """After so many runs that did not help, within a time, nothing is started for another time."""

    after: int = 3
    within_seconds: float = 14400.0
    for_seconds: float = 3600.0


@dataclass(frozen=True, slots=True)
class Escalation:
    """Who else is told of what people have to do: at once, or if it still waits after a time.

    At once means of what is escalated; a request goes there at once only if `notify` is empty, and
    else when none of those channels has it after two minutes.
    """

    channels: tuple[str, ...]
    after_seconds: float = 0.0


@dataclass(frozen=True)
class Responder:
    """One responder; without `when` it takes every signal of its senders.

    `senders` is empty for all. `settle_seconds` is how long a signal has to go on before anything
    is done about it. The same key within `recurs_seconds` after a recovery is the same incident.
    `notify` are the channels that are told of its incidents. `agent` is there with that mode.
    """

    name: str
    senders: tuple[str, ...] = ()
    when: Condition | None = None
    key: Text | None = None
    settle_seconds: float = 0.0
    mode: Mode = Mode.NOTIFY
    run: str = ""
    arguments: Mapping[str, Text] = field(default_factory=dict[str, Text])
    agent: Agent | None = None
    confirm: Check | None = None
    verify: Check | Resolved = Resolved()
    approvers: Approvers = Approvers()
    limits: Limits = Limits()
    breaker: Breaker = Breaker()
    recurs_seconds: float = 3600.0
    notify: tuple[str, ...] = ()
    escalate: tuple[Escalation, ...] = ()
    where: str = ""

    @property
    def principal(self) -> Principal:
        """As whom it acts."""
        name = RESPONDER + self.name
        return Principal(name, id=name)

    @property
    def acts_alone(self) -> bool:
        """Whether something may be changed without asking anybody."""
        return self.mode is Mode.AUTO or bool(self.agent and self.agent.auto)

    def is_sure_of(self, signal: Signal) -> bool:
        """Whether its sender proved a secret, or it is looked first whether it is so."""
        return signal.trusted or self.confirm is not None


class NoArgument(Exception):
    """An argument cannot be made of a signal; `said` tells which one, and why."""

    def __init__(self, name: str, why: str) -> None:
        """Say so."""
        self.said = words.NO_ARGUMENT(name, why)
        super().__init__(self.said.to("en"))


def make_arguments(texts: Mapping[str, Text], values: Mapping[str, Any]) -> dict[str, str]:
    """The arguments of a call; one that cannot be made is never an empty one.

    Raises:
        NoArgument: One cannot be made.
    """
    found: dict[str, str] = {}
    for name, text in texts.items():
        try:
            found[name] = text.of(values)
        except Failed as error:
            raise NoArgument(name, str(error)) from error
    return found


@dataclass(frozen=True)
class Quiet:
    """A time in which signals that fit are recorded and not acted on."""

    name: str
    when: Condition | None = None
    window: Window | None = None

    def covers(self, signal: Signal, at: datetime) -> bool:
        """Whether nothing is done about this signal now; a condition that fails keeps nobody."""
        if self.window is not None and not self.window.covers(at):
            return False
        try:
            return self.when is None or self.when.holds(signal_values(signal))
        except Failed:
            return False


@dataclass(frozen=True, slots=True)
class Bounds:
    """What all responders together may do."""

    open_incidents: int = 1_000
    runs_per_hour: int = 20
    places_per_hour: int = 10


@dataclass(frozen=True, slots=True)
class Fit:
    """What the responders say of a signal: the one that takes it, under which key, and why not.

    `refused` has, for each responder that was asked before, what its expressions said; `failed` are
    those of them whose expressions could not be evaluated.
    """

    responder: Responder | None = None
    key: str = ""
    refused: tuple[tuple[str, str], ...] = ()
    failed: tuple[str, ...] = ()


class Responders:
    """The responders in order, found by the sender of a signal first."""

    def __init__(self, responders: Iterable[Responder]) -> None:
        """Use these."""
        self._all = tuple(responders)
        self._by_name = {one.name: one for one in self._all}
        self._by_sender: dict[str, tuple[Responder, ...]] = {}

    def __iter__(self) -> Iterator[Responder]:
        """All of them, in order."""
        return iter(self._all)

    def get(self, name: str) -> Responder | None:
        """The one of that name."""
        return self._by_name.get(name)

    def _of(self, sender: str) -> tuple[Responder, ...]:
        if sender not in self._by_sender:
            self._by_sender[sender] = tuple(
                one for one in self._all if not one.senders or sender in one.senders
            )
        return self._by_sender[sender]

    def fit(self, signal: Signal) -> Fit:
        """The first that takes a signal; what fails to be evaluated takes none."""
        values = signal_values(signal)
        refused: list[tuple[str, str]] = []
        failed: list[str] = []
        for one in self._of(signal.sender):
            try:
                if one.when is not None and not one.when.holds(values):
                    refused.append((one.name, "its `when` is false"))
                    continue
                key = one.key.of(values) if one.key is not None else signal.key
            except Failed as error:
                refused.append((one.name, str(error)))
                failed.append(one.name)
            else:
                return Fit(one, key, tuple(refused), tuple(failed))
        return Fit(refused=tuple(refused), failed=tuple(failed))
