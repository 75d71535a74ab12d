"""The audit trail under 2,000 seeded kills: it verifies, and no run is without its start line.

`python -m benchmarks.audit_kills [KILLS [SEED]]`; two processes write one trail at a time.
"""

import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.audited import check, start_until_killed

_PROCESSES = multiprocessing.get_context("forkserver")


def main() -> int:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    _PROCESSES.set_forkserver_preload(["tests.faults.audited"])
    began, killed = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for number in range(0, kills, 2):
            two = [
                _PROCESSES.Process(
                    target=start_until_killed, args=(root, str(one), seed * 1_000_000 + one)
                )
                for one in (number, number + 1)
            ]
            for process in two:
                process.start()
            for process in two:
                process.join()
                killed += process.exitcode == -9
        report, started, unknown = check(root)
    seconds = time.monotonic() - began
    print(
        f"{killed} of {kills} processes killed in {seconds:.0f} s; {started} runs started, "
        f"{unknown} without a start line; {report.lines} lines, {len(report.torn)} ends mended; "
        f"verify: {report.problem or 'good'}"
    )
    return 0 if report.problem is None and not unknown and killed == kills else 1


if __name__ == "__main__":
    sys.exit(main())
