"""`kill -9` after a signal is recorded, and before its message is acknowledged: it comes again."""

import multiprocessing
import os
import signal
from pathlib import Path

import anyio
from anyio import to_thread

from opsmcp_server.calls.observed import Observed, SignalsTaken
from tests.server.intake.nats_server import needs_nats, report, running_nats
from tests.server.intake.nats_site import begun, has, reading, signals, until

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.faults.test_nats_kills"])


def read_until_killed(environ: dict[str, str], folder: Path, after: int) -> None:
    """Read, and die as so many are recorded, before anything else is done."""

    def die(seen: Observed) -> None:
        if isinstance(seen, SignalsTaken) and seen.new:
            left.pop()
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    async def read() -> None:
        async with reading(environ, folder) as context:
            context.observers.add(die)
            await anyio.sleep_forever()

    left = [None] * after
    anyio.run(read)


@needs_nats
async def test_what_was_recorded_and_not_acknowledged_counts_once(tmp_path: Path) -> None:
    with running_nats(tmp_path / "nats") as nats:
        await nats.make_stream()
        async with reading(nats.environ, tmp_path) as context:
            await begun(context)
        await nats.publish(*(report(f"h{number}") for number in range(12)))
        killed = _PROCESSES.Process(
            target=read_until_killed, args=(nats.environ, tmp_path, 5), daemon=True
        )
        killed.start()
        await to_thread.run_sync(killed.join, 60)
        assert killed.exitcode == -signal.SIGKILL
        taken: list[SignalsTaken] = []
        async with reading(nats.environ, tmp_path) as context:
            context.observers.add(
                lambda seen: taken.append(seen) if isinstance(seen, SignalsTaken) else None
            )
            await until(has(context, *(f"h{number}" for number in range(12))))
            assert len(signals(context)) == 12
            assert [one.labels["hostname"] for one in reversed(signals(context))] == [
                f"h{number}" for number in range(12)
            ]
        assert (sum(one.known for one in taken), sum(sum(one.new.values()) for one in taken)) == (
            1,
            7,
        )
