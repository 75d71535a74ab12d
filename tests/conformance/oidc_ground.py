"""An identity provider, an `opsmcp serve` that takes its tokens, and people who sign in.

The provider is npm's oidc-provider (`oidc_provider.mjs`), the people are a browser without a
screen: it fills in the provider's plain forms. Everything is a process of its own on the loopback.
"""

import base64
import hashlib
import json
import re
import secrets
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import anyio
import httpx2
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)
from pydantic import AnyUrl

from opsmcp_server.config.environment import process_environment
from tests.loopback import free_port, until_ready
from tests.own_settings import write_settings
from tests.server.conftest import make_ground

REDIRECT = "http://127.0.0.1:9/callback"
"""Where the browser is sent with a code. Nobody listens there: it looks at the address."""


@dataclass
class Provider:
    """One identity provider; it can be stopped, started again, and given other keys."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def rotate(self) -> None:
        """Make a key of its own that the next start signs with."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        jwk = RSAAlgorithm.to_jwk(key, as_dict=True)
        whole = {**jwk, "kid": secrets.token_hex(4), "use": "sig", "alg": "RS256"}
        whole.pop("key_ops", None)
        self.keys.write_text(json.dumps({"keys": [whole]}), "utf-8")

    @property
    def keys(self) -> Path:
        return self.folder / "keys.json"

    def start(self) -> None:
        """Return once it answers."""
        if not self.keys.exists():
            self.rotate()
        folder = Path(process_environment().get("NODE_DIR", ".conformance")).absolute()
        modules = folder / "node_modules"
        node = next(modules.glob("node-*-x64/bin/node"), Path("node"))
        script = Path(__file__).with_name("oidc_provider.mjs")
        log = (self.folder / "provider.log").open("ab")
        self.process = subprocess.Popen(
            [str(node), str(script), str(modules), str(self.port), str(self.keys)],
            stdout=subprocess.PIPE,
            stderr=log,
        )
        log.close()
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"listening\n", "the provider did not start"

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
        self.process = None


@dataclass(frozen=True)
class Served:
    """An `opsmcp serve`, and what it wrote."""

    url: str
    state: Path
    log: Path

    @asynccontextmanager
    async def client(self, auth: httpx2.Auth, **options: Any) -> AsyncGenerator[Client]:
        """The SDK's client, which logs in by `auth`."""
        async with (
            httpx2.AsyncClient(auth=auth, timeout=30) as http,
            Client(streamable_http_client(f"{self.url}/mcp", http_client=http), **options) as it,
        ):
            yield it

    async def status(self, token: str) -> int:
        """What a request with this token is answered with."""
        return (await self.ask(token)).status_code

    async def ask(self, token: str) -> httpx2.Response:
        meta: dict[str, Any] = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
        headers = {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": "tools/list",
            "Authorization": f"Bearer {token}",
        }
        async with httpx2.AsyncClient(timeout=30) as http:
            return await http.post(f"{self.url}/mcp", headers=headers, json=body)

    async def lines(self, **wanted: str) -> Sequence[Mapping[str, Any]]:
        """Lines of the audit trail with these values, once there is one."""
        with anyio.fail_after(10):
            while True:
                every = [
                    json.loads(line)
                    for path in sorted((self.state / "audit").glob("*.jsonl"))
                    for line in path.read_text("utf-8").splitlines()
                ]
                found = [one for one in every if wanted.items() <= one.items()]
                if found:
                    return found
                await anyio.sleep(0.05)

    def refusals(self) -> list[str]:
        """The reasons of refused tokens, as the log has them."""
        return re.findall(r"refused: (\w+)", self.log.read_text("utf-8"))


@asynccontextmanager
async def served(folder: Path, settings: str) -> AsyncGenerator[Served]:
    """Serve with these settings, in which PUBLIC is the address that clients use."""
    ground, port = make_ground(folder), free_port()
    url = f"http://127.0.0.1:{port}"
    write_settings(folder, settings.replace("PUBLIC", url))
    it = Served(url, folder / "state", folder / "server.log")
    command = [sys.executable, "-m", "opsmcp_server", "serve", "--port", str(port)]
    with it.log.open("wb") as log:
        async with await anyio.open_process(
            command, env=ground.environ(), cwd=folder, stdin=None, stderr=log
        ) as process:
            try:
                await until_ready(url)
                yield it
            finally:
                process.terminate()


@dataclass
class Kept:
    """What a client keeps between its starts: its registration and its tokens."""

    tokens: OAuthToken | None = None
    registered: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.registered

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.registered = client_info


@dataclass
class Browser:
    """Somebody's browser: signs in on the forms of the provider, and agrees to what it asks."""

    who: str
    opened: list[str] = field(default_factory=list[str])
    returned: Mapping[str, str] = field(default_factory=dict[str, str])

    async def open(self, url: str) -> None:
        self.opened.append(url)
        async with httpx2.AsyncClient() as http:
            answer = await http.get(url)
            while not (target := _target(answer)).startswith(REDIRECT):
                if answer.is_redirect:
                    answer = await http.get(target)
                else:
                    answer = await http.post(target, data=self._form(answer.text))
        found = parse_qs(urlsplit(target).query)
        self.returned = {name: values[0] for name, values in found.items()}

    def _form(self, page: str) -> dict[str, str]:
        (prompt,) = re.findall(r'name="prompt" value="(\w+)"', page)
        return {"prompt": prompt, "login": self.who, "password": "any"}

    async def result(self) -> AuthorizationCodeResult:
        return AuthorizationCodeResult.model_validate(self.returned)


def _target(answer: httpx2.Response) -> str:
    """Where a redirect leads, or where the form of a page goes."""
    if answer.is_redirect:
        return urljoin(str(answer.url), answer.headers["location"])
    forms = re.findall(r'<form[^>]* action="([^"]+)"', answer.text)
    assert forms, f"{answer.status_code}: {answer.text[:500]}"
    return urljoin(str(answer.url), forms[0])


def signs_in(url: str, browser: Browser, kept: Kept) -> OAuthClientProvider:
    """The login of the SDK's client for somebody with that browser."""
    metadata = OAuthClientMetadata(client_name="conformance", redirect_uris=[AnyUrl(REDIRECT)])
    return OAuthClientProvider(f"{url}/mcp", metadata, kept, browser.open, browser.result)


def desk() -> OAuthClientInformationFull:
    """The program that the provider knows beforehand."""
    return OAuthClientInformationFull(
        client_id="desk",
        redirect_uris=[AnyUrl(REDIRECT)],
        token_endpoint_auth_method="none",
    )


async def tokens_of(
    provider: Provider, who: str, scope: str, resource: str = ""
) -> Mapping[str, Any]:
    """What the token endpoint gives to somebody who signs in at `desk`, as it is."""
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    asked = {
        "client_id": "desk",
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "scope": scope,
        "code_challenge": challenge.rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        **({"resource": resource} if resource else {"nonce": "once"}),
    }
    browser = Browser(who)
    await browser.open(f"{provider.url}/auth?{urlencode(asked)}")
    form = {
        "grant_type": "authorization_code",
        "client_id": "desk",
        "code": (await browser.result()).code,
        "redirect_uri": REDIRECT,
        "code_verifier": verifier,
        **({"resource": resource} if resource else {}),
    }
    return await _post_form(provider, form)


async def machine_tokens(provider: Provider, resource: str, scope: str) -> Mapping[str, Any]:
    """What the token endpoint gives to the machine, as it is."""
    form = {"grant_type": "client_credentials", "resource": resource, "scope": scope}
    return await _post_form(provider, form, auth=("nightly", "nightly-secret"))


async def _post_form(provider: Provider, form: Mapping[str, str], **more: Any) -> Any:
    async with httpx2.AsyncClient() as http:
        answer = await http.post(f"{provider.url}/token", data=dict(form), **more)
    assert answer.status_code == 200, answer.text
    return answer.json()
