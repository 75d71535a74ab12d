"""Schedule: an inspection that is run again and again, and the signal made of its end. Pure.

A schedule is a principal, `schedule:NAME`, and that is also what its signals say of their sender.
Only a run that succeeded, and whose results are as they should be, says that nothing is wrong.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from opsmcp_pipelines.run import Verdict
from opsmcp_tools.incidents.expression import (
    Condition,
    Failed,
    Text,
    outcome_values,
    outcome_variables,
)
from opsmcp_tools.incidents.moments import Moments
from opsmcp_tools.incidents.signal import Severity, Signal, Status, new_signal
from opsmcp_tools.model.tool import Principal
from opsmcp_tools.policy.rules import SCHEDULE

__all__ = [
    "ON_TIME",
    "Fire",
    "FireState",
    "Inspected",
    "Judgement",
    "Rule",
    "Schedule",
    "judge",
    "signal_of",
]

ON_TIME = timedelta(seconds=60)
"""What begins no later than this after its moment was not missed."""

_MOST_JITTER_SECONDS = 30


@dataclass(frozen=True)
class Rule:
    """What of the results says that something is wrong, and how the signal of that looks.

    `when` and `labels` are expressions as they are written: which results there are is known with
    the catalogue. `when` is empty where the verdict alone counts.
    """

    key: str
    severity: Severity = Severity.WARNING
    when: str = ""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Schedule:
    """One schedule; `catches_up` is whether the newest moment that was missed is made up for."""

    name: str
    moments: Moments
    run: str
    arguments: Mapping[str, str]
    rule: Rule
    catches_up: bool = True
    where: str = ""

    @property
    def principal(self) -> Principal:
        """As whom it runs."""
        return Principal(self.sender, id=self.sender)

    @property
    def sender(self) -> str:
        """What its signals say of who sent them."""
        return SCHEDULE + self.name

    @property
    def jitter(self) -> timedelta:
        """How long after its moments it begins: at most 30 s, so that not all begin at once."""
        digest = hashlib.sha256(self.name.encode()).digest()
        return timedelta(seconds=int.from_bytes(digest[:4]) % (_MOST_JITTER_SECONDS + 1))


class FireState(StrEnum):
    """What became of a moment of a schedule."""

    BEGUN = "begun"
    DONE = "done"
    SKIPPED = "skipped"
    """The last run still went on."""
    MISSED = "missed"
    """Nobody was there to begin it, and it is not made up for."""


@dataclass(frozen=True, slots=True)
class Fire:
    """A moment of a schedule, and what became of it. `owner` works on it, in its `epoch`."""

    schedule: str
    due_at: datetime
    state: FireState
    began_at: datetime
    ended_at: datetime | None = None
    run: str = ""
    verdict: str = ""
    status: str = ""
    why: str = ""
    owner: str = ""
    epoch: int = 0

    @property
    def key(self) -> str:
        """The idempotency key of its run, which no caller can give."""
        return f"\x1fschedule {self.schedule} {self.due_at.isoformat()}"


@dataclass(frozen=True, slots=True)
class Inspected:
    """How a run ended. Of one that was never made, the verdict is unknown, and `why` says why."""

    verdict: Verdict
    why: str = ""
    run: str = ""
    results: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Judgement:
    """The expressions of a rule, understood."""

    when: Condition | None
    labels: Mapping[str, Text]

    @classmethod
    def of(cls, rule: Rule, results: Iterable[str], arguments: Iterable[str]) -> "Judgement":
        """Those of a rule, for an operation that declares these results.

        Raises:
            BadExpression: One cannot be used.
        """
        known = outcome_variables(results, arguments)
        return cls(
            Condition(rule.when, known) if rule.when else None,
            {name: Text(source, known) for name, source in rule.labels.items()},
        )


def judge(
    judgement: Judgement | None, schedule: Schedule, found: Inspected
) -> tuple[Status, str, Mapping[str, str]]:
    """Whether something is wrong, why, and the labels that can be made of it.

    Without a `judgement`, as the operation cannot be looked up, something is.
    """
    values = outcome_values(str(found.verdict), found.results, schedule.arguments)
    labels = dict(schedule.arguments)
    for name, text in judgement.labels.items() if judgement else ():
        try:
            labels[name] = text.of(values)
        except Failed:
            labels.pop(name, None)  # A run that failed has no results; that it failed is told.
    status, why = _status(judgement, schedule.rule, found, values)
    return status, why, labels


def _status(
    judgement: Judgement | None, rule: Rule, found: Inspected, values: Mapping[str, str]
) -> tuple[Status, str]:
    if found.verdict is not Verdict.SUCCEEDED or judgement is None:
        return Status.FIRING, found.why or str(found.verdict)
    if judgement.when is None:
        return Status.RESOLVED, ""
    try:
        holds = judgement.when.holds(values)
    except Failed as error:
        return Status.FIRING, f"whether {rule.when} cannot be decided: {error}"
    return (Status.FIRING, f"{rule.when} is true") if holds else (Status.RESOLVED, "")


def signal_of(
    schedule: Schedule,
    fire: Fire,
    found: Inspected,
    judged: tuple[Status, str, Mapping[str, str]],
    now: datetime,
    mask: Callable[[str], str] = str,
) -> Signal:
    """The signal of a moment: the same again is the same delivery."""
    status, why, labels = judged
    return new_signal(
        sender=schedule.sender,
        delivery_id=fire.due_at.isoformat(),
        key=schedule.rule.key,
        status=status,
        severity=schedule.rule.severity,
        kind=schedule.run,
        at=fire.due_at,
        received_at=now,
        labels=labels,
        annotations={"summary": f"{schedule.name}: {why or found.verdict}"},
        data={"verdict": str(found.verdict), "run": found.run, "results": dict(found.results)},
        trusted=True,
        mask=mask,
    )
