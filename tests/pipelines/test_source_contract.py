"""Every source keeps to the same contract, whatever is behind it."""

import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from opsmcp_pipelines.embedded.source import EmbeddedSettings, open_embedded_source
from opsmcp_pipelines.models import OperationKey, OperationKind
from opsmcp_pipelines.ops.source import OpsSettings, open_ops_source
from opsmcp_pipelines.source_contract import CHECKS, Subject
from tests.fakes.ops_server import fake_ops

_MANIFEST = """
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {name: quick, namespace: ops-system}
spec: {host: localhost, steps: [{name: say, content: echo hello}]}
---
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {name: long, namespace: ops-system}
spec: {host: localhost, steps: [{name: wait, content: sleep 60}]}
"""


def _task(name: str) -> OperationKey:
    return OperationKey(OperationKind.TASK, "ops-system", name)


@asynccontextmanager
async def _embedded(folder: Path) -> AsyncGenerator[Subject]:
    (folder / "all.yaml").write_text(_MANIFEST, "utf-8")
    settings = EmbeddedSettings(
        environ={"PATH": os.environ["PATH"]},  # noqa: TID251 - what steps are found by
        manifests=(folder,),
        bundled=False,
    )
    async with open_embedded_source(settings) as source:
        yield Subject(source, _task("quick"), _task("long"))


@asynccontextmanager
async def _ops(folder: Path) -> AsyncGenerator[Subject]:
    key = OperationKey(OperationKind.PIPELINE, "ops-system", "bed-echo")
    async with (
        fake_ops() as ops,
        open_ops_source(OpsSettings(server=ops.url, token=ops.token)) as source,
    ):
        yield Subject(source, key, key)


@pytest.mark.parametrize("opened", [_embedded, _ops], ids=["embedded", "ops"])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_a_source_keeps_to_the_contract(
    check: Callable[[Subject], Awaitable[None]],
    opened: Callable[[Path], AbstractAsyncContextManager[Subject]],
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as subject:
        await check(subject)
