"""What calls leave in the audit trail, and that nothing starts without it."""

import json
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx2
import mcp_types as types
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from opsmcp_tools.model.tool import Principal
from tests.own_settings import write_settings
from tests.server.calls.audit_lines import lines_of, verified, written
from tests.server.conftest import Ground
from tests.server.harness import Running, connected, running, services_of


@pytest.fixture
async def run(ground: Ground) -> AsyncGenerator[Running]:
    async with running("http-modern", ground.environ(), ground.root) as it:
        yield it


async def _agree(*_args: Any) -> types.ElicitResult:
    return types.ElicitResult(action="accept", content={})


async def _decline(*_args: Any) -> types.ElicitResult:
    return types.ElicitResult(action="decline")


async def test_a_run_has_a_line_before_it_starts_and_one_at_its_end(run: Running) -> None:
    async with run.connect() as client:
        await client.call_tool("show-greeting", {"who": "you", "topk": "2"})
    lines = await written(run)
    start = next(line for line in lines if line["event"] == "run.start")
    assert start["arguments"] == {"who": "you", "topk": "2"}
    assert start["tool"] == "show-greeting"
    assert start["operation"] == "pipeline ops-system/show-greeting"
    assert (start["rule"], start["effect"]) == ("read-only-operation", "allow")
    assert (start["transport"], start["auth"]) == ("http", "local")
    assert start["client"]["address"] == "127.0.0.1"
    assert start["targets"] == ["host:localhost"]
    assert len(start["arguments_mac"]) == 64
    end = next(line for line in lines if line["event"] == "run.end")
    assert (end["run"], end["verdict"], end["outcome"]) == (start["run"], "succeeded", "success")
    assert end["duration_seconds"] >= 0
    assert end["seq"] > start["seq"]


@pytest.mark.parametrize("token", ["", "planted-server-token"], ids=["open", "token"])
async def test_behind_a_proxy_that_is_believed_a_line_has_the_address_of_who_asks(
    token: str, ground: Ground
) -> None:
    given = {"OPSMCP_SERVER_TRUSTED_PROXIES": "127.0.0.1/32", "OPSMCP_SERVER_TOKEN": token}
    sent = {"X-Forwarded-For": "203.0.113.7", "Authorization": f"Bearer {token or 'none'}"}
    async with (
        running("http-modern", ground.environ(**given), ground.root) as run,
        httpx2.AsyncClient(headers=sent, timeout=30) as http,
        Client(streamable_http_client(f"{run.url}/mcp", http_client=http)) as client,
    ):
        await client.call_tool("show-greeting", {"who": "you", "topk": "2"})
        lines = await written(run)
    start = next(line for line in lines if line["event"] == "run.start")
    assert start["client"]["address"] == "203.0.113.7"


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_a_change_is_decided_on_asked_about_answered_and_started(
    era: str, ground: Ground
) -> None:
    async with (
        running(f"http-{era}", ground.environ(), ground.root) as run,
        run.connect(elicitation_callback=_agree) as client,
    ):
        await client.call_tool("delete-thing", {"name": "disk-7"})
        lines = await written(run)
    told = [line["event"] for line in lines]
    of_call = ["decide", "consent.asked", "consent.answered", "run.start"]
    assert [event for event in told if event in of_call] == of_call
    start = next(line for line in lines if line["event"] == "run.start")
    assert (start["rule"], start["effect"], start["consent"]) == ("changes", "confirm", "client")


async def test_a_refusal_of_the_person_is_told_and_nothing_starts(run: Running) -> None:
    async with run.connect(elicitation_callback=_decline) as client:
        await client.call_tool("delete-thing", {"name": "disk-7"})
    lines = await written(run)
    told = {line["event"]: line for line in lines}
    assert told["consent.answered"]["outcome"] == "failure", sorted(told)
    assert "run.start" not in [line["event"] for line in lines]


async def test_calls_that_are_refused_are_told_without_what_nobody_checked(run: Running) -> None:
    planted = "planted-" + "password-1"
    async with run.connect() as client:
        with pytest.raises(MCPError, match="no tool"):
            await client.call_tool("no-such-tool", {"password": planted})
        await client.call_tool("show-greeting", {"who": "you", "password": planted})
        await client.call_tool("get_run", {"run": "r-nothere"})
        await client.call_tool("get_run", {"run": "r-nothere"})
    refused = await written(run, "call.refused")
    assert [line["tool"] for line in refused] == ["no-such-tool", "show-greeting", "get_run"]
    assert refused[1]["arguments"] == {"who": "you", "password": "***"}
    assert planted not in json.dumps(refused)


async def test_what_came_again_is_counted_when_the_process_ends(ground: Ground) -> None:
    async with running("http-modern", ground.environ(), ground.root) as run:
        async with run.connect() as client:
            for _ in range(4):
                await client.call_tool("get_run", {"run": "r-nothere"})
        for _ in range(25):
            services_of(run).calls.audit.kept_out("unknown_token", "", "192.0.2.1")
    first, last = lines_of(ground.root / "state", "call.refused")
    assert ("count" in first, last["count"]) == (False, 2)
    assert first["reason"] == last["reason"]
    assert len(lines_of(ground.root / "state", "auth.refused")) == 20
    (limited,) = lines_of(ground.root / "state", "auth.limited")
    assert (limited["count"], limited["client"]["address"]) == (5, "192.0.2.1")


async def test_whose_token_was_refused_is_told_where_that_is_certain(run: Running) -> None:
    audit, who = services_of(run).calls.audit, Principal("anna", ("ops",), "token:anna")
    async with run.connect():
        audit.kept_out("revoked", "token u5XGeNhb", "127.0.0.1", who)
        audit.kept_out("malformed", "", "127.0.0.1")
        lines = await written(run, "auth.refused")
    assert [line.get("principal") for line in lines] == [
        {"id": "token:anna", "name": "anna", "groups": ["ops"]},
        None,
    ]


async def test_of_a_secret_where_a_text_is_cut_no_beginning_is_told(run: Running) -> None:
    planted = "AKIA" + "Q" * 16
    audit, who = services_of(run).calls.audit, services_of(run).calls.principal
    async with run.connect() as client:
        with pytest.raises(MCPError, match="no tool"):
            await client.call_tool("x" * 88 + f" {planted}", {"x" * 88 + f" {planted}": "1"})
    audit.note("decide", who, arguments={"note": "x" * 4_080 + f" {planted} " + "x" * 8_000})
    audit.kept_out("unknown", "x" * 988 + f" {planted}", "127.0.0.1")
    lines = await written(run)
    told = [line for line in lines if line["event"] in ("call.refused", "decide", "auth.refused")]
    assert len(told) == 3
    assert planted[:4] not in json.dumps(told)


async def test_what_policy_denies_is_told_with_its_rule(ground: Ground) -> None:
    rules = "policy: {rules: [{name: nobody greets, effect: deny, operation: show-greeting}]}\n"
    write_settings(ground.root, rules)
    async with running("http-modern", ground.environ(), ground.root) as run:
        async with run.connect() as client:
            await client.call_tool("show-greeting", {"who": "you"})
        (denied,) = await written(run, "decide")
    assert (denied["effect"], denied["outcome"]) == ("deny", "failure")
    assert (denied["tool"], denied["rule"]) == ("show-greeting", "nobody greets")


async def test_plans_outputs_and_cancels_are_told(run: Running) -> None:
    async with run.connect() as client:
        named = {"name": "show-greeting", "arguments": {"who": "you"}}
        await client.call_tool("plan_operation", named)
        made = await client.call_tool("show-greeting", {"who": "you"})
        data: dict[str, Any] = made.structured_content or {}
        handle = str(data["run"])
        await client.call_tool("get_run_output", {"run": handle})
        await client.call_tool("get_run_output", {"run": handle})
        await client.call_tool("cancel_run", {"run": handle})
        await client.list_tools()
    lines = await written(run)
    told = [line["event"] for line in lines]
    assert "list" in told
    wanted = ("plan", "run.start", "run.end", "output.read", "run.cancel")
    assert [event for event in told if event in wanted] == list(wanted)
    assert {line.get("run") for line in lines if line["event"] in wanted[1:]} == {handle}


async def test_nothing_starts_while_its_line_cannot_be_written(ground: Ground) -> None:
    (ground.root / "in-the-way").write_text("", "utf-8")
    environ = ground.environ(OPSMCP_AUDIT_DIR=str(ground.root / "in-the-way"))
    async with running("http-modern", environ, ground.root) as run:
        async with run.connect() as client:
            answer = await client.call_tool("show-greeting", {"who": "you"})
        assert services_of(run).calls.audit.failure
        async with run.connect() as client:
            listed = await client.call_tool("list_runs", {})
    assert answer.is_error
    assert "nothing was started: the audit trail in" in str(answer.content[0])
    assert "nothing_ran" in json.dumps(listed.structured_content)


async def test_where_it_is_not_required_runs_start_without_it(ground: Ground) -> None:
    (ground.root / "in-the-way").write_text("", "utf-8")
    environ = ground.environ(
        OPSMCP_AUDIT_DIR=str(ground.root / "in-the-way"), OPSMCP_AUDIT_REQUIRED="false"
    )
    async with connected("http-modern", environ, ground.root) as client:
        answer = await client.call_tool("show-greeting", {"who": "you"})
    assert not answer.is_error


async def test_where_it_is_switched_off_there_is_none(ground: Ground) -> None:
    environ = ground.environ(OPSMCP_AUDIT_ENABLED="false")
    async with connected("http-modern", environ, ground.root) as client:
        await client.call_tool("show-greeting", {"who": "you"})
    assert not (ground.root / "state" / "audit").exists()


async def test_a_session_over_stdio_is_a_whole_trail(ground: Ground) -> None:
    async with connected("stdio-modern", ground.environ(), ground.root) as client:
        await client.list_tools()
        assert not (ground.root / "state" / "audit").exists()
        await client.call_tool("show-greeting", {"who": "you"})
    state = ground.root / "state"
    told = [line["event"] for line in lines_of(state)]
    expected = ["audit.open", "server.start", "run.start", "run.end", "server.stop"]
    assert told == [*expected, "audit.checkpoint"]
    (start,) = lines_of(state, "server.start")
    assert start["settings"]["state.dir"] == str(state)
    (begun,) = lines_of(state, "run.start")
    assert (begun["transport"], begun["auth"]) == ("stdio", "local")
    assert verified(state).problem is None


_UNTIL_LIST = """
import sys, anyio
from pathlib import Path
from mcp import Client
from opsmcp_server.app import open_services
from opsmcp_server.config.load import load
from opsmcp_server.protocol.handlers import build_server

async def main():
    environ = {"OPSMCP_STATE_DIR": sys.argv[1], "HOME": sys.argv[1]}
    async with open_services(load(environ, cwd=Path(sys.argv[1])), environ) as services:
        services.calls.audit.serve("stdio")
        async with Client(build_server(services)) as client:
            await client.list_tools()
        late = (
            "opsmcp_pipelines.ssh.inventory", "opsmcp_pipelines.verdict.judge",
            "opsmcp_server.calls.audit_trail", "opsmcp_server.calls.prepare",
            "opsmcp_server.copies", "opsmcp_server.protocol.resources",
            "opsmcp_server.protocol.tool_calls", "opsmcp_tools.audit",
        )
        print([name for name in sys.modules if name.startswith(late)])

anyio.run(main)
"""


def test_what_a_list_does_not_need_is_not_imported_before_the_first_call(tmp_path: Path) -> None:
    import subprocess

    done = subprocess.run(
        [sys.executable, "-c", _UNTIL_LIST, str(tmp_path)], capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr
