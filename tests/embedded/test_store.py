"""What the store of the embedded engine forgets; the journal is what keeps runs."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from opsmcp_pipelines.embedded.store.run_store import RunStore
from opsmcp_pipelines.models import OperationKey, OperationKind
from opsmcp_pipelines.run import NodeReport, RunReport, Status, StepReport, TaskReport
from opsmcp_pipelines.sqlite_bound import used_bytes

SAY = OperationKey(OperationKind.TASK, "ops-system", "say")
NOW = datetime.now(UTC)


def _report(at: datetime, status: Status, output: str = "") -> RunReport:
    step = StepReport("s", status, output, len(output))
    task = TaskReport("say", "say", status, (NodeReport("localhost", status, (step,)),))
    return RunReport(status, (task,), created_at=at, ended_at=at if status.ended else None)


@pytest.fixture
def store(tmp_path: Path) -> Generator[RunStore]:
    with closing(RunStore.open(tmp_path / "embedded.db", keep_bytes=500_000)) as store:
        yield store


def test_the_oldest_ends_go_when_the_store_is_too_large(store: RunStore) -> None:
    going = _report(NOW - timedelta(days=1), Status.RUNNING)
    store.insert("going", SAY, "call", going)
    for number in range(100):
        name, at = f"run-{number}", NOW + timedelta(seconds=number)
        store.insert(name, SAY, "call", _report(at, Status.RUNNING))
        store.update(name, _report(at, Status.SUCCEEDED, "x" * 20_000))
        assert used_bytes(store._connection) < 600_000
    assert store.get("run-0") is None
    assert store.get("going")
    assert store.get("run-99")


def test_a_long_run_that_has_just_ended_does_not_go_first(store: RunStore) -> None:
    begun = NOW - timedelta(days=1)
    store.insert("long", SAY, "call", _report(begun, Status.RUNNING))
    for number in count():
        name, at = f"run-{number}", NOW + timedelta(seconds=number)
        store.insert(name, SAY, "call", _report(at, Status.RUNNING))
        if store.get("run-0") is None:
            break
        store.update(name, _report(at, Status.SUCCEEDED, "x" * 10_000))
        if number == 25:
            store.update("long", replace(_report(begun, Status.SUCCEEDED), ended_at=at))
    assert store.get("long")


def test_what_is_too_old_goes_when_the_store_is_opened(tmp_path: Path, store: RunStore) -> None:
    for name, days in (("old", 15), ("new", 13)):
        store.insert(name, SAY, "call", _report(NOW - timedelta(days=days), Status.RUNNING))
    with closing(RunStore.open(tmp_path / "embedded.db")) as again:
        assert (again.get("old"), again.get("new") is None) == (None, False)
