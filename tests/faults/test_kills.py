"""`kill -9` in the middle of a batch: every run is accounted for, and none was made twice."""

import os
import random
import signal
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import anyio

from opsmcp_pipelines.run import Verdict
from opsmcp_tools.journal.sqlite_read import Query
from opsmcp_tools.journal.sqlite_write import open_journal
from tests.fakes.fault_proxy import Asked, Fault, Reach, Reply, fault_proxy
from tests.fakes.ops_server import FakeOps, fake_ops
from tests.fakes.ops_state import good_step, make_task, task_status
from tests.faults.accounts import Truth, check_accounts
from tests.faults.batch import Batch, run_batch
from tests.server.forked_stdio import PROCESSES

_ROUNDS = 12
_CALLS = 50
_AFTER_ALL_STARTS = 60


@dataclass
class Killer:
    """Ends a process with the request of that number; it still reaches the server if `after`."""

    process: BaseProcess | None = None
    at: int = 0
    after: bool = False

    def __call__(self, _asked: Asked) -> Fault | None:
        self.at -= 1
        if self.at or self.process is None or self.process.pid is None:
            return None
        os.kill(self.process.pid, signal.SIGKILL)
        return Fault(Reach.YES if self.after else Reach.NO, Reply.END)


async def _run(batch: Batch, killer: Killer, at: int = 0) -> int | None:
    """Run a batch in a process of its own, which is killed at that request; its exit status."""
    killer.process = process = PROCESSES.Process(target=run_batch, args=(batch,))
    killer.at = at
    process.start()
    try:
        with anyio.fail_after(60):
            await anyio.wait_readable(process.sentinel)
    finally:
        process.kill()
        process.join()
    return process.exitcode


@asynccontextmanager
async def _server(killer: Killer) -> AsyncGenerator[tuple[FakeOps, str]]:
    async with fake_ops() as ops, fault_proxy(ops.url, killer) as proxy:
        ops.replace("tasks", make_task("say", "echo hello"))
        going, done = {"runStatus": "Running"}, task_status({"web-1": [good_step("s")]})
        ops.time("say", lambda _variables: [(0.0, going), (0.05, done)])
        yield ops, proxy.url


async def test_no_run_is_lost_or_doubled_when_opsmcp_is_killed(seed: int, tmp_path: Path) -> None:
    chance, killer, kills = random.Random(seed), Killer(), 0
    async with _server(killer) as (ops, url):
        for number in range(_ROUNDS):
            messages = tuple(f"{number}/{call}" for call in range(_CALLS))
            batch = Batch(url, ops.token, tmp_path / str(number), messages)
            killer.after = chance.random() < 0.5
            kills += await _run(batch, killer, chance.randint(1, _AFTER_ALL_STARTS)) == -9
            assert await _run(batch, killer) == 0
            _check(ops, batch)
            ops.runs.clear()
    assert kills > _ROUNDS // 2


def _check(ops: FakeOps, batch: Batch) -> None:
    truth = Truth()
    truth.note(ops.runs)
    with open_journal(batch.state_dir) as journal:
        records = journal.list(Query(limit=1_000)).runs
    verdicts = check_accounts(truth, records)
    assert verdicts[Verdict.RUNNING] == 0
    assert verdicts[Verdict.SUCCEEDED] == len(ops.runs)
    made = Counter(run.variables["message"] for run in ops.runs)
    assert set(made.values()) <= {1}
    assert made.keys() <= set(batch.messages)
