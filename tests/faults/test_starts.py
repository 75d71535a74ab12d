"""Starts through a network that fails: as many runs as calls, none twice, each accounted for."""

import json
import random
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio

from opsmcp_pipelines.models import Pipeline, Step, Task, TaskRef
from opsmcp_pipelines.ops.source import OpsSettings, open_ops_source
from opsmcp_pipelines.run import Verdict
from opsmcp_pipelines.source import CALL_ID_VARIABLE
from opsmcp_tools.arguments.check import CheckedCall
from opsmcp_tools.journal.sqlite_read import Query
from opsmcp_tools.journal.sqlite_write import Journal, open_journal
from opsmcp_tools.model.errors import ToolUnavailable
from opsmcp_tools.model.run_record import RunRecord, RunSettings
from opsmcp_tools.model.tool import Hints
from opsmcp_tools.runs.executions import Executions
from tests.fakes.clock import FastClock
from tests.fakes.fault_proxy import FAULTS, Asked, Fault, FaultProxy, Reach, fault_proxy
from tests.fakes.ops_server import FakeOps, fake_ops
from tests.fakes.ops_state import good_step, make_pipeline, make_task, pipeline_status, task_status
from tests.faults.accounts import Truth, check_accounts
from tests.tools.runs.bench import ANNA, SAY

_STARTS = 540
_ONE_IN = 3
"""So many starts to one that goes wrong: each fault comes to the same number of both tools'."""

_AT_ONCE = 20
_CHANGING = replace(SAY, hints=Hints(read_only=False, destructive=True, idempotent=False))
_TOOLS = (
    replace(_CHANGING, operation=Task("say", "ops-system", steps=(Step("s", "echo hello"),))),
    replace(_CHANGING, operation=Pipeline("tell", "ops-system", tasks=(TaskRef("say", "say"),))),
)
_SETTINGS = RunSettings(limit=1_000, limit_per_principal=1_000, requests_per_second=20)
_TIMES = 100
"""How much faster than real time it goes."""


@dataclass
class _Ground:
    ops: FakeOps
    proxy: FaultProxy
    journal: Journal
    executions: Executions
    truth: Truth = field(default_factory=Truth)
    over: set[str] = field(default_factory=set[str])

    async def call(self, number: int) -> None:
        """Make one call, as a client does that may send it again while it is in flight."""
        tool = _TOOLS[number % 2]
        call = CheckedCall({}, {"message": str(number)})
        try:
            record = await self.executions.start(tool, call, ANNA)
            await self.executions.wait(record.run, 3_000)
        except ToolUnavailable:
            return
        self.over.add(record.run)
        if len(self.over) >= _AT_ONCE // 2:
            self.clear()

    def clear(self) -> None:
        """Have the server forget the runs that are over, as it does at :00 and :30."""
        gone = [run for run in self.ops.runs if run.variables[CALL_ID_VARIABLE] in self.over]
        self.truth.note(gone)
        self.ops.state.runs = [run for run in self.ops.runs if run not in gone]
        self.over.clear()

    def records(self) -> list[RunRecord]:
        return list(self.journal.list(Query(limit=100_000)).runs)


@dataclass
class Plan:
    """Deals all faults out to starts by the number of the call, and by chance to what is read."""

    seed: int
    done: Counter[str] = field(default_factory=Counter[str])
    kept_away: int = 0

    def __call__(self, asked: Asked) -> Fault | None:
        if asked.method != "POST":
            return self._of_reading(asked.number)
        turn, rest = divmod(int(json.loads(asked.body)["variables"]["message"]), _ONE_IN)
        if rest:
            return None
        name = self._dealt()[turn // len(_TOOLS) % len(FAULTS)]
        self.done[name] += 1
        self.kept_away += FAULTS[name].reach is Reach.NO
        return FAULTS[name]

    def _of_reading(self, number: int) -> Fault | None:
        chance = random.Random(f"{self.seed}/{number}")
        return FAULTS[chance.choice(sorted(FAULTS))] if chance.random() * _ONE_IN < 1 else None

    def _dealt(self) -> list[str]:
        return random.Random(self.seed).sample(sorted(FAULTS), len(FAULTS))


@asynccontextmanager
async def _ground(state_dir: Path, plan: Plan) -> AsyncGenerator[_Ground]:
    done = task_status({"web-1": [good_step("s", "hello\n")]})
    async with fake_ops() as ops, fault_proxy(ops.url, plan) as proxy:
        ops.replace("tasks", make_task("say", "echo hello"))
        ops.replace("pipelines", make_pipeline("tell", "say"))
        ops.script("say", [done])
        ops.script("tell", [pipeline_status({"say": done})])
        settings = OpsSettings(
            proxy.url, ops.token, read_seconds=1, connect_seconds=5, connections=50
        )
        with open_journal(state_dir) as journal:
            async with open_ops_source(settings) as source, anyio.create_task_group() as group:
                clock = FastClock(_TIMES)
                executions = Executions(source, journal, settings=_SETTINGS, clock=clock)
                await group.start(executions.run)
                yield _Ground(ops, proxy, journal, executions)
                group.cancel_scope.cancel()


async def test_every_start_through_faults_is_accounted_for_and_none_is_made_twice(
    seed: int, tmp_path: Path
) -> None:
    plan, turns = Plan(seed), anyio.CapacityLimiter(_AT_ONCE)
    async with _ground(tmp_path, plan) as it:

        async def take_turn(number: int) -> None:
            async with turns:
                await it.call(number)

        async with anyio.create_task_group() as group:
            for number in range(_STARTS):
                group.start_soon(take_turn, number)
        it.truth.note(it.ops.runs)
        verdicts = check_accounts(it.truth, it.records())
    # A busy machine adds time-outs of its own: fewer may arrive, be run and be seen, never more.
    assert it.proxy.asked["POST"] <= sum(verdicts.values()) == _STARTS
    assert 0 < verdicts[Verdict.SUCCEEDED] <= len(it.truth.runs) <= _STARTS - plan.kept_away
    assert min(plan.done[name] for name in FAULTS) == _STARTS // _ONE_IN // len(FAULTS)
