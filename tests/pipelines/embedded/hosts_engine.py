"""An embedded engine with hosts that a program which stands for ssh reaches; see `ssh_program`."""

import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from opsmcp_pipelines.embedded.source import EmbeddedSettings, EmbeddedSource, open_embedded_source
from opsmcp_pipelines.many_hosts import Brakes
from opsmcp_pipelines.models import OperationKey, OperationKind
from opsmcp_pipelines.run import Run, RunReport
from opsmcp_pipelines.source import RunRef, StartRequest
from opsmcp_pipelines.ssh.named_hosts import HostSettings
from opsmcp_pipelines.verdict.judge import judge
from tests.fakes.ssh_program import install_ssh

_DIGITS = "-0123456789"

__all__ = ["HEAD", "Engine", "key", "open_engine", "task", "ticks"]

HEAD = "---\napiVersion: crd.chenshaowen.com/v1\nkind: "


def task(name: str, *scripts: str, labels: str = "{}", spec: str = "") -> str:
    steps = "".join(
        f"  - name: s{number}\n    content: |\n      " + script.replace("\n", "\n      ") + "\n"
        for number, script in enumerate(scripts)
    )
    return (
        f"{HEAD}Task\nmetadata: {{name: {name}, labels: {labels}}}\nspec:\n  desc: d\n{spec}"
        f"  variables: {{word: {{default: none}}}}\n  steps:\n{steps}"
    )


class Engine:
    def __init__(self, source: EmbeddedSource, folder: Path) -> None:
        self.source = source
        self.folder = folder

    async def start(
        self, name: str, host: str, word: str = "hi", *, reads_only: bool = False
    ) -> RunRef:
        definition = (await self.source.read()).definition(key(name))
        assert definition is not None
        variables = {"host": host, "word": word}
        call = f"r-{name}-{host}"
        return await self.source.start(
            StartRequest(definition, call, variables, reads_only=reads_only)
        )

    async def ended(self, ref: RunRef) -> RunReport:
        while not (report := await self.source.read_run(ref)).status.ended:
            await self.source.changed(ref)
        return report

    async def run(self, name: str, host: str, word: str = "hi", *, reads_only: bool = False) -> Run:
        """Run it to its end; what is true of it."""
        ref = await self.start(name, host, word, reads_only=reads_only)
        return await self.judged(ref, host)

    async def judged(self, ref: RunRef, host: str) -> Run:
        """What is true of a run when it has ended."""
        contents = await self.source.read()
        definition = contents.definition(ref.operation)
        assert definition is not None
        expected = self.source.expect(definition, contents, {"host": host})
        return judge(await self.ended(ref), expected)

    def calls(self, name: str) -> int:
        """How often the host was called."""
        log = self.folder / f"{name}.log"
        return len(log.read_text().splitlines()) if log.exists() else 0


async def ticks(seconds: float) -> AsyncGenerator[None]:
    end = anyio.current_time() + seconds
    while anyio.current_time() < end:
        yield
        await anyio.sleep(0.01)


def key(name: str) -> OperationKey:
    return OperationKey(OperationKind.TASK, "ops-system", name)


@asynccontextmanager
async def open_engine(
    folder: Path, manifest: str, names: Sequence[str], brakes: Brakes | None = None
) -> AsyncGenerator[Engine]:
    """Each host has the label `role`, which is its name without the number."""
    manifests, programs = folder / "manifests", folder / "bin"
    manifests.mkdir()
    (manifests / "all.yaml").write_text(manifest, encoding="utf-8")
    hosts = folder / "hosts.yaml"
    hosts.write_text(
        "".join(
            f"{HEAD}Host\nmetadata: {{name: {name}, labels: {{role: {name.rstrip(_DIGITS)}}}}}\n"
            for name in names
        ),
        encoding="utf-8",
    )
    path = f"{install_ssh(programs)}:{os.environ['PATH']}"  # noqa: TID251 - programs are found by it
    settings = EmbeddedSettings(
        {"PATH": path, "HOME": str(folder), "OPS_TOKEN": "secret"},
        manifests=(manifests,),
        bundled=False,
        hosts=HostSettings((hosts,)),
        brakes=brakes or Brakes(),
    )
    async with open_embedded_source(settings) as source:
        yield Engine(source, programs)
