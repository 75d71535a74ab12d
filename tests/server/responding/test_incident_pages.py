"""The pages of incidents in a real browser: what axe says, and how they read without scripts."""

from pathlib import Path

import pytest
from anyio import to_thread

from opsmcp_tools.incidents.incident import State
from tests.fakes.openai_server import calls, fake_openai
from tests.server.agent.scripts import finishes, make_agent
from tests.server.console.site import TOKENS
from tests.server.console.test_browser import AXE, read_axe, violations
from tests.server.console.webdriver import CHROMEDRIVER, ENTER, Chromium, chromium
from tests.server.responding.ground import World, make_world, served

pytestmark = pytest.mark.skipif(
    CHROMEDRIVER is None, reason="there is no chromedriver (Debian: chromium-driver)"
)

_RESPONDERS = """\
  - {name: asks, mode: approve, run: clear-it, arguments: {name: labels.thing}}
"""
_PEOPLE = "people: {anna: {token: {env: TOKEN_OF_anna}}}\n"
_EVIL = "<img src=x onerror=document.title='pwned'>"


def _world(tmp_path: Path) -> World:
    return make_world(tmp_path, _RESPONDERS, _PEOPLE)


async def _sign_in(browser: Chromium, base: str, path: str) -> None:
    await browser.open(f"{base}{path}")
    await browser.tab_to("token")
    await browser.type(TOKENS["anna"] + ENTER)


async def test_an_incident_is_read_without_scripts_and_what_strangers_write_is_text(
    tmp_path: Path,
) -> None:
    async with served(_world(tmp_path), {"TOKEN_OF_anna": TOKENS["anna"]}) as (work, run):
        await work.record(work.signal(annotations={"summary": _EVIL}))
        waiting = await work.until(State.WAITING)
        async with chromium(scripts=False) as browser:
            await _sign_in(browser, run.url, f"/incidents/{waiting.id}")
            text = await browser.arrive(f"{run.url}/incidents/{waiting.id}", "name = old")
            complaints = await browser.complaints()
    assert _EVIL in text and waiting.request in text and complaints == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.skipif(not AXE.exists(), reason="AXE_SCRIPT names no axe.min.js (npm: axe-core)")
async def test_axe_finds_nothing_on_the_pages_of_incidents(tmp_path: Path, dark: bool) -> None:
    axe = await to_thread.run_sync(read_axe)
    found: dict[str, object] = {}
    tokens = {"TOKEN_OF_anna": TOKENS["anna"]}
    async with served(_world(tmp_path), tokens) as (work, run), chromium() as browser:
        if dark:
            await browser.prefer_dark()
        await _sign_in(browser, run.url, "/incidents")
        await browser.arrive(f"{run.url}/incidents", "Incidents")
        found["none"] = await violations(browser, axe)
        await work.record(work.signal(annotations={"summary": _EVIL}))
        waiting = await work.until(State.WAITING)
        for name, path in {
            "list": "/incidents",
            "one": f"/incidents/{waiting.id}",
            "request": f"/requests/{waiting.request}",
            "not there": "/incidents/i-nothere",
        }.items():
            await browser.open(f"{run.url}{path}")
            found[name] = await violations(browser, axe)
    assert not any(found.values()), found


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.skipif(not AXE.exists(), reason="AXE_SCRIPT names no axe.min.js (npm: axe-core)")
async def test_axe_finds_nothing_on_the_page_of_what_a_model_did(
    tmp_path: Path, dark: bool
) -> None:
    axe = await to_thread.run_sync(read_axe)
    with fake_openai() as fake:
        world = make_agent(tmp_path, fake)
        path = tmp_path / ".config" / "opsmcp" / "opsmcp.yaml"
        path.write_text(f"{_PEOPLE}{path.read_text('utf-8')}", "utf-8")
        (tmp_path / "note-old").write_text(f"{_EVIL}\n", "utf-8")
        fake.script(calls(("get-note", {"name": "old"})), finishes(f"it says {_EVIL}"))
        tokens = {"TOKEN_OF_anna": TOKENS["anna"]}
        async with served(world, tokens) as (work, run), chromium() as browser:
            if dark:
                await browser.prefer_dark()
            await work.record(work.signal())
            one = await work.until(State.HANDED_OVER)
            await _sign_in(browser, run.url, f"/incidents/{one.id}")
            text = await browser.arrive(f"{run.url}/incidents/{one.id}", "get-note")
            found = await violations(browser, axe)
    assert "The model calls" in text and not found, found
