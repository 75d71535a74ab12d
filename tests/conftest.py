"""Fixtures that every test may use, the seed of those that try their luck, the search of logs."""

import random

import pytest

from tests.leaks import SEARCH


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, help="The seed of the tests that inject faults.")


def pytest_configure(config: pytest.Config) -> None:
    if config.option.seed is None:
        config.option.seed = random.SystemRandom().randrange(1_000_000)


def pytest_report_header(config: pytest.Config) -> str:
    return f"seed: {config.option.seed} (repeat with --seed={config.option.seed})"


def pytest_runtest_setup() -> None:
    SEARCH.listen()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Search what processes wrote to the stderr that they share with the tests."""
    SEARCH.search(report.capstderr)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the whole run, when a log line held a planted secret."""
    if SEARCH.found and session.exitstatus == pytest.ExitCode.OK:
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
