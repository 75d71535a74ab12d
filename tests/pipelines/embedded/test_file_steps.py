"""Steps that move files: on this machine, and on others through a program that stands for ssh."""

import os
from collections.abc import AsyncGenerator
from pathlib import Path

import anyio
import pytest

from opsmcp_pipelines.embedded.file_steps import refuse_files
from opsmcp_pipelines.models import OperationKey, OperationKind, Step, Task, Transfer, Variable
from opsmcp_pipelines.run import StepResult, Verdict
from opsmcp_pipelines.source import Cancelled
from opsmcp_pipelines.ssh.named_hosts import HostSettings
from tests.pipelines.embedded.remote import HEAD, Engine, open_engine, write_hosts

TASK = """\
Task
metadata: {{name: {name}}}
spec:
  desc: d
  variables: {{name: {{default: app}}}}
  steps:
  - {{name: move, localfile: '{local}', remotefile: '{remote}', direction: {direction}}}
  - {{name: tell, content: 'echo "${{output}}"'}}
"""


class Files:
    """An engine, the directory of its files, and one that stands for a host's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = folder / "files"
        self.there = folder / "there"
        self.engine: Engine

    def write(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    async def move(self, operation: str, host: str, name: str = "app") -> StepResult:
        run = await self.engine.run(operation, host=host, name=name)
        return run.tasks[0].nodes[0].steps[0]


@pytest.fixture
async def files(tmp_path: Path) -> AsyncGenerator[Files]:
    found = Files(tmp_path)
    found.files.mkdir()
    found.there.mkdir()
    remote = f"{found.there}/${{name}}.conf"
    one = {"remote": remote, "direction": "upload"}
    manifest = "".join(
        f"{HEAD}{TASK.format(**one | more)}"
        for more in (
            {"name": "put", "local": "conf/${name}.conf"},
            {"name": "fetch", "local": "${name}.conf", "direction": "download"},
            {"name": "any", "local": "a", "remote": "${name}"},
            {"name": "sideways", "local": "a", "direction": "sideways"},
            {"name": "stored", "local": "a", "remote": "s3://bucket/a"},
        )
    )
    hosts = write_hosts(tmp_path / "hosts.yaml", "web1", "cut-1", "refused-1")
    async with open_engine(tmp_path, manifest, HostSettings((hosts,)), found.files) as opened:
        found.engine = opened
        yield found


@pytest.mark.parametrize("host", ["web1", "localhost"])
async def test_a_file_is_sent_and_fetched_alike_here_and_there(files: Files, host: str) -> None:
    files.write("files/conf/app.conf", b"\x00one\n").chmod(0o640)
    sent = await files.move("put", host)
    assert sent.verdict is Verdict.SUCCEEDED, sent
    assert sent.output.startswith(f"uploaded: conf/app.conf to {host}:{files.there}/app.conf, 5 by")
    assert (files.there / "app.conf").read_bytes() == b"\x00one\n"
    assert (await files.move("put", host)).output.startswith("unchanged: ")
    fetched = await files.move("fetch", host)
    assert f" to fetch-fetch/{host}/app.conf, 5 bytes, sha256 " in fetched.output
    kept = files.files / "fetch-fetch" / host / "app.conf"
    assert kept.read_bytes() == b"\x00one\n"
    assert kept.stat().st_mode & 0o777 == 0o640


async def test_the_next_step_knows_what_became_of_it(files: Files) -> None:
    files.write("files/conf/app.conf", b"x")
    run = await files.engine.run("put", host="web1", name="app")
    assert run.tasks[0].nodes[0].steps[1].output.startswith("uploaded: conf/app.conf to web1:")


@pytest.mark.parametrize("name", ["../app", "a/../../app", "", "a\nb", "a\x07", "-x/../.."])
async def test_no_value_leads_out_of_the_directory_or_elsewhere_there(
    files: Files, name: str
) -> None:
    files.write("app.conf", b"outside")
    step = await files.move("put", "web1", name or "\t")
    assert step.verdict is Verdict.FAILED
    assert step.note.startswith("not run: ")
    assert not [*files.there.iterdir()]


async def test_no_symbolic_link_is_followed_out_of_the_directory(files: Files) -> None:
    outside = files.write("outside/app.conf", b"outside")
    files.write("files/conf/real", b"x")
    (files.files / "conf" / "app.conf").symlink_to(outside)
    step = await files.move("put", "web1")
    assert "a symbolic link, and none is followed" in step.note
    (files.files / "conf" / "app.conf").unlink()
    (files.files / "conf" / "real").unlink()
    (files.files / "conf").rmdir()
    (files.files / "conf").symlink_to(outside.parent)
    assert "none is followed" in (await files.move("put", "web1")).note
    files.write("there/app.conf", b"x")
    (files.files / "fetch-fetch").symlink_to(outside.parent)
    step = await files.move("fetch", "web1")
    assert "it cannot be kept in files.dir" in step.note
    assert [path.name for path in outside.parent.iterdir()] == ["app.conf"]


async def test_what_is_no_regular_file_is_not_waited_for(files: Files) -> None:
    (files.files / "conf").mkdir()
    os.mkfifo(files.files / "conf" / "app.conf")
    assert "is no regular file" in (await files.move("put", "web1")).note
    assert "cannot be read: No such file" in (await files.move("put", "web1", "none")).note


async def test_a_host_that_is_not_reached_is_told_as_for_a_script(files: Files) -> None:
    files.write("files/conf/app.conf", b"x")
    step = await files.move("put", "refused-1")
    assert "not reached (Connection refused)" in step.note


async def test_a_connection_that_is_lost_before_the_end_has_replaced_nothing(files: Files) -> None:
    files.write("there/app.conf", b"old")
    source = files.write("files/conf/app.conf", b"")
    with source.open("wb") as file:
        file.truncate(90 * 1024 * 1024)
    (files.folder / "bin" / "head").write_text(_SLOW_HEAD, encoding="utf-8")
    (files.folder / "bin" / "head").chmod(0o755)
    step = await files.move("put", "cut-1")
    assert step.verdict is Verdict.NOTHING_RAN, step
    assert "connection lost (what was there is as it was)" in step.note
    assert (files.there / "app.conf").read_bytes() == b"old"


_SLOW_HEAD = (
    "#!/bin/sh\n# Reads a part, and then waits for the rest.\ndd bs=65536 count=1; cat >&2\n"
)


async def test_a_run_that_is_cancelled_in_the_middle_replaces_nothing(files: Files) -> None:
    files.write("there/app.conf", b"old")
    source = files.write("files/conf/app.conf", b"")
    with source.open("wb") as file:
        file.truncate(90 * 1024 * 1024)
    begun = files.folder / "begun"
    (files.folder / "bin" / "head").write_text(f"#!/bin/sh\ntouch '{begun}'\ncat\n", "utf-8")
    (files.folder / "bin" / "head").chmod(0o755)
    key = OperationKey(OperationKind.TASK, "ops-system", "put")
    ref = await files.engine.start(key, "r-cancel", {"host": "web1", "name": "app"})
    with anyio.fail_after(60):
        await _until_there(begun)
    assert await files.engine.source.cancel(ref) is Cancelled.STOPPED
    assert [path.name for path in files.there.iterdir()] == ["app.conf"]
    assert (files.there / "app.conf").read_bytes() == b"old"


async def _until_there(path: Path) -> None:
    for _ in range(10_000):
        if await anyio.Path(path).exists():
            return
        await anyio.sleep(0.005)


async def test_what_cannot_be_moved_is_withheld_with_the_reason(files: Files) -> None:
    withheld = await files.engine.withheld()
    assert "remotefile begins with a variable" in withheld["any"]
    assert "direction 'sideways' must be 'upload' or 'download'" in withheld["sideways"]
    assert "that needs an Ops server" in withheld["stored"]
    assert set(withheld) == {"any", "sideways", "stored"}


async def test_without_a_directory_what_moves_files_is_withheld(tmp_path: Path) -> None:
    manifest = HEAD + TASK.format(name="put", local="a", remote="/tmp/a", direction="upload")
    async with open_engine(tmp_path, manifest, None) as engine:
        assert (
            "no directory is named that they are below (files.dir)"
            in (await engine.withheld())["put"]
        )


@pytest.mark.parametrize(
    ("transfer", "fault"),
    [
        (Transfer("a", "/b", ""), "direction '' must be"),
        (Transfer("a", "/b", "Upload"), "direction 'Upload' must be"),
        (Transfer("", "/b", "upload"), "localfile '' must be a name below files.dir"),
        (Transfer("/etc/shadow", "/b", "upload"), "localfile '/etc/shadow' must be"),
        (Transfer("~/.ssh/id", "/b", "upload"), "must be a name below files.dir"),
        (Transfer("a/../../b", "/b", "upload"), "must be a name below files.dir"),
        (Transfer("a", "b", "upload"), "must be an absolute path"),
        (Transfer("a", "", "upload"), "must be an absolute path"),
        (Transfer("a", "/b/", "download"), "must be an absolute path"),
        (Transfer("a", "/b/../c", "download"), "must be an absolute path"),
        (Transfer("a", "/${name}", "upload"), "begins with a variable"),
        (Transfer("a", "/x${name}/b", "upload"), "begins with a variable"),
        (Transfer("a", "S3://b/c", "upload"), "needs an Ops server"),
        (Transfer("a", "image://b/c", "upload"), "needs an Ops server"),
        (Transfer("http://x/a", "/b", "download"), "needs an Ops server"),
    ],
)
def test_a_step_that_could_mean_something_else_is_refused(transfer: Transfer, fault: str) -> None:
    task = Task("t", "ns", steps=(Step("s", transfer=transfer),))
    assert fault in refuse_files(task, has_directory=True)


def test_a_path_that_the_author_fixed_may_be_a_variable() -> None:
    step = Step("s", transfer=Transfer("${name}", "${target}", "upload"))
    fixed = Variable("target", value="/etc/app.conf")
    assert (
        refuse_files(Task("t", "ns", variables=(fixed,), steps=(step,)), has_directory=True) == ""
    )


def test_a_script_and_a_file_are_two_steps() -> None:
    step = Step("s", "id", transfer=Transfer("a", "/b", "upload"))
    assert "make two steps" in refuse_files(Task("t", "ns", steps=(step,)), has_directory=True)
