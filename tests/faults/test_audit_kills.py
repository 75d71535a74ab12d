"""`kill -9` anywhere: the trail verifies, and no run was started without its line.

The long form, with 2,000 processes, is `python -m benchmarks.audit_kills`.
"""

import multiprocessing
from pathlib import Path

from tests.faults.audited import check, start_until_killed

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.faults.audited"])
_KILLS = 10


def test_a_trail_survives_kills_of_two_processes_at_a_time(tmp_path: Path, seed: int) -> None:
    for number in range(0, _KILLS, 2):
        two = [
            _PROCESSES.Process(
                target=start_until_killed, args=(tmp_path, str(one), seed * 10_000 + one)
            )
            for one in (number, number + 1)
        ]
        for process in two:
            process.start()
        for process in two:
            process.join(60)
        assert [process.exitcode for process in two] == [-9, -9]
    report, started, unknown = check(tmp_path)
    assert (report.problem, unknown) == (None, 0)
    assert started >= _KILLS
    assert report.torn
