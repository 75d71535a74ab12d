"""A real browser: Chromium without a screen, led over the W3C WebDriver protocol."""

import shutil
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import httpx2

__all__ = ["CHROMEDRIVER", "Chromium", "chromium"]

CHROMEDRIVER = shutil.which("chromedriver")
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The key of an element in answers, by the specification."""

TAB, ENTER = "\ue004", "\ue007"


@dataclass
class Chromium:
    http: httpx2.AsyncClient
    session: str

    async def _do(self, method: str, path: str, body: Any = None) -> Any:
        url = f"/session/{self.session}{path}"
        answer = await self.http.request(method, url, json=body if method == "POST" else None)
        assert answer.status_code == 200, answer.text
        return answer.json()["value"]

    async def open(self, url: str) -> None:
        await self._do("POST", "/url", {"url": url})

    async def address(self) -> str:
        return str(await self._do("GET", "/url"))

    async def arrive(self, url: str, shown: str) -> str:
        """The text of the page at this address once this is shown: a key returns before a page."""
        with anyio.fail_after(30):
            while True:
                text = await self.text()
                if await self.address() == url and shown in text:
                    return text
                await anyio.sleep(0.05)

    async def text(self) -> str:
        return str(await self.run("return document.body ? document.body.innerText : ''"))

    async def type(self, text: str) -> None:
        """Press keys, wherever the focus is."""
        actions = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        keys = {"type": "key", "id": "keyboard", "actions": actions}
        await self._do("POST", "/actions", {"actions": [keys]})

    async def focused(self) -> str:
        """The value, name or text of what has the focus."""
        element = (await self._do("GET", "/element/active"))[_ELEMENT]
        for attribute in ("value", "id"):
            if found := await self._do("GET", f"/element/{element}/attribute/{attribute}"):
                return str(found)
        return str(await self._do("GET", f"/element/{element}/text"))

    async def tab_to(self, what: str) -> None:
        """Press Tab until it has the focus."""
        for _ in range(60):
            await self.type(TAB)
            if await self.focused() == what:
                return
        raise AssertionError(f"no Tab leads to {what}")

    async def run(self, script: str) -> Any:
        return await self._do("POST", "/execute/sync", {"script": script, "args": []})

    async def prefer_dark(self) -> None:
        features = [{"name": "prefers-color-scheme", "value": "dark"}]
        command = {"cmd": "Emulation.setEmulatedMedia", "params": {"features": features}}
        await self._do("POST", "/goog/cdp/execute", command)

    async def complaints(self) -> list[str]:
        """Its errors: a policy that was broken, a thing that is missing."""
        entries = await self._do("POST", "/se/log", {"type": "browser"})
        return [str(entry["message"]) for entry in entries if entry["level"] == "SEVERE"]


@asynccontextmanager
async def chromium(*, scripts: bool = True) -> AsyncGenerator[Chromium]:
    """A browser of its own, which runs the scripts of pages or does not."""
    assert CHROMEDRIVER is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [CHROMEDRIVER, f"--port={port}"]
    async with (
        await anyio.open_process(command) as process,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http,
    ):
        try:
            with anyio.fail_after(30):
                await _until_ready(http)
            blocked = {} if scripts else {"profile.managed_default_content_settings.javascript": 2}
            options = {
                "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--lang=en"],
                "prefs": blocked,
            }
            wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
            body = {"capabilities": {"alwaysMatch": wanted}}
            answer = (await http.post("/session", json=body)).json()["value"]
            assert "sessionId" in answer, answer
            browser = Chromium(http, answer["sessionId"])
            yield browser
            await http.delete(f"/session/{browser.session}")
        finally:
            process.terminate()


async def _until_ready(http: httpx2.AsyncClient) -> None:
    while True:
        try:
            if (await http.get("/status")).json()["value"]["ready"]:
                return
        except httpx2.TransportError:
            await anyio.sleep(0.1)
