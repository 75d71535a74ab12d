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
from opsmcp_pipelines.sqlite_bound import KEEP_NEWEST, used_bytes

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


def test_what_goes_on_and_the_newest_stay_whatever_the_clock_says(
    tmp_path: Path, store: RunStore
) -> None:
    ahead = NOW + timedelta(days=40)
    store.insert("going", SAY, "call", _report(NOW, Status.RUNNING))
    store.insert("over", SAY, "call", _report(NOW, Status.RUNNING))
    store.update("over", _report(NOW, Status.SUCCEEDED))
    store.insert("later", SAY, "call", _report(ahead, Status.RUNNING))
    with closing(RunStore.open(tmp_path / "embedded.db")) as again:
        assert all(again.get(name) for name in ("going", "over", "later"))


def test_what_is_too_old_goes_and_never_what_goes_on(tmp_path: Path) -> None:
    with closing(RunStore.open(tmp_path / "embedded.db")) as store:
        for name, days in (("going", 16), ("old", 15), ("new", 13)):
            store.insert(name, SAY, "call", _report(NOW - timedelta(days=days), Status.RUNNING))
            if name != "going":
                store.update(name, _report(NOW - timedelta(days=days), Status.SUCCEEDED))
        for number in range(KEEP_NEWEST):
            store.insert(f"run-{number}", SAY, "call", _report(NOW, Status.RUNNING))
    with closing(RunStore.open(tmp_path / "embedded.db")) as again:
        assert again.get("going") and again.get("new")
        assert again.get("old") is None
