"""`opsmcp requests`, `approve` and `reject`, and `opsmcp call` where policy wants an approval."""

import json
import os
import pwd
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from anyio import to_thread

from tests.own_settings import write_settings
from tests.server.calls.approval_ground import approve, ask, end_of, requests_of
from tests.server.cli.inside import run_inside, settled
from tests.server.cli.process import COMMAND
from tests.server.conftest import Ground, make_ground
from tests.server.harness import Running, running, services_of

USER = pwd.getpwuid(os.getuid()).pw_name
TOKEN = "a-token-that-every-client-has-0123456789"

POLICY = f"""\
policy:
  groups: {{on-call: ["{USER}"]}}
  rules: [{{name: deletes, effect: approve, operation: delete-*}}]
requests: {{approvers: [on-call]}}
"""


@pytest.fixture
def ground(tmp_path: Any) -> Ground:
    ground = make_ground(tmp_path)
    write_settings(ground.root, POLICY)
    return ground


@asynccontextmanager
async def served(ground: Ground) -> AsyncGenerator[tuple[Running, Any]]:
    """A server whose callers share a token, and a client of it."""
    environ = ground.environ(OPSMCP_SERVER_TOKEN=TOKEN)
    async with running("http-modern", environ, ground.root) as run, run.connect() as client:
        requests_of(run).claim_all()
        yield run, client


async def command(ground: Ground, *words: str, environ: Mapping[str, str] = {}) -> tuple[int, str]:
    """Another process of the local user, as far as requests are concerned."""
    with settled({**ground.environ(), **environ}, ground.root):
        return await to_thread.run_sync(run_inside, list(words))


async def test_the_local_user_approves_what_a_client_with_the_token_asked_for(
    ground: Ground,
) -> None:
    async with served(ground) as (_, client):
        handle = await ask(client)
        listed = await command(ground, "requests")
        shown = await command(ground, "requests", handle)
        status, text = await command(ground, "approve", handle, "--yes", "--comment", "fine")
        end = await end_of(client, handle)
        again = await command(ground, "approve", handle, "--yes")
        as_json = json.loads((await command(ground, "requests", handle, "--json"))[1])
    assert listed[1].startswith(f"{handle}\tpending\t")
    assert "name = x" in shown[1] and "touch" in shown[1]
    assert status == 0 and f"{handle} is started, as run r-" in text
    assert end.structured_content["verdict"] == "succeeded"
    assert again[0] == 1 and f"is started already (decided by {USER})" in again[1]
    assert [row["to"] for row in as_json["timeline"]] == ["pending", "approved", "started"]
    assert as_json["votes"][0]["comment"] == "fine"


async def test_the_local_user_rejects_it(ground: Ground) -> None:
    async with served(ground) as (_, client):
        handle = await ask(client)
        status, text = await command(ground, "reject", handle, "--yes")
        end = await end_of(client, handle)
        waiting = await command(ground, "requests")
        every = await command(ground, "requests", "--state", "all", "--json")
    assert status == 0 and f"{handle} is rejected" in text
    assert end.is_error
    assert waiting == (0, "")
    assert json.loads(every[1])["requests"][0]["state"] == "rejected"


async def test_a_name_in_the_environment_makes_nobody_an_approver(ground: Ground) -> None:
    text = POLICY.replace(USER, "anna")
    write_settings(ground.root, text)
    names = {"USER": "anna", "LOGNAME": "anna", "USERNAME": "anna"}
    async with served(ground) as (_, client):
        handle = await ask(client)
        status, said = await command(ground, "approve", handle, "--yes", environ=names)
        waiting = await client.call_tool("get_run", {"run": handle, "wait_seconds": 0})
    assert status == 2 and "there is no run" in said
    assert waiting.structured_content["verdict"] == "waiting"


async def test_nothing_is_decided_without_a_terminal_or_a_yes(ground: Ground) -> None:
    async with served(ground) as (_, client):
        handle = await ask(client)
        status, text = await command(ground, "approve", handle)
        waiting = await client.call_tool("get_run", {"run": handle, "wait_seconds": 0})
    assert status == 1 and f"opsmcp approve {handle} --yes" in text
    assert waiting.structured_content["verdict"] == "waiting"


async def test_terminals_decide_nothing_where_the_settings_say_so(ground: Ground) -> None:
    off = {"OPSMCP_REQUESTS_TERMINAL": "false"}
    async with served(ground) as (_, client):
        handle = await ask(client)
        status, text = await command(ground, "approve", handle, "--yes", environ=off)
    assert status == 2 and "requests.terminal is false" in text


async def test_whoever_approves_is_told_what_voided_it(ground: Ground) -> None:
    async with served(ground) as (run, client):
        handle = await ask(client)
        file = ground.manifests / "own.yaml"
        file.write_text(file.read_text("utf-8").replace("deleted $", "gone $"), "utf-8")
        await services_of(run).calls.tools.discovery.refresh()
        status, text = await command(ground, "approve", handle, "--yes")
    assert status == 1 and "nothing was started" in text and "its definition" in text
    assert not ground.marker.exists()


async def test_whoever_approves_is_told_when_nobody_is_there_to_start_it(ground: Ground) -> None:
    async with served(ground) as (_, client):
        handle = await ask(client)
    status, text = await command(ground, "approve", handle, "--yes")
    assert status == 0 and "nobody is there to start it" in text
    assert f"{handle} is approved" in text


async def test_a_call_in_a_terminal_waits_and_shows_the_run(ground: Ground) -> None:
    write_settings(ground.root, POLICY.replace(USER, "anna"))
    process = await anyio.open_process(
        [*COMMAND, "call", "delete-thing", "name=x"], env=ground.environ(), cwd=ground.root
    )
    async with running("memory-modern", ground.environ(), ground.root) as run, process:
        with anyio.fail_after(60):
            handle = await _asked(run)
            await approve(run, handle)
            assert process.stdout is not None and process.stderr is not None
            out = b"".join([part async for part in process.stdout]).decode()
            err = b"".join([part async for part in process.stderr]).decode()
            status = await process.wait()
    assert status == 0 and "succeeded" in out
    assert f"request {handle}" in err and "waiting" in err
    assert ground.marker.exists()


async def _asked(run: Running) -> str:
    while not (found := await requests_of(run).list()):
        await services_of(run).calls.clock.sleep(0.1)
    return found[0].id


async def test_a_call_that_waits_no_more_is_withdrawn_when_nobody_else_would_start_it(
    ground: Ground,
) -> None:
    words = ("call", "delete-thing", "name=x", "--wait", "0.1", "--json")
    status, text = await command(ground, *words)
    told = json.loads(text[text.index("{\n") :])
    assert (status, told["verdict"]) == (1, "refused")
    assert "was withdrawn" in text


async def test_a_call_that_waits_no_more_goes_on_waiting_where_a_server_starts_it(
    ground: Ground,
) -> None:
    async with served(ground) as (run, client):
        await ask(client)  # so that the server is known to stand by
        words = ("call", "delete-thing", "name=y", "--wait", "0.1", "--yes")
        status, text = await command(ground, *words)
        state = (await requests_of(run).list())[0].state
    assert status == 1 and "goes on waiting" in text
    assert state == "pending"


async def test_requests_that_are_not_there_are_said_to_be_none(ground: Ground) -> None:
    listed = await command(ground, "requests", "--json")
    one = await command(ground, "requests", "q-none")
    approved = await command(ground, "approve", "q-none", "--yes")
    assert json.loads(listed[1]) == {"requests": []}
    assert one[0] == approved[0] == 2 and "there is no run 'q-none'" in one[1]
