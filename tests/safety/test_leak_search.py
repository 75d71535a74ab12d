"""The search of logs finds what it is for."""

import logging

import pytest

from tests.leaks import LeakSearch


def _record(message: str, error: Exception | None = None) -> logging.LogRecord:
    exc_info = (type(error), error, None) if error else None
    return logging.LogRecord("x", logging.INFO, "x.py", 1, message, ("planted-value-1",), exc_info)


@pytest.mark.parametrize(
    "record",
    [
        _record("called with %s"),
        _record("called %.0s", ValueError("sk is planted-value-1")),
    ],
    ids=["message", "exception"],
)
def test_a_planted_value_is_found(record: logging.LogRecord) -> None:
    search = LeakSearch()
    search.emit(record)
    assert len(search.found) == 1


def test_what_the_masker_knows_by_its_shape_is_no_leak() -> None:
    search = LeakSearch()
    search.emit(_record("password=%s"))
    assert search.found == [] and search.searched == 1
