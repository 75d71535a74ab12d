"""Steps as root by Debian's sudo, on hosts of a real sshd: with the line of sudoers and without."""

import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from opsmcp_pipelines.embedded.source import EmbeddedSettings, open_embedded_source
from opsmcp_pipelines.run import Run, Verdict
from opsmcp_pipelines.ssh.inventory import HostSettings
from tests.pipelines.embedded.hosts_engine import HEAD, Engine, task
from tests.pipelines.embedded.test_real_hosts import PATH
from tests.pipelines.ssh.accounts import KEEPER, POOR, with_accounts
from tests.pipelines.ssh.remote_script import MARK, nothing_left, one_marked, sleeper
from tests.pipelines.ssh.sshd import Hosts, needs_sshd, running_sshd

pytestmark = needs_sshd
AS_ROOT = '{opsmcp/hosts: many, opsmcp/sudo: "true"}'


def move(name: str, direction: str, labels: str) -> str:
    return (
        f"{HEAD}Task\nmetadata: {{name: {name}, labels: {labels}}}\nspec:\n  desc: d\n  steps:\n"
        f"  - {{name: s, direction: {direction}, localfile: file, remotefile: PLACE/file}}\n"
    )


MANIFEST = (
    task("who", "id -u", labels=AS_ROOT)
    + task("wait", f"echo begun; {sleeper('MARK')}", labels=AS_ROOT)
    + move("send", "upload", AS_ROOT)
    + move("fetch", "download", AS_ROOT)
    + move("fetch-plain", "download", "{opsmcp/hosts: many}")
)


@pytest.fixture(scope="module")
def hosts() -> Generator[Hosts]:
    with tempfile.TemporaryDirectory(prefix="oh-") as place:
        folder = Path(place)
        within = with_accounts(folder)
        with running_sshd(folder / "sshd", "web1", within=within) as running:
            for entered in (folder, running.folder):  # by an account that looks for its key
                entered.chmod(0o711)
            yield running


@pytest.fixture
def there(hosts: Hosts) -> Generator[Path]:
    """A directory that root alone may enter."""
    with tempfile.TemporaryDirectory(prefix="oh-") as place:
        (Path(place) / "file").write_bytes(b"old")
        (Path(place) / "file").chmod(0o600)
        yield Path(place)


@asynccontextmanager
async def engine_of(hosts: Hosts, folder: Path, there: Path) -> AsyncGenerator[Engine]:
    """The hosts are called as their accounts."""
    (folder / "files").mkdir()
    (folder / "files" / "file").write_bytes(b"new")
    known = hosts.config.read_text(encoding="utf-8").partition("\n")[2]
    lines = [
        f"Host {name}\n{known}".replace("User root", f"User {name}") for name in (KEEPER, POOR)
    ]
    (folder / "config").write_text("".join(lines), encoding="utf-8")
    manifest = MANIFEST.replace("PLACE", str(there)).replace("MARK", f"{MARK}-{there.name}")
    (folder / "all.yaml").write_text(manifest, encoding="utf-8")
    settings = EmbeddedSettings(
        {"PATH": PATH, "HOME": str(folder)},
        manifests=(folder,),
        bundled=False,
        hosts=HostSettings(ssh_config=folder / "config", usual=False),
        files=folder / "files",
    )
    async with open_embedded_source(settings) as source:
        yield Engine(source, folder)


def output(run: Run) -> str:
    return run.tasks[0].nodes[0].steps[0].output


def fetched_by(engine: Engine) -> list[bytes]:
    return [path.read_bytes() for path in engine.folder.glob("files/*/*/file")]


async def test_a_step_is_roots_where_sudoers_says_so_and_else_nothing_runs(
    hosts: Hosts, tmp_path: Path, there: Path
) -> None:
    async with engine_of(hosts, tmp_path, there) as engine:
        assert output(await engine.run("who", KEEPER)) == "0\n"
        refused = await engine.run("who", POOR)
    assert refused.verdict is Verdict.NOTHING_RAN
    assert "ACCOUNT ALL=(ALL) NOPASSWD: /bin/sh" in str(refused)


async def test_a_file_of_roots_is_fetched_and_replaced_as_root_alone(
    hosts: Hosts, tmp_path: Path, there: Path
) -> None:
    async with engine_of(hosts, tmp_path, there) as engine:
        for name, host, verdict in (
            ("fetch-plain", KEEPER, Verdict.FAILED),
            ("fetch", POOR, Verdict.NOTHING_RAN),
            ("send", POOR, Verdict.NOTHING_RAN),
        ):
            assert (await engine.run(name, host)).verdict is verdict
            assert (there / "file").read_bytes() == b"old"
        fetched = await engine.run("fetch", KEEPER)
        assert fetched.verdict is Verdict.SUCCEEDED, fetched
        assert fetched_by(engine) == [b"old"]
        sent = await engine.run("send", KEEPER)
        assert sent.verdict is Verdict.SUCCEEDED, sent
    assert (there / "file").read_bytes() == b"new"
    assert (there / "file").stat().st_mode & 0o7777 == 0o600


async def test_what_runs_as_root_is_stopped_too(hosts: Hosts, tmp_path: Path, there: Path) -> None:
    mark = f"{MARK}-{there.name}"
    async with engine_of(hosts, tmp_path, there) as engine:
        ref = await engine.start("wait", KEEPER)
        await one_marked(mark)
        await engine.source.cancel(ref)
        assert await nothing_left(mark)
