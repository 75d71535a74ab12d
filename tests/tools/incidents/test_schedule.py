"""What an inspection says: only a good end with good results says that nothing is wrong."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from opsmcp_pipelines.run import Verdict
from opsmcp_tools.incidents.expression import BadExpression
from opsmcp_tools.incidents.schedule import (
    Fire,
    FireState,
    Inspected,
    Judgement,
    Rule,
    judge,
    signal_of,
)
from opsmcp_tools.incidents.signal import Severity, Status
from tests.tools.incidents.schedules import schedule

_AT = datetime(2026, 11, 30, 9, tzinfo=UTC)
_RULE = Rule(
    key="disk/h1",
    severity=Severity.CRITICAL,
    when="int(results.used) > 80",
    labels={"used": "results.used", "kind": '"disk"'},
)


@pytest.mark.parametrize(
    ("verdict", "results", "status", "why"),
    [
        (Verdict.SUCCEEDED, {"used": "70"}, Status.RESOLVED, ""),
        (Verdict.SUCCEEDED, {"used": "91"}, Status.FIRING, "int(results.used) > 80 is true"),
        (Verdict.SUCCEEDED, {"used": "?"}, Status.FIRING, "cannot be decided"),
        (Verdict.SUCCEEDED, {}, Status.FIRING, "cannot be decided"),
        (Verdict.FAILED, {"used": "70"}, Status.FIRING, "run r-1 failed"),
        (Verdict.UNKNOWN, {}, Status.FIRING, "run r-1 unknown"),
        (Verdict.NOTHING_RAN, {"used": "70"}, Status.FIRING, "run r-1 nothing_ran"),
    ],
)
def test_only_a_good_end_with_good_results_resolves(
    verdict: Verdict, results: Mapping[str, str], status: Status, why: str
) -> None:
    one = schedule(rule=_RULE)
    found = Inspected(verdict, f"run r-1 {verdict}", "r-1", results)
    judged = judge(Judgement.of(_RULE, ["used"], ["host"]), one, found)
    assert judged[0] is status and why in judged[1]


def test_without_a_condition_the_verdict_alone_counts() -> None:
    one = schedule()
    rule = Judgement.of(one.rule, [], [])
    assert judge(rule, one, Inspected(Verdict.SUCCEEDED))[0] is Status.RESOLVED
    assert judge(rule, one, Inspected(Verdict.FAILED, "no"))[0] is Status.FIRING


def test_what_cannot_be_judged_is_not_taken_for_good() -> None:
    assert judge(None, schedule(), Inspected(Verdict.SUCCEEDED))[0] is Status.FIRING


def test_the_signal_says_who_what_where_and_is_the_same_delivery_again() -> None:
    one = schedule(rule=_RULE)
    fire = Fire("disk", _AT, FireState.BEGUN, _AT)
    found = Inspected(Verdict.SUCCEEDED, "fine", "r-1", {"used": "91"})
    judged = judge(Judgement.of(_RULE, ["used"], ["host"]), one, found)
    signal = signal_of(one, fire, found, judged, _AT)
    again = signal_of(one, fire, found, judged, datetime(2026, 12, 1, tzinfo=UTC))
    assert (signal.sender, signal.key, signal.kind) == ("schedule:disk", "disk/h1", "get-usage")
    assert signal.labels == {"host": "h1", "used": "91", "kind": "disk"}
    assert signal.places == {"host": "h1"}
    assert (signal.severity, signal.trusted) == (Severity.CRITICAL, True)
    assert signal.data == {"verdict": "succeeded", "run": "r-1", "results": {"used": "91"}}
    assert signal.delivery_id == again.delivery_id


def test_secrets_of_results_are_masked_in_the_signal() -> None:
    one, fire = schedule(rule=_RULE), Fire("disk", _AT, FireState.BEGUN, _AT)
    found = Inspected(Verdict.FAILED, "s3cret is wrong", "r-1", {"used": "s3cret"})
    judged = judge(Judgement.of(_RULE, ["used"], ["host"]), one, found)
    signal = signal_of(one, fire, found, judged, _AT, lambda text: text.replace("s3cret", "***"))
    assert "s3cret" not in repr(signal)


def test_a_label_that_cannot_be_made_is_left_out() -> None:
    rule = Rule(key="k", labels={"used": "results.used"})
    labels = judge(
        Judgement.of(rule, ["used"], []), schedule(rule=rule), Inspected(Verdict.FAILED)
    )[2]
    assert labels == {"host": "h1"}


@pytest.mark.parametrize("when", ["results.nope == 'x'", "labels.x == 'y'", "results.used < 5"])
def test_an_expression_about_what_is_not_declared_is_refused(when: str) -> None:
    with pytest.raises(BadExpression):
        Judgement.of(Rule(key="k", when=when), ["used"], ["host"])


def test_schedules_of_one_moment_begin_within_half_a_minute_of_each_other() -> None:
    jitters = {schedule(name=f"s{number}").jitter.total_seconds() for number in range(200)}
    assert min(jitters) >= 0 and max(jitters) <= 30 and len(jitters) > 20
    assert schedule().jitter == schedule().jitter
