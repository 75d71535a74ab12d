"""Waits for what another process does, which nothing tells."""

import time
from collections.abc import Callable

_SECONDS = 60


def wait_until(true: Callable[[], bool]) -> None:
    """Look until it is so; a test that waits for longer than a minute fails."""
    end = time.monotonic() + _SECONDS
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)
