"""The verdict is never better than what happened: a small controller runs tasks, and knows how.

It does what a real one does with steps on selected hosts: it stops without a word at what it cannot
read, leaves out hosts that refuse it, and writes what hosts of one address did under one name.
"""

import random
from dataclasses import dataclass, field

import pytest

from opsmcp_pipelines.models import Definition, OperationKey, OperationKind
from opsmcp_pipelines.ops import wire
from opsmcp_pipelines.run import Run, Verdict
from opsmcp_pipelines.verdict.expected import expected_on_ops
from opsmcp_pipelines.verdict.judge import judge
from tests.fakes.ops_state import Json, make_host, make_task, step_status

_NS = "ops-system"
_CASES = 400
_TRUE = ("", "true", "!false", "5 > 3", "${n} > 3", "${given} == YES")
_FALSE = ("false", "0", "${n} < 3", "${given} != yes", "${absent} == x")
_UNREADABLE = ("${n} >= 3", "yes", "${given} > 3", "${absent} > 3", "a == b && c == d")
_VARIABLES = {"n": "5", "given": "yes"}
_ALLOWED = {"": False, "true": True, "1 == 1": True, "false": False, "no, but yes": None}


@dataclass
class _Controller:
    """Runs one task; `ended` says how each step ended on each host, where it was started."""

    rng: random.Random
    steps: list[Json]
    hosts: list[Json]
    refused: set[str]
    ended: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    @classmethod
    def of(cls, seed: int) -> "_Controller":
        rng = random.Random(seed)
        whens = (*_TRUE * 4, *_FALSE, *_UNREADABLE)
        steps = [
            {"name": name, "content": name, "when": rng.choice(whens)}
            | {"allowfailure": rng.choice((*("",) * 6, *_ALLOWED))}
            for name in "abcd"[: rng.randint(1, 4)]
        ]
        hosts = [
            make_host(name, rng.choice(("192.0.2.9", f"192.0.2.{at}")), role="db")
            for at, name in enumerate(("h1", "h2", "h3")[: rng.randint(1, 3)])
        ]
        refused = {it["metadata"]["name"] for it in hosts if rng.random() < 0.15}
        return cls(rng, steps, hosts, refused)

    def status(self) -> Json:
        """Runs the task, and says what Ops shows of it at its end."""
        nodes: dict[str, Json] = {}
        connected: dict[str, str] = {}
        for host in self.hosts:
            name = host["metadata"]["name"]
            if name in self.refused:
                continue
            if shown := self._run(name):
                under = connected.setdefault(host["spec"]["address"], name)
                node = nodes.setdefault(under, {"taskRunStep": []})
                node["taskRunStep"] += shown
                node["runStatus"] = shown[-1]["stepStatus"]
        bad = any(node["runStatus"] == "Failed" for node in nodes.values())
        return {"taskrunNodeStatus": nodes, "runStatus": "Failed" if bad else "Successed"}

    def _run(self, host: str) -> list[Json]:
        shown: list[Json] = []
        for step in self.steps:
            if step["when"] in _FALSE:
                continue
            if step["when"] in _UNREADABLE:
                break
            failed = self.rng.random() < 0.2
            self.ended[host, step["name"]] = "failed" if failed else "well"
            shown.append(step_status(step["name"], "Failed" if failed else "Successed"))
            allowed = _ALLOWED[step["allowfailure"]]
            if allowed is None or (failed and not allowed):
                break
        return shown

    @property
    def good(self) -> bool:
        """Whether each step that was due ran well on each host, or may fail."""
        return all(
            self._is_good(host["metadata"]["name"], step)
            for host in self.hosts
            for step in self.steps
            if step["when"] not in _FALSE
        )

    def _is_good(self, host: str, step: Json) -> bool:
        end = self.ended.get((host, step["name"]), "never started")
        return end == "well" or (end == "failed" and _ALLOWED[step["allowfailure"]] is True)

    @property
    def useful(self) -> bool:
        """Whether at least one step ran well on each host."""
        worked = {host for (host, _), end in self.ended.items() if end == "well"}
        return worked == {host["metadata"]["name"] for host in self.hosts}


def _judged(controller: _Controller) -> Run:
    item = make_task("t", steps=controller.steps, host="role=db")
    task = wire.parse_objects([item], _NS, wire.parse_task).good[0]
    hosts = wire.parse_objects(controller.hosts, _NS, wire.parse_host).good
    expected = expected_on_ops(Definition(task, (task,)), hosts, _VARIABLES)
    key = OperationKey(OperationKind.TASK, _NS, "t")
    return judge(wire.parse_run({"status": controller.status()}, key), expected)


@pytest.mark.parametrize("seed", range(0, _CASES, 100))
def test_what_succeeded_ran_well_everywhere_and_what_ran_well_everywhere_succeeded(
    seed: int,
) -> None:
    for number in range(seed, seed + 100):
        controller = _Controller.of(number)
        run = _judged(controller)
        if run.verdict is Verdict.SUCCEEDED:
            assert controller.good, number
        elif controller.good and controller.useful:
            assert run.verdict is Verdict.SUCCEEDED, (number, run.reason)


@pytest.mark.parametrize("seed", range(0, _CASES, 100))
def test_nobody_is_blamed_for_what_did_not_happen(seed: int) -> None:
    for number in range(seed, seed + 100):
        controller = _Controller.of(number)
        run = _judged(controller)
        ends = set(controller.ended.values())
        assert (run.verdict is not Verdict.NOTHING_RAN) or not ends, number
        for node in (node for task in run.tasks for node in task.nodes):
            for step in node.steps:
                here = {end for (_, name), end in controller.ended.items() if name == step.name}
                assert step.verdict is not Verdict.FAILED or "failed" in here, number
                started = {host for host, name in controller.ended if name == step.name}
                everywhere = len(started) == len(controller.hosts)
                assert step.verdict is not Verdict.NOTHING_RAN or not everywhere, number
