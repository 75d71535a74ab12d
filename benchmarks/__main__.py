"""Run every benchmark, or those named on the command line, and print a table of ratios."""

import sys
from collections.abc import Callable, Mapping

from benchmarks import (
    calls,
    chat,
    checks,
    cold_start,
    condense,
    end_lag,
    in_flight,
    list_tools,
    pacing,
    refresh,
    search,
)
from benchmarks.measure import Row

BENCHMARKS: Mapping[str, Callable[[], list[Row]]] = {
    "cold_start": cold_start.run,
    "calls": calls.run,
    "checks": checks.run,
    "condense": condense.run,
    "list_tools": list_tools.run,
    "refresh": refresh.run,
    "search": search.run,
    "pacing": pacing.run,
    "end_lag": end_lag.run,
    "in_flight": in_flight.run,
    "chat": chat.run,
}


def main() -> int:
    wanted = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in wanted if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
        return 2
    missed = 0
    for name in wanted:
        for row in BENCHMARKS[name]():
            print(row)
            missed += not row.met
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
