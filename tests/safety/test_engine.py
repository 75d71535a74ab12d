"""On the embedded engine a refused call starts no process; one that is fine does."""

import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from mcp import Client

from opsmcp_pipelines.kinds.kind import Kind
from tests.safety.conftest import DECLARED, GOOD, NAME, TYPED, everything_script, shown
from tests.safety.hostile import calls, texts
from tests.safety.test_entries import answer_of, foreign, how_refused
from tests.server.harness import connected, settings
from tests.tools.corpus import INVENTORY, VARIABLES

ALLOWS_MORE = {VARIABLES[Kind.TEXT].name, VARIABLES[Kind.URL].name}
"""Here these take what would be code where it is pasted; `test_canary` holds that it is none."""

FINE = {**GOOD, "host": "localhost"}

_EVENTS = ("subprocess.Popen", "os.posix_spawn", "os.exec", "os.fork", "os.system", "pty.spawn")
_ASKED_FOR = "socket.sendmsg"
"""A run's supervisor is asked for by handing a socket to the process that forks it."""

_started: list[str] = []

pytestmark = pytest.mark.unmeasured


def _note(event: str, _arguments: tuple[Any, ...]) -> None:
    if event in (*_EVENTS, _ASKED_FOR):
        _started.append(event)


@pytest.fixture(scope="module", autouse=True)
def _watched() -> None:
    """Note every process that this one starts, from here on: such a hook cannot be taken away."""
    sys.addaudithook(_note)


@dataclass(frozen=True)
class Engine:
    """A client of an opsmcp in this process, and what it started."""

    client: Client
    folder: Path

    def began(self) -> list[str]:
        """The processes that were started since this was asked last."""
        found = _started[:]
        _started.clear()
        return found


@pytest.fixture(scope="module", params=["memory-legacy", "memory-modern"])
async def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Engine]:
    folder = tmp_path_factory.mktemp("engine")
    manifests, config = folder / "manifests", folder / "opsmcp.yaml"
    manifests.mkdir()
    (manifests / "everything.yaml").write_text(yaml.safe_dump(_manifest()), "utf-8")
    config.write_text(yaml.safe_dump(TYPED), "utf-8")
    (folder / "kubeconfig").write_text(yaml.safe_dump(_kubeconfig()), "utf-8")
    environ = settings(
        folder,
        KUBECONFIG=str(folder / "kubeconfig"),
        OPSMCP_CONFIG=str(config),
        OPSMCP_EMBEDDED_MANIFESTS=str(manifests),
        OPSMCP_VALUES_LOCAL_URLS="deny",
    )
    async with connected(request.param, environ, folder) as client:
        it = Engine(client, folder)
        it.began()
        yield it


def _manifest() -> dict[str, Any]:
    metadata = {"name": NAME, "namespace": "ops-system", "labels": {"ops/copilot": "enabled"}}
    return {
        "apiVersion": "crd.chenshaowen.com/v1",
        "kind": "Task",
        "metadata": metadata,
        "spec": {
            "desc": "show everything",
            "variables": DECLARED,
            "steps": [{"name": "show", "content": everything_script()}],
        },
    }


def _kubeconfig() -> dict[str, Any]:
    """As many clusters as there are on the Ops server; nothing asks them anything here."""
    names = [item.name for item in INVENTORY.clusters]
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": "https://127.0.0.1:1"}} for name in names
        ],
        "users": [{"name": "nobody", "user": {}}],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": "nobody"}} for name in names
        ],
    }


async def test_a_good_call_starts_a_process(engine: Engine) -> None:
    good = await engine.client.call_tool(NAME, FINE)
    assert not good.is_error, good
    assert engine.began() != []


async def test_a_refused_call_starts_none(engine: Engine) -> None:
    faults = list[str]()
    for given in calls(thorough=True):
        strict = {name: value for name, value in given.items() if name not in ALLOWS_MORE}
        if strict:
            faults += await how_refused(engine.client, NAME, strict)
    assert faults == []
    assert engine.began() == []


@pytest.mark.parametrize("name", sorted(ALLOWS_MORE))
async def test_what_takes_more_starts_one_only_when_it_takes_it(engine: Engine, name: str) -> None:
    refused = 0
    for given in calls(thorough=True):
        if name in given:
            is_error, text = await answer_of(
                engine.client.call_tool(NAME, {**FINE, name: given[name]})
            )
            refused += is_error
            assert bool(engine.began()) is not is_error, shown(given[name])
            assert foreign(text) == [], shown(given[name])
    assert refused > 100


async def test_what_only_looks_starts_none(engine: Engine) -> None:
    for text in texts()[::4]:
        if "\ud800" in text:
            continue  # no client can send it
        await answer_of(
            engine.client.call_tool("plan_operation", {"name": NAME, "arguments": FINE})
        )
        await answer_of(engine.client.call_tool("plan_operation", {"name": text, "arguments": {}}))
        await answer_of(engine.client.call_tool(text, FINE))
        await answer_of(engine.client.read_resource(f"ops://operations/{text}"))
    assert engine.began() == []
