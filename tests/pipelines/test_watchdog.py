"""Work that makes no progress is left behind; it ends with the process and changes nothing."""

import subprocess
import sys
import threading

import anyio
import pytest

from opsmcp_pipelines.watchdog import Progress, Stuck, run_watched


async def test_what_the_work_returns_or_raises_comes_back() -> None:
    def divide(progress: Progress[int]) -> float:
        progress.at(0)
        return 1 / progress.item

    assert await run_watched(lambda progress: progress.item, 7, item_seconds=5) == 7
    with pytest.raises(ZeroDivisionError):
        await run_watched(divide, 7, item_seconds=5)


async def test_many_items_may_take_longer_than_one() -> None:
    turns = threading.Event()

    def work(progress: Progress[int]) -> int:
        for item in range(10):
            progress.at(item)
            turns.wait(0.02)
        return progress.item

    assert await run_watched(work, 0, item_seconds=0.15) == 9


async def test_the_item_that_hangs_is_named_and_its_work_ends_at_the_next_one() -> None:
    go_on, reached = threading.Event(), threading.Event()

    def work(progress: Progress[str]) -> None:
        progress.at("slow")
        go_on.wait()
        progress.at("next")
        reached.set()

    with anyio.fail_after(5), pytest.raises(Stuck) as caught:
        await run_watched(work, "first", item_seconds=0.05)
    stuck = caught.value
    assert (stuck.item, stuck.thread.is_alive()) == ("slow", True)
    go_on.set()
    stuck.thread.join(5)
    assert not stuck.thread.is_alive()
    assert not reached.is_set()


_HANGING = """
import threading, anyio
from opsmcp_pipelines.watchdog import Stuck, run_watched
async def main():
    try:
        await run_watched(lambda progress: threading.Event().wait(), 0, item_seconds=0.05)
    except Stuck:
        print("left behind")
anyio.run(main)
"""


def test_what_was_left_behind_keeps_no_process_from_ending() -> None:
    ended = subprocess.run([sys.executable, "-c", _HANGING], capture_output=True, timeout=20)
    assert (ended.returncode, ended.stdout) == (0, b"left behind\n")


async def test_the_end_of_the_process_lets_work_that_was_left_behind_end_first() -> None:
    done = await anyio.run_process([sys.executable, "-c", _LEFT_BEHIND])
    assert done.stdout == b"ended\n"


_LEFT_BEHIND = """
import anyio
from opsmcp_pipelines.watchdog import run_watched

def work(progress):
    sum(range(2_000_000))
    print("ended", flush=True)

async def main():
    with anyio.CancelScope() as scope:
        scope.cancel()
        await run_watched(work, "a file", item_seconds=9)

anyio.run(main)
"""
