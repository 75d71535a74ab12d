"""The pages in a real browser: by keyboard alone, with and without scripts, and what axe says."""

import os
from pathlib import Path

import pytest
from anyio import to_thread

from tests.server.calls.approval_ground import ask, end_of
from tests.server.console.site import TOKENS, Site
from tests.server.console.webdriver import CHROMEDRIVER, ENTER, Chromium, chromium

pytestmark = pytest.mark.skipif(
    CHROMEDRIVER is None, reason="there is no chromedriver (Debian: chromium-driver)"
)

AXE = Path(os.environ.get("AXE_SCRIPT", "axe.min.js"))  # noqa: TID251 - where a tool lies
"""`npm install axe-core` brings it."""


async def sign_in(browser: Chromium, served: Site, handle: str) -> None:
    await browser.open(f"{served.base}/requests/{handle}")
    await browser.tab_to("token")
    await browser.type(TOKENS["anna"] + ENTER)
    await browser.arrive(f"{served.base}/requests/{handle}", "Approve")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts on", "scripts off"])
async def test_a_person_decides_by_keyboard_alone(served: Site, scripts: bool) -> None:
    handle = await ask(served.client)
    async with chromium(scripts=scripts) as browser:
        await sign_in(browser, served, handle)
        before = await browser.text()
        await browser.tab_to("comment")
        await browser.type("fine by me")
        await browser.tab_to("approve")
        await browser.type(ENTER)
        after = await browser.arrive(f"{served.base}/requests/{handle}", "fine by me")
        complaints = await browser.complaints()
    end = await end_of(served.client, handle)
    assert "name = x" in before
    assert "Reject" not in after
    assert complaints == []
    assert end.structured_content["verdict"] == "succeeded"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.skipif(not AXE.exists(), reason="AXE_SCRIPT names no axe.min.js (npm: axe-core)")
async def test_axe_finds_nothing(served: Site, dark: bool) -> None:
    axe, handle = await to_thread.run_sync(read_axe), await ask(served.client)
    found: dict[str, object] = {}
    async with chromium() as browser:
        if dark:
            await browser.prefer_dark()
        await browser.open(f"{served.base}/sign-in")
        found["sign-in"] = await violations(browser, axe)
        await sign_in(browser, served, handle)
        found["request"] = await violations(browser, axe)
        await browser.open(f"{served.base}/requests")
        found["requests"] = await violations(browser, axe)
        await browser.open(f"{served.base}/requests/q-none")
        found["not there"] = await violations(browser, axe)
    assert not any(found.values()), found


async def violations(browser: Chromium, axe: str) -> object:
    """What axe complains about on the page that is open."""
    rules = "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']}"
    script = f"{axe}; return axe.run(document, {rules}).then(r => r.violations.map("
    return await browser.run(script + "v => v.id + ': ' + v.nodes.map(n => n.html).join(' | ')))")


def read_axe() -> str:
    return AXE.read_text("utf-8")
