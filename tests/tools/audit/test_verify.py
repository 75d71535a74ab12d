"""Whatever is done to the files of a trail is named, with the file and the line."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opsmcp_tools.audit.verify import verify
from tests.tools.audit.trails import Ground


@dataclass
class Written:
    """A trail of two files that was closed, and its bytes."""

    ground: Ground
    paths: list[Path]
    data: list[bytes]

    def restore(self) -> None:
        for path, data in zip(self.paths, self.data, strict=True):
            path.write_bytes(data)

    def named(self) -> tuple[Path, int] | None:
        problem = self.ground.verify().problem
        return (problem.file, problem.line) if problem else None


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    ground = Ground(tmp_path_factory.mktemp("trail"))
    ground.days(2).close()
    paths = ground.files.all()
    assert ground.verify().problem is None
    return Written(ground, paths, [path.read_bytes() for path in paths])


_FEW = settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@_FEW
@given(data=st.data())
def test_a_byte_that_is_changed_is_named(written: Written, data: st.DataObject) -> None:
    which = data.draw(st.integers(0, 1))
    before = written.data[which]
    at = data.draw(st.integers(0, len(before) - 1))
    new = data.draw(st.integers(0, 255).filter(lambda one: one != before[at]))
    written.paths[which].write_bytes(before[:at] + bytes([new]) + before[at + 1 :])
    named = written.named()
    written.restore()
    assert named == (written.paths[which], before[:at].count(b"\n") + 1)


@_FEW
@given(data=st.data())
def test_an_end_that_is_cut_off_is_named(written: Written, data: st.DataObject) -> None:
    before = written.data[1]
    length = data.draw(st.integers(0, len(before) - 1))
    written.paths[1].write_bytes(before[:length])
    named = written.named()
    written.restore()
    last = before[:length].count(b"\n") + (not before[:length].endswith(b"\n"))
    assert named == (written.paths[1], max(1, last))


def lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


@pytest.mark.parametrize("number", range(5))
def test_a_line_that_is_removed_is_named(written: Written, number: int) -> None:
    of = lines(written.data[0])
    written.paths[0].write_bytes(b"".join(of[:number] + of[number + 1 :]))
    named = written.named()
    written.restore()
    # The one behind it is the first that is not where it was; of the last, the next file tells.
    last = number == len(of) - 1
    assert named == ((written.paths[1], 1) if last else (written.paths[0], number + 1))


@pytest.mark.parametrize("number", range(4))
def test_lines_that_are_swapped_are_named(written: Written, number: int) -> None:
    of = lines(written.data[1])
    of[number], of[number + 1] = of[number + 1], of[number]
    written.paths[1].write_bytes(b"".join(of))
    named = written.named()
    written.restore()
    assert named == (written.paths[1], number + 1)


@pytest.mark.parametrize("number", range(5))
def test_a_line_that_is_repeated_is_named(written: Written, number: int) -> None:
    of = lines(written.data[0])
    written.paths[0].write_bytes(b"".join([*of[: number + 1], of[number], *of[number + 1 :]]))
    named = written.named()
    written.restore()
    assert named == (written.paths[0], number + 2)


def test_a_trail_that_was_written_anew_with_another_key_is_named(
    written: Written, tmp_path: Path
) -> None:
    forged = Ground(tmp_path)
    forged.days(2).close()
    keys = {written.ground.key.fingerprint: written.ground.key}
    report = verify(forged.files.all(), keys)
    assert "signed with another key" in str(report.problem)


def test_without_a_key_the_chain_alone_is_checked(written: Written) -> None:
    report = verify(written.paths, {})
    assert (report.problem, report.signed, report.lines) == (None, False, 10)


def test_a_cut_behind_a_checkpoint_is_missed_by_who_kept_a_later_one(ground: Ground) -> None:
    trail = ground.trail()
    ground.write(trail, ["r-0"])
    trail.checkpoint()
    kept = ground.files.all()[0].read_bytes()
    ground.write(trail, ["r-1"])
    trail.close()
    later = ground.verify()
    assert ground.verify(expected=(later.checkpoint_seq, later.checkpoint_hash)).problem is None
    ground.files.all()[0].write_bytes(kept)
    assert ground.verify().problem is None
    missed = ground.verify(expected=(later.checkpoint_seq, later.checkpoint_hash)).problem
    assert "line 5 is not there: what followed was cut off" in str(missed)
    other = ground.verify(expected=(3, "0" * 64)).problem
    assert "another line than the one that was kept" in str(other)


def test_lines_that_are_not_signed_yet_are_good_while_somebody_writes(ground: Ground) -> None:
    trail = ground.trail()
    ground.write(trail, ["r-0"])
    assert ground.files.is_written()
    assert verify(ground.files.all(), {}, is_written=True).unsigned == 2
    trail.close()
    assert not ground.files.is_written()
