"""What `opsmcp stdio` says to lines, as a process of its own."""

import json
from collections.abc import Iterable
from typing import Any

import anyio

from tests.server.conftest import Ground
from tests.server.forked_stdio import forked_stdio


async def answers_on_stdio(ground: Ground, lines: Iterable[bytes], *, count: int) -> list[Any]:
    """The first `count` messages that it writes when it reads these lines."""
    with anyio.fail_after(60):
        async with (
            forked_stdio(ground.environ()) as server,
            await anyio.open_process([server.command, *server.args]) as process,
        ):
            assert process.stdin is not None and process.stdout is not None
            await process.stdin.send(b"".join(line + b"\n" for line in lines))
            written = b""
            while written.count(b"\n") < count:
                written += await process.stdout.receive()
            await process.stdin.aclose()
            return [json.loads(line) for line in written.splitlines()]
