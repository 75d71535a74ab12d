"""One operation that takes a variable of every kind, on an Ops server and on the engine."""

import json
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from mcp import Client

from opsmcp_pipelines.kinds.kind import Kind
from tests.fakes.ops_server import FakeOps, fake_ops
from tests.fakes.ops_state import make_pipeline, make_task
from tests.safety.hostile import texts
from tests.server.harness import connected, settings
from tests.tools.corpus import INVENTORY, ORDINARY, VARIABLES

NAME = "show-everything"
GOOD: dict[str, Any] = {VARIABLES[kind].name: values[0] for kind, values in ORDINARY.items()}
"""A call that is fine, in the same variables."""

LINKS = [f"{way}-{era}" for way in ("memory", "stdio", "http") for era in ("legacy", "modern")]

DECLARED = {
    variable.name: {"desc": f"a {kind}", "enums": list(variable.enums), "regex": variable.regex}
    for kind, variable in VARIABLES.items()
}
TYPED = {"tools": {"kinds": {VARIABLES[Kind.TEXT].name: "text"}}}


@dataclass(frozen=True)
class Target:
    """An opsmcp to attack: its environment, where it lives, and the Ops server behind it."""

    environ: dict[str, str]
    root: Path
    ops: FakeOps


def everything_script() -> str:
    """Every variable, each in double quotes, so that text is allowed as well."""
    return "\n".join(f'echo "${{{name}}}"' for name in DECLARED)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """For the whole module, because starting a server for each attack would take minutes."""
    return "asyncio"


@pytest.fixture(scope="module")
async def target(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Target]:
    tmp_path = tmp_path_factory.mktemp("target")
    (tmp_path / "opsmcp.yaml").write_text(yaml.safe_dump(TYPED), "utf-8")
    async with fake_ops() as ops:
        ops.replace("pipelines", make_pipeline(NAME, NAME, variables=DECLARED))
        ops.replace("tasks", make_task(NAME, everything_script(), variables=DECLARED))
        ops.replace("clusters", *(_object(item.name) for item in INVENTORY.clusters))
        ops.replace("hosts", *(_object(item.name) for item in INVENTORY.hosts))
        environ = settings(
            tmp_path,
            OPS_SERVER=ops.url,
            OPS_TOKEN=ops.token,
            OPSMCP_CONFIG=str(tmp_path / "opsmcp.yaml"),
        )
        yield Target(environ, tmp_path, ops)


@dataclass(frozen=True)
class Attacked:
    """A client of the target, over one link."""

    link: str
    client: Client
    ops: FakeOps

    def texts(self) -> list[str]:
        """Hostile texts of every class, as far as a client can send them; others for each link."""
        return [text for text in texts()[LINKS.index(self.link) :: 12] if "\ud800" not in text]


@asynccontextmanager
async def _attack(link: str, target: Target) -> AsyncGenerator[Attacked]:
    async with connected(link, target.environ, target.root) as client:
        yield Attacked(link, client, target.ops)


@pytest.fixture(scope="module", params=LINKS)
async def everywhere(request: pytest.FixtureRequest, target: Target) -> AsyncGenerator[Attacked]:
    """Over every transport, in both eras."""
    async with _attack(request.param, target) as it:
        yield it


@pytest.fixture(scope="module", params=LINKS[:2])
async def nearby(request: pytest.FixtureRequest, target: Target) -> AsyncGenerator[Attacked]:
    """In both eras, without a transport: quick."""
    async with _attack(request.param, target) as it:
        yield it


@pytest.fixture
def attacked(everywhere: Attacked) -> Generator[Attacked]:
    """The same for an attack, during which nothing may start."""
    yield from _watched(everywhere)


@pytest.fixture
def near(nearby: Attacked) -> Generator[Attacked]:
    """The same for an attack, during which nothing may start."""
    yield from _watched(nearby)


def _watched(attacked: Attacked) -> Generator[Attacked]:
    before = len(attacked.ops.posts)
    yield attacked
    assert attacked.ops.posts[before:] == []


def _object(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "ops-system"}, "spec": {}, "status": {}}


def shown(value: object) -> str:
    """For a list of what went wrong."""
    return json.dumps(value, default=repr)[:120]
