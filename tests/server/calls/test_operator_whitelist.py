"""The operator whitelist of Ops' pipelines: the server says who calls, and no call can."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from tests.own_settings import write_settings
from tests.server.harness import running, services_of, serving, settings
from tests.server.people import client_of, known_by_name

_MANIFESTS = """\
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {name: check-whitelist}
spec:
  host: localhost
  variables: {white: {required: true}, whitelist: {required: true}}
  steps:
    - name: check
      content: |
        case ",${whitelist}," in
          *",${white},"*) echo "${white} may" ;;
          *) echo "${white} may not"; exit 1 ;;
        esac
---
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {name: show-secret-thing}
spec: {host: localhost, steps: [{name: show, content: echo shown}]}
---
apiVersion: crd.chenshaowen.com/v1
kind: Pipeline
metadata: {name: show-thing, labels: {ops/copilot: enabled}}
spec:
  desc: show the thing
  tasks: [{name: check, taskRef: check-whitelist}, {name: show, taskRef: show-secret-thing}]
"""
_BIND = 'bind: {whitelist: {value: "anna,bob", secret: false}}\n'


@asynccontextmanager
async def client_called(
    name: str, folder: Path, era: str, bind: str = _BIND
) -> AsyncGenerator[Client]:
    write_settings(folder, bind)
    (folder / "own").mkdir()
    (folder / "own" / "own.yaml").write_text(_MANIFESTS, "utf-8")
    environ = settings(
        folder,
        OPSMCP_EMBEDDED_MANIFESTS=str(folder / "own"),
        OPSMCP_EMBEDDED_BUNDLED="false",
    )
    async with (
        running("memory-modern", environ, folder) as run,
        serving(services_of(run), known_by_name) as url,
        client_of(name, url, era) as client,
    ):
        yield client


@pytest.mark.parametrize("era", ["legacy", "modern"])
@pytest.mark.parametrize(("name", "verdict"), [("anna", "succeeded"), ("eve", "failed")])
async def test_only_those_on_the_list_get_past_it(
    tmp_path: Path, name: str, verdict: str, era: str
) -> None:
    async with client_called(name, tmp_path, era) as client:
        result: Any = await client.call_tool("show-thing", {})
        (tool,) = [one for one in (await client.list_tools()).tools if one.name == "show-thing"]
    assert result.structured_content["verdict"] == verdict
    assert f"{name} may" in str(result.content)
    assert set(tool.input_schema["properties"]) & {"white", "whitelist"} == set()


@pytest.mark.parametrize("forged", [{"white": "anna"}, {"whitelist": "eve"}], ids=str)
async def test_a_call_cannot_say_who_calls_or_who_may(
    tmp_path: Path, forged: dict[str, str]
) -> None:
    async with client_called("eve", tmp_path, "modern") as client:
        result = await client.call_tool("show-thing", forged)
        runs: Any = await client.call_tool("list_runs", {})
    assert result.is_error and "filled by the server" in str(result.content)
    assert runs.structured_content["runs"] == []


async def test_without_a_list_the_operation_is_withheld(tmp_path: Path) -> None:
    async with client_called("anna", tmp_path, "modern", bind="") as client:
        result = await client.call_tool("show-thing", {})
    assert result.is_error and "set bind.whitelist" in str(result.content)
