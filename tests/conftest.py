"""Fixtures that every test may use, the seed of those that try their luck, the search of logs."""

import random
import signal
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.leaks import SEARCH
from tests.measured import measure_this_process_alone, unmeasured

settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

_LEAKS = "leaks"
"""Under which name a worker sends what it found."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, help="The seed of the tests that inject faults.")


def pytest_configure(config: pytest.Config) -> None:
    # A shell lets what it starts in the background ignore Ctrl-C, and nohup hang-ups; so would all
    # processes here. What has a handler is not ignored by them.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _stay)
    if config.option.seed is None:
        config.option.seed = random.SystemRandom().randrange(1_000_000)


def _stay(_number: int, _frame: object) -> None:
    """Go on, as under nohup."""


def pytest_report_header(config: pytest.Config) -> str:
    return f"seed: {config.option.seed} (repeat with --seed={config.option.seed})"


def pytest_collection_finish() -> None:
    """Only processes that run tests come here, not the one that starts them on several cores."""
    measure_this_process_alone()


def pytest_runtest_setup() -> None:
    SEARCH.listen()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Measure no coverage in tests that say so."""
    with unmeasured(item.get_closest_marker("unmeasured") is not None):
        yield


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Search what processes wrote to the stderr that they share with the tests."""
    SEARCH.search(report.capstderr)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker of a run on several cores has found."""
    SEARCH.take(getattr(node, "workeroutput", {}).get(_LEAKS, {}))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the whole run, when a log line held a planted secret."""
    output: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_LEAKS] = {"searched": SEARCH.searched, "found": SEARCH.found}
    elif SEARCH.found and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have to say in any case, as the tokens of the golden definitions."""
    for line in SEARCH.found:
        terminalreporter.line(f"A planted secret was logged: {line}", red=True)
    terminalreporter.line(f"Log lines searched for planted secrets: {SEARCH.searched}")
    for reports in terminalreporter.stats.values():
        for report in reports:
            called = getattr(report, "when", "") == "call"
            for name, value in report.user_properties if called else ():
                terminalreporter.line(f"{name}: {value}")


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Decides what goes wrong, and when; a failing test shows it."""
    return request.config.option.seed


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
