"""Where coverage is measured: in processes that run tests, and in those that a test says.

A process that is measured takes twice the processor time to start, and most of those that tests
start go where tests have long been in their own process.
"""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["MEASURED", "measure_this_process_alone", "unmeasured"]

MEASURED: dict[str, str] = {}
"""What the environment of a process must hold to be measured; empty when nothing is measured."""


def measure_this_process_alone() -> None:
    """Take out of the environment what would let coverage start in whatever inherits it."""
    for name in [name for name in os.environ if name.startswith("COVERAGE_")]:  # noqa: TID251
        MEASURED[name] = os.environ.pop(name)  # noqa: TID251 - so for all that is started


@contextmanager
def unmeasured(applies: bool) -> Generator[None]:
    """Measure nothing in this thread for now, if that `applies`."""
    tracer = sys.gettrace()
    if applies:
        sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)
