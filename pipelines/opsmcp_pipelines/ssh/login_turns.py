"""How many logins one sshd gets at a time: those of a jump host, and those of one address and port.

sshd refuses logins at random beyond its `MaxStartups`, which is 10 where nobody set it.
"""

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import anyio

from opsmcp_pipelines.ssh.explain import Explanations
from opsmcp_pipelines.ssh.target import SshTarget

__all__ = ["AT_ONE_SSHD", "LoginTurns"]

AT_ONE_SSHD = 8
"""So many at a time."""


class LoginTurns:
    """The turns of one run."""

    def __init__(self, explanations: Explanations) -> None:
        """Ask ssh nothing yet."""
        self._explanations = explanations
        self._limits: dict[str, anyio.CapacityLimiter] = {}

    @asynccontextmanager
    async def turn(self, target: SshTarget) -> AsyncGenerator[None]:
        """Wait until the jump host and the address of `target` have room, and take it."""
        settings = (await self._explanations.of(target)).settings
        async with AsyncExitStack() as stack:
            for door in _doors(settings):
                if door not in self._limits:
                    self._limits[door] = anyio.CapacityLimiter(AT_ONE_SSHD)
                await stack.enter_async_context(self._limits[door])
            yield


def _doors(settings: Mapping[str, str]) -> Iterator[str]:
    """What a connection passes, the jump host first: in one order, nobody waits in a circle."""
    jump = settings.get("proxyjump", "none").partition(",")[0]
    if jump != "none":
        yield f"jump {jump}"
    if "hostname" in settings and "port" in settings:
        yield f"{settings['hostname']}:{settings['port']}"
