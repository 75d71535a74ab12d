"""An `opsmcp serve` that receives signals, and what senders of its settings send to it."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from opsmcp_server.app import open_services
from opsmcp_server.config.effective import Config
from opsmcp_server.config.load import load
from opsmcp_server.intake.proof import proof_for
from opsmcp_server.protocol.services import Services
from opsmcp_tools.incidents.signal import Signal
from tests.own_settings import write_settings
from tests.server.conftest import make_ground
from tests.server.harness import serving
from tests.server.intake.senders import SECRETS, SETTINGS, body_of

SERVER_TOKEN = "a-token-that-every-client-has-0123456789"


@dataclass
class Site:
    config: Config
    services: Services
    base: str
    http: httpx2.AsyncClient

    async def post(
        self, sender: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        """Send a body just so."""
        return await self.http.post(f"/events/{sender}", content=body, headers=headers)

    async def send(self, sender: str, value: Any, **headers: str) -> httpx2.Response:
        """Send what the sender of that name proves."""
        body = value if isinstance(value, bytes) else body_of(value)
        now = self.services.calls.clock.now().timestamp()
        proof = proof_for(self.config.events.senders[sender], body, now, "msg_1")
        return await self.post(sender, body, {**proof, **headers})

    def signals(self, **wanted: Any) -> tuple[Signal, ...]:
        return self.services.calls.incidents.signals().signals(**wanted)

    async def refusals(self) -> dict[tuple[str, str], int]:
        store = self.services.calls.incidents.signals()
        return {(one.sender, one.reason): one.count for one in store.refusals()}


@asynccontextmanager
async def site(root: Path, settings: str = SETTINGS, **more: str) -> AsyncGenerator[Site]:
    ground = make_ground(root)
    write_settings(root, settings)
    environ = ground.environ(OPSMCP_SERVER_TOKEN=SERVER_TOKEN, **SECRETS, **more)
    config = load(environ, cwd=root, senders=True)
    async with (
        open_services(config, environ) as services,
        serving(services) as base,
        httpx2.AsyncClient(base_url=base, timeout=30) as http,
    ):
        yield Site(config, services, base, http)
