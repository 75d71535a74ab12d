"""service-status and service-logs, with a fake systemd: tests cannot count on a real one."""

from pathlib import Path

import pytest

from opsmcp_pipelines.run import Verdict
from tests.fakes.program import FakeProgram
from tests.pipelines.bundled.bench import Bench


@pytest.fixture
def systemctl(programs: Path) -> FakeProgram:
    return FakeProgram(programs, "systemctl")


@pytest.fixture
def journalctl(programs: Path) -> FakeProgram:
    return FakeProgram(programs, "journalctl")


async def test_service_status_shows_a_stopped_unit_and_succeeds(
    bench: Bench, systemctl: FakeProgram
) -> None:
    systemctl.answer("show", "--property=LoadState", out="LoadState=loaded\n")
    systemctl.answer("show", out="ActiveState=failed\nNRestarts=5\n")
    systemctl.answer("status", out="nginx - web\n Active: failed\n\nlast words\n", code=3)
    outcome = await bench.run("service-status", unit="nginx.service")
    assert outcome.verdict is Verdict.SUCCEEDED
    assert outcome.text.splitlines() == [
        "unit: nginx.service",
        "ActiveState=failed",
        "NRestarts=5",
        "last messages:",
        "last words",
    ]


@pytest.mark.parametrize("operation", ["service-status", "service-logs"])
async def test_a_unit_that_does_not_exist_is_a_failure(
    bench: Bench, systemctl: FakeProgram, journalctl: FakeProgram, operation: str
) -> None:
    systemctl.answer("show", out="LoadState=not-found\n")
    outcome = await bench.run(operation, unit="ngins")
    assert outcome.verdict is Verdict.FAILED
    assert "there is no unit ngins on this host" in outcome.text
    assert journalctl.calls == []


@pytest.mark.parametrize("operation", ["service-status", "service-logs"])
async def test_a_host_where_systemd_does_not_run_is_a_failure(
    bench: Bench, systemctl: FakeProgram, journalctl: FakeProgram, operation: str
) -> None:
    systemctl.answer("show", err="Failed to connect to bus\n", code=1)
    outcome = await bench.run(operation, unit="nginx")
    assert outcome.verdict is Verdict.FAILED
    assert "systemd does not run on this host" in outcome.text
    assert journalctl.calls == []


async def test_service_logs_asks_the_journal_for_the_unit(
    bench: Bench, systemctl: FakeProgram, journalctl: FakeProgram
) -> None:
    systemctl.answer("show", out="LoadState=loaded\n")
    journalctl.answer(out="2026-01-01T00:00:00 nginx: started\n")
    outcome = await bench.run("service-logs", unit="getty@tty1.service", lines="5", minutes="10")
    assert outcome.verdict is Verdict.SUCCEEDED
    assert "nginx: started" in outcome.text
    assert journalctl.calls == [
        [
            "--no-pager",
            "--output=short-iso",
            "--unit=getty@tty1.service",
            "--lines=5",
            "--since=-10 min",
        ]
    ]


@pytest.mark.parametrize("given", [{"lines": "5001"}, {"minutes": "0"}, {"lines": "many"}])
async def test_service_logs_keeps_its_bounds(
    bench: Bench, systemctl: FakeProgram, journalctl: FakeProgram, given: dict[str, str]
) -> None:
    outcome = await bench.run("service-logs", unit="nginx", **given)
    assert outcome.verdict is Verdict.FAILED
    assert f"{next(iter(given))} must be 1 to" in outcome.text
    assert systemctl.calls == journalctl.calls == []
