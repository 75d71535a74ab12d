"""Planted secrets leave on no path: not as they are, not encoded, not in pieces, not on disk."""

import base64
import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import pytest
import yaml
from anyio import to_thread
from mcp import Client

from opsmcp_server.calls.llm_summary import Model
from tests.fakes.openai_server import fake_openai
from tests.server.cli.inside import run_inside, settled
from tests.server.cli.process import Opsmcp
from tests.server.harness import Running, running, settings

BOUND = "planted-b0und/secret+value=="
FIXED = "planted-f1xed-value"
LINES = "planted-first-line-of-a-secret\nplanted-second-line-of-it"
PEM = "-----BEGIN PRIVATE KEY-----\nplantedMIIEvQIBADANBgkqhkiG\n-----END PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.planted-signature-0123456789"
SECRETS = (
    BOUND,
    quote(BOUND, safe=""),
    base64.b64encode(BOUND.encode()).decode(),
    base64.b64encode(FIXED.encode()).decode(),
    "planted",
    "cGxhbnRlZC1i",
    "cGxhbnRlZC1m",
)
"""What must be seen nowhere; `planted` is in all of them."""

SCRIPT = """\
printf '%s\\n' "bound ${sk}" "fixed ${token}" "lines ${password}" "argument ${word}"
sk=${sk}; rest=${sk#?????????}
printf 'escaped \\033[1m%.9s\\033[0m%s\\n' "$sk" "$rest"
printf '%s' "${sk}" | base64; printf '%s' "x${token}" | base64
printf 'in pieces %.9s' "$sk"; printf '%s\\n' "$rest"
printf '%s\\n' "url https://u:planted-in-url@db/x?token=planted-query" "Bearer planted-bearer-1234"
cat <<'END'
PEM
JWT
END
echo "OPS_RESULT:found=${sk}"
cat GATE
exit 3
"""
MANIFEST: dict[str, Any] = {
    "apiVersion": "crd.chenshaowen.com/v1",
    "kind": "Task",
    "metadata": {
        "name": "show-secrets",
        "namespace": "ops-system",
        "labels": {"ops/copilot": "enabled", "opsmcp/read-only": "true"},
    },
    "spec": {
        "desc": "show what must not be shown",
        "host": "localhost",
        "variables": {
            "sk": {"required": True},
            "token": {"value": FIXED},
            "password": {"required": True},
            "word": {"default": "none", "regex": "[a-z0-9/+=-]+"},
        },
    },
}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    script = SCRIPT.replace("PEM", PEM).replace("JWT", JWT)
    script = script.replace("cat GATE", f"cat {tmp_path}/gate 2>/dev/null")
    steps = [{"name": "show", "content": script}]
    manifest = {**MANIFEST, "spec": {**MANIFEST["spec"], "steps": steps}}
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "all.yaml").write_text(yaml.safe_dump(manifest), "utf-8")
    return settings(
        tmp_path,
        OPSMCP_EMBEDDED_MANIFESTS=str(folder),
        OPSMCP_EMBEDDED_BUNDLED="false",
        OPSMCP_BIND_SK=BOUND,
        OPSMCP_BIND_PASSWORD=LINES,
        OPSMCP_SERVER_TOKEN="planted-server-token",
    )


def leaks(shown: object) -> list[str]:
    """What is seen of the secrets, with a little of what stands before."""
    text = (shown if isinstance(shown, str) else repr(shown)).lower()
    found = (secret.lower() for secret in SECRETS if secret.lower() in text)
    return [text[max(0, text.index(one) - 60) :][:120] for one in found]


async def everything(client: Client, run: str) -> list[object]:
    """Every way in which a run, a plan and errors are shown."""
    mirror = f"what about {BOUND} and planted-x token=planted-y"
    return [
        await client.call_tool("get_run", {"run": run, "wait_seconds": 0}),
        await client.call_tool("get_run_output", {"run": run}),
        await client.call_tool("get_run_output", {"run": run, "search": "bound"}),
        await client.call_tool("get_run_output", {"run": run, "offset": 20, "limit": 30}),
        await client.call_tool("list_runs", {}),
        await client.call_tool("plan_operation", {"name": "show-secrets"}),
        await client.read_resource(f"ops://runs/{run}"),
        await client.read_resource(f"ops://runs/{run}/output"),
        await client.read_resource("ops://operations/show-secrets"),
        await client.list_tools(),
        await client.call_tool("show-secrets", {"word": f"{BOUND}; id"}),
        await client.call_tool("show-secrets", {"wrong": BOUND}),
        await client.get_prompt("investigate", {"problem": mirror.replace("planted-x", "")}),
    ]


@asynccontextmanager
async def opened(link: str, environ: dict[str, str], root: Path) -> AsyncGenerator[Running]:
    async with running(link, environ, root) as run:
        yield run


@pytest.mark.parametrize("link", ["memory-legacy", "http-modern"])
async def test_nothing_that_a_client_is_told(
    link: str, environ: dict[str, str], tmp_path: Path
) -> None:
    told: list[object] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))

    async with opened(link, environ, tmp_path) as run, run.connect() as client:
        result = await client.call_tool(
            "show-secrets", {"word": BOUND}, progress_callback=on_progress
        )
        assert result.structured_content["verdict"] == "failed"
        told += [result, *await everything(client, result.structured_content["run"])]
    assert "bound ***" in repr(told) and "fixed ***" in repr(told)
    for shown in told:
        assert leaks(shown) == [], shown


async def test_nothing_of_a_run_that_goes_on(environ: dict[str, str], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    environ = {**environ, "OPSMCP_RUN_WAIT_SECONDS": "1"}
    async with opened("memory-modern", environ, tmp_path) as run, run.connect() as client:
        result = await client.call_tool("show-secrets", {})
        assert result.structured_content["verdict"] == "running"
        told = await everything(client, result.structured_content["run"])
        with anyio.fail_after(60):
            await to_thread.run_sync((tmp_path / "gate").write_text, "through\n")
            ended = await client.call_tool("get_run", {"run": result.structured_content["run"]})
        assert ended.structured_content["verdict"] == "failed"
    assert "bound ***" in repr(told)
    for shown in (result, *told, ended):
        assert leaks(shown) == [], shown


async def test_nothing_on_the_disk(environ: dict[str, str], tmp_path: Path) -> None:
    async with opened("memory-legacy", environ, tmp_path) as run, run.connect() as client:
        await client.call_tool("show-secrets", {"word": BOUND})
    files = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert "journal.db" in {path.name for path in files}
    for path in files:
        assert leaks(path.read_bytes().decode("latin-1")) == [], path


LINES_OF_COMMANDS = (
    ["call", "show-secrets"],
    ["call", "show-secrets", "--json", "--new"],
    ["call", "show-secrets", "--plan"],
    ["call", "show-secrets", "--plan", "--json"],
    ["call", "show-secrets", f"word={BOUND};"],
    ["tools", "--all", "--json"],
    ["runs", "--json"],
    ["config"],
    ["lint", "--json"],
)


async def test_nothing_that_commands_print(environ: dict[str, str], tmp_path: Path) -> None:
    with settled(environ, tmp_path):
        said = [await to_thread.run_sync(run_inside, list(line)) for line in LINES_OF_COMMANDS]
        runs = json.loads(said[6][1])["runs"]
        one = ["runs", runs[0]["run"]]
        more = ([*one], [*one, "--output"], [*one, "--json"])
        said += [await to_thread.run_sync(run_inside, line) for line in more]
    assert any("bound ***" in text for _, text in said)
    for (_, text), line in zip(said, [*LINES_OF_COMMANDS, *more], strict=True):
        assert leaks(text) == [], line


def test_nothing_that_a_process_logs(environ: dict[str, str], tmp_path: Path) -> None:
    done = Opsmcp(tmp_path, environ)("call", "show-secrets", "--verbose")
    assert "DEBUG" in done.stderr or "INFO" in done.stderr
    assert leaks(done.stdout) == [] and leaks(done.stderr) == []


async def test_nothing_that_a_model_is_asked(environ: dict[str, str], tmp_path: Path) -> None:
    with fake_openai() as fake:
        more = {
            "OPENAI_API_BASE": fake.url,
            "OPENAI_API_MODEL": "small",
            "OPENAI_API_KEY": "planted-key-of-the-endpoint",
            "OPSMCP_RESULT_SUMMARY": "llm",
        }
        async with (
            opened("memory-modern", environ | more, tmp_path) as run,
            run.connect() as client,
        ):
            await client.call_tool("show-secrets", {})
        bodies = [json.dumps(request.body) for request in fake.requests]
    assert bodies and all("bound ***" in body and leaks(body) == [] for body in bodies)
    assert leaks(Model(fake.url, "small", "planted-key")) == []
