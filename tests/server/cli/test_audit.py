"""The commands that check and read a trail, on one that other processes wrote."""

import json
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.server.cli.inside import run_inside, settled
from tests.tools.audit.trails import Ground


@pytest.fixture
def ground(tmp_path: Path) -> Generator[Ground]:
    (tmp_path / "here").mkdir()
    environ = {"OPSMCP_STATE_DIR": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    with settled(environ, tmp_path / "here"):
        yield Ground(tmp_path)


def test_a_whole_trail_is_verified_with_its_checkpoint(ground: Ground) -> None:
    ground.days(2).close()
    status, said = run_inside(["audit", "verify"])
    assert (status, said.splitlines()[0][:30]) == (0, "10 lines, number 1 to 10, from")
    kept = said.split("last checkpoint ")[1].split()[0]
    assert run_inside(["audit", "verify", "--checkpoint", kept])[0] == 0
    ground.files.all()[1].unlink()
    assert run_inside(["audit", "verify"])[0] == 0
    status, said = run_inside(["audit", "verify", "--checkpoint", kept])
    assert (status, "what followed was cut off" in said) == (1, True)


def test_a_line_that_was_changed_is_named_by_file_and_number(ground: Ground) -> None:
    ground.days(1).close()
    (path,) = ground.files.all()
    path.write_bytes(path.read_bytes().replace(b"r-0-1", b"r-0-9"))
    status, said = run_inside(["audit", "verify"])
    assert (status, f"opsmcp: {path.name}:3: it was changed" in said) == (1, True)
    assert run_inside(["audit", "verify", str(path)])[0] == 1


def test_lines_are_shown_newest_first_and_as_they_are(ground: Ground) -> None:
    ground.days(1).close()
    _, said = run_inside(["audit", "show", "--event", "run.*", "--principal", "anna"])
    assert [row.split("\t")[6] for row in said.splitlines()] == ["r-0-2", "r-0-1", "r-0-0"]
    _, said = run_inside(["audit", "show", "--run", "r-0-1", "--json"])
    assert json.loads(said)["run"] == "r-0-1"
    _, said = run_inside(["audit", "show", "--run", "r-0-1", "--format", "ecs"])
    assert json.loads(said)["event.id"] == "r-0-1"


def test_lines_are_found_by_how_it_ended(ground: Ground) -> None:
    ground.days(1).close()
    assert len(run_inside(["audit", "show", "--outcome", "success"])[1].splitlines()) == 5
    assert run_inside(["audit", "show", "--outcome", "failure"]) == (0, "")
    assert run_inside(["audit", "show", "--outcome", "good"])[0] == 2


def test_the_key_that_is_shown_verifies_the_trail(ground: Ground) -> None:
    ground.days(1).close()
    _, pem = run_inside(["audit", "key"])
    key = ground.root / "public.pem"
    key.write_text(pem, "utf-8")
    assert run_inside(["audit", "verify", "--key", str(key)])[0] == 0


@pytest.mark.parametrize("arguments", [("verify",), ("show",)])
def test_a_trail_that_cannot_be_read_is_not_told_as_none(
    ground: Ground, arguments: tuple[str, ...]
) -> None:
    assert run_inside(["audit", *arguments])[0] == 0
    (ground.root / "audit").symlink_to("audit")
    status, said = run_inside(["audit", *arguments])
    assert status == 1
    assert f"{ground.root}/audit cannot be read: too many levels of symbolic links" in said
    assert "(state.dir: environment OPSMCP_STATE_DIR)" in said
