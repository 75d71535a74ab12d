"""Run the benchmarks that are quick, or all with `--all`, or those that are named.

Prints each figure with its aim and whether it is met; the exit status is 1 when one is missed.
"""

import sys
from collections.abc import Callable, Mapping

from benchmarks import (
    audit,
    calls,
    chat,
    checks,
    cold_start,
    condense,
    end_lag,
    hosts,
    in_flight,
    intake,
    kinds,
    list_tools,
    notify,
    pacing,
    refresh,
    script_check,
    search,
    starts,
    watching,
)
from benchmarks.measure import Row

BENCHMARKS: Mapping[str, Callable[[], list[Row]]] = {
    "cold_start": cold_start.run,
    "list_tools": list_tools.run,
    "calls": calls.run,
    "search": search.run,
    "condense": condense.run,
    "kinds": kinds.run,
    "refresh": refresh.run,
    "checks": checks.run,
    "script_check": script_check.run,
    "chat": chat.run,
    "starts": starts.run,
    "pacing": pacing.run,
    "end_lag": end_lag.run,
    "hosts": hosts.run,
    "in_flight": in_flight.run,
    "intake": intake.run,
    "watching": watching.run,
    "notify": notify.run,
    "audit": audit.run,
}

_MINUTES = ("end_lag", "hosts", "in_flight", "notify")
"""Those that wait for runs or messages, for a minute or more each."""


def main() -> int:
    wanted = sys.argv[1:] or [name for name in BENCHMARKS if name not in _MINUTES]
    if wanted == ["--all"]:
        wanted = list(BENCHMARKS)
    unknown = [name for name in wanted if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}, and --all")
        return 2
    figures, met = 0, 0
    for name in wanted:
        for row in BENCHMARKS[name]():
            print(row, flush=True)
            figures, met = figures + 1, met + row.met
    print(f"{met} of {figures} aims are met")
    return 0 if met == figures else 1


if __name__ == "__main__":
    sys.exit(main())
