"""`opsmcp serve` with an ear on its event loop: how long it was held up, and by whom.

Writes one JSON object a second to the file that is its argument: the longest time for which the
loop did nothing else, by the wall and by the processor time of its thread. On a busy machine the
first also counts the time in which somebody else had the processor.
"""

import json
import sys
import time
from pathlib import Path

import anyio

from opsmcp_server.app import open_services
from opsmcp_server.config import load, process_environment
from opsmcp_server.transports.http import listen, serve_http

_BEAT_SECONDS = 0.01
_REPORT_SECONDS = 1.0


async def _listen_to_loop(path: Path) -> None:
    with path.open("a", encoding="utf-8") as file:
        while True:
            longest = {"wall": 0.0, "busy": 0.0}
            until = time.monotonic() + _REPORT_SECONDS
            while time.monotonic() < until:
                wall, busy = time.monotonic(), time.thread_time()
                await anyio.sleep(_BEAT_SECONDS)
                late = time.monotonic() - wall - _BEAT_SECONDS
                longest["wall"] = max(longest["wall"], late)
                longest["busy"] = max(longest["busy"], time.thread_time() - busy)
            file.write(json.dumps(longest) + "\n")
            file.flush()


async def main(path: Path) -> None:
    environ = process_environment()
    config = load(environ, cwd=Path.cwd())
    async with open_services(config, environ) as services, anyio.create_task_group() as group:
        with listen(config.server) as listener:
            group.start_soon(_listen_to_loop, path)
            await serve_http(services, listener)
        group.cancel_scope.cancel()


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]))
