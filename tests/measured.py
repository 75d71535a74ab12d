"""Which processes coverage is measured in: those that run tests, and those that a test says.

A process that is measured takes twice the processor time to start, and most of those that tests
start go where tests have long been in their own process.
"""

import os

__all__ = ["MEASURED", "measure_this_process_alone"]

MEASURED: dict[str, str] = {}
"""What the environment of a process must hold to be measured; empty when nothing is measured."""


def measure_this_process_alone() -> None:
    """Take out of the environment what would let coverage start in whatever inherits it."""
    for name in [name for name in os.environ if name.startswith("COVERAGE_")]:  # noqa: TID251
        MEASURED[name] = os.environ.pop(name)  # noqa: TID251 - so for all that is started
