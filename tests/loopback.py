"""What a test or a benchmark needs of a server that it starts on this machine."""

import socket

import anyio
import httpx2

__all__ = ["free_port", "until_ready"]


def free_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


async def until_ready(url: str, seconds: float = 60) -> None:
    """Return once an `opsmcp serve` is ready.

    Raises:
        TimeoutError: It was not in time.
    """
    async with httpx2.AsyncClient() as http:
        with anyio.fail_after(seconds):
            while True:
                try:
                    if (await http.get(f"{url}/readyz")).status_code == 200:
                        return
                except httpx2.TransportError:
                    pass
                await anyio.sleep(0.1)
