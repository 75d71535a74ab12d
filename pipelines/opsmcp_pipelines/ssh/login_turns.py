"""How many logins one sshd gets at a time: those of a jump host, and those of one address and port.

sshd refuses logins at random beyond its `MaxStartups`, which is 10 where nobody set it.
"""

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import anyio

from opsmcp_pipelines.ssh.explain import explain
from opsmcp_pipelines.ssh.target import SshTarget

__all__ = ["AT_ONE_SSHD", "LoginTurns"]

AT_ONE_SSHD = 8
"""So many at a time."""


class LoginTurns:
    """The turns of one run."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Ask ssh nothing yet; `environ` is what it may see."""
        self._environ = environ
        self._limits: dict[str, anyio.CapacityLimiter] = {}
        self._known: dict[str, tuple[str, ...]] = {}

    @asynccontextmanager
    async def turn(self, target: SshTarget) -> AsyncGenerator[None]:
        """Wait until the jump host and the address of `target` have room, and take it."""
        if target.name not in self._known:
            self._known[target.name] = tuple(_doors(await self._explain(target)))
        async with AsyncExitStack() as stack:
            for door in self._known[target.name]:
                if door not in self._limits:
                    self._limits[door] = anyio.CapacityLimiter(AT_ONE_SSHD)
                await stack.enter_async_context(self._limits[door])
            yield

    async def _explain(self, target: SshTarget) -> Mapping[str, str]:
        """What is known of the way there; where nothing is, whoever connects says why."""
        try:
            return await explain(target, self._environ)
        except OSError:
            return {}


def _doors(settings: Mapping[str, str]) -> Iterator[str]:
    """What a connection passes, the jump host first: in one order, nobody waits in a circle."""
    jump = settings.get("proxyjump", "none").partition(",")[0]
    if jump != "none":
        yield f"jump {jump}"
    if "hostname" in settings and "port" in settings:
        yield f"{settings['hostname']}:{settings['port']}"
