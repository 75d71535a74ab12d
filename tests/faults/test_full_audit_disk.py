"""A disk that is full for the audit trail alone: nothing starts, it is said, and it goes on."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from tests.faults.test_full_disk import fill, small_disk
from tests.server.calls.audit_lines import lines_of, verified
from tests.server.conftest import make_ground
from tests.server.harness import Running, running


async def _serve(disk: Path, root: Path) -> None:
    ground = make_ground(root)
    environ = ground.environ(
        OPSMCP_AUDIT_DIR=str(disk / "audit"), OPSMCP_CONSENT_UNAVAILABLE="trust-client"
    )
    async with running("http-modern", environ, ground.root) as run:
        assert await _deletes(run, "first") == ""
        ground.marker.unlink()
        filling = fill(disk)
        refused = await _deletes(run, "second")
        assert "nothing was started: the audit trail in" in refused, refused
        assert "the disk is full: make room, or set audit.dir" in refused, refused
        assert not ground.marker.exists()
        assert await _is_ready(run) == 503
        filling.unlink()
        assert await _deletes(run, "third") == ""
        assert ground.marker.exists()
        assert await _is_ready(run) == 200
    (disk / "audit.key").write_bytes((root / "state" / "audit.key").read_bytes())
    assert verified(disk).problem is None
    (gap,) = lines_of(disk, "audit.gap")
    assert "the disk is full" in gap["reason"]
    runs = {line["run"] for line in lines_of(disk, "run.start")}
    assert len(runs) == 2
    unstarted = [line for line in lines_of(disk, "run.end") if line["run"] not in runs]
    assert [line["verdict"] for line in unstarted] == ["nothing_ran"]


async def _deletes(run: Running, what: str) -> str:
    """What is said of a change that did not succeed; empty where it did."""
    async with run.connect() as client:
        made: Any = await client.call_tool("delete-thing", {"name": what})
    return made.content[0].text if made.is_error else ""


async def _is_ready(run: Running) -> int:
    async with httpx2.AsyncClient() as http:
        return (await http.get(f"{run.url}/readyz")).status_code


def test_nothing_starts_while_the_disk_of_the_audit_trail_is_full(tmp_path: Path) -> None:
    disk, root = tmp_path / "disk", tmp_path / "root"
    disk.mkdir()
    root.mkdir()
    small = small_disk(disk)
    if subprocess.run([*small, "true"], capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here")
    script = [sys.executable, "-m", "tests.faults.test_full_audit_disk", str(disk), str(root)]
    ended = subprocess.run([*small, *script], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr


if __name__ == "__main__":
    os.umask(0o077)
    anyio.run(partial(_serve, *map(Path, sys.argv[1:])))
