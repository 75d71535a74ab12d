"""An embedded engine with hosts that a program called `ssh` stands for; or the real one."""

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from opsmcp_pipelines.catalogue import Contents
from opsmcp_pipelines.embedded.source import EmbeddedSettings, EmbeddedSource, open_embedded_source
from opsmcp_pipelines.models import OperationKey, OperationKind
from opsmcp_pipelines.run import Run
from opsmcp_pipelines.source import RunRef, StartRequest
from opsmcp_pipelines.ssh.named_hosts import HostSettings
from opsmcp_pipelines.verdict.judge import judge
from tests.fakes.ssh_program import install_ssh

__all__ = ["HEAD", "Engine", "open_engine", "write_hosts"]

HEAD = "---\napiVersion: crd.chenshaowen.com/v1\nkind: "
PATH = os.environ["PATH"]  # noqa: TID251 - programs are found by it


class Engine:
    """Starts operations, and follows them to their end."""

    def __init__(self, source: EmbeddedSource) -> None:
        self.source = source

    async def contents(self) -> Contents:
        return await self.source.read()

    async def withheld(self) -> Mapping[str, str]:
        """Why each operation is withheld that is."""
        return {one.operation: one.reason for one in (await self.contents()).problems}

    async def start(self, key: OperationKey, call: str, values: Mapping[str, str]) -> RunRef:
        definition = (await self.contents()).definition(key)
        assert definition is not None, await self.withheld()
        return await self.source.start(StartRequest(definition, call, values))

    async def run(self, operation: str, /, *, pipeline: bool = False, **values: str) -> Run:
        """Run it to its end; what is true of it."""
        kind = OperationKind.PIPELINE if pipeline else OperationKind.TASK
        key = OperationKey(kind, "ops-system", operation)
        ref = await self.start(key, f"r-{operation}", values)
        contents = await self.contents()
        definition = contents.definition(key)
        assert definition is not None
        while not (report := await self.source.read_run(ref)).status.ended:
            await self.source.changed(ref)
        self.source.forget(ref)
        return judge(report, self.source.expect(definition, contents, values))


def write_hosts(path: Path, *names: str) -> Path:
    """A file of Hosts."""
    hosts = (f"{HEAD}Host\nmetadata: {{name: {name}}}\n" for name in names)
    path.write_text("".join(hosts), encoding="utf-8")
    return path


@asynccontextmanager
async def open_engine(
    folder: Path, manifest: str, hosts: HostSettings | None, files: Path | None = None
) -> AsyncGenerator[Engine]:
    """An engine with one manifest, whose `ssh` is a fake where `hosts` names no configuration."""
    manifests = folder / "manifests"
    manifests.mkdir()
    (manifests / "all.yaml").write_text(manifest, encoding="utf-8")
    real = hosts is not None and hosts.ssh_config is not None
    path = PATH if real else f"{install_ssh(folder / 'bin')}:{PATH}"
    settings = EmbeddedSettings(
        {"PATH": path, "HOME": str(folder), "OPS_TOKEN": "secret"},
        manifests=(manifests,),
        bundled=False,
        hosts=hosts,
        files=files,
    )
    async with open_embedded_source(settings) as source:
        yield Engine(source)
