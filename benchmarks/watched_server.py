"""`opsmcp serve` with an ear on its event loop: how long it was held up, and by what.

Writes one JSON object a second to the file that is its argument: the longest time for which the
loop did nothing else, by the wall and by the processor time of its thread, and where it was then.
On a busy machine the wall also counts the time in which somebody else had the processor.
"""

import json
import sys
import threading
import time
import traceback
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from opsmcp_server.app import open_services
from opsmcp_server.config.environment import process_environment
from opsmcp_server.config.load import load
from opsmcp_server.identity.settings import gate_of
from opsmcp_server.process.glibc_heap import share_heap
from opsmcp_server.telemetry.service import open_telemetry
from opsmcp_server.transports.http import serve_http
from opsmcp_server.transports.listening import listen, listen_for_monitoring

_BEAT_SECONDS = 0.01
_REPORT_SECONDS = 1.0
_LATE_SECONDS = 0.08
_FRAMES = 4


@dataclass
class _Ear:
    """Beats in the loop, and a thread beside it that looks where it is when a beat is late."""

    loop_thread: int = field(default_factory=threading.get_ident)
    last: float = field(default_factory=time.monotonic)
    where: list[str] = field(default_factory=list[str])

    async def beat(self, path: Path) -> None:
        with path.open("a", encoding="utf-8") as file:
            while True:
                file.write(json.dumps(await self._one_report()) + "\n")
                file.flush()

    async def _one_report(self) -> dict[str, object]:
        wall, busy, until = 0.0, 0.0, time.monotonic() + _REPORT_SECONDS
        while self.last < until:
            before = time.thread_time()
            await anyio.sleep(_BEAT_SECONDS)
            now = time.monotonic()
            wall = max(wall, now - self.last - _BEAT_SECONDS)
            busy = max(busy, time.thread_time() - before)
            self.last = now
        where, self.where = self.where, []
        return {"wall": wall, "busy": busy, "where": where}

    def look(self) -> None:
        seen = 0.0
        while True:
            time.sleep(_BEAT_SECONDS)
            if self.last != seen and time.monotonic() - self.last > _LATE_SECONDS:
                seen = self.last
                frame = sys._current_frames().get(self.loop_thread)  # pyright: ignore[reportPrivateUsage]
                stack = traceback.extract_stack(frame)[-_FRAMES:]
                self.where.append(" < ".join(f"{it.name}:{it.lineno}" for it in reversed(stack)))


async def main(path: Path) -> None:
    environ = process_environment()
    config = load(environ, cwd=Path.cwd())
    ear = _Ear()
    threading.Thread(target=ear.look, daemon=True).start()
    async with open_services(config, environ) as services, anyio.create_task_group() as group:
        with (
            listen(config.server) as listener,
            open_telemetry(services.calls, environ) as telemetry,
            listen_for_monitoring(config.server) or nullcontext() as monitoring,
        ):
            group.start_soon(ear.beat, path)
            gate = gate_of(config, services.calls.observers, services.calls.audit)
            await serve_http(services, listener, gate, telemetry, monitoring)
        group.cancel_scope.cancel()


if __name__ == "__main__":
    share_heap()
    anyio.run(main, Path(sys.argv[1]))
