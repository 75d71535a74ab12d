"""A server with the pages of requests, a client that asks for approval, and browsers of people."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

import httpx2

from opsmcp_server.app import open_services
from opsmcp_server.config.load import load
from tests.own_settings import write_settings
from tests.server.calls.approval_ground import POLICY
from tests.server.conftest import Ground, make_ground
from tests.server.harness import AskingClient, Running, serving

CLIENTS_TOKEN = "a-token-that-every-client-has-0123456789"
TOKENS = {name: f"a-token-of-{name}-that-nobody-can-guess" for name in ("anna", "bob", "carl")}
PEOPLE = "".join(f"  {name}: {{token: {{env: TOKEN_OF_{name}}}}}\n" for name in TOKENS)


@dataclass
class Site:
    ground: Ground
    run: Running
    client: Any
    base: str

    @asynccontextmanager
    async def browser(self, who: str = "", **headers: str) -> AsyncGenerator["Browser"]:
        """What a person has, signed in as `who`."""
        async with httpx2.AsyncClient(base_url=self.base, headers=headers, timeout=30) as http:
            browser = Browser(http, self.base)
            if who:
                answer = await browser.post("/sign-in", token=TOKENS[who], next="requests")
                assert answer.status_code == 303, answer.text
            yield browser


@dataclass
class Browser:
    http: httpx2.AsyncClient
    origin: str
    fields: dict[str, str] = field(default_factory=dict[str, str])

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        """A page; the hidden fields of its last form are kept, as a person who looks at it does."""
        answer = await self.http.get(path, headers=headers)
        hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', answer.text)
        self.fields = {name: unescape(value) for name, value in hidden}
        return answer

    async def post(self, path: str, headers: Any = None, **form: str) -> httpx2.Response:
        """Send a form as a browser does from a page of this server."""
        ours = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin"}
        return await self.http.post(path, data=form, headers={**ours, **(headers or {})})

    async def decide(self, handle: str, decision: str, **more: str) -> httpx2.Response:
        """Look at a request and press a button."""
        await self.get(f"/requests/{handle}")
        return await self.post(
            f"/requests/{handle}", **{**self.fields, "decision": decision}, **more
        )


@asynccontextmanager
async def site(root: Path) -> AsyncGenerator[Site]:
    ground = make_ground(root)
    write_settings(root, f"{POLICY.replace('COUNT', '1')}people:\n{PEOPLE}")
    tokens = {f"TOKEN_OF_{name}": token for name, token in TOKENS.items()}
    environ = ground.environ(
        OPSMCP_SERVER_TOKEN=CLIENTS_TOKEN, OPSMCP_SERVER_TRUSTED_PROXIES="127.0.0.1/32", **tokens
    )
    config = load(environ, cwd=root, people=True)
    async with open_services(config, environ) as services, serving(services) as base:
        await services.calls.tools.wait_for_first_read()
        services.calls.requests.show_pages(base)
        run = Running("http", "modern", environ, services, base, CLIENTS_TOKEN)
        async with run.connect(AskingClient) as client:
            yield Site(ground, run, client, base)
