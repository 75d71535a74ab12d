"""Many hosts over ssh, on sshd instances of this machine: ours beside plain ssh, and Ansible.

Cold, by an engine that was opened for it, and again on connections that ssh keeps, by the engine of
a running server. Plain ssh is `xargs -P16`, and Ansible is `ansible all -m raw -f 16`, where it is
installed. Needs an sshd.
"""

import os
import resource
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
from anyio.from_thread import start_blocking_portal

from benchmarks.measure import Row
from opsmcp_pipelines.embedded.source import (
    EmbeddedSettings,
    EmbeddedSource,
    open_embedded_source,
)
from opsmcp_pipelines.models import OperationKey, OperationKind
from opsmcp_pipelines.report import Status
from opsmcp_pipelines.source import StartRequest
from opsmcp_pipelines.ssh.named_hosts import HostSettings
from tests.pipelines.ssh.sshd import SSHD, Hosts, running_sshd

__all__ = ["run"]

_ENVIRON = dict(os.environ)  # noqa: TID251 - programs are found by it
_SERVERS, _AT_ONCE, _MANY, _MIB = 8, 16, 200, 1024 * 1024
_ROUNDS: Mapping[int, int] = {1: 5, 10: 3, 50: 3}
_KEEP = " ControlMaster auto\n ControlPath {0}/%C\n ControlPersist 60\n"
_TASK = """
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {name: say, labels: {opsmcp/hosts: many, opsmcp/read-only: "true", ops/copilot: enabled}}
spec: {desc: Say so., host: localhost, steps: [{name: say, content: echo so}]}
"""


@dataclass(frozen=True, slots=True)
class _Used:
    """Seconds by the clock, and of processors, all processes together but sshd."""

    seconds: float
    processor: float


@dataclass(frozen=True, slots=True)
class _Stage:
    """Where `count` hosts are known, and what a manifest of ours says."""

    folder: Path
    config: Path
    count: int

    @property
    def names(self) -> list[str]:
        return [f"h{number}" for number in range(self.count)]


def run() -> list[Row]:
    if SSHD is None or shutil.which("ssh") is None:
        print("     hosts: no sshd here (Debian's openssh-server has it)")
        return []
    # A socket has a short name.
    with tempfile.TemporaryDirectory(prefix="oh-") as place:
        folder = Path(place)
        (folder / "all.yaml").write_text(_TASK, encoding="utf-8")
        with running_sshd(folder / "sshd", *(f"s{n}" for n in range(_SERVERS))) as hosts:
            rows = [row for count in _ROUNDS for row in _compare(hosts, folder, count)]
            return [*rows, _memory(_stage(hosts, folder, _MANY))]


def _compare(hosts: Hosts, folder: Path, count: int) -> Iterator[Row]:
    what = "1 host" if count == 1 else f"{count} hosts"
    for when, kept in (("cold", False), ("again", True)):
        stage = _stage(hosts, folder, count, kept=kept)
        ways: dict[str, Callable[[], None]] = {
            "ours": partial(_ours, stage),
            "ssh": partial(_plain, stage),
        }
        if shutil.which("ansible"):
            ways["ansible"] = partial(_ansible, stage, kept=kept)
        used = _measure_again(stage, ways) if kept else _measure(ways, _ROUNDS[count])
        ours, ssh = used["ours"], used["ssh"]
        detail = f"{ours.seconds:.2f} s beside {ssh.seconds:.2f} s"
        yield Row(f"{what} {when}, beside ssh", ours.seconds / ssh.seconds, 1.15, detail=detail)
        each = [1000 * one.processor / count for one in (ours, ssh)]
        detail = f"{each[0]:.0f} ms a host beside {each[1]:.0f} ms"
        ratio = ours.processor / ssh.processor
        yield Row(f"{what} {when}, processor beside ssh", ratio, 1.3, detail=detail)
        if ansible := used.get("ansible"):
            ratio = ours.seconds / ansible.seconds
            detail = f"{ours.seconds:.2f} s beside {ansible.seconds:.2f} s"
            yield Row(f"{what} {when}, beside ansible", ratio, 0.25 if kept else 1, detail=detail)


def _stage(hosts: Hosts, folder: Path, count: int, *, kept: bool = False) -> _Stage:
    ports = list(hosts.ports.values())
    named = Hosts(hosts.folder, {f"h{n}": ports[n % len(ports)] for n in range(count)})
    path = named.configure(more=_KEEP.format(folder) if kept else "")
    return _Stage(folder, path.rename(folder / "config"), count)


def _measure_again(stage: _Stage, ways: Mapping[str, Callable[[], None]]) -> Mapping[str, _Used]:
    """The same on kept connections, where ours is a server that has been on these hosts before."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(_open(stage)) as source,
    ):

        def ours() -> None:
            portal.call(_run_on, source, stage)

        ours()
        used = _measure({**ways, "ours": ours}, _ROUNDS[stage.count])
    _close(stage)
    return used


def _measure(ways: Mapping[str, Callable[[], None]], rounds: int) -> Mapping[str, _Used]:
    """The medians of each, run in turn so that a busy machine burdens all alike."""
    found: dict[str, list[_Used]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            began, spent = time.perf_counter(), _processor()
            way()
            found[name].append(_Used(time.perf_counter() - began, _processor() - spent))
    return {
        name: _Used(
            statistics.median(one.seconds for one in used),
            statistics.median(one.processor for one in used),
        )
        for name, used in found.items()
    }


def _processor() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def _ours(stage: _Stage) -> None:
    anyio.run(_run_ours, stage)


async def _run_ours(stage: _Stage) -> None:
    async with _open(stage) as source:
        await _run_on(source, stage)


def _open(stage: _Stage) -> AbstractAsyncContextManager[EmbeddedSource]:
    settings = EmbeddedSettings(
        {**_ENVIRON, "HOME": str(stage.folder)},
        manifests=(stage.folder,),
        bundled=False,
        hosts=HostSettings(ssh_config=stage.config, usual=False),
    )
    return open_embedded_source(settings)


async def _run_on(source: EmbeddedSource, stage: _Stage) -> None:
    key = OperationKey(OperationKind.TASK, "ops-system", "say")
    definition = (await source.read()).definition(key)
    if definition is None:
        raise RuntimeError("the manifest was not read")
    request = StartRequest(
        definition, f"r-{secrets.token_hex(8)}", {"host": "all"}, reads_only=True
    )
    ref = await source.start(request)
    while not (report := await source.read_run(ref)).status.ended:
        await source.changed(ref)
    source.forget(ref)
    if report.status is not Status.SUCCEEDED or len(report.tasks[0].nodes) != stage.count:
        raise RuntimeError("not all hosts answered us")


def _plain(stage: _Stage) -> None:
    ssh = f"ssh -F {stage.config} -oBatchMode=yes {{}} 'echo so'"
    command = ["xargs", f"-P{_AT_ONCE}", "-I{}", "sh", "-c", ssh]
    done = subprocess.run(  # noqa: S603 - names of ours
        command, input="\n".join(stage.names), capture_output=True, text=True, check=True
    )
    if done.stdout.count("so") != stage.count:
        raise RuntimeError("not all hosts answered ssh")


def _ansible(stage: _Stage, *, kept: bool) -> None:
    share = "" if kept else " -o ControlMaster=no -o ControlPath=none"
    environ = {
        **_ENVIRON,
        "HOME": str(stage.folder),
        "ANSIBLE_SSH_ARGS": f"-F {stage.config}{share}",
    }
    hosts = f"{','.join(stage.names)},"
    command = ["ansible", "all", "-i", hosts, "-m", "raw", "-a", "echo so", f"-f{_AT_ONCE}"]
    subprocess.run(command, env=environ, capture_output=True, check=True)  # noqa: S603 - the same


def _close(stage: _Stage) -> None:
    """End the connections that ssh keeps."""
    for name in stage.names:
        command = ["ssh", "-F", str(stage.config), "-O", "exit", name]
        subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - the same


def _memory(stage: _Stage) -> Row:
    """All of `opsmcp call` on many hosts at its largest, what it shares counted once."""
    environ = {
        **_ENVIRON,
        "HOME": str(stage.folder),
        "OPSMCP_HOSTS_SSH_CONFIG": str(stage.config),
        "OPSMCP_EMBEDDED_MANIFESTS": str(stage.folder),
        "OPSMCP_STATE_DIR": str(stage.folder / "state"),
    }
    command = [sys.executable, "-m", "opsmcp_server", "call", "say", "host=all"]
    most = 0
    nothing = subprocess.DEVNULL
    with subprocess.Popen(command, env=environ, stdout=nothing) as process:  # noqa: S603 - ours
        while process.poll() is None:
            most = max(most, sum(map(_size, _below(process.pid))))
            time.sleep(0.1)
    if process.returncode:
        raise RuntimeError("not all hosts answered opsmcp")
    name = f"memory at {stage.count} hosts"
    return Row(name, most / _MIB, 150, "MiB", "opsmcp and every ssh that it started")


def _below(pid: int) -> Iterator[int]:
    """A process and all that it started."""
    yield pid
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in _read(file).split():
            yield from _below(int(child))


def _size(pid: int) -> int:
    for line in _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:  # it has ended
        return ""
