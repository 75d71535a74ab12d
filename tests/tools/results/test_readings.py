"""What of an output is another at every look, and what of it an on-call engineer has to know."""

import pytest

from opsmcp_tools.results.readings import Lines, without_readings

PS = "  PID USER     %CPU %MEM COMMAND"
TOP = "  CPU%  MEM MiB      PID  USER          RUNS FOR  COMMAND"


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("1804 of 24105 MiB used (7%), 22301 MiB", "1777 of 24105 MiB used (6%), 22328 MiB"),
        ("  31% of    252.0 GiB  /", "  33% of    252.0 GiB  /"),
        ("17.1 GiB /", "16.6 GiB /"),
        ("answer after 104 ms", "answer after 98 ms"),
        ("127 processes, 2 processors", "106 processes, 2 processors"),
    ],
)  # fmt: skip
def test_amounts_that_moved_a_little_are_no_change(now: str, then: str):
    assert Lines([then]).hold(now)
    assert Lines([now]).hold(then)


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("memory: 21804 of 24105 MiB used (90%)", "memory: 1777 of 24105 MiB used (7%)"),
        ("disk 97%", "disk 40%"),
        ("disk 91%", "disk 90%"),
        ("replicas: 49", "replicas: 50"),
        ("main process 1290", "main process 1234"),
        ("web 1.13.8", "web 1.13.7"),
        ("free: 900 MiB on b", "free: 900 MiB on a"),
        ("0 MiB used", "4 MiB used"),
    ],
)
def test_counts_states_names_and_amounts_that_moved_much_are_a_change(now: str, then: str):
    assert not Lines([then]).hold(now)


def test_of_processes_those_that_use_much_are_a_change():
    rows = [
        PS,
        "25027 root     33.3  0.0 ps",
        "    9 db       95.0  1.0 postgres",
        "    8 db        3.0 41.5 java -jar x",
    ]
    kept = without_readings(["busiest:", *rows, "largest by memory:", rows[1], "", "7 a 1.0 1.0 b"])
    assert kept == [
        *("busiest:", "busy process: postgres", "busy process: java -jar x", "largest by memory:"),
        *("", "7 a 1.0 1.0 b"),
    ]
    busy = " 101.0     2048    27330  root              00:06  stress --cpu 1"
    assert without_readings([TOP, busy]) == ["busy process: stress --cpu 1"]


def test_loads_and_clocks_are_no_change():
    lines = ["load: 1.0, 2.0", "Mon Nov 30 14:00:00 UTC 2026", "time: 14:00", "state: up"]
    assert without_readings(lines) == ["state: up"]
