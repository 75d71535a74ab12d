"""From a signal to a repair that is verified, and every other end of it."""

from collections.abc import Sequence
from pathlib import Path

import anyio

from opsmcp_tools.incidents.incident import Incident, Outcome, State
from opsmcp_tools.incidents.signal import Status
from tests.server.responding.ground import Working, make_world, whys, working

_VERIFY = """\
    verify: {after: 0s, within: WITHINs, run: get-usage, arguments: {name: arguments.name},
             expect: 'int(results.used) < LIMIT'}
"""

_RESPONDERS = (
    """\
  - name: asks
    when: 'labels.alertname == "asks"'
    key: '"disk/" + labels.instance'
    mode: approve
    run: clear-it
    arguments: {name: labels.thing}
    breaker: {after: 9}
"""
    + _VERIFY.replace("LIMIT", "85").replace("WITHIN", "60")
    + """\
  - {name: asks-for-nothing, when: 'labels.alertname == "asks-for-nothing"', mode: approve,
     run: clear-it, arguments: {name: '"never"'}}
  - {name: auto-without-a-rule, when: 'labels.alertname == "auto-without-a-rule"', mode: auto,
     run: clear-it, arguments: {name: labels.nope}, verify: {resolved: true}}
  - {name: auto-resolves, when: 'labels.alertname == "auto-resolves"', mode: auto, run: clear-it,
     arguments: {name: '"resolves"'}, verify: {resolved: true}, breaker: {after: 9}}
  - {name: auto-fails, when: 'labels.alertname == "auto-fails"', mode: auto, run: clear-badly,
     arguments: {name: '"fails"'}, verify: {resolved: true}, limits: {attempts: 2, cooldown: 0s}}
  - {name: auto-looks-first, when: 'labels.alertname == "auto-looks-first"', mode: auto,
     run: clear-it, arguments: {name: '"unconfirmed"'}, verify: {resolved: true},
     confirm: {run: get-usage, arguments: {name: labels.thing}, expect: 'int(results.used) > 95'}}
  - {name: auto-settles, when: 'labels.alertname == "auto-settles"', settle: 2s, mode: auto,
     run: clear-it, arguments: {name: '"settled"'}, verify: {resolved: true}}
  - {name: auto-happened, when: 'labels.alertname == "auto-happened"', mode: auto, run: clear-it,
     arguments: {name: '"happened"'}, verify: {resolved: true}, breaker: {after: 9}}
  - {name: tells, when: 'labels.alertname == "tells"'}
  - name: auto-in-vain
    when: 'labels.alertname == "auto-in-vain"'
    mode: auto
    run: clear-nothing
    arguments: {name: '"in-vain"'}
"""
    + _VERIFY.replace("LIMIT", "5").replace("WITHIN", "3")
)

_APPROVED = [State.OPEN, State.DECIDING, State.WAITING, State.RUNNING, State.VERIFYING]
_ALONE = [State.OPEN, State.DECIDING, State.STARTING, State.RUNNING, State.VERIFYING]


async def _signal(work: Working, name: str, **more: object) -> None:
    labels = {"alertname": name, "instance": f"{name}:9100", "thing": "old"}
    delivery = f"{name}-{more.get('status', '')}"
    await work.record(work.signal(delivery, key=name, labels=labels, **more))


def _states(incident: Incident) -> Sequence[State]:
    return [entry.after for entry in incident.log]


async def test_every_signal_comes_to_the_end_that_its_responder_says(tmp_path: Path) -> None:
    """Each in an opsmcp that is shared, as starting one takes most of the time."""
    world = make_world(tmp_path, _RESPONDERS)
    ends: dict[str, Incident] = {}
    async with working(world) as work, anyio.create_task_group() as group:
        for scenario in _SCENARIOS:
            group.start_soon(scenario, work, ends)
    _check_runs(world.runs)
    for name, (states, outcome, last) in _EXPECTED.items():
        end = ends[name]
        assert (_states(end), end.outcome) == (states, outcome), (name, whys(end))
        assert last in end.log[-1].why, (name, whys(end))
    assert ends["auto-fails"].escalated and ends["auto-in-vain"].escalated
    assert not ends["asks-for-nothing"].escalated and not ends["tells"].escalated


def _check_runs(runs: list[str]) -> None:
    assert sorted(runs) == ["fails", "fails", "happened", "in-vain", "old", "resolves"]


async def _approved(work: Working, ends: dict[str, Incident]) -> None:
    await _signal(work, "asks")
    waiting = await work.until(State.WAITING, responder="asks")
    assert "old" not in (work.world.runs)
    await work.decide(waiting.request, approves=True)
    ends["asks"] = await work.until(State.CLOSED, responder="asks")


async def _rejected(work: Working, ends: dict[str, Incident]) -> None:
    await _signal(work, "asks-for-nothing")
    waiting = await work.until(State.WAITING, responder="asks-for-nothing")
    await work.decide(waiting.request, approves=False)
    end = await work.until(State.HANDED_OVER, responder="asks-for-nothing")
    ends["asks-for-nothing"] = end


async def _resolves(work: Working, ends: dict[str, Incident]) -> None:
    await _signal(work, "auto-resolves")
    await work.until(State.VERIFYING, responder="auto-resolves")
    await _signal(work, "auto-resolves", status=Status.RESOLVED)
    ends["auto-resolves"] = await work.until(State.CLOSED, responder="auto-resolves")


async def _settles(work: Working, ends: dict[str, Incident]) -> None:
    await _signal(work, "auto-settles")
    await _signal(work, "auto-settles", status=Status.RESOLVED)
    ends["auto-settles"] = await work.until(State.CLOSED, responder="auto-settles")


async def _happened(work: Working, ends: dict[str, Incident]) -> None:
    await _signal(work, "auto-happened", status=Status.INFO)
    ends["auto-happened"] = await work.until(State.CLOSED, responder="auto-happened")


async def _alone(work: Working, ends: dict[str, Incident]) -> None:
    over = {"auto-looks-first": State.CLOSED}
    names = ("auto-without-a-rule", "auto-fails", "auto-looks-first", "tells", "auto-in-vain")
    for name in names:
        await _signal(work, name)
    for name in names:
        ends[name] = await work.until(over.get(name, State.HANDED_OVER), responder=name)


_SCENARIOS = (_approved, _rejected, _resolves, _settles, _happened, _alone)

_EXPECTED = {
    "asks": ([*_APPROVED, State.CLOSED], Outcome.RECOVERED, "int(results.used) < 85"),
    "asks-for-nothing": ([*_APPROVED[:3], State.HANDED_OVER], None, "anna rejected it"),
    "auto-without-a-rule": (
        [State.OPEN, State.DECIDING, State.HANDED_OVER],
        None,
        "the argument name cannot be made of the signal: Key not found",
    ),
    "auto-resolves": ([*_ALONE, State.CLOSED], Outcome.RECOVERED, "senders say that it is over"),
    "auto-fails": (
        [*_ALONE[:4], *_ALONE[1:4], State.HANDED_OVER],
        None,
        "there are no more attempts",
    ),
    "auto-looks-first": (
        [State.OPEN, State.DECIDING, State.CLOSED],
        Outcome.UNCONFIRMED,
        "int(results.used) > 95 is false",
    ),
    "auto-settles": ([State.OPEN, State.CLOSED], Outcome.RESOLVED, "it is over"),
    "auto-happened": ([*_ALONE[:4], State.CLOSED], Outcome.RAN, "nothing to verify"),
    "tells": ([State.OPEN, State.DECIDING, State.HANDED_OVER], None, "only tells of it"),
    "auto-in-vain": ([*_ALONE, State.HANDED_OVER], None, "was not true in time"),
}
